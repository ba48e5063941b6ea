"""One row of the benchmark: the backend compared with a reference, measured in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """`ours` and `reference` are in `unit`. `wanted`: how many times better ours must be at least. `note`:
    more values.
    """

    name: str
    ours: float
    reference_name: str
    reference: float
    wanted: float | None = None
    unit: str = "ms"
    more_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times better ours is."""
        better, worse = (self.ours, self.reference) if self.more_is_better else (self.reference, self.ours)
        return better / worse if worse else float("inf")

    @property
    def is_met(self) -> bool:
        """Whether the ratio is as wanted."""
        return self.wanted is None or self.ratio >= self.wanted


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def median_ms(work: Callable[[], object], times: int) -> float:
    """The median duration of `times` runs, after one run that does not count."""
    work()
    return statistics.median(milliseconds(work) for _ in range(times))
