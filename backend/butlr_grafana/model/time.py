"""Periods, local hours and the lengths of time: seconds since 1970, UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

MINUTE_S = 60
HOUR_S = 3600
DAY_S = 86_400
WEEK_S = 7 * DAY_S

NOW_S = 5 * MINUTE_S
"""In seconds. The newest known minute of people counts as now if it is not older."""


def floor_to(seconds: float, step_s: int, offset_s: int = 0) -> int:
    """The last multiple of `step_s` (shifted by `offset_s`) not after `seconds`."""
    return int((seconds - offset_s) // step_s) * step_s + offset_s


def iso(seconds: float) -> str:
    """`2024-01-01T00:00:00Z`; fractions of a second are cut."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat()[:19] + "Z"


def iso_if_known(seconds: float | None) -> str | None:
    return None if seconds is None else iso(seconds)


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
        """The same period as consecutive periods, divided at each instant that lies inside it."""
        inside = sorted({t for t in instants if self.start_s < t < self.end_s})
        edges = [self.start_s, *inside, self.end_s]
        return (Period(a, b) for a, b in pairwise(edges))

    def __str__(self) -> str:
        return f"{iso(self.start_s)}/{iso(self.end_s)}"


@dataclass(frozen=True, slots=True)
class LocalHours:
    """The local times that count: from `opens_min` to `closes_min` (minutes after local midnight) on
    `weekdays` (Monday is 0), not on `excluded` dates.

    If `closes_min <= opens_min`, it is an overnight window; it belongs to the day on which it starts.
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


Instants = NDArray[np.int64]
