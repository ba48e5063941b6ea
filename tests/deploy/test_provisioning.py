"""The files that Grafana reads when it starts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "provisioning").rglob("*.y*ml"))
VARIABLES = {
    "BUTLR_BACKEND_URL",
    "BUTLR_BACKEND_AUTHORIZATION",
    "BUTLR_DASHBOARDS_DIR",
    "BUTLR_PROMETHEUS_URL",
}


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "provisioning" / name).read_text("utf-8"))
    return document


@pytest.fixture
def sources() -> dict[str, dict[str, Any]]:
    """The data sources by uid."""
    return {source["uid"]: source for source in load("datasources/butlr.yaml")["datasources"]}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_known_variables_are_read_and_no_place_is_named(path: Path) -> None:
    values = yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")))
    # Alert rules hold variables that are filled in at each evaluation, not from the environment.
    assert set(re.findall(r"\$\{?([A-Z_]+)", values)) <= VARIABLES or path.parent.name == "alerting"
    assert not re.search(r"https?://|/(home|root|opt|work)/", values)


def test_both_data_sources_are_there_under_their_uids(sources: dict[str, dict[str, Any]]) -> None:
    kinds = {uid: source["type"] for uid, source in sources.items()}
    assert kinds == {"butlr": "yesoreyeram-infinity-datasource", "butlr-json": "simpod-json-datasource"}
    assert all(source["access"] == "proxy" for source in sources.values())
    assert all(source["url"] == "${BUTLR_BACKEND_URL}" for source in sources.values())


def test_the_token_is_a_header_that_the_proxy_sends_too(sources: dict[str, dict[str, Any]]) -> None:
    for source in sources.values():
        assert source["jsonData"]["httpHeaderName1"] == "Authorization"
        assert source["secureJsonData"] == {"httpHeaderValue1": "${BUTLR_BACKEND_AUTHORIZATION}"}


def test_infinity_asks_the_backend_only(sources: dict[str, dict[str, Any]]) -> None:
    assert sources["butlr"]["jsonData"]["allowedHosts"] == [sources["butlr"]["url"]]


def test_prometheus_does_no_harm_where_there_is_none() -> None:
    """In a file of its own, not the default, and no rules are asked of it."""
    [source] = load("datasources/butlr-prometheus.yaml")["datasources"]
    assert (source["uid"], source["type"], source["access"]) == ("butlr-prometheus", "prometheus", "proxy")
    assert source["url"] == "${BUTLR_PROMETHEUS_URL}"
    assert source["isDefault"] is False
    assert source["jsonData"]["manageAlerts"] is False


def test_dashboards_come_from_their_folder() -> None:
    [provider] = load("dashboards/butlr.yaml")["providers"]
    assert provider["folder"] == "Butlr"
    assert provider["options"]["path"] == "${BUTLR_DASHBOARDS_DIR}"


def block_of_the_guide(head: str) -> dict[str, Any]:
    """A YAML document in docs/grafana.md that contains this text."""
    text = (ROOT / "docs/grafana.md").read_text("utf-8")
    blocks = re.findall(r"^ *```\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    [found] = [
        yaml.safe_load(block) for block in blocks if block.lstrip().startswith("apiVersion") and head in block
    ]
    document: dict[str, Any] = found
    return document


def test_the_guide_removes_every_data_source_and_rule_of_the_files() -> None:
    """Grafana keeps what it once read from a file, until another file tells it to delete that by name."""
    names = {source["name"] for source in load("datasources/butlr.yaml")["datasources"]}
    removed = block_of_the_guide("deleteDatasources")["deleteDatasources"]
    assert {(one["name"], one["orgId"]) for one in removed} == {(name, 1) for name in names}
    uids = {rule["uid"] for group in load("alerting/butlr.yaml")["groups"] for rule in group["rules"]}
    rules = block_of_the_guide("deleteRules")["deleteRules"]
    assert {(one["uid"], one["orgId"]) for one in rules} == {(uid, 1) for uid in uids}
