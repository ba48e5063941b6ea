"""Words → `Query`, in two steps.

`read` turns words (a JSON payload, URL parameters) into typed values; it needs nothing but the words,
so that a typing error is answered before anything else happens. `resolve` fills in what depends on the
floor, the clock and the settings.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from butlr_grafana.butlr.admission import CallClass
from butlr_grafana.errors import BadWord, UnknownSpace, UnknownTarget, choose
from butlr_grafana.model import (
    AUTO_RESOLUTIONS_M,
    DAY_S,
    HOUR_S,
    MINUTE_S,
    Floor,
    LocalHours,
    Period,
    Query,
    Room,
    SeriesQuery,
    Topology,
    as_built,
    floor_to,
    iso,
)
from butlr_grafana.plan import hour_after, hour_before, window_starts
from butlr_grafana.privacy import askable, sum_of, withheld
from butlr_grafana.subjects import series_subject
from butlr_grafana.targets import TARGETS
from butlr_grafana.texts import NOTHING, Name, every_name, names_of, texts_of
from butlr_grafana.threshold import Threshold
from butlr_grafana.words import EARLIEST_S, MAX_COLUMNS, WORDS, Baseline, Word


@dataclass(frozen=True, slots=True)
class Filter:
    """An ad-hoc filter of a dashboard: only rooms that have one of the values, by id or name (`room`), or by
    tag (`tag`).
    """

    key: str
    values: tuple[str, ...]

    def taken(self, floor: Floor) -> set[str]:
        """The ids of the floor's rooms that it takes."""
        if self.key == "tag":
            return {room.id for room in floor.rooms if not set(self.values).isdisjoint(room.tags)}
        return {room.id for value in self.values for room in rooms_named(value, floor)}

    def is_known(self, value: str, floor: Floor) -> bool:
        return value in (texts_of_rooms(floor) if self.key == "room" else tags_of(floor))


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as typed values, with the defaults that need no floor; `None`: left out (or `auto`).

    `room` and `tag` are read in full where the floors are known (see `with_names`); `filters` narrow them.
    """

    target: str
    spaces: tuple[str, ...] = ()
    start_s: int | None = None
    end_s: int | None = None
    resolution: float | None = None
    columns: int = 100
    normalize: str = "none"
    hours: tuple[int, int] | None = None
    days: frozenset[int] | None = None
    tz: str | None = None
    holidays: str = "in"
    room: tuple[Name, ...] = ()
    tag: tuple[Name, ...] = ()
    filters: tuple[Filter, ...] = ()
    require: str = "any"
    asker: str | None = None
    max_age_s: int = 0
    level: str | None = None
    every: str = "auto"
    statistic: str = "mean"
    metric: str = "occupancy"
    baseline: Baseline = Baseline()  # noqa: RUF009  # frozen
    threshold: Threshold = Threshold(95.0, is_percentile=True)  # noqa: RUF009  # frozen
    release: float | None = None
    window_s: int = 10 * MINUTE_S
    area: str = "m2"
    empty: str = "omit"
    underused: float = 0.1
    unit: str = "auto"
    width: int = 1200
    theme: str = "light"
    format: str = ""

    @property
    def need(self) -> CallClass:
        """Whom it is for. Who takes only a complete answer is an alert rule: it has seconds, and comes again
        in minutes.
        """
        asker = self.asker or ("rule" if self.require == "complete" else "viewer")
        return CallClass[asker.upper()]


def read(target: str, words: Mapping[str, object]) -> Asked:
    """Types every word. Unknown words and values are errors that name the word and what it may be.

    Words that belong to other targets only are passed over: dashboards share them between panels.
    """
    if target not in TARGETS:
        raise UnknownTarget(target, TARGETS)
    values: dict[str, Any] = {}
    # `tz` first: times without an offset are read by it.
    for name, raw in sorted(words.items(), key=lambda word: word[0] != "tz"):
        if name.startswith("_"):  # cache busters and the like
            continue
        if name not in WORDS:
            raise BadWord(name[:60], choose(name, WORDS).replace("is not known", "is not a query word"))
        word = WORDS[name]
        names, texts = (names_of(name, raw), ()) if word.is_name else ((), _texts(name, raw))
        if (names or texts) and name in TARGETS[target].words:
            values[word.field] = names or _value(word, texts, values.get("tz"))
    values.setdefault("format", TARGETS[target].formats[0])
    asked = Asked(target, **values)
    if asked.format not in TARGETS[target].formats:
        raise BadWord("format", choose(asked.format, TARGETS[target].formats))
    return asked


def _texts(name: str, raw: object) -> tuple[str, ...]:
    return tuple(text for text in texts_of(name, raw) if text not in NOTHING)


def _value(word: Word, texts: Sequence[str], tz: str | None) -> Any:
    if word.is_time and tz and len(texts) == 1:
        return word.parse(word.name, texts[0], tz)
    if word.many:
        return tuple(dict.fromkeys(word.parse(word.name, t) for t in texts))
    if len(texts) > 1 and word.name != "days":
        raise BadWord(word.name, f"one value is wanted, not {len(texts)}")
    return word.parse(word.name, ",".join(texts))


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say of questions."""

    max_range_days: int = 400
    holidays: frozenset[date] = frozenset()


