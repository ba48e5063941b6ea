"""The dashboard of the backend itself: what it asks for is what the backend tells."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import World

Json = dict[str, Any]

METRIC = re.compile(r"\b(?:butlr|process)_[a-z_]+|\bALERTS\b|\bup\b")
OF_PROMETHEUS = {"ALERTS", "up"}


@pytest.fixture
def panels(folder: Path) -> list[Json]:
    """Without the text at the top."""
    return [panel for panel in all_panels(folder) if panel["type"] != "text"]


def all_panels(folder: Path) -> list[Json]:
    found: list[Json] = json.loads((folder / "butlr-operations.json").read_text("utf-8"))["panels"]
    return found


def test_the_page_begins_with_what_it_needs(folder: Path) -> None:
    """Without Prometheus all other panels are errors; the sections that it names exist."""
    first = min(all_panels(folder), key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"]))
    assert first["type"] == "text"
    content = first["options"]["content"]
    assert "Prometheus data source" in content
    paths = re.findall(r"`([\w/.-]+\.(?:md|yml))`", content)
    assert len(paths) == 2
    assert all((folder.parent / path).is_file() for path in paths)
    [section] = re.findall(r"\*([A-Z][^*]+)\*\)", content)
    assert f"# {section}\n" in (folder.parent / "docs/operations.md").read_text("utf-8")


def test_every_figure_has_a_unit_and_every_line_a_name(panels: list[Json]) -> None:
    for panel in panels:
        assert panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            assert target["legendFormat"]
            # A present value that is hours old would look like a good one.
            assert target["instant"] == (panel["type"] == "stat") != target["range"]


def test_it_asks_for_what_the_backend_tells(panels: list[Json], world: World) -> None:
    families = text_string_to_metric_families(world.http.get("/metrics").get_data(as_text=True))
    reported = {family.name + suffix for family in families for suffix in ("", "_total", "_bucket")}
    for target in (target for panel in panels for target in panel["targets"]):
        requested = set(METRIC.findall(target["expr"]))
        assert requested
        assert requested <= reported | OF_PROMETHEUS, target["expr"]


def test_counters_are_looked_at_as_rates_over_the_time_that_grafana_says(panels: list[Json]) -> None:
    for target in (target for panel in panels for target in panel["targets"]):
        for counter in re.finditer(r"(\w+)\(\w+_(?:total|bucket)(?:\{[^}]*\})?(\[[^\]]+\])?", target["expr"]):
            assert counter.groups() == ("rate", "[$__rate_interval]")
