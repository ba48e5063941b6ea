"""Findings about people and sensors, from made-up rows whose meaning is plain."""

from __future__ import annotations

import pytest

from butlr_grafana.measure import account, people
from butlr_grafana.measure.people import Presence
from butlr_grafana.model.sensors import Sensor
from butlr_grafana.model.time import Period
from butlr_grafana.model.verdicts import PRESENCE_NAMES
from tests.measure.rows import Row, moved, row
from tests.support import at

# In New York in winter: UTC's midnight is at 19:00 of the local day.
DAY = Period(at("2030-01-07T05:00"), at("2030-01-08T05:00"))
UTC_MIDNIGHT = at("2030-01-08T00:00")


def evening(*people_by_hour: int) -> list[Row]:
    """From 18:00 local, an hour before UTC's midnight."""
    return [row(UTC_MIDNIGHT - 3600 + 3600 * n, value) for n, value in enumerate(people_by_hour)]


def minutes(before: int, after: int, room: str = "room_a") -> list[Row]:
    """Calibrated rows are labelled with the start of their minute."""
    return [row(UTC_MIDNIGHT - 60, before, room=room), row(UTC_MIDNIGHT, after, room=room)]


@pytest.mark.parametrize(
    ("local", "utc", "around", "state", "verdict"),
    [
        # The zone decides: with UTC's the count begins anew in the evening.
        (evening(4, 4, 3), evening(4, 0, 0), [], "ok", {"calibrated_day": "local"}),
        # Both begin at local midnight: those inside still are.
        (evening(4, 4, 3), evening(4, 4, 3), minutes(4, 4), "ok", {"calibrated_day": "local"}),
        # Both begin anew at UTC's; somebody came later in that hour.
        (evening(4, 1, 0), evening(4, 1, 0), minutes(4, 0), "DIFFERS", {"calibrated_day": "utc"}),
        # One may as well have left in that minute, as on a Saturday night.
        (evening(1, 0, 0), evening(1, 0, 0), minutes(1, 0), "assumed", {}),
        (evening(0, 1, 0), evening(0, 1, 0), minutes(0, 1), "assumed", {}),
        ([], [], [], "assumed", {}),
    ],
)
def test_the_day_of_counts_by_doors(
    local: list[Row], utc: list[Row], around: list[Row], state: str, verdict: dict[str, str]
) -> None:
    finding = people.calibrated_day(DAY, local, utc, around)
    assert (finding.state, finding.verdict) == (state, verdict)


def test_rooms_are_compared_each_for_itself() -> None:
    other = [row(UTC_MIDNIGHT - 3600, 5, room="room_b"), row(UTC_MIDNIGHT, 5, room="room_b")]
    finding = people.calibrated_day(DAY, [*evening(4, 4), *other], [*evening(4, 0), *other], [])
    assert (finding.numbers["windows"], finding.numbers["differ"]) == (4, 1)
    around = [*minutes(3, 0), *minutes(0, 2, "room_b")]
    finding = people.calibrated_day(DAY, evening(3, 2), evening(3, 2), around)
    # Who came into another room after midnight is nobody who stayed.
    assert (finding.numbers["before_utc_midnight"], finding.numbers["after_utc_midnight"]) == (3, 0)


def test_a_floor_by_utc_has_no_other_day_of_counts() -> None:
    day = Period(at("2030-01-07"), at("2030-01-08"))
    assert people.calibrated_day(day, [], [], []).verdict == {"calibrated_day": "local"}


def test_presence_time_under_the_assumed_names() -> None:
    tried = {level: Presence(name, 3) for level, name in PRESENCE_NAMES.items()}
    finding = people.presence_names(tried)
    assert (finding.state, finding.confidence) == ("ok", "sure")
    assert finding.verdict == {"presence_names": PRESENCE_NAMES}


def test_a_refused_name_is_no_presence_time_of_that_level() -> None:
    tried = {"floor": Presence("floor_presence_time_secs", 1), "zone": Presence(None, 0)}
    finding = people.presence_names(tried)
    assert finding.state == "DIFFERS"
    # Rooms were not asked for.
    assert finding.verdict == {"presence_names": {**PRESENCE_NAMES, "zone": None}}
    assert "a zone" in finding.follows


def test_another_name_that_answers_is_used() -> None:
    finding = people.presence_names({"room": Presence("presence_time_secs", 2)})
    assert finding.verdict["presence_names"] == {**PRESENCE_NAMES, "room": "presence_time_secs"}
    assert (finding.state, finding.handled) == ("DIFFERS", True)


def test_names_without_a_row_tell_nothing() -> None:
    assert people.presence_names({"room": Presence("room_presence_time_secs", 0)}).state == "assumed"


def test_detections_a_person_minute() -> None:
    finding = people.count_scale(13_200, 120, 132)
    assert (finding.state, finding.numbers["factor"]) == ("ok", 110.0)
    assert "100.0" in finding.measured  # by the floor's own count
    assert people.count_scale(120, 120, None).state == "DIFFERS"


def test_few_people_tell_no_scale() -> None:
    finding = people.count_scale(6_000, 59, None)
    assert (finding.state, "factor" in finding.numbers) == ("assumed", False)
    assert "59 person-minutes" in finding.measured


