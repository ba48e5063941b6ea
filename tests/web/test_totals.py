"""People of several floors together, against the simulator's people; a floor that fails is never left out in
silence.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.dashboards.people import by_doors
from tests.support import NEW_YORK, PARIS, PARIS_2, PEOPLE, REPORTING, World, at, floors_of, replace_endpoint

Rows = list[dict[str, Any]]
NOW = at("2026-06-17T12:34:56")
MINUTE = NOW // 60 * 60 - 60
"""Butlr's newest minute is one behind."""

PERIOD = {"from": "2026-06-17T07:00:00Z", "to": "2026-06-17T12:00:00Z"}


def send_query(world: World, **params: str) -> Rows:
    params = {"space": "all", "format": "rows", **PERIOD, **params}
    response = world.http.get("/api/v1/totals", query_string=params)
    assert response.status_code == 200, response.get_data(as_text=True)
    rows: Rows = response.get_json()
    return rows


def seen(space: str, start_s: int, end_s: int) -> Any:
    return PEOPLE.count(space, "people", start_s, end_s)[0]


def there(space: str) -> int:
    """The higher of both ways of counting, in the newest minute."""
    floor = PEOPLE.office.by_id[space]
    today = datetime.fromtimestamp(MINUTE, ZoneInfo(floor.timezone)).replace(hour=0, minute=0)
    counted = by_doors(floor, None, int(today.timestamp()), MINUTE)
    return max(int(seen(space, MINUTE - 60, MINUTE)[-1]), counted or 0)


def refuse(world: World, *spaces: str) -> None:
    """Butlr refuses whatever is asked about these floors."""

    def refusing(endpoint: Endpoint, request: Request) -> Result:
        if floors_of(request.json()) & set(spaces):
            return Result.refusal(403, "not allowed")
        return endpoint(request)

    replace_endpoint(world, REPORTING, refusing)


def test_a_buildings_people_are_those_of_its_floors_at_one_minute(world: World) -> None:
    paris, new_york = send_query(world)
    assert (paris["building"], paris["floors"], paris["floors_now"]) == ("Paris", 2, 2)
    assert paris["people"] == there(PARIS) + there(PARIS_2)
    assert paris["capacity"] == 90 + 60
    assert paris["share"] == paris["people"] / 150
    assert (new_york["building"], new_york["people"]) == ("New York", there(NEW_YORK))
    assert all(row["complete"] == 1 and row["reason"] == "" for row in (paris, new_york))
    assert at(paris["as_of"].removesuffix("Z")) == MINUTE


def test_the_peak_is_of_one_minute_and_less_than_the_sum_of_peaks(world: World) -> None:
    """Up to six hours windows are minutes. A crowd comes to each floor at another time."""
    start_s, end_s = at("2026-06-17T07:00:00"), at("2026-06-17T12:00:00")
    try:
        world.simulator.crowd(PARIS, "room_paris_1_kitchen", 30, start_s + 3600, start_s + 5400)
        world.simulator.crowd(PARIS_2, "room_paris_2_canteen", 35, start_s + 9000, start_s + 10_800)
        paris, _ = send_query(world)
        own = [seen(space, start_s, end_s) for space in (PARIS, PARIS_2)]
    finally:
        # All worlds have the same people.
        world.simulator.clear_crowds()
    together = own[0] + own[1]
    assert paris["peak"] == together.max() < own[0].max() + own[1].max()
    assert at(paris["peak_at"].removesuffix("Z")) == start_s + 60 * int(together.argmax())
    assert paris["peak_share"] == paris["peak"] / 150
    moment = datetime.fromtimestamp(start_s + 60 * int(together.argmax()), ZoneInfo("Europe/Paris"))
    assert paris["peak_local"] == f"Wed 17 Jun {moment:%H:%M}"


def test_a_peak_is_on_the_floors_own_clock(world: World) -> None:
    """A crowd comes to New York at 06:30 there."""
    at_s = at("2026-06-17T10:30:00")
    try:
        world.simulator.crowd(NEW_YORK, "room_newyork_1_kitchen", 60, at_s, at_s + 60)
        _, new_york = send_query(world)
    finally:
        world.simulator.clear_crowds()
    assert new_york["peak_local"] == "Wed 17 Jun 06:30"
    assert new_york["peak_at"] == "2026-06-17T10:30:00Z"


def test_a_tags_floors_are_added_up_and_those_without_a_tag_are_told(world: World) -> None:
    [only] = send_query(world, by="tag")
    assert (only["tag"], only["floors"], only["people"]) == ("headquarters", 1, there(PARIS))
    [frame] = world.http.get(
        "/api/v1/totals", query_string={"space": "all", "by": "tag", **PERIOD}
    ).get_json()
    assert "Floors without a tag are in no row: 2." in [one["text"] for one in frame["meta"]["notices"]]


def test_a_floor_that_fails_is_not_in_the_sum_which_says_so(world: World) -> None:
    refuse(world, PARIS_2)
    paris, new_york = send_query(world)
    assert (paris["people"], paris["floors"], paris["floors_now"]) == (there(PARIS), 2, 1)
    assert paris["reason"].startswith("1 of 2 floors (Paris, 2nd floor: ")
    assert (paris["complete"], paris["peak_floors"]) == (0, 1)
    assert paris["share"] == there(PARIS) / 90
    assert paris["peak"] == seen(PARIS, at("2026-06-17T07:00:00"), at("2026-06-17T12:00:00")).max()
    assert (new_york["people"], new_york["reason"], new_york["complete"]) == (there(NEW_YORK), "", 1)


def test_where_no_floor_is_known_the_sum_is_not_zero(world: World) -> None:
    refuse(world, PARIS, PARIS_2, NEW_YORK)
    paris, _ = send_query(world)
    assert (paris["people"], paris["peak"], paris["has_data"], paris["floors_now"]) == (None, None, 0, 0)
    assert paris["reason"].startswith("0 of 2 floors (")


def test_a_long_period_counts_by_hours(world: World) -> None:
    """In days a peak would be the mean of a whole one."""
    params = {"from": "2026-04-20T00:00:00Z", "to": "2026-06-15T00:00:00Z"}
    _, new_york = send_query(world, **params)
    start_s, end_s = at("2026-04-20T00:00:00"), at("2026-06-15T00:00:00")
    hourly = seen(NEW_YORK, start_s, end_s).reshape(-1, 60).mean(axis=1)
    assert new_york["peak"] == pytest.approx(hourly.max())