def resolve(
    asked: Asked,
    topology: Topology,
    *,
    now_s: float,
    rules: Rules,
    asked_period: tuple[int, int] | None = None,
    max_data_points: int | None = None,
) -> tuple[Query, ...]:
    """Fills in what depends on the floor, the clock and the settings: a query a floor.

    `asked_period`: the panel's range in seconds where the door has one (`/query`), else `from` and `to`.
    Raises `BadWord`, `UnknownSpace`.
    """
    asked = with_names(asked, topology)
    columns = min(asked.columns, max(max_data_points or MAX_COLUMNS, 2))
    return tuple(
        Query(
            target=asked.target,
            floor=floor,
            period=period_of(asked, floor, asked_period, now_s=now_s, rules=rules),
            resolution_m=asked.resolution or finest(floor, columns),
            normalize=asked.normalize,
            local_hours=_local_hours(asked, floor, rules),
            rooms=rooms_of(asked, floor),
            require=asked.require,
            format=asked.format,
            tz=asked.tz,
        )
        for floor in floors_of(asked, topology)
    )


MEASUREMENTS = {
    ("occupancy", "floor"): "floor_occupancy",
    ("occupancy", "room"): "room_occupancy",
    ("occupancy", "zone"): "zone_occupancy",
}
LONGEST_IN_MINUTES_S, LONGEST_IN_HOURS_S = 7 * DAY_S, 45 * DAY_S
CLOCK_CHANGE_S = HOUR_S
"""A day, or a week, in which the clocks go back is at most so much longer than others."""


def resolve_series(
    asked: Asked,
    topology: Topology,
    *,
    now_s: float,
    rules: Rules,
    asked_period: tuple[int, int] | None = None,
) -> tuple[SeriesQuery, ...]:
    """As `resolve`, for values over time; each floor's period is widened to whole windows, up to now."""
    asked = with_names(asked, topology)
    start_s, end_s = asked_period or _from_to(asked)
    every = _every(asked, end_s - start_s)
    return tuple(
        series_of(
            replace(asked, every=every),
            floor,
            period_of(asked, floor, asked_period, now_s=now_s, rules=rules),
            now_s,
            rules,
        )
        for floor in floors_of(asked, topology)
    )


def series_of(asked: Asked, floor: Floor, period: Period, now_s: float, rules: Rules) -> SeriesQuery:
    """`asked.every` is the windows' length, not `auto`."""
    every, level, timezone = asked.every, asked.level or "room", zone_of(asked, floor)
    if asked.target == "traffic" and level == "zone":
        raise BadWord("level", "zones have no doors; it may be room, floor")
    hours = _local_hours(asked, floor, rules)
    base_every, function = _base(asked, every, period, limited=hours is not None)
    measurement = MEASUREMENTS.get((asked.target, level), asked.target)
    return SeriesQuery(
        target=asked.target,
        floor=floor,
        period=whole_windows(period, every, timezone, now_s),
        every=every,
        statistic=asked.statistic if asked.target == "occupancy" else "sum",
        level=level,
        base=series_subject(floor, measurement, level, base_every, function, timezone=timezone),
        local_hours=hours,
        rooms=rooms_of(asked, floor),
        require=asked.require,
        format=asked.format,
    )


