"""Words → Query: each word's values, Grafana's ways of writing them, and what an error says."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from butlr_grafana.base.errors import BadParameter, CallerError, UnknownSpace, UnknownTarget
from butlr_grafana.model.floor import Building, Floor, Room, Topology
from butlr_grafana.model.queries import Query
from butlr_grafana.model.time import LocalHours, Period
from butlr_grafana.query.heatmaps import finest, heat_map_queries
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.query.period import cover
from butlr_grafana.query.scope import scope_of
from butlr_grafana.query.series import series_queries
from butlr_grafana.targets.registry import TARGETS, read
from tests.support import at

pytestmark = pytest.mark.fast

NOW = at("2026-06-17T12:34:56")
BUILDING = Building("b", "B", "S")


def square(size: float) -> tuple[tuple[float, float], ...]:
    return ((0.0, 0.0), (size, 0.0), (size, size), (0.0, size))


ROOMS = (
    Room("room_1", "Kitchen", "space_1", "kitchen", polygon=square(5), tags=("quiet", "north")),
    Room("room_2", "Kitchen", "space_1", "Tea, coffee", polygon=square(6), tags=("north",)),
    Room("room_3", "Dry lab", "space_1", polygon=square(7)),
)
FLOOR = Floor("space_1", "First", BUILDING, "Europe/Paris", outline=square(40), rooms=ROOMS)
OTHER = Floor("space_2", "Second", BUILDING, "America/New_York")
TOPOLOGY = Topology({f.id: f for f in (FLOOR, OTHER)})
PERIOD = {"from": "2026-06-01T00:00:00Z", "to": "2026-06-02T00:00:00Z"}
HOLIDAYS = frozenset({date(2026, 5, 1)})
RULES = QueryLimits(400, HOLIDAYS)


def resolve_query(topology: Topology = TOPOLOGY, *, rules: QueryLimits = RULES, **params: Any) -> Query:
    """`from_`: the word `from`, which Python keeps for itself."""
    given_params = {"space": "space_1", **PERIOD, **params}
    requested = read("heatmap", {"from" if k == "from_" else k: v for k, v in given_params.items()})
    [query] = heat_map_queries(scope_of(requested, topology, now_s=NOW, limits=rules))
    return query


def test_defaults_need_no_reading() -> None:
    query = resolve_query()
    assert query == Query(FLOOR, Period(at("2026-06-01"), at("2026-06-02")), 0.5)


@pytest.mark.parametrize(
    ("word", "value", "field", "expected"),
    [
        ("resolution", "0.25", "resolution_m", 0.25),
        ("resolution", 1, "resolution_m", 1.0),
        ("resolution", "1", "resolution_m", 1.0),
        ("resolution", r"0\.5", "resolution_m", 0.5),
        ("resolution", "auto", "resolution_m", 0.5),
        ("columns", "200", "resolution_m", 0.5),
        ("columns", "79", "resolution_m", 1.0),
        ("columns", 50, "resolution_m", 1.0),
        ("normalize", "share", "normalize", "share"),
        ("require", "complete", "require", "complete"),
        ("format", "csv", "format", "csv"),
        ("hours", "08:00-18:00", "local_hours", LocalHours("Europe/Paris", 480, 1080)),
        ("hours", "22:00-06:00", "local_hours", LocalHours("Europe/Paris", 1320, 360)),
        ("hours", "00:00-24:00", "local_hours", None),
        ("hours", "", "local_hours", None),
        ("days", "mon-fri", "local_hours", LocalHours("Europe/Paris", weekdays=frozenset(range(5)))),
        ("days", "fri-mon", "local_hours", LocalHours("Europe/Paris", weekdays=frozenset({4, 5, 6, 0}))),
        ("days", "mon,wed", "local_hours", LocalHours("Europe/Paris", weekdays=frozenset({0, 2}))),
        ("days", ["mon", "WED"], "local_hours", LocalHours("Europe/Paris", weekdays=frozenset({0, 2}))),
        ("days", "(mon|wed)", "local_hours", LocalHours("Europe/Paris", weekdays=frozenset({0, 2}))),
        ("days", "mon-sun", "local_hours", None),
        ("holidays", "out", "local_hours", LocalHours("Europe/Paris", excluded=HOLIDAYS)),
        ("holidays", "in", "local_hours", None),
        ("room", "room_3", "rooms", (ROOMS[2],)),
        ("room", "room_1,room_3", "rooms", (ROOMS[0], ROOMS[2])),
        ("room", "{room_1,room_3}", "rooms", (ROOMS[0], ROOMS[2])),
        ("room", r"(room_1|room_3)", "rooms", (ROOMS[0], ROOMS[2])),
        ("room", ["room_1", "room_3"], "rooms", (ROOMS[0], ROOMS[2])),
        ("room", "Kitchen", "rooms", (ROOMS[0], ROOMS[1])),
        ("room", "Dry lab", "rooms", (ROOMS[2],)),
        ("room", "$__all", "rooms", None),
        ("tag", "quiet", "rooms", (ROOMS[0],)),
        ("tag", ["quiet", "north"], "rooms", (ROOMS[0], ROOMS[1])),
        ("type", "kitchen", "rooms", (ROOMS[0],)),
        ("type", "Tea, coffee", "rooms", (ROOMS[1],)),
        ("type", "kitchen,Tea, coffee", "rooms", (ROOMS[0], ROOMS[1])),
        ("type", ["kitchen", "Tea, coffee"], "rooms", (ROOMS[0], ROOMS[1])),
        ("type", "All", "rooms", None),
    ],
)
def test_each_parameter_in_each_way_of_writing_it(word: str, value: Any, field: str, expected: Any) -> None:
    assert getattr(resolve_query(**{word: value}), field) == expected


def test_rooms_and_tags_together_are_the_rooms_that_meet_both() -> None:
    assert resolve_query(room=["room_1", "room_3"], tag="north").rooms == (ROOMS[0],)
    assert resolve_query(tag="north", type="Tea, coffee").rooms == (ROOMS[1],)
    assert resolve_query(room=["room_1", "room_3"], type="kitchen").rooms == (ROOMS[0],)
    assert resolve_query(tag="quiet", type="Tea, coffee").rooms == ()


def test_a_time_zone_is_for_the_hours() -> None:
    assert resolve_query(hours="08:00-18:00", tz="America/New_York").local_hours == LocalHours(
        "America/New_York", 480, 1080
    )
    assert resolve_query(tz="America/New_York").local_hours is None


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-06-01T00:00:00Z", "2026-06-02T00:00:00+00:00"),
        ("1780272000000", "1780358400000"),
        (1780272000000, 1780358400000),
        ("2026-06-01", "2026-06-02"),
        ("2026-06-01T02:00:00+02:00", "2026-06-02T02:00:00.000+02:00"),
        ("2026-06-01T02:00:00 02:00", "2026-06-02T02:00:00 0200"),
    ],
)
def test_times_in_each_way_of_writing_them(start: Any, end: Any) -> None:
    query = resolve_query(from_=start, to=end)
    assert query.period == Period(at("2026-06-01"), at("2026-06-02"))


@pytest.mark.parametrize(
    ("tz", "start", "end", "expected"),
    [
        ("America/New_York", "2026-05-26", "2026-05-27", ("2026-05-26T04:00", "2026-05-27T04:00")),
        # Clocks go forward on 8 March: that day has 23 hours.
        ("America/New_York", "2026-03-08", "2026-03-09", ("2026-03-08T05:00", "2026-03-09T04:00")),
        ("Asia/Kathmandu", "2026-05-26", "2026-05-27", ("2026-05-25T18:15", "2026-05-26T18:15")),
        # Its clocks go forward at midnight: the day begins at one.
        ("Africa/Cairo", "2026-04-24", "2026-04-25", ("2026-04-23T22:00", "2026-04-24T21:00")),
        # A time of day without an offset too; the hour that comes twice is its first coming.
        (
            "America/New_York",
            "2025-11-02T01:30",
            "2025-11-02T08:00:00",
            ("2025-11-02T05:30", "2025-11-02T13:00"),
        ),
        # What names its zone is of that one, and so are milliseconds.
        ("America/New_York", "2026-05-26T00:00Z", "1779840000000", ("2026-05-26T00:00", "2026-05-27T00:00")),
        (
            "America/New_York",
            "2026-05-26T00:00+02:00",
            "2026-05-26",
            ("2026-05-25T22:00", "2026-05-26T04:00"),
        ),
        (None, "2026-05-26", "2026-05-27T00:00", ("2026-05-26T00:00", "2026-05-27T00:00")),
    ],
)
def test_a_time_without_an_offset_is_one_of_the_time_zone_requested(
    tz: str | None, start: str, end: str, expected: tuple[str, str]
) -> None:
    expected_s = (at(expected[0]), at(expected[1]))
    # Whichever comes first in the URL.
    for params in ({"tz": tz, "from": start, "to": end}, {"from": start, "to": end, "tz": tz}):
        requested = read("heatmap", params)
        assert (requested.start_s, requested.end_s) == expected_s
        assert read("events", params).start_s == expected_s[0]
    span = read("compare", {"baseline": f"{start}/{end}", "tz": tz}).baseline.span
    assert span == expected_s


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"resolution": "0.3"}, ["resolution", "0.25", "0.5", "1.0", "auto"]),
        ({"columns": "0"}, ["columns", "1 to 2000"]),
        ({"columns": "many"}, ["columns", "1 to 2000"]),
        ({"columns": "9" * 5000}, ["columns", "1 to 2000"]),
        ({"columns": "\u0663"}, ["columns", "1 to 2000"]),
        ({"normalize": "mxa"}, ["normalize", "max", "share"]),
        ({"hours": "25:00-26:00"}, ["hours", "08:00-18:00"]),
        ({"hours": "08:00-18:60"}, ["hours", "08:00-18:00"]),
        ({"hours": "8-18"}, ["hours", "08:00-18:00"]),
        ({"days": "mon-fry"}, ["days", "mon-fri"]),
        ({"days": "lundi"}, ["days", "mon", "sun"]),
        ({"tz": "Europe/Pariss", "hours": "08:00-18:00"}, ["tz", "IANA"]),
        ({"tz": "/etc/passwd"}, ["tz", "IANA"]),
        ({"tz": "../../etc/passwd"}, ["tz", "IANA"]),
        ({"holidays": "off"}, ["holidays", "in, out"]),
        ({"room": "room_9"}, ["room", "room_1"]),
        ({"tag": "loud"}, ["tag", "quiet"]),
        ({"type": "kitchn"}, ["type", "kitchen"]),
        ({"require": "all"}, ["require", "any, complete"]),
        ({"format": "xlsx"}, ["format", "csv"]),
        ({"from_": "yesterday"}, ["from", "ISO 8601"]),
        ({"from_": ""}, ["from", "missing"]),
        ({"to": None}, ["to", "missing"]),
        ({"from_": "2026-06-03"}, ["from", "not before to"]),
        ({"from_": "2026-06-02"}, ["from", "not before to"]),
        ({"from_": "2016-06-01"}, ["from", "at most 400 days"]),
        ({"from_": "2027-06-01", "to": "2027-06-02"}, ["from", "future"]),
        ({"from_": "9" * 16}, ["from", "2099"]),
        ({"from_": "-24"}, ["from", "2010", "double-click"]),
        ({"from_": "48000"}, ["from", "2010", "double-click"]),
        ({"from_": "1999-12-31"}, ["from", "2010"]),
        ({"resolution": ["0.5", "1.0"]}, ["resolution", "one value"]),
        ({"resolution": {"a": 1}}, ["resolution", "text or a number"]),
        ({"resolution": True}, ["resolution", "text or a number"]),
        ({"resoluton": "0.5"}, ["resoluton", "resolution"]),
        ({"space": "space 1"}, ["space", "letters"]),
        ({"space": None}, ["space", "space_1", "space_2"]),
    ],
)
def test_an_error_names_the_parameter_and_what_it_may_be(params: dict[str, Any], expected: list[str]) -> None:
    with pytest.raises(BadParameter) as error:
        resolve_query(**params)
    assert error.value.parameter == expected[0]
    assert error.value.status == 400
    for text in expected:
        assert text in error.value.message


def test_holidays_out_without_the_setting_is_an_error_that_names_it() -> None:
    with pytest.raises(BadParameter, match="BACKEND_HOLIDAYS"):
        resolve_query(rules=QueryLimits(), holidays="out")


def test_a_foreign_floor_is_answered_as_an_unknown_one() -> None:
    mine = TOPOLOGY.restricted_to(frozenset({"space_2"}))
    messages = []
    for space in ("space_1", "space_x"):
        with pytest.raises(UnknownSpace) as error:
            resolve_query(mine, space=space)
        messages.append(error.value.message.replace(space, "…"))
        assert error.value.status == 404
        assert "space_1" not in error.value.message.replace(repr("space_1"), "")
    assert [m.partition("llowed:")[2] for m in messages] == [" space_2", " space_2"]


def test_the_space_may_be_left_out_where_one_floor_is_served() -> None:
    assert resolve_query(TOPOLOGY.restricted_to(frozenset({"space_2"})), space="").floor == OTHER


def test_an_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(UnknownTarget, match="did you mean heatmap"):
        read("heatmpa", {})


def test_parameters_of_other_targets_and_cache_busters_are_passed_over() -> None:
    assert resolve_query(level="room", _="1234") == resolve_query()


@pytest.mark.parametrize(
    ("width", "columns", "expected"),
    [
        (3, 100, 0.5),
        (24.9, 2000, 0.5),
        (50, 100, 0.5),
        (50.1, 100, 1.0),
        (900, 100, 1.0),
    ],
)
def test_auto_is_half_a_metre_or_one_by_columns(width: float, columns: int, expected: float) -> None:
    assert finest(Floor("f", "F", BUILDING, "UTC", outline=square(width)), columns) == expected


def test_a_quarter_of_a_metre_is_only_taken_where_it_is_requested() -> None:
    narrow = Topology({"f": Floor("f", "F", BUILDING, "UTC", outline=square(8))})

    def taken(**params: str) -> float:
        parsed = read("heatmap", {**PERIOD, **params})
        [query] = heat_map_queries(scope_of(parsed, narrow, now_s=NOW, limits=QueryLimits()))
        return query.resolution_m

    assert [taken(), taken(resolution="auto", columns="2000"), taken(resolution="0.25")] == [0.5, 0.5, 0.25]


def test_auto_on_a_floor_of_unknown_size_is_the_coarsest() -> None:
    assert finest(OTHER, 100) == 1.0


ODD_ZONES = (
    "Europe/Paris",
    "America/New_York",
    "UTC",
    "Asia/Kolkata",  # +05:30
    "Asia/Kathmandu",  # +05:45
    "America/St_Johns",  # -03:30
    "Pacific/Marquesas",  # -09:30
    "Pacific/Chatham",  # +12:45
    "Australia/Lord_Howe",  # +10:30, half an hour more in summer
)


def begins_an_hour(instant_s: int, zone: ZoneInfo) -> bool:
    """By the clock on the wall; also where that jumps by a part of an hour."""
    now, before = (datetime.fromtimestamp(t, zone) for t in (instant_s, instant_s - 60))
    jumped = (now.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
    return now.minute == now.second == 0 or jumped % timedelta(hours=1) != timedelta()


@given(
    st.integers(at("2026-01-01"), NOW - 1),
    st.integers(1, 300 * 86_400),
    st.sampled_from(ODD_ZONES),
)
@example(at("2026-04-04T15:10"), 2 * 86_400, "Australia/Lord_Howe")
@example(at("2026-04-04T14:40"), 2 * 86_400 + 1, "Australia/Lord_Howe")
def test_a_period_is_rounded_outwards_to_local_hours_and_never_into_the_future(
    start: int, length: int, zone: str
) -> None:
    end = start + length
    covered = cover(start, end, zone, now_s=NOW, limits=QueryLimits())
    last_minute = NOW // 60 * 60

    def is_edge(instant_s: int) -> bool:
        return instant_s % 60 == 0 if length <= 86_400 else begins_an_hour(instant_s, ZoneInfo(zone))

    # Minute by minute: away from what was asked for, to the first edge there is.
    expected_start = next(t for t in range(start // 60 * 60, 0, -60) if is_edge(t))
    expected_end = next(t for t in range(-(-end // 60) * 60, 2 * end, 60) if is_edge(t))
    assert covered.start_s == expected_start
    if expected_start < last_minute:
        assert covered.end_s == min(expected_end, last_minute)
    assert covered.end_s <= NOW


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        # Days, and a week, of local time: none of them lies on hours of UTC.
        ("Asia/Kolkata", "2026-05-10T18:30", "2026-05-17T18:30"),
        ("Asia/Kathmandu", "2026-05-10T18:15", "2026-05-17T18:15"),
        ("America/St_Johns", "2026-05-11T02:30", "2026-05-18T02:30"),
        # Its day of the change has 24.5 hours, from UTC+11 to UTC+10:30.
        ("Australia/Lord_Howe", "2026-04-04T13:00", "2026-04-05T13:30"),
        # The same day from half past one when it comes again (the change), and from two.
        ("Australia/Lord_Howe", "2026-04-04T15:00", "2026-04-06T13:30"),
        ("Australia/Lord_Howe", "2026-04-04T15:30", "2026-04-06T13:30"),
        # 23.5 hours, and from the change, at which half past two comes after two.
        ("Australia/Lord_Howe", "2025-10-03T13:30", "2025-10-05T13:00"),
        ("Australia/Lord_Howe", "2025-10-04T15:30", "2025-10-06T13:00"),
    ],
)
def test_a_range_on_local_hours_is_answered_as_requested(zone: str, start: str, end: str) -> None:
    floor = replace(FLOOR, timezone=zone)
    here, there = Topology({floor.id: floor}), Topology({FLOOR.id: FLOOR})
    # By the floor's own clock, or by that of `tz`.
    for topology, params in ((here, {}), (there, {"tz": zone})):
        query = resolve_query(topology, from_=start + "Z", to=end + "Z", **params)
        assert query.period == Period(at(start), at(end))
    # By another one's it would not be.
    assert resolve_query(here, from_=start + "Z", to=end + "Z", tz="Asia/Tokyo").period != Period(
        at(start), at(end)
    )


def test_of_several_floors_each_goes_by_its_own_clock() -> None:
    zones = ("Asia/Kolkata", "Asia/Kathmandu", "Europe/Paris")
    topology = Topology({z: replace(FLOOR, id=z, timezone=z, rooms=()) for z in zones})
    params = {"space": "all", "from": "2026-05-10T18:20Z", "to": "2026-05-17T18:20Z"}
    found = heat_map_queries(scope_of(read("hot-zones", params), topology, now_s=NOW, limits=QueryLimits()))
    hours = [("17:30", "18:30"), ("18:15", "19:15"), ("18:00", "19:00")]
    assert [q.period for q in found] == [
        Period(at(f"2026-05-10T{start}"), at(f"2026-05-17T{end}")) for start, end in hours
    ]
    # Days are those of each, and of `tz` for all.
    params |= {"every": "1d", "from": "2026-05-10T18:30Z", "to": "2026-05-17T18:30Z"}
    for tz, days in (
        (None, [(10, "18:30", 17), (10, "18:15", 18), (9, "22:00", 17)]),
        ("Asia/Kolkata", [(10, "18:30", 17)] * 3),
    ):
        parsed = read("presence", params | {"tz": tz})
        scope = scope_of(parsed, topology, now_s=NOW, limits=QueryLimits())
        series = series_queries(scope, "presence", every="1d")
        assert [(q.period.start_s, q.period.end_s) for q in series] == [
            (at(f"2026-05-{first:02}T{clock}"), at(f"2026-05-{last:02}T{clock}"))
            for first, clock, last in days
        ]
        assert [q.base.timezone for q in series] == [tz or zone for zone in zones]


@pytest.mark.parametrize(("days", "every"), [(1, "5m"), (7, "15m"), (45, "1h")])
def test_windows_are_as_fine_for_a_range_that_is_rounded_as_for_one_that_is_not(
    days: int, every: str
) -> None:
    """Which ones a range has is decided by what was asked for, the same on all floors."""
    zones = ("Asia/Kolkata", "Europe/Paris")
    topology = Topology({z: replace(FLOOR, id=z, timezone=z, rooms=()) for z in zones})
    start = at("2026-03-01T00:07")
    params = {"space": "all", "from": str(start * 1000), "to": str((start + days * 86_400) * 1000)}
    for requested in ("auto", every):
        scope = scope_of(read("presence", params), topology, now_s=NOW, limits=QueryLimits())
        found = series_queries(scope, "presence", every=requested)
        assert {q.every for q in found} == {"1h" if (requested, every) == ("auto", "15m") else every}


@given(st.dictionaries(st.sampled_from([*PARAMETERS, "x"]), st.text(max_size=30), max_size=4))
def test_any_text_is_read_or_refused(params: dict[str, str]) -> None:
    for target in TARGETS:
        with contextlib.suppress(CallerError):
            requested = read(target, {"space": "space_1", **PERIOD, **params})
            for query in TARGETS[target].queries(
                scope_of(requested, TOPOLOGY, now_s=NOW, limits=QueryLimits())
            ):
                assert query.floor in (FLOOR, OTHER)
