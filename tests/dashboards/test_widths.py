"""Every table on a screen of 1366 pixels with Grafana's menu open: all columns fit, and no heading and no
value is cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.dashboards.letters import longest_word_px, width_px
from tests.dashboards.test_queries import FLOORS, answered, start_values
from tests.support import World, know_rate

Json = dict[str, Any]

SCREEN_PX, COLUMNS, GAP_PX = 1366, 24, 8
MENU_PX = 300
"""Grafana's menu, which stands beside the page from 1200 pixels on until somebody closes it."""

AROUND_PAGE_PX, AROUND_TABLE_PX, SCROLL_BAR_PX = 32 + 15, 18, 10
"""What the page has on both sides, and its own scroll bar; a panel's border and padding; a table with more
rows than fit.
"""

AROUND_CELL_PX = 13
"""Padding on both sides, and the line to the next column (Grafana 12.3, `TableNG/constants.ts`)."""

SORTED_PX, FILTER_PX = 24, 22
"""The arrow beside the heading of the sorted column; the funnel of one that can be filtered."""

LONGEST = {
    "locale": "8,888",
    "short": "888.8",
    "none": "888",
    "percentunit": "-100%",
    "percent": "-100%",
    "s": "59.9 mins",
    "dateTimeFromNow": "a few seconds ago",
    "time:D MMM YYYY": "28 Nov 2028",
    "time:D MMM HH:mm": "28 Nov 20:48",
    "suffix:h": "888.8 h",
    "suffix:m": "88.8 m",
    "suffix:/h": "888.8 K/h",
}
"""By unit: as wide as Grafana writes it on the floors of an office."""

MANY = {"detections", "per_m2_hour", "per_ft2_hour", "current", "baseline", "change"}
"""Of detections there are thousands; in people these fields have fewer letters."""


@pytest.fixture(scope="module")
def faulty() -> Iterator[World]:
    """Sensors and hives of which some are offline, so that reasons are long."""
    world = World()
    for space in FLOORS:
        know_rate(world, space, 1.0)
        now_s = int(world.now_s)
        world.simulator.outage(f"hive_{space.removeprefix('space_')}_1", now_s - 7200, now_s + 60)
    yield world
    world.close()


@dataclass(frozen=True)
class Shown:
    """A column as a viewer sees it. `width_px`: as Grafana reckons it."""

    heading: str
    texts: tuple[str, ...]
    look: Json
    is_sorted: bool
    width_px: float

    @property
    def heading_px(self) -> float:
        beside = SORTED_PX * self.is_sorted + FILTER_PX * bool(self.look.get("custom.filterable"))
        return longest_word_px(self.heading) + beside + AROUND_CELL_PX

    @property
    def text_px(self) -> float:
        measure = longest_word_px if self.look.get("custom.wrapText") else width_px
        return max(map(measure, self.texts), default=0.0) + AROUND_CELL_PX


def looks_of(panel: Json) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["id"] == "byName":
            own = {one["id"]: one["value"] for one in override["properties"]}
            found.setdefault(override["matcher"]["options"], {}).update(own)
    return found


def inner_px(panel: Json) -> float:
    """The width for the columns, with a scroll bar."""
    of_grid = (SCREEN_PX - MENU_PX - AROUND_PAGE_PX + GAP_PX) * panel["gridPos"]["w"] / COLUMNS - GAP_PX
    return float(of_grid - AROUND_TABLE_PX - SCROLL_BAR_PX)


def columns(panel: Json, fields: list[Json]) -> list[Shown]:
    looks = looks_of(panel)
    copies = [s["options"]["alias"] for s in panel["transformations"] if s["id"] == "calculateField"]
    fields = [*fields, *({"name": name, "type": "number", "config": {}, "values": []} for name in copies)]
    seen = [f for f in fields if not looks.get(f["name"], {}).get("custom.hideFrom.viz")]
    fixed = {f["name"]: float(looks.get(f["name"], {}).get("custom.width", 0)) for f in seen}
    rest_px = inner_px(panel) - sum(fixed.values())
    free = sum(not own for own in fixed.values())
    least_px = panel["fieldConfig"]["defaults"]["custom"]["minWidth"]
    order = {one["displayName"] for one in panel["options"]["sortBy"]}
    made = []
    for one in seen:
        look = {"custom.minWidth": least_px} | looks.get(one["name"], {})
        title = one["config"].get("displayName", one["name"])
        px = fixed[one["name"]] or max(look["custom.minWidth"], rest_px / free)
        texts = tuple(texts_of(one, look))
        made.append(Shown(look.get("displayName", title), texts, look, title in order, px))
    return made


def texts_of(one: Json, look: Json) -> Iterator[str]:
    mappings = look.get("mappings", one["config"].get("mappings", []))
    for mapping in mappings:
        of_values = mapping["options"].values() if mapping["type"] == "value" else ()
        yield from (option["text"] for option in of_values if "text" in option)
    unit = look.get("unit") or one["config"].get("unit")
    if one["type"] == "string":
        yield from (value for value in one["values"] if value and not mappings)
    elif "mappings" not in look or unit == "percentunit":
        yield "888.8 K" if one["name"] in MANY else LONGEST[unit]


def tables(dashboard: Json) -> list[Json]:
    return [panel for panel in dashboard["panels"] if panel["type"] == "table"]


AREAS = ({"area": "m2"}, {"area": "ft2", "unit": "detections"})


def seen(dashboard: Json, world: World) -> Iterator[tuple[Json, list[Shown]]]:
    for panel in tables(dashboard):
        for area in AREAS:
            [frame] = answered(world, panel, start_values(dashboard) | area)
            yield panel, columns(panel, frame["fields"])


def test_the_columns_of_a_table_fit_beside_each_other(dashboard: Json, faulty: World) -> None:
    for panel, shown in seen(dashboard, faulty):
        needed = sum(one.width_px for one in shown)
        assert needed <= inner_px(panel) + 0.5, (panel["title"], needed, inner_px(panel))


def test_no_heading_is_cut(dashboard: Json, faulty: World) -> None:
    cut = [
        (panel["title"], one.heading, round(one.heading_px), round(one.width_px))
        for panel, shown in seen(dashboard, faulty)
        for one in shown
        if one.heading_px > one.width_px
    ]
    assert cut == []


def test_no_value_is_cut(dashboard: Json, faulty: World) -> None:
    cut = [
        (panel["title"], one.heading, max(one.texts, key=width_px), round(one.text_px), round(one.width_px))
        for panel, shown in seen(dashboard, faulty)
        for one in shown
        if one.text_px > one.width_px
    ]
    assert cut == []


def test_a_heading_is_measured_as_it_was_seen() -> None:
    """At 72 and at 84 pixels Grafana showed these as "Utiliza…" and "Of all detectio…"."""
    assert 72 < longest_word_px("Utilization") + AROUND_CELL_PX < 86
    assert 84 < longest_word_px("Of all detections") + AROUND_CELL_PX < 90