def _every(asked: Asked, length_s: int) -> str:
    """The windows' length for a range as it is asked for: the same on all floors, however each rounds it."""
    if asked.every == "auto":
        day_s, longest_in_hours_s = (s + CLOCK_CHANGE_S for s in (DAY_S, LONGEST_IN_HOURS_S))
        steps = ((6 * HOUR_S, "1m"), (day_s, "5m"), (longest_in_hours_s, "1h"))
        return next((every for longest, every in steps if length_s <= longest), "1d")
    if asked.every in ("1m", "5m", "15m") and length_s > LONGEST_IN_MINUTES_S + CLOCK_CHANGE_S:
        raise BadWord("every", f"{asked.every} is for ranges of up to 7 days; it may be auto, 1h, 1d")
    return asked.every


def _base(asked: Asked, every: str, period: Period, *, limited: bool) -> tuple[str, str]:
    """What Butlr is asked for: windows and their function.

    Minutes by their median, as Butlr advises. Percentiles are of minutes up to a day, of hourly means
    above. Days of which only some hours count are made of hours.
    """
    function = asked.statistic if asked.target == "occupancy" else "sum"
    is_percentile = function.startswith("p")
    if every in ("1m", "5m", "15m") or (is_percentile and period.length_s <= DAY_S + CLOCK_CHANGE_S):
        return "1m", "sum" if asked.target != "occupancy" else "median"
    if is_percentile:
        return "1h", "mean"
    if every == "1d" and limited:
        return "1h", "mean" if function == "median" else function
    return every, function


def whole_windows(period: Period, every: str, timezone: str, now_s: float) -> Period:
    """From the first window's beginning to the last one's end, or to the last full minute."""
    beyond = window_starts(Period(period.start_s, period.end_s + 2 * DAY_S), every, timezone)
    end_s = min(int(beyond[beyond >= period.end_s][0]), floor_to(now_s, MINUTE_S))
    return Period(int(beyond[0]), max(end_s, period.end_s))


def before(query: Query, baseline: Baseline, *, now_s: float, rules: Rules) -> Query:
    """The same question about the period that it is compared with; business hours apply to both.

    Offsets are by the calendar of the query's zone: `-7d` from nine o'clock is nine o'clock, also across
    a clock change.
    """
    period = query.period
    if baseline.span is not None:
        start_s, end_s = baseline.span
    elif baseline.count:
        start_s, end_s = (_earlier(t, baseline, query.timezone) for t in (period.start_s, period.end_s))
    else:
        start_s, end_s = period.start_s - period.length_s, period.start_s
    if start_s < EARLIEST_S:
        raise BadWord("baseline", f"it leads to {iso(start_s)[:10]}; it may begin in 2010 or later")
    period = cover(start_s, end_s, query.timezone, now_s=now_s, rules=rules)
    return replace(query, period=period)


def _earlier(instant_s: int, baseline: Baseline, timezone: str) -> int:
    zone = ZoneInfo(timezone)
    wall = datetime.fromtimestamp(instant_s, zone)
    if baseline.unit == "y":
        year = wall.year - baseline.count
        leap_day = wall.month == 2 and wall.day == 29 and not isleap(year)
        earlier = wall.replace(year=year, day=28 if leap_day else wall.day)
    else:
        earlier = wall - timedelta(days=baseline.count * (7 if baseline.unit == "w" else 1))
    # Through UTC: a wall time that the clock change left out becomes the one after it.
    return int(earlier.astimezone(UTC).timestamp())


