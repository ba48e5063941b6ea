"""Each page on odd floors: every query is answered, and what cannot be shown is explained."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.dashboards.grafana import Values, drawn, file_links, fill, shown
from tests.dashboards.test_numbers import requested
from tests.dashboards.test_queries import (  # noqa: F401  # `file`: a fixture
    choices,
    file,
    frames,
    options,
    proxied,
)
from tests.odd_floors import (
    FLOORS,
    NO_PLAN,
    NO_ROOM,
    NO_SEATS,
    NOBODY,
    OFFLINE,
    ONE_CELL,
    check_frame,
    odd_people,
    odd_world,
    strict,
)
from tests.support import World, at

Json = dict[str, Any]


@pytest.fixture(scope="module")
def odd() -> Iterator[World]:
    with odd_people() as people, odd_world(people) as world:
        yield world


START, END = "2026-06-10T00:00:00Z", "2026-06-17T12:00:00Z"


def values_on(dashboard: Json, space: str) -> dict[str, str | list[str]]:
    """The variables as they are when somebody chooses this floor."""
    custom = [v for v in dashboard["templating"]["list"] if v["type"] == "custom" and v["query"]]
    first: dict[str, str | list[str]] = {v["name"]: options(v)[0] for v in custom}
    first |= {
        v["name"]: v["current"]["value"] for v in dashboard["templating"]["list"] if v["type"] == "datasource"
    }
    period = {"__from": str(at(START) * 1000), "__to": str(at(END) * 1000)}
    return first | period | {"space": space, "floors": space, "room": "All", "rooms": "All", "type": "All"}


def pictures(dashboard: Json, values: Values) -> Iterator[str]:
    """The addresses of what a page draws or offers beside its frames, as the backend gets them."""
    for panel in dashboard["panels"]:
        yield from (proxied(link["url"], panel) for link in file_links(panel))
        period = "&from=${__from}&to=${__to}"
        yield from (f"{proxied(address, panel)}{period}" for address in drawn(panel))


@pytest.mark.parametrize("space", FLOORS)
def test_every_query_of_every_page_is_answered_on_an_odd_floor(
    dashboard: Json,
    odd: World,
    space: str,
) -> None:
    values = values_on(dashboard, space)
    for variable in (v for v in dashboard["templating"]["list"] if v["type"] == "query"):
        found = choices(odd, variable, values)
        assert found or (variable["name"] in ("room", "rooms") and space == NO_ROOM)
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            found_frames = frames(odd, target, values)
            assert found_frames, panel["title"]
            for frame in found_frames:
                check_frame(frame | {"refId": "A"})


@pytest.mark.parametrize("space", FLOORS)
def test_every_picture_and_file_of_every_page_is_there_on_an_odd_floor(
    dashboard: Json,
    odd: World,
    space: str,
) -> None:
    values = values_on(dashboard, space)
    for address in pictures(dashboard, values):
        response = odd.http.get(fill(address, values))
        assert response.status_code == 200, (address, response.get_data(as_text=True))
        if response.mimetype.startswith("image/"):
            with Image.open(io.BytesIO(response.data)) as image:
                image.load()
        elif response.mimetype == "text/csv":
            assert "nan" not in response.text
        else:
            assert strict(response.text)["type"] == "FeatureCollection"


ROOMLESS = "lists no room"
REASONS = {
    NO_ROOM: dict.fromkeys(("occupancy-now", "utilization", "presence"), ROOMLESS),
    NO_PLAN: dict.fromkeys(
        ("heatmap", "heatmap-summary", "hot-zones", "compare", "compare-zones"), "no floor plan"
    ),
    NO_SEATS: dict.fromkeys(("occupancy-now", "utilization"), "has no capacity"),
    NOBODY: {
        **dict.fromkeys(("heatmap", "heatmap-summary", "hot-zones"), "No detections"),
        **dict.fromkeys(("compare", "compare-zones"), "no detections"),
    },
    ONE_CELL: dict.fromkeys(("compare", "compare-zones"), "no detections"),
    OFFLINE: dict.fromkeys(
        ("heatmap", "heatmap-summary", "hot-zones", "compare", "compare-zones", "presence"),
        "Sensors ",
    ),
}
"""What a page's panels say there, by what they ask for."""


def test_a_page_says_why_it_lacks_what_it_lacks(dashboard: Json, odd: World) -> None:
    reported = set()
    for space in FLOORS:
        values = values_on(dashboard, space) | {"hours": "00:00-24:00", "days": "mon-sun"}
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                name, params = requested(target, values)
                reason = REASONS[space].get(name, "")
                # Of all floors together nothing is odd, and a floor without rooms is itself known.
                if params["space"] == "all" or (reason == ROOMLESS and params.get("level") == "floor"):
                    continue
                found = frames(odd, target, values)
                notice_texts = " ".join(
                    notice["text"] for frame in found for notice in frame["meta"]["notices"]
                )
                assert reason in notice_texts, (space, panel["title"], notice_texts)
                reported |= {space} if reason else set()
    is_of_one_floor = "space" in {v["name"] for v in dashboard["templating"]["list"] if v["hide"] != 2}
    is_of_people = {requested(t, values)[0] for p in dashboard["panels"] for t in p["targets"]} != {"devices"}
    assert len(reported) >= (3 if is_of_one_floor and is_of_people else 0)


def test_rows_without_figures_give_their_reason(dashboard: Json, odd: World) -> None:
    """In every table that has rows of rooms: a row without data says why, one with data says nothing."""
    for space in FLOORS:
        values = values_on(dashboard, space)
        for panel in dashboard["panels"]:
            for frame in shown(panel, [f for t in panel["targets"] for f in frames(odd, t, values)]):
                named = {field["name"]: field["values"] for field in frame["fields"]}
                # A device has its reason in other cases: see the tests of `devices`.
                if "reason" not in named or {"state", "sensors"} & named.keys():
                    continue
                # The reason of a sum says which floors are not in it.
                if "floors_now" in named:
                    sums = zip(named["floors"], named["floors_now"], named["reason"], strict=True)
                    assert all((known < floors) == bool(reason) for floors, known, reason in sums)
                    continue
                figure = next(name for name in ("mean", "per_m2_hour", "current", "people") if name in named)
                where = named.get("zone_id") or named.get("room_id") or named["space"]
                for place, value, reason in zip(where, named[figure], named["reason"], strict=True):
                    assert (value is None) == bool(reason) or place == "outside", (
                        space,
                        panel["title"],
                        place,
                    )
