"""The place and the hour of a measurement: a floor with working sensors, and a past, busy hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from butlr_grafana.base.errors import UpstreamInvalid, UpstreamRefused
from butlr_grafana.butlr.labels import instant_of_label
from butlr_grafana.butlr.rows import Row
from butlr_grafana.measure.client import MeasurementClient, Reporting
from butlr_grafana.model.calendar import instant_of
from butlr_grafana.model.floor import Floor, Polygon, Room, as_built
from butlr_grafana.model.time import DAY_S, HOUR_S, Period

WORKING_HOURS = range(7, 20)
MOST_FLOORS, MOST_DAYS = 2, 4
"""How many floors, and days of each, are looked at for a busy hour."""

ENOUGH_MOVEMENTS, ENOUGH_PEOPLE = 6.0, 2.0
"""An hour with so many movements, or people on average, tells enough."""

MOST_ROOMS = 30


@dataclass(frozen=True, slots=True)
class Scene:
    """What is measured. `day`: the local day of the `hour`; `day_rows`: all its traffic, hour by hour;
    `busy`: how busy the hour was, from 0 to 1 (enough).
    """

    floor: Floor
    hour: Period
    day: Period
    day_rows: tuple[Row, ...] = ()
    busy: float = 0.0

    @property
    def timezone(self) -> str:
        return self.floor.timezone

    @property
    def next_hour(self) -> Period:
        return Period(self.hour.end_s, self.hour.end_s + HOUR_S)

    @property
    def quiet_hour(self) -> Period:
        """From 3 to 4 in the night before."""
        zone = ZoneInfo(self.timezone)
        date = datetime.fromtimestamp(self.day.start_s, zone).date()
        start_s = instant_of(date, 3 * 60, zone)
        return Period(start_s, start_s + HOUR_S)

    @property
    def rooms(self) -> tuple[str, ...]:
        """Those whose presence sensor works, or of which Butlr does not say; at most a batch."""
        may_be_online = (True, None) if self.floor.sensors is None else (True,)
        rooms = as_built(self.floor.rooms)
        return tuple(sorted(room.id for room in rooms if room.online in may_be_online))[:MOST_ROOMS]

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(sorted(zone.id for zone in as_built(self.floor.zones)))[:10]

    @property
    def rooms_with_doors(self) -> tuple[str, ...]:
        return tuple(sorted({s.room_id for s in self.floor.sensors or () if s.counts_doors and s.room_id}))[
            :10
        ]

    @property
    def doors_online(self) -> int:
        return doors_online(self.floor)

    @property
    def may_have_doors(self) -> bool:
        return may_have_doors(self.floor)

    @property
    def polygons(self) -> dict[str, Polygon]:
        return {room.id: room.polygon for room in as_built(self.floor.rooms) if room.polygon}

    @property
    def weekday(self) -> int:
        """Monday is 0."""
        return datetime.fromtimestamp(self.hour.start_s, ZoneInfo(self.timezone)).weekday()

    @property
    def week(self) -> Period:
        """The seven local days up to the day's end."""
        zone = ZoneInfo(self.timezone)
        last = datetime.fromtimestamp(self.day.end_s, zone).date()
        return Period(instant_of(last - timedelta(days=7), 0, zone), self.day.end_s)


def doors_online(floor: Floor) -> int:
    return sum(s.counts_doors and s.works is not False for s in floor.sensors or ())


def may_have_doors(floor: Floor) -> bool:
    """Whether a traffic sensor works there, or Butlr does not say."""
    return floor.sensors is None or doors_online(floor) > 0


def best_first(floors: Iterable[Floor]) -> list[Floor]:
    """Floors by how much can be measured on them: working presence sensors in drawn rooms, doors, zones."""

    def worth(floor: Floor) -> float:
        rooms: list[Room] = as_built(floor.rooms)
        drawn = sum(room.online is True and room.polygon is not None for room in rooms)
        return min(drawn, 10) + min(doors_online(floor), 5) + bool(floor.zones)

    return sorted(floors, key=worth, reverse=True)