def _from_to(asked: Asked) -> tuple[int, int]:
    for name, value in (("from", asked.start_s), ("to", asked.end_s)):
        if value is None:
            raise BadWord(name, "is missing; it may be ISO 8601 (2024-01-31T08:00:00Z) or epoch ms")
    assert asked.start_s is not None
    assert asked.end_s is not None
    return asked.start_s, asked.end_s


def zone_of(asked: Asked, floor: Floor) -> str:
    """The zone by whose clock a floor is asked about: that of the word `tz`, else its own."""
    return asked.tz or floor.timezone


def period_of(
    asked: Asked, floor: Floor, asked_period: tuple[int, int] | None, *, now_s: float, rules: Rules
) -> Period:
    """The period to answer for; `asked_period`: the panel's range, where the door has one."""
    return cover(*(asked_period or _from_to(asked)), zone_of(asked, floor), now_s=now_s, rules=rules)


def events_period(
    asked: Asked, asked_period: tuple[int, int] | None, *, now_s: float, rules: Rules
) -> Period:
    """The period of recorded events, which have no segments: to the minute, however long."""
    start_s, end_s = asked_period or _from_to(asked)
    check_range(start_s, end_s, now_s=now_s, rules=rules)
    return _up_to_now(floor_to(start_s, MINUTE_S), -floor_to(-end_s, MINUTE_S), now_s)


def cover(start_s: int, end_s: int, timezone: str, *, now_s: float, rules: Rules) -> Period:
    """The period to answer for: rounded outwards, never into the future.

    Up to a day to the minute; longer ones to the hour on the zone's clock, so that a sliding window finds its
    segments kept, and one that lies on local hours is as it was asked for. An end that is not over yet is the
    last full minute, so that all who look in one minute share a call.
    """
    check_range(start_s, end_s, now_s=now_s, rules=rules)
    if end_s - start_s <= DAY_S:
        return _up_to_now(floor_to(start_s, MINUTE_S), -floor_to(-end_s, MINUTE_S), now_s)
    zone = ZoneInfo(timezone)
    return _up_to_now(hour_before(start_s, zone), hour_after(end_s, zone), now_s)


def check_range(start_s: int, end_s: int, *, now_s: float, rules: Rules) -> None:
    """Raises `BadWord` for a range that cannot be answered."""
    if start_s >= end_s:
        raise BadWord("from", f"{iso(start_s)} is not before to ({iso(end_s)})")
    if start_s >= now_s:
        raise BadWord("from", f"{iso(start_s)} lies in the future; it may be before now ({iso(now_s)})")
    if end_s - start_s > rules.max_range_days * DAY_S + CLOCK_CHANGE_S:
        days = (end_s - start_s) / DAY_S
        raise BadWord(
            "from", f"the range to `to` is {days:.0f} days; it may be at most {rules.max_range_days} days"
        )


def _up_to_now(start_s: int, end_s: int, now_s: float) -> Period:
    last_minute = floor_to(now_s, MINUTE_S)
    if end_s > last_minute:
        end_s = last_minute if last_minute > start_s else int(now_s)
    return Period(start_s, end_s) if start_s < end_s else Period(start_s, start_s + 1)


def floors_of(asked: Asked, topology: Topology) -> tuple[Floor, ...]:
    """The floors asked for; may be left out where one is served. `all`, or several, where a target takes
    many: then only those that have any of the rooms asked for.
    """
    floors = _spaces_of(asked, topology)
    _check_filters(asked, topology)
    if not is_spread(asked):
        return floors
    asked = with_names(asked, topology)
    floors = _with_rooms(asked, floors)
    if not asked.filters:
        return floors
    # Where none has any, one stands for the empty answer.
    return tuple(floor for floor in floors if rooms_of(asked, floor)) or floors[:1]


