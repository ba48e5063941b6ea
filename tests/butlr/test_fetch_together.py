"""Several floors' metrics from one answer: each floor has its own rows, its own faults, and no other's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest

from butlr_grafana.base.errors import UpstreamDown, UpstreamError, UpstreamLate, UpstreamRefused
from butlr_grafana.butlr.api import Butlr, ButlrConfig
from butlr_grafana.model.chunk import Chunk, Samples, Segment, SeriesSubject
from butlr_grafana.model.time import Period, iso
from tests.support import at

pytestmark = pytest.mark.fast

START_S = at("2030-01-07T08:00")
PERIOD = Period(START_S, START_S + 120)
FLOORS = 4


def floor(number: int) -> Segment:
    items = (f"room_{number}",)
    return Segment(
        f"space_{number}",
        SeriesSubject("room_occupancy", "room", "1m", "median", "UTC", items),
        PERIOD,
        settled=False,
    )


class Reporting:
    """A Butlr in which room N holds N people; `spoil` may change a row, `fails` a call with these rooms."""

    def __init__(self) -> None:
        self.requested: list[list[str]] = []
        self.spoil: Callable[[dict[str, Any]], object] = lambda _: None
        self.fails: Callable[[list[str]], UpstreamError | None] = lambda _: None

    def post(self, _: str, body: Any, **__: object) -> bytes:
        rooms = body["filter"]["rooms"]["eq"]
        self.requested.append(rooms)
        error = self.fails(rooms)
        if error is not None:
            raise error
        rows = [
            {"room_id": room, "time": iso(end_s), "value": int(room.rpartition("_")[2]), "field": "value"}
            for room in rooms
            for end_s in (START_S + 60, START_S + 120)
        ]
        for row in rows:
            self.spoil(row)
        return orjson.dumps({"data": rows})


@pytest.fixture
def reporting() -> Reporting:
    return Reporting()


@pytest.fixture
def butlr(reporting: Reporting, monkeypatch: pytest.MonkeyPatch) -> Iterator[Butlr]:
    made = Butlr(ButlrConfig("http://127.0.0.1:1", "id", "secret"), now=lambda: START_S + 300.0)
    monkeypatch.setattr(made.client, "post", reporting.post)
    yield made
    made.close()


def people(outcome: Chunk | UpstreamError) -> object:
    if isinstance(outcome, UpstreamError):
        return outcome.code
    assert isinstance(outcome.content, Samples)
    [(room, _)] = outcome.content.series
    return {room: outcome.content.value.tolist()}


def fetched(butlr: Butlr) -> list[object]:
    return [people(one) for one in butlr.fetch_together([floor(n) for n in range(FLOORS)])]


ALL: list[object] = [{f"room_{n}": [n, n]} for n in range(FLOORS)]


def test_each_floor_has_its_own_rows(butlr: Butlr, reporting: Reporting) -> None:
    assert fetched(butlr) == ALL
    assert reporting.requested == [[f"room_{n}" for n in range(FLOORS)]]


def test_a_row_that_cannot_be_spoils_its_own_floor_only(butlr: Butlr, reporting: Reporting) -> None:
    reporting.spoil = lambda row: row.update(value="many") if row["room_id"] == "room_2" else None
    assert fetched(butlr) == [*ALL[:2], "upstream_invalid", ALL[3]]
    assert len(reporting.requested) == 1


def test_where_butlr_refuses_all_for_one_each_is_requested_alone(butlr: Butlr, reporting: Reporting) -> None:
    reporting.fails = lambda rooms: UpstreamRefused("404: no such room") if "room_1" in rooms else None
    assert fetched(butlr) == [ALL[0], "upstream_refused", *ALL[2:]]
    assert [len(rooms) for rooms in reporting.requested] == [4, 1, 1, 1, 1]
    assert not butlr.room_left([], floor(0))


def test_rows_that_belong_to_no_floor_have_each_floor_requested_alone(
    butlr: Butlr, reporting: Reporting
) -> None:
    reporting.spoil = lambda row: row.update(room_id="") if row["room_id"] == "room_3" else None
    assert fetched(butlr) == ALL  # alone, a row without a name can only be of the room that was asked for
    assert len(reporting.requested) == 1 + FLOORS


def test_what_is_too_much_in_time_is_requested_alone_the_next_time(
    butlr: Butlr, reporting: Reporting
) -> None:
    reporting.fails = lambda rooms: UpstreamLate("504") if len(rooms) > 1 else None
    with pytest.raises(UpstreamLate):
        fetched(butlr)
    assert len(reporting.requested) == 1  # asking on at once would double the load
    assert not butlr.room_left([], floor(0))


def test_an_outage_is_of_all_and_says_nothing_of_floors(butlr: Butlr, reporting: Reporting) -> None:
    reporting.fails = lambda _: UpstreamDown("gone")
    with pytest.raises(UpstreamDown):
        fetched(butlr)
    assert butlr.room_left([floor(0)], floor(1))