def pick(
    floors: Iterable[Floor],
    client: MeasurementClient,
    now_s: float,
    show: Callable[[str], None] = lambda _text: None,
) -> Scene | None:
    """A floor and an hour with enough people, else the best that was met; `None`: nobody was anywhere.

    Where metrics cannot be read, the morning of the day before. Raises what other faults of Butlr raise.
    """
    best: Scene | None = None
    listed = best_first(floors)
    for floor in listed[:MOST_FLOORS]:
        for back in range(1, MOST_DAYS + 1):
            show(f"a busy hour: day {back} before today")
            try:
                scene = _look(floor, local_day(now_s, floor.timezone, back), client)
            except (UpstreamInvalid, UpstreamRefused):
                return morning(listed[0], now_s)
            if scene is not None and (best is None or scene.busy > best.busy):
                best = scene
            if scene is not None and scene.busy >= 1.0:
                return scene
    return best


def morning(floor: Floor, now_s: float) -> Scene:
    """From ten to eleven of the day before."""
    day = local_day(now_s, floor.timezone, 1)
    zone = ZoneInfo(floor.timezone)
    start_s = instant_of(datetime.fromtimestamp(day.start_s, zone).date(), 10 * 60, zone)
    return Scene(floor, Period(start_s, start_s + HOUR_S), day)


def _look(floor: Floor, day: Period, client: MeasurementClient) -> Scene | None:
    """The busiest working hour of a day, by movements; where those are few, by people."""
    rows: list[Row] = []
    found: list[Scene] = []

    def consider(counted: Sequence[Row], enough: float) -> None:
        counts = by_label(counted)
        hour = busiest(counts, day, floor.timezone)
        if hour is not None:
            busy = min(1.0, _both(counts, hour) / enough)
            found.append(Scene(floor, hour, day, tuple(rows), busy))

    if may_have_doors(floor):
        rows += client.rows(Reporting("traffic", "1h", "sum", day, floor.timezone, spaces=[floor.id]))
        consider(rows, ENOUGH_MOVEMENTS)
    if not found or found[0].busy < 1.0:
        request = Reporting("floor_occupancy", "1h", "mean", day, floor.timezone, spaces=[floor.id])
        consider(client.rows(request), ENOUGH_PEOPLE)
    return max(found, key=lambda one: one.busy, default=None)


def by_label(rows: Sequence[Row]) -> Counter[int]:
    """The sum of the values of each label."""
    counts: Counter[int] = Counter()
    for row in rows:
        if isinstance(value := row.get("value"), int | float) and value > 0:
            counts[instant_of_label(row.get("time"))] += value  # type: ignore[assignment]  # means are fractions
    return counts


def busiest(counts: Counter[int], day: Period, timezone: str) -> Period | None:
    """The working hour at both of whose ends most is labelled: whichever end labels name, it was busy."""
    zone = ZoneInfo(timezone)
    hours = [
        Period(start_s, start_s + HOUR_S)
        for start_s in range(day.start_s, day.end_s - HOUR_S, HOUR_S)
        if datetime.fromtimestamp(start_s, zone).hour in WORKING_HOURS
    ]
    best = max(
        hours, key=lambda hour: (_both(counts, hour), counts[hour.end_s] + counts[hour.start_s]), default=None
    )
    return best if best and counts[best.start_s] + counts[best.end_s] > 0 else None


def _both(counts: Counter[int], hour: Period) -> float:
    return float(min(counts[hour.start_s], counts[hour.end_s]))


def local_day(now_s: float, timezone: str, back: int) -> Period:
    """The local day so many days before today."""
    zone = ZoneInfo(timezone)
    date = datetime.fromtimestamp(now_s, zone).date() - timedelta(days=back)
    start_s, end_s = (instant_of(date + timedelta(days=n), 0, zone) for n in (0, 1))
    assert end_s - start_s < 2 * DAY_S
    return Period(start_s, end_s)
