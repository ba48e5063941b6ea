"""A question on its way from a door to its answer, and what the answer is made of."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

from butlr_grafana.answers import Answer
from butlr_grafana.factors.factor import Known
from butlr_grafana.model import (
    AnyAnswer,
    AnyQuery,
    Coverage,
    HeatMap,
    Period,
    SeriesAnswer,
    StatsAnswer,
    Topology,
)
from butlr_grafana.pipeline import Begun
from butlr_grafana.query import Asked

ABOUT_NOW_S = 300.0
"""An answer whose period ends so long ago at most is about now."""


@dataclass(frozen=True, slots=True)
class Range:
    """A panel's range in seconds, where the door has one, and how many columns it can draw."""

    start_s: int
    end_s: int
    max_data_points: int | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question in full, of which nothing has been begun.

    `served`: all floors there are, as they were known then; `topology`: those asked for. `panel`: the range,
    where the door has one. `parts`: what Butlr is to be asked. `period`: of recorded events; they have no
    parts. `factors`: by floor, as they were known then. `is_filtered_out`: the dashboard's filters leave no
    room, so the answer is empty.
    """

    asked: Asked
    now_s: float
    served: Topology
    topology: Topology
    panel: Range | None = None
    parts: tuple[AnyQuery, ...] = ()
    period: Period | None = None
    factors: Mapping[str, Known] = field(default_factory=dict)
    is_filtered_out: bool = False

    @property
    def timeless(self) -> Hashable:
        """What is asked for, whatever its time and the form of its answer: how long a period, of what."""
        asked, panel = self.asked, self.panel
        start_s, end_s = (panel.start_s, panel.end_s) if panel else (asked.start_s, asked.end_s)
        length_s = None if start_s is None or end_s is None else end_s - start_s
        return replace(asked, start_s=None, end_s=None, spaces=(), format=""), length_s


@dataclass(frozen=True, slots=True)
class Started:
    """A question whose calls are under way. Start all questions of a request, then finish each."""

    resolved: Resolved
    begun: tuple[Begun, ...] = ()

    @property
    def asked(self) -> Asked:
        return self.resolved.asked


@dataclass(frozen=True, slots=True)
class Account:
    """What a part of an answer is made of; `end_s`: where the last time that counts ends. `None` where no
    time counts, and of statistics, which are asked in whole hours.
    """

    coverage: Coverage
    end_s: int | None

    def age_s(self, now_s: float) -> float | None:
        """How old the oldest of it is, where it is about now; `None` of the past."""
        if self.end_s is None or self.end_s < now_s - ABOUT_NOW_S:
            return None
        return max(0.0, now_s - self.coverage.as_of_s)


def accounts_of(answer: Answer) -> tuple[Account, ...]:
    return tuple(Account(part.coverage, _counted_until_s(part)) for part in answer.parts)


def _counted_until_s(part: AnyAnswer) -> int | None:
    """A heat map has parts or gaps of exactly the times that count: outside office hours the last of them is
    some hours old, however new the answer is.
    """
    match part:
        case StatsAnswer():
            return None
        case SeriesAnswer():
            return part.query.period.end_s
        case HeatMap():
            counted = [*(own.period for own in part.parts), *part.coverage.gaps]
            return max((period.end_s for period in counted), default=None)
