"""What is fetched from Butlr and stored: subjects, segments, grids, samples and their coverage."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.base.errors import BackendError, UpstreamInvalid
from butlr_grafana.model.floor import Bounds
from butlr_grafana.model.time import Period

RESOLUTIONS_M = (0.25, 0.5, 1.0)
"""The cell sizes that Butlr offers, in metres."""

SENSOR_ACCURACY_M = (0.3, 0.6)
"""The distance in metres between a detection and the person, from and to, as Butlr says (1 to 2 feet)."""

AUTO_RESOLUTIONS_M = tuple(metres for metres in RESOLUTIONS_M if metres > SENSOR_ACCURACY_M[0])
"""The cell sizes for `resolution=auto`, in metres. They are not finer than the accuracy of the sensors."""

PHASE_TOLERANCE = 1e-3
"""A share of a cell: positions that are closer to each other are the same position with rounding."""

MAX_CELLS = 4_000_000
"""The most cells of a rectangle."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]


def check_size(nx: int, ny: int) -> None:
    """Raises `UpstreamInvalid` if a rectangle of cells is larger than any floor."""
    if nx * ny > MAX_CELLS:
        raise UpstreamInvalid(f"the cells cover {nx} x {ny}; a result may have at most {MAX_CELLS:,} cells")


@dataclass(frozen=True, order=True, slots=True)
class HeatMapSubject:
    """The subject of a heat-map segment: detections in cells of `resolution_m` metres.

    `stop`, `y`: how this account's responses are read (`verdicts.Verdicts.stop`, `heat_y`).
    """

    adds_up: ClassVar[bool] = True
    """Whether adjoining parts together are the part of the whole period."""

    resolution_m: float
    stop: str = "exclusive"
    y: str = "as-plan"

    @property
    def key(self) -> str:
        """The name of the subject in the cache."""
        return f"heatmap/{self.resolution_m:g}/{self.stop}/{self.y}"


@dataclass(frozen=True, order=True, slots=True)
class SeriesSubject:
    """The subject of a series segment: one Butlr measurement in windows of `every` (`1m`, `1h`, `1d`).

    `level`: `floor`, `room`, `zone`, or `sensor` (all traffic sensors of a floor, see `doors`). `items`: the
    requested ids, sorted; none for the floor itself. `function`: how Butlr combines the values of a window.
    `timezone`: the clock of its windows. `labels`: the meaning of a row's `time` (`Verdicts.labels`).
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
    def is_by_the_minute(self) -> bool:
        """Whether its windows are minutes: there is a new one each minute."""
        return self.every == "1m"

    @property
    def is_calibrated(self) -> bool:
        """Whether it is a count of people by doors, which Butlr corrects after the day."""
        return self.measurement.startswith("traffic_")

    @property
    def key(self) -> str:
        return (
            f"series/{self.measurement}/{self.level}/{self.every}/{self.function}/{self.timezone}"
            f"/{digest(self.items)}/{self.labels}"
        )


@dataclass(frozen=True, order=True, slots=True)
class StatsSubject:
    """The subject of a statistics segment: values of `items` (ids of one floor) over a whole period, for the
    minutes that count by the floor's clock.

    `time_ranges`: minutes after midnight, half-open; empty: the whole day. `excluded_weekdays`: Monday is 0.
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
    """One request small enough for Butlr: a floor, a subject, at most 168 hours if chunks add up.

    `settled`: its end is so old that nothing more can be added, so it is stored permanently. `good_s`: how
    long a chunk that has not settled is valid, if that is not the usual time. `slides`: it is a whole query
    about the last minutes, so the same query is about a later period soon.
    """

    space: str
    subject: Subject
    period: Period
    settled: bool
    good_s: float | None = field(default=None, compare=False)
    slides: bool = field(default=False, compare=False)

    def later(self, seconds: int) -> Segment:
        """The same of a period that begins and ends so much later."""
        period = Period(self.period.start_s + seconds, self.period.end_s + seconds)
        return replace(self, period=period)

    @property
    def resolution_m(self) -> float:
        """The cells of a heat-map segment."""
        assert isinstance(self.subject, HeatMapSubject)
        return self.subject.resolution_m


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Detections by cell, sparse: cell k has its centre at `phase + index * resolution` metres.

    `ix`, `iy` int32[n] and `value` float64[n] hold each cell with a detection once, sorted by (x, y).
    `phase_m` lies in [0, resolution) on both axes. Butlr does not document the origin of its grid, so the
    phase is read from the cells; it is `None` if there is no cell. `bounds`: the bounds in Butlr's response.
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

Source = Literal["asked", "pushed"]
"""Whether the backend requested the data from Butlr, or Butlr pushed them."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Chunk:
    """The data of one segment: `content` is exact for `period`, as known at `fetched_at_s`.

    `fetched_at_s` is an instant of the wall clock, which may step. The age of a chunk is measured from
    `requested_at`, the time of the request on the stopwatch of this process. It is minus infinity if it is
    unknown, as for settled chunks from disk, whose age does not count. `source`: whether Butlr pushed the
    data, or they were requested; pushed chunks are never stored.
    """

    period: Period
    content: Content
    fetched_at_s: float
    settled: bool
    requested_at: float = -math.inf
    source: Source = "asked"

    @property
    def grid(self) -> Grid:
        """The content of a heat-map chunk."""
        assert isinstance(self.content, Grid)
        return self.content

    @property
    def samples(self) -> Samples:
        """The content of a series chunk."""
        assert isinstance(self.content, Samples)
        return self.content


@dataclass(frozen=True, slots=True)
class Coverage:
    """How complete a result is.

    `planned` segments are `fetched` (from Butlr, for this result), `cached`, `pushed` (sent by Butlr itself),
    `stale` (too old, or only a part of the segment) or `missing`. `source`: of the newest. `hours`: the hours
    that were really counted. `as_of_s`: the time up to which the result is known; the oldest chunk that can
    still change decides. `fresh_until_s`: until this time, the stored chunks give the same result; infinite
    if all have settled.
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
    pushed: int = 0
    source: Source = "asked"

    @property
    def complete(self) -> bool:
        return not self.missing and not self.stale


Outcome = Chunk | BackendError
"""The result of one of several segments that were fetched with one call, or its error."""

FetchTogether = Callable[[Sequence[Segment]], Sequence[Outcome]]
"""Fetches several segments with one call. Returns a result or an error for each, in their order. Raises
`BackendError` if the whole call failed.
"""