def _spaces_of(asked: Asked, topology: Topology) -> tuple[Floor, ...]:
    many = TARGETS[asked.target].many_floors
    if many and asked.spaces == ("all",):
        return tuple(topology.floors.values())
    if not asked.spaces:
        if len(topology.floors) == 1 or asked.target == "spaces":
            return tuple(topology.floors.values())
        served = ", ".join(list(topology.floors)[:12]) or "nothing: no floor is served"
        raise BadWord("space", f"is missing; it may be {'all, ' if many else ''}{served}")
    if len(asked.spaces) > 1 and not many:
        raise BadWord("space", f"one floor is wanted, not {len(asked.spaces)}")
    for space in asked.spaces:
        if space not in topology.floors:
            # The same words for a floor that does not exist and one that is not for this caller.
            raise UnknownSpace(f"space: {choose(space, topology.floors)}")
    return tuple(topology.floors[space] for space in asked.spaces)


def is_spread(asked: Asked) -> bool:
    """Whether several floors are asked for, of which not each has to know every room and tag."""
    return asked.spaces == ("all",) or len(asked.spaces) > 1


def with_names(asked: Asked, topology: Topology) -> Asked:
    """The question with each room and tag by its exact name: what a text means depends on the names that
    there are on the floors asked for. Raises `BadWord`, `UnknownSpace` for the floors.
    """
    if not asked.room and not asked.tag:
        return asked
    floors = _spaces_of(asked, topology)
    rooms = {text for floor in floors for text in texts_of_rooms(floor)}
    tags = {tag for floor in floors for tag in tags_of(floor)}
    return replace(
        asked,
        room=tuple(Name(text, exact=True) for text in every_name(asked.room, rooms.__contains__)),
        tag=tuple(Name(text, exact=True) for text in every_name(asked.tag, tags.__contains__)),
    )


def texts_of_rooms(floor: Floor) -> set[str]:
    """All by which a room of the floor is known, those too that are only told of together."""
    rooms = [*floor.rooms, *as_built(floor.rooms)]
    return {text for room in rooms for text in (room.id, room.name)}


def tags_of(floor: Floor) -> set[str]:
    return {tag for room in (*floor.rooms, *as_built(floor.rooms)) for tag in room.tags}


def _with_rooms(asked: Asked, floors: tuple[Floor, ...]) -> tuple[Floor, ...]:
    """Of several floors those that have any of the rooms asked for. What none of them knows is an error."""
    if not asked.room and not asked.tag:
        return floors
    for wanted in asked.room:
        if not any(knows_room(wanted.text, floor) for floor in floors):
            raise BadWord("room", choose(wanted.text, [r.id for floor in floors for r in askable(floor)]))
    for tag in asked.tag:
        if not any(tag.text in room.tags for floor in floors for room in floor.rooms):
            known = sorted({t for floor in floors for room in floor.rooms for t in room.tags})
            raise BadWord("tag", choose(tag.text, known))
    found = tuple(floor for floor in floors if _chosen(asked, floor))
    return found or _none_tagged(asked)


def _none_tagged(asked: Asked) -> NoReturn:
    tags = " or ".join(tag.text for tag in asked.tag)
    raise BadWord("tag", f"none of the rooms asked for has {tags}"[:200])


def knows_room(wanted: str, floor: Floor) -> bool:
    return any(wanted in (room.id, room.name) for room in askable(floor))


def finest(floor: Floor, columns: int) -> float:
    """The finer of 0.5 and 1.0 metres with at most `columns` columns on this floor, else 1.0.

    0.25 is finer than the sensors see, so it is only taken where it is asked for. Where Butlr knows no
    outline and no polygon of the floor, its width is unknown: 1.0.
    """
    coarsest, bounds = AUTO_RESOLUTIONS_M[-1], floor.bounds
    if bounds is None:
        return coarsest
    width_m = bounds.max_x - bounds.min_x
    return next((metres for metres in AUTO_RESOLUTIONS_M if width_m / metres <= columns), coarsest)


def _local_hours(asked: Asked, floor: Floor, rules: Rules) -> LocalHours | None:
    limits = LocalHours(zone_of(asked, floor))
    if asked.holidays == "out":
        if not rules.holidays:
            raise BadWord(
                "holidays", "out needs the setting BACKEND_HOLIDAYS (a file of dates or a country code)"
            )
        limits = replace(limits, excluded=rules.holidays)
    if asked.hours is not None:
        limits = replace(limits, opens_min=asked.hours[0], closes_min=asked.hours[1])
    if asked.days is not None:
        limits = replace(limits, weekdays=asked.days)
    return None if limits.is_always else limits


