"""The values that flow through a query: frozen, without I/O, in metres, seconds and UTC.

Times are whole seconds since the epoch; a period is half-open, `[start_s, end_s)`, everywhere.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.errors import UpstreamInvalid
from butlr_grafana.factors.factor import Known
from butlr_grafana.sensors import Hive, Sensor, VirtualRule

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
WEEK_S = 7 * DAY_S

RESOLUTIONS_M = (0.25, 0.5, 1.0)
"""The grids Butlr offers, in metres."""

SENSOR_ACCURACY_M = (0.3, 0.6)
"""How far a detection may lie from where the person was, as Butlr says (1 to 2 feet)."""

AUTO_RESOLUTIONS_M = tuple(metres for metres in RESOLUTIONS_M if metres > SENSOR_ACCURACY_M[0])
"""Those that are chosen without being asked for: no finer than the sensors see."""

PHASE_TOLERANCE = 1e-3
"""Of a cell: positions closer than this are one position written with rounding."""

FOOT_M = 0.3048
"""Exactly."""

MAX_CELLS = 4_000_000
"""The largest rectangle of cells that is ever laid out."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Polygon = tuple[tuple[float, float], ...]


def floor_to(seconds: float, step_s: int, offset_s: int = 0) -> int:
    """The last multiple of `step_s` (shifted by `offset_s`) not after `seconds`."""
    return int((seconds - offset_s) // step_s) * step_s + offset_s


def check_size(nx: int, ny: int) -> None:
    """Raises `UpstreamInvalid` for a rectangle that no floor has and no memory should hold."""
    if nx * ny > MAX_CELLS:
        raise UpstreamInvalid(f"cells spread over {nx} x {ny}; at most {MAX_CELLS:,} cells can be answered")


def iso(seconds: float) -> str:
    """`2024-01-01T00:00:00Z`; fractions of a second are cut."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, order=True, slots=True)
class Period:
    """The instants `start_s <= t < end_s`; never empty."""

    start_s: int
    end_s: int

    def __post_init__(self) -> None:
        if self.start_s >= self.end_s:
            raise ValueError(f"empty period {self.start_s}..{self.end_s}")

    @property
    def length_s(self) -> int:
        return self.end_s - self.start_s

    def contains(self, other: Period) -> bool:
        return self.start_s <= other.start_s and other.end_s <= self.end_s

    def overlap(self, other: Period) -> Period | None:
        start, end = max(self.start_s, other.start_s), min(self.end_s, other.end_s)
        return Period(start, end) if start < end else None

    def cut_at(self, instants: Iterable[int]) -> Iterator[Period]:
        """The same instants as consecutive periods, divided wherever an instant lies inside."""
        inside = sorted({t for t in instants if self.start_s < t < self.end_s})
        edges = [self.start_s, *inside, self.end_s]
        return (Period(a, b) for a, b in pairwise(edges))

    def __str__(self) -> str:
        return f"{iso(self.start_s)}/{iso(self.end_s)}"


@dataclass(frozen=True, slots=True)
class LocalHours:
    """Which local times count: from `opens_min` to `closes_min` (minutes after local midnight) on
    `weekdays` (Monday is 0), not on `excluded` dates.

    `closes_min <= opens_min` is an overnight window; it belongs to the day it starts.
    """

    timezone: str
    opens_min: int = 0
    closes_min: int = 24 * 60
    weekdays: frozenset[int] = frozenset(range(7))
    excluded: frozenset[date] = frozenset()

    @property
    def is_always(self) -> bool:
        return (
            self.opens_min == 0
            and self.closes_min == 24 * 60
            and len(self.weekdays) == 7
            and not self.excluded
        )


@dataclass(frozen=True, order=True, slots=True)
class HeatMapSubject:
    """What a heat-map segment is of: detections in cells of `resolution_m`.

    `stop`, `y`: how this account's answers are read (`verdicts.Verdicts.stop`, `heat_y`).
    """

    adds_up: ClassVar[bool] = True
    """Whether adjoining parts together are the part of the whole period."""

    resolution_m: float
    stop: str = "exclusive"
    y: str = "as-plan"

    @property
    def key(self) -> str:
        """Names the subject where parts are kept."""
        return f"heatmap/{self.resolution_m:g}/{self.stop}/{self.y}"


@dataclass(frozen=True, order=True, slots=True)
class SeriesSubject:
    """What a series segment is of: one Butlr measurement in windows of `every` (`1m`, `1h`, `1d`).

    `level`: `floor`, `room`, `zone`, or `sensor` (all traffic sensors of a floor, see `doors`). `items`: the
    ids that are asked for, sorted; none where the floor itself is. `function`: how Butlr makes one value of a
    window's; `timezone`: the clock of its windows. `labels`: what a row's `time` is (`Verdicts.labels`).
    """

    adds_up: ClassVar[bool] = True

    measurement: str
    level: str
    every: str
    function: str
    timezone: str
    items: tuple[str, ...] = ()
    labels: str = "end"

    @property
    def is_calibrated(self) -> bool:
        """Whether it is a people count made from doors, which Butlr corrects after the day."""
        return self.measurement.startswith("traffic_")

    @property
    def key(self) -> str:
        return (
            f"series/{self.measurement}/{self.level}/{self.every}/{self.function}/{self.timezone}"
            f"/{digest(self.items)}/{self.labels}"
        )


@dataclass(frozen=True, order=True, slots=True)
class StatsSubject:
    """What a statistics segment is of: figures of `items` (ids of one floor) over a whole period, of the
    minutes that count by the floor's clock.

    `time_ranges`: minutes after midnight, half-open; none: the whole day. `excluded_weekdays`: Monday is 0.
    """

    adds_up: ClassVar[bool] = False

    measurements: tuple[str, ...]
    items: tuple[str, ...]
    time_ranges: tuple[tuple[int, int], ...] = ()
    excluded_weekdays: tuple[int, ...] = ()
    weekday_case: str = "capitalised"

    @property
    def key(self) -> str:
        ranges = ",".join(f"{start}-{stop}" for start, stop in self.time_ranges)
        days = ",".join(map(str, self.excluded_weekdays)) + (
            self.weekday_case if self.excluded_weekdays else ""
        )
        return f"stats/{'+'.join(self.measurements)}/{ranges}/{days}/{digest(self.items)}"


Subject = HeatMapSubject | SeriesSubject | StatsSubject


def digest(items: Iterable[str]) -> str:
    """A short name for a list of ids."""
    return hashlib.sha256("\n".join(items).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Segment:
    """One question small enough for Butlr: a floor, a subject, at most 168 hours where parts add up.

    `settled`: its end is so old that nothing can be added to it any more, so it is kept for good.
    """

    space: str
    subject: Subject
    period: Period
    settled: bool

    @property
    def resolution_m(self) -> float:
        """The cells of a heat-map segment."""
        assert isinstance(self.subject, HeatMapSubject)
        return self.subject.resolution_m


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rectangle on the floor in metres."""

    min_x: float
    min_y: float
    max_x: float
    max_y: float

    def union(self, other: Bounds) -> Bounds:
        return Bounds(
            min(self.min_x, other.min_x),
            min(self.min_y, other.min_y),
            max(self.max_x, other.max_x),
            max(self.max_y, other.max_y),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Detections by cell, sparse: cell k has its centre at `phase + index * resolution` metres.

    `ix`, `iy` int32[n] and `value` float64[n] hold each cell with a detection once, sorted by (x, y).
    `phase_m` lies in [0, resolution) on both axes; Butlr does not document its grid's origin, so it is
    read off the cells, and is `None` where there is no cell. `bounds`: what Butlr said of the floor.
    """

    resolution_m: float
    phase_m: tuple[float, float] | None
    ix: Ints
    iy: Ints
    value: Floats
    bounds: Bounds | None = None
    rebinned: bool = False

    @property
    def nbytes(self) -> int:
        return self.ix.nbytes + self.iy.nbytes + self.value.nbytes + 200

    @property
    def total(self) -> float:
        return float(self.value.sum())

    def centres(self) -> tuple[Floats, Floats]:
        """The cells' centres in metres, x[n] and y[n]."""
        phase_x, phase_y = self.phase_m or (0.0, 0.0)
        x, y = (index.astype(np.float64) * self.resolution_m for index in (self.ix, self.iy))
        return x + phase_x, y + phase_y

    @staticmethod
    def empty(resolution_m: float, bounds: Bounds | None = None) -> Grid:
        none = np.empty(0, np.int32)
        return Grid(resolution_m, None, none, none, np.empty(0, np.float64), bounds)


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Values of assets in time windows: row k is `value[k]` of `series[index[k]]` in the window that
    begins at `start_s[k]`.

    `series`: pairs of an asset's id and a field (`value`, `in`, `out`; of statistics the measurement, in one
    window, the period). `index` int32[n], `start_s` int64[n], `value` float64[n], NaN where Butlr knows
    nothing: a gap is not 0. `incomplete`: how many windows Butlr itself calls incomplete; they are NaN.
    """

    series: tuple[tuple[str, str], ...]
    index: Ints
    start_s: NDArray[np.int64]
    value: Floats
    incomplete: int = 0

    @property
    def nbytes(self) -> int:
        names = sum(len(asset) + len(field) + 120 for asset, field in self.series)
        return self.index.nbytes + self.start_s.nbytes + self.value.nbytes + names + 200

    @staticmethod
    def empty() -> Samples:
        return Samples((), np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64))


Content = Grid | Samples


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Part:
    """What was asked for one segment: `content` is exact for `period`, as known at `fetched_at_s`.

    That is an instant of the wall clock, which may step. How old a part is, is measured from `asked_at`, on
    this process' stopwatch; minus infinity where that is not known, as of settled parts from disk, whose age
    does not count.
    """

    period: Period
    content: Content
    fetched_at_s: float
    settled: bool
    asked_at: float = -math.inf

    @property
    def grid(self) -> Grid:
        """The content of a heat-map part."""
        assert isinstance(self.content, Grid)
        return self.content

    @property
    def samples(self) -> Samples:
        """The content of a series part."""
        assert isinstance(self.content, Samples)
        return self.content


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of what was planned is in an answer.

    `planned` segments are `fetched` (from Butlr, for this answer), `cached`, `stale` (older than they
    should be, or only a part of the segment) or `missing`. `hours`: the hours really counted.
    `as_of_s`: up to when the answer is known; the oldest part that could still change decides.
    `fresh_until_s`: up to when what is kept of it would be answered again; infinite of settled parts.
    """

    planned: int
    fetched: int
    cached: int
    stale: int
    missing: int
    hours: float
    as_of_s: float
    gaps: tuple[Period, ...] = ()
    reasons: tuple[str, ...] = ()
    fresh_until_s: float = math.inf

    @property
    def complete(self) -> bool:
        return not self.missing and not self.stale


@dataclass(frozen=True, slots=True)
class Room:
    """A room; whatever Butlr does not know of it is `None`. With `members` it stands for several that are
    only told of together (see `privacy`), and has no polygon of its own. `silent_since_s`: where it is
    offline now, when its sensors were heard last.
    """

    id: str
    name: str
    floor_id: str
    type: str | None = None
    polygon: Polygon | None = None
    capacity: int | None = None
    area_m2: float | None = None
    tags: tuple[str, ...] = ()
    online: bool | None = None
    members: tuple[Room, ...] = ()
    rotation_deg: float = 0.0
    silent_since_s: int | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A marked area; `members`, `silent_since_s` as in `Room`."""

    id: str
    name: str
    floor_id: str
    room_id: str | None = None
    polygon: Polygon | None = None
    members: tuple[Zone, ...] = ()
    capacity: int | None = None
    area_m2: float | None = None
    tags: tuple[str, ...] = ()
    sensor_ids: tuple[str, ...] = ()
    online: bool | None = None
    rotation_deg: float = 0.0
    silent_since_s: int | None = None


Asset = TypeVar("Asset", Room, Zone)


def as_built(assets: Iterable[Asset]) -> list[Asset]:
    """Rooms or zones one by one, also those that are only told of together: for outlines, not for figures."""
    return [member for asset in assets for member in asset.members or (asset,)]


@dataclass(frozen=True, slots=True)
class Building:
    id: str
    name: str
    site: str


@dataclass(frozen=True, slots=True)
class FloorPlanPicture:
    """Where Butlr keeps its picture of a floor, and where that belongs.

    Turned by `rotation_deg` (from x towards y) it covers `polygon`, in metres. The address may hold a
    signature, so it is not shown.
    """

    url: str = field(repr=False)
    polygon: Polygon
    rotation_deg: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class PlanDrawing:
    """A floor's plan as Butlr's picture has it: `ink` uint8[height, width], 0 is paper, 255 the darkest."""

    plan: FloorPlanPicture
    ink: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor: what Butlr calls a space in a heat-map question.

    `sensors`: all that Butlr lists there, virtual ones too; `None`: Butlr did not say. `virtual_sensors`:
    which of those count (`sensors.one_a_tail`).
    """

    id: str
    name: str
    building: Building
    timezone: str
    number: int | None = None
    capacity: int | None = None
    area_m2: float | None = None
    outline: Polygon | None = None
    plan: FloorPlanPicture | None = None
    rooms: tuple[Room, ...] = ()
    zones: tuple[Zone, ...] = ()
    tags: tuple[str, ...] = ()
    sensors: tuple[Sensor, ...] | None = None
    hives: tuple[Hive, ...] = ()
    virtual_sensors: VirtualRule = "by-place"

    @property
    def bounds(self) -> Bounds | None:
        """The rectangle around everything drawn on the floor."""
        rooms, zones = as_built(self.rooms), as_built(self.zones)
        shapes = [self.outline, *(r.polygon for r in rooms), *(z.polygon for z in zones)]
        points = [p for shape in shapes if shape for p in shape]
        if not points:
            return None
        xs, ys = zip(*points, strict=True)
        return Bounds(min(xs), min(ys), max(xs), max(ys))


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the topology that a viewer of a floor should know; of every floor where `floor_id` is
    `None`: such a note names no floor, for not everybody may see each.

    `about`: what it bears on: `time` (windows and days), `area`, `traffic`, `places` (rooms, zones), `gone`
    (a floor that is listed no more), `schema` (fields that an account lacks), `all`. `of`: the ids of the
    rooms and zones that the text names.
    """

    floor_id: str | None
    text: str
    about: str = "all"
    of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """The floors that may be asked for, by id, in Butlr's order.

    `notes`: what could not be read, or was decided in Butlr's stead. `partial`: Butlr left out a part of its
    answer, so a floor that is not in it may still be there.
    """

    floors: dict[str, Floor]
    notes: tuple[Note, ...] = ()
    partial: bool = False

    def restricted_to(self, floors: frozenset[str] | None) -> Topology:
        """Only these floors; `None` is all of them."""
        if floors is None:
            return self
        notes = tuple(n for n in self.notes if n.floor_id is None or n.floor_id in floors)
        return Topology({k: f for k, f in self.floors.items() if k in floors}, notes, self.partial)

    def notes_on(self, floor_id: str) -> tuple[Note, ...]:
        """What is to be known of a floor."""
        return tuple(note for note in self.notes if note.floor_id in (None, floor_id))

    @property
    def buildings(self) -> tuple[Building, ...]:
        return tuple(dict.fromkeys(f.building for f in self.floors.values()))


@dataclass(frozen=True, slots=True)
class Query:
    """A question in full: every word read, every default filled in, every id known.

    `rooms`: the rooms to which the cells are limited, or `None` for the whole floor. `tz`: the zone by whose
    clock it is asked, where that is not the floor's. `limits`: what of it is not answered as it was asked, in
    words for a viewer.
    """

    target: str
    floor: Floor
    period: Period
    resolution_m: float
    normalize: str = "none"
    local_hours: LocalHours | None = None
    rooms: tuple[Room, ...] | None = None
    require: str = "any"
    format: str = "frames"
    tz: str | None = None
    limits: str = ""

    @property
    def timezone(self) -> str:
        """By whose clock hours and days begin."""
        return self.tz or self.floor.timezone


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """The answer to a heat-map query.

    `raw`: sums of detections, exact for what `coverage` covers; `shown`: the same after normalising, with
    cells of 0 where they are asked for. Both are without the cells that may not be shown one by one (see
    `privacy`); `hidden` are their detections.
    `parts` hold all cells: they are for sums only. `seen`: by room, in what share of the hours counted its
    sensors told anything (0 to 1), as far as that is known; `unseen_why`: why it is not, where it was asked.
    `unit`: what `shown` is in, `detections` or `people` (per m²); `factor`: the floor's, or why it has none,
    where people are wanted.
    """

    query: Query
    raw: Grid
    shown: Grid
    coverage: Coverage
    parts: tuple[Part, ...]
    hidden: float = 0.0
    seen: Mapping[str, float] = field(default_factory=dict)
    unseen_why: str = ""
    unit: str = "detections"
    factor: Known | None = None

    @property
    def total(self) -> float:
        """All detections, whether or not their cells are shown."""
        return self.raw.total + self.hidden

    @property
    def peak(self) -> float:
        """Detections of the fullest cell."""
        return float(self.raw.value.max(initial=0.0))


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """A question for values over time on one floor, in full.

    `every`: the windows of the answer; `base`: what Butlr is asked for, which `base_name` says in words.
    `rooms`: those to which the answer is limited, or `None`.
    """

    target: str
    floor: Floor
    period: Period
    every: str
    statistic: str
    level: str
    base: SeriesSubject
    local_hours: LocalHours | None = None
    rooms: tuple[Room, ...] | None = None
    require: str = "any"
    format: str = "frames"

    @property
    def timezone(self) -> str:
        """By whose clock windows begin: the floor's, or that of the word `tz`."""
        return self.base.timezone

    @property
    def base_name(self) -> str:
        return f"{self.base.every} {self.base.function}"


@dataclass(frozen=True, slots=True, eq=False)
class AssetSeries:
    """Values of one asset: `values` by field (`value`, or `in` and `out`), float64[n], NaN for a gap."""

    floor: Floor
    asset_id: str
    name: str
    start_s: NDArray[np.int64]
    values: dict[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class SeriesAnswer:
    """The answer to a series query: one series an asset of which Butlr tells, in the floor's order.

    `incomplete`: of how many values Butlr itself says that they are incomplete; they are gaps.
    """

    query: SeriesQuery
    series: tuple[AssetSeries, ...]
    coverage: Coverage
    incomplete: int = 0


@dataclass(frozen=True, slots=True)
class StatsQuery:
    """A question for one figure a room over a period, in full.

    `subject`: what Butlr is asked for; `None` where it cannot be asked, and `why_not` says why (empty: the
    floor has no room).
    """

    floor: Floor
    period: Period
    subject: StatsSubject | None
    why_not: str = ""
    require: str = "any"


@dataclass(frozen=True, slots=True, eq=False)
class StatsAnswer:
    """The answer to a statistics query: the known figures by item and measurement."""

    query: StatsQuery
    figures: dict[tuple[str, str], float]
    coverage: Coverage


AnyQuery = Query | SeriesQuery | StatsQuery
AnyAnswer = HeatMap | SeriesAnswer | StatsAnswer
