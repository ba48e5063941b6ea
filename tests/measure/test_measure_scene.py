"""Which floor and which hour are measured, from made-up days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from butlr_grafana.base.errors import UpstreamDown, UpstreamError, UpstreamInvalid
from butlr_grafana.butlr.config import ButlrConfig
from butlr_grafana.measure import scene
from butlr_grafana.measure.client import MeasurementClient, OutOfCalls, Reporting
from butlr_grafana.model.floor import Building, Floor, Room
from butlr_grafana.model.sensors import Sensor
from butlr_grafana.model.time import HOUR_S, Period
from tests.measure.rows import Row, moved, reporting, row
from tests.support import at

SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
# A Wednesday; the days before it begin at 22:00 UTC in Paris.
NOW_S = at("2026-06-17T12:34:56")
YESTERDAY_S = at("2026-06-15T22:00")


def floor(name: str, *, rooms: int = 2, doors: int = 0, listed: bool = True) -> Floor:
    made = tuple(
        Room(
            f"room_{name}_{n}", f"Room {n}", f"space_{name}", polygon=SQUARE, online=True if listed else None
        )
        for n in range(rooms)
    )
    sensors = tuple(
        Sensor(f"sensor_{name}_{n}", "", f"00-17-{n}", "traffic", online=True) for n in range(doors)
    )
    building = Building("building_a", "A", "Site")
    return Floor(
        f"space_{name}", name, building, "Europe/Paris", rooms=made, sensors=sensors if listed else None
    )


class Post:
    """Answers with the rows of a day by its measurement; notes what was asked."""

    def __init__(self, results: Mapping[tuple[str, str], list[Row]] | Callable[[], bytes]) -> None:
        self.results = results
        self.requested: list[tuple[str, str, str]] = []

    def __call__(self, path: str, body: Any, *, graphql: bool = False) -> bytes:
        where = body["filter"]
        space, measurement = where["spaces"]["eq"][0], where["measurements"][0]
        self.requested.append((space, measurement, where["start"]))
        if callable(self.results):
            return self.results()
        return reporting(self.results.get((space, where["start"]), []) if measurement == "traffic" else [])


def asker(post: Post, **params: Any) -> MeasurementClient:
    return MeasurementClient(
        post, ButlrConfig("http://127.0.0.1:1", "id", "secret"), wait=lambda _: False, **params
    )


def busy_from(start_s: int, hours: list[int]) -> list[Row]:
    """So many movements at each label, an hour apart."""
    return [moved(start_s + n * HOUR_S, count) for n, count in enumerate(hours)]


def test_the_hour_is_busy_whichever_end_labels_name() -> None:
    # Labelled at 10:00, 11:00 and 12:00 local.
    rows = busy_from(YESTERDAY_S + 10 * HOUR_S, [90, 8, 7])
    post = Post({("space_a", "2026-06-15T22:00:00Z"): rows})
    found = scene.pick([floor("a", doors=1)], asker(post), NOW_S)
    assert found is not None
    # From ten to eleven: 90 or 8 movements. From eleven to twelve it would be 8 or 7.
    assert found.hour == Period(YESTERDAY_S + 10 * HOUR_S, YESTERDAY_S + 11 * HOUR_S)
    assert found.day == Period(YESTERDAY_S, YESTERDAY_S + 24 * HOUR_S)
    assert found.busy == 1.0
    assert list(found.day_rows) == rows
    assert post.requested == [("space_a", "traffic", "2026-06-15T22:00:00Z")]
    assert found.next_hour == Period(found.hour.end_s, found.hour.end_s + HOUR_S)
    assert found.quiet_hour.start_s == YESTERDAY_S + 3 * HOUR_S
    assert (found.weekday, found.week.length_s) == (1, 7 * 86_400)


def test_hours_of_the_night_are_not_picked() -> None:
    rows = busy_from(YESTERDAY_S + 2 * HOUR_S, [50, 50]) + busy_from(YESTERDAY_S + 15 * HOUR_S, [7, 7])
    post = Post({("space_a", "2026-06-15T22:00:00Z"): rows})
    found = scene.pick([floor("a", doors=1)], asker(post), NOW_S)
    assert found is not None
    assert found.hour.start_s == YESTERDAY_S + 15 * HOUR_S


def test_a_quiet_day_is_passed_over_for_the_day_before() -> None:
    quiet, busy = busy_from(YESTERDAY_S + 10 * HOUR_S, [1, 1]), busy_from(YESTERDAY_S - 14 * HOUR_S, [9, 9])
    post = Post({("space_a", "2026-06-15T22:00:00Z"): quiet, ("space_a", "2026-06-14T22:00:00Z"): busy})
    found = scene.pick([floor("a", doors=1)], asker(post), NOW_S)
    assert found is not None
    assert found.day.end_s == YESTERDAY_S


def test_little_is_better_than_nothing_and_says_how_little() -> None:
    post = Post({("space_a", "2026-06-15T22:00:00Z"): busy_from(YESTERDAY_S + 10 * HOUR_S, [3, 3])})
    found = scene.pick([floor("a", doors=1)], asker(post), NOW_S)
    assert found is not None
    assert found.busy < 1.0


def test_nobody_anywhere_is_no_scene_after_few_calls() -> None:
    post = Post({})
    floors = [floor("a", doors=1), floor("b", doors=2), floor("c", doors=3)]
    assert scene.pick(floors, asker(post), NOW_S) is None
    # Two floors, four days, movements and people.
    assert len(post.requested) == 2 * 4 * 2
    assert {space for space, _, _ in post.requested} == {"space_c", "space_b"}


def test_metrics_that_cannot_be_read_leave_the_morning_of_the_day_before() -> None:
    found = scene.pick([floor("a", doors=1)], asker(Post(lambda: b'{"dataV9": []}')), NOW_S)
    assert found is not None
    assert found.hour == Period(YESTERDAY_S + 10 * HOUR_S, YESTERDAY_S + 11 * HOUR_S)
    assert found.busy == 0.0


def test_floors_with_doors_and_working_rooms_come_first() -> None:
    floors = [floor("few", rooms=1), floor("many", rooms=9), floor("doors", rooms=8, doors=4)]
    assert [f.name for f in scene.best_first(floors)] == ["doors", "many", "few"]


def test_where_butlr_does_not_list_sensors_all_rooms_may_answer() -> None:
    unlisted = scene.morning(floor("a", listed=False), NOW_S)
    assert (len(unlisted.rooms), unlisted.may_have_doors, unlisted.doors_online) == (2, True, 0)
    assert scene.morning(floor("a"), NOW_S).may_have_doors is False


def request(asking: MeasurementClient) -> list[Row]:
    return asking.rows(
        Reporting("traffic", "1h", "sum", Period(0, 3600), "UTC", spaces=["space_a"]).with_empty()
    )


def test_an_asker_stops_at_its_number_of_calls() -> None:
    asking = asker(Post({}), most=2)
    request(asking)
    request(asking)
    with pytest.raises(OutOfCalls):
        request(asking)
    assert asking.calls == 2


def test_an_asker_waits_between_calls_and_stops_when_told() -> None:
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) == 2

    asking = MeasurementClient(
        Post({}), ButlrConfig("http://127.0.0.1:1", "id", "secret"), per_minute=50, wait=wait
    )
    request(asking)
    request(asking)
    with pytest.raises(OutOfCalls):
        request(asking)
    assert waited == [1.2, 1.2]


@pytest.mark.parametrize(("error", "calls"), [(UpstreamDown("away"), 1), (UpstreamInvalid("odd"), 2)])
def test_an_api_that_is_away_is_not_called_again(error: UpstreamError, calls: int) -> None:
    def fail() -> bytes:
        raise error

    post = Post(fail)
    asking = asker(post)
    for _ in range(2):
        with pytest.raises(type(error)):
            request(asking)
    assert len(post.requested) == calls


def test_rows_without_people_are_no_labels() -> None:
    assert scene.by_label([row(0, None), row(0, 0), row(60, 2), row(60, 3)]) == {60: 5}