def rooms_of(asked: Asked, floor: Floor) -> tuple[Room, ...] | None:
    """The rooms asked for by id, of those the ones with any of the tags asked for; `None`: no limit.

    None at all only where the filters leave none.
    """
    if not asked.room and not asked.tag:
        return _narrowed(asked, floor, askable(floor)) if asked.filters else None
    if not is_spread(asked):
        for tag in asked.tag:
            _check_tag(tag.text, floor)
    return _narrowed(asked, floor, _chosen(asked, floor) or _none_tagged(asked))


def _chosen(asked: Asked, floor: Floor) -> tuple[Room, ...]:
    """The rooms of one floor; where several are asked for, what only others know is passed over."""
    wanted = [w.text for w in asked.room if not is_spread(asked) or knows_room(w.text, floor)]
    among = {room.id: room for one in wanted for room in _named(one, floor)}
    chosen = among.values() if asked.room else floor.rooms
    tags = {tag.text for tag in asked.tag}
    return tuple(r for r in chosen if not tags or tags & set(r.tags))


def _narrowed(asked: Asked, floor: Floor, rooms: Sequence[Room]) -> tuple[Room, ...]:
    """Those that each filter takes."""
    taken = [one.taken(floor) for one in asked.filters]
    return tuple(room for room in rooms if all(room.id in ids for ids in taken))


def _check_filters(asked: Asked, topology: Topology) -> None:
    """A filter's value may be of another floor, for a page's filters are for all of its panels; but there is
    to be such a floor.
    """
    floors = topology.floors.values()
    for one in asked.filters:
        for value in one.values:
            holders = [floor for floor in floors if one.is_known(value, floor)]
            if not holders:
                known = [text for floor in floors for text in _offered(one.key, floor)]
                raise BadWord("adhocFilters", f"{one.key} {choose(value, dict.fromkeys(known))}")
            if one.key == "room" and not any(knows_room(value, floor) for floor in holders):
                _named(value, holders[0])
            if one.key == "tag" and not any(value in _offered("tag", floor) for floor in holders):
                _check_tag(value, holders[0])


def _offered(key: str, floor: Floor) -> list[str]:
    if key == "room":
        return [room.id for room in askable(floor)]
    return sorted({tag for room in floor.rooms for tag in room.tags})


def filters_leave_nothing(asked: Asked, topology: Topology) -> bool:
    """Whether no room is left on any floor asked for."""
    return bool(asked.filters) and not any(rooms_of(asked, floor) for floor in floors_of(asked, topology))


def rooms_named(wanted: str, floor: Floor) -> list[Room]:
    """Names repeat, on one floor too: a name stands for all rooms that have it."""
    return [r for r in floor.rooms if wanted == r.id] or [r for r in floor.rooms if wanted == r.name]


def _named(wanted: str, floor: Floor) -> list[Room]:
    named = rooms_named(wanted, floor)
    together = sum_of(floor)
    if together and any(wanted in (r.id, r.name) for r in together.members) and not named:
        raise BadWord("room", f"{wanted[:60]!r} is {_told_within(together)}")
    if together in named and withheld(together):
        raise BadWord("room", f"{wanted[:60]!r} stands for one room only, and {withheld(together)}")
    if not named:
        raise BadWord("room", choose(wanted, [r.id for r in askable(floor)]))
    return named


def _check_tag(tag: str, floor: Floor) -> None:
    known = sorted({t for room in floor.rooms for t in room.tags})
    together = sum_of(floor)
    if together and tag not in known and any(tag in room.tags for room in together.members):
        raise BadWord("tag", f"{tag[:60]!r} is only of rooms that are {_told_within(together)}")
    if tag not in known:
        raise BadWord("tag", choose(tag, known))


def _told_within(together: Room) -> str:
    return f"told of only within {together.name!r} ({together.id}), for privacy"