def test_what_moved_within_a_run_is_said_and_decides_nothing() -> None:
    finding = people.late_data({"heat": 100, "people": 5}, {"heat": 120, "people": 5}, None, apart_s=61.2)
    assert (finding.state, finding.verdict) == ("assumed", {})
    assert finding.numbers["moved"] == 1
    assert "after 61 s heat had changed" in finding.measured


@pytest.mark.parametrize(
    ("older", "state", "verdict"),
    [
        ({"heat": 500, "people": 6}, "assumed", {}),
        ({"heat": 0, "people": 0}, "assumed", {}),
        ({"heat": 0, "people": 6}, "DIFFERS", {"settle_s": 86_400}),
    ],
)
def test_people_without_heat_are_late_heat(older: dict[str, float], state: str, verdict: object) -> None:
    late = {"heat": 0, "people": 7}
    finding = people.late_data(late, late, older, apart_s=60)
    assert (finding.state, finding.verdict) == (state, verdict)
    assert "7 person-minutes of ten minutes ago have no heat yet" in finding.measured


@pytest.mark.parametrize(
    ("figures", "state", "verdict"),
    [
        ((2.0, 1.5, 2.0), "ok", {"weekday_case": "capitalised"}),
        ((2.0, 1.5, 1.5), "ok", {"weekday_case": "capitalised"}),
        ((2.0, 2.0, 1.5), "DIFFERS", {"weekday_case": "lower"}),
        ((2.0, None, 1.5), "DIFFERS", {"weekday_case": "lower"}),
        ((None, None, None), "assumed", {}),
        ((0.0, None, None), "assumed", {}),
    ],
)
def test_the_name_that_changes_a_figure_is_the_right_one(
    figures: tuple[float | None, ...], state: str, verdict: dict[str, str]
) -> None:
    finding = people.weekday_case(*figures)
    assert (finding.state, finding.verdict) == (state, verdict)


def test_a_day_that_cannot_be_left_out_is_not_handled() -> None:
    finding = people.weekday_case(2.0, 2.0, 2.0)
    assert (finding.state, finding.handled) == ("DIFFERS", False)


def sensor(name: str, mac: str, mode: str = "traffic") -> Sensor:
    return Sensor(name, name, mac, mode)


def test_copies_are_compared_with_their_originals() -> None:
    listed = [
        sensor("sensor_a", "00-17-0d-01"),
        sensor("sensor_b", "fa-ke-0d-01"),
        sensor("sensor_c", "mi-rr-or-00-17-0d-02"),
    ]
    rows = [moved(0, 8, sensor="sensor_a"), moved(0, 6, sensor="sensor_b"), moved(0, 2, sensor="sensor_c")]
    finding = people.clones(listed, rows, 0.25)
    assert finding.numbers == {
        "sensors": 3,
        "clones": 1,
        "mirrors": 1,
        "pairs": 1,
        "median_ratio": 0.75,
        "ghost_heat": 0.25,
    }


def test_without_copies_nothing_is_counted_twice() -> None:
    assert "none of 1" in people.clones([sensor("sensor_a", "00-17-0d-01")], [], None).measured


def test_person_minutes_and_the_busiest_room() -> None:
    rows = [row(60, 2), row(120, 1), row(60, 4, room="room_b"), row(120, None, room="room_b")]
    assert people.person_minutes(rows) == 7
    assert people.busiest_room(rows) == "room_b"
    assert people.busiest_room([row(60, 0)]) is None


@pytest.mark.parametrize(
    ("message", "partial_errors"),
    [
        ("read:spaces read:rooms read:sensors read:hives", ()),
        ("read:spaces read:sensors write:tags", ("read:rooms", "read:hives")),
        ("", ()),
        ("openid", ()),
    ],
)
def test_scopes_that_a_login_does_not_name(message: str, partial_errors: tuple[str, ...]) -> None:
    assert account.lacking_scopes(message) == partial_errors


@pytest.mark.parametrize(
    ("headers", "state", "limit"),
    [
        ({}, "ok", None),
        ({"x-ratelimit-limit": "50", "x-ratelimit-remaining": "3"}, "DIFFERS", 50),
        ({"ratelimit-limit": "100, 100;w=60"}, "DIFFERS", 100),
        ({"retry-after": "7"}, "DIFFERS", None),
    ],
)
def test_headers_about_a_limit(headers: dict[str, str], state: str, limit: int | None) -> None:
    finding = account.rate_limit(headers, 41)
    assert (finding.state, finding.numbers["limit"], finding.handled) == (state, limit, True)


def test_a_schema_that_may_be_read_and_one_that_may_not() -> None:
    fields = [{"name": "url"}, {"name": "rotation"}]
    known = {"data": {"FloorPlan": {"fields": fields}, "EventType": None}}
    finding = account.schema(known)
    assert (finding.numbers["FloorPlan"], finding.numbers["plan_rotation"]) == (2, True)
    assert "no EventType" in finding.measured
    refused = account.schema({"data": None, "errors": [{"message": "introspection is off"}]})
    assert refused.state == "assumed"
