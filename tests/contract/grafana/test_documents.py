"""Dashboards and alert rules, held against the types and registries of each Grafana generation.

An option that a generation has removed, a value that it does not take, a unit, reducer, transformation or
colour mode that it does not know: Grafana passes over all of them without a word.
"""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contract.grafana.conftest import GENERATIONS, HERE

ROOT = Path(__file__).resolve().parents[3]
Documents = dict[str, dict[str, Any]]


def ours() -> Documents:
    """All that Grafana is provisioned with, by name."""
    files = sorted((ROOT / "grafana-dashboards").glob("*.json"))
    alerting = yaml.safe_load((ROOT / "provisioning/alerting/butlr.yaml").read_text("utf-8"))
    return {
        "dashboards": {file.name: json.loads(file.read_text("utf-8")) for file in files},
        "rules": {rule["title"]: rule for group in alerting["groups"] for rule in group["rules"]},
    }


def held(node: list[str], generation: str, documents: Documents) -> tuple[int, list[str]]:
    """How many things were held, and what is wrong with them."""
    done = subprocess.run(
        [*node, "hold_dashboards.mjs", generation],
        cwd=HERE,
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    response = json.loads(done.stdout)
    return response["checks"], response["faults"]


def wrong_option(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["options"]["sparkline"] = True


def wrong_value(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["options"]["colorMode"] = "rainbow"


def wrong_field(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["fieldConfig"]["defaults"]["decimal"] = 1


def wrong_override(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    names = {"id": "byName", "options": "People"}
    panel["fieldConfig"]["overrides"] = [{"matcher": names, "properties": [{"id": "min", "value": "none"}]}]


def wrong_matcher(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["fieldConfig"]["overrides"] = [{"matcher": {"id": "byGuess", "options": ""}, "properties": []}]


def wrong_unit(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["fieldConfig"]["defaults"]["unit"] = "furlong"


def wrong_colours(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["fieldConfig"]["defaults"]["color"] = {"mode": "palette-of-1998"}


def wrong_reducer(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["options"]["reduceOptions"] = {"calcs": ["newest"]}


def wrong_transformation(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["transformations"] = [{"id": "reorganize", "options": {}}]


def wrong_panel(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    panel["type"] = "graph"


def wrong_query(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    rule["data"][0]["model"]["refId"] = 7


def wrong_range(panel: dict[str, Any], rule: dict[str, Any]) -> None:
    rule["data"][0]["relativeTimeRange"] = {"from": 600, "until": 0}


PLANTED: dict[Callable[[dict[str, Any], dict[str, Any]], None], str] = {
    wrong_option: "sparkline",
    wrong_value: "rainbow",
    wrong_field: "decimal",
    wrong_override: "min",
    wrong_matcher: "byGuess",
    wrong_unit: "furlong",
    wrong_colours: "palette-of-1998",
    wrong_reducer: "newest",
    wrong_transformation: "reorganize",
    wrong_panel: "graph",
    wrong_query: "'number' is not assignable",
    wrong_range: "until",
}


PLANTED_NAME = "planted: "


def planted(documents: Documents) -> Documents:
    """A dashboard and a rule for each fault."""
    page = documents["dashboards"]["butlr-floor.json"]
    [stat, *_] = [panel for panel in page["panels"] if panel["type"] == "stat"]
    rule = next(iter(documents["rules"].values()))
    wrong: Documents = {"dashboards": {}, "rules": {}}
    for plant in PLANTED:
        name, its_panel, its_rule = PLANTED_NAME + plant.__name__, copy.deepcopy(stat), copy.deepcopy(rule)
        plant(its_panel, its_rule)
        wrong["dashboards"][name] = {**page, "panels": [its_panel]}
        wrong["rules"][name] = its_rule
    return wrong


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_generation_knows_all_that_our_documents_say(node: list[str], generation: str) -> None:
    """And finds what is planted beside them: TypeScript takes seconds to start, so all at once."""
    documents = ours()
    wrong = planted(documents)
    count, found = held(node, generation, {kind: documents[kind] | wrong[kind] for kind in documents})
    assert [fault for fault in found if not fault.startswith(PLANTED_NAME)] == []
    panels = sum(len(dashboard["panels"]) for dashboard in documents["dashboards"].values())
    # At the least each panel with its options, and each query of a rule.
    assert count >= 2 * panels + len(documents["rules"])
    for plant, message in PLANTED.items():
        [fault] = [text for text in found if text.startswith(PLANTED_NAME + plant.__name__)]
        assert message in fault
