"""Samples → series in equal windows: statistics over what Butlr measured in finer ones.

A gap is NaN and stays one: it never counts as 0. Every statistic is of the base values themselves, never a
mean of means of uneven windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.model import DAY_S, Floats, Period, Samples
from butlr_grafana.plan import instant_of

Instants = NDArray[np.int64]

STEPS_S = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "1d": DAY_S}


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values over time: `start_s` int64[n] are the windows' beginnings; `values` by (asset, field), each
    float64[n] with NaN for a gap.
    """

    start_s: Instants
    values: dict[tuple[str, str], Floats]


def join(parts: Sequence[Samples]) -> Samples:
    """Samples of disjoint periods as one."""
    series = tuple(dict.fromkeys(s for part in parts for s in part.series))
    if not series:
        return Samples.empty()
    number = {s: i for i, s in enumerate(series)}
    index = [np.array([number[s] for s in p.series], np.int32)[p.index] for p in parts if p.series]
    filled = [p for p in parts if p.series]
    return Samples(
        series,
        np.concatenate(index),
        np.concatenate([p.start_s for p in filled]),
        np.concatenate([p.value for p in filled]),
    )


def window_starts(period: Period, every: str, timezone: str) -> Instants:
    """The windows that overlap a period, by the local clock: days begin at local midnight, whatever their
    length, and the finer ones are counted from there.
    """
    zone, step_s = ZoneInfo(timezone), STEPS_S[every]
    day = datetime.fromtimestamp(period.start_s, zone).date()
    starts: list[Instants] = []
    midnight_s = instant_of(day, 0, zone)
    while midnight_s < period.end_s:
        day += timedelta(days=1)
        next_s = instant_of(day, 0, zone)
        starts.append(np.arange(midnight_s, next_s, step_s if every != "1d" else next_s - midnight_s))
        midnight_s = next_s
    found = np.concatenate(starts)
    ends = np.append(found[1:], midnight_s)
    return found[(ends > period.start_s) & (found < period.end_s)]


def statistic(name: str) -> Callable[[Floats], float]:
    """A word (`mean`, `max`, `p95` …) as a function of values without gaps, at least one."""
    plain: dict[str, Callable[[Floats], float]] = {
        "mean": lambda v: float(v.mean()),
        "max": lambda v: float(v.max()),
        "min": lambda v: float(v.min()),
        "sum": lambda v: float(v.sum()),
        "median": lambda v: float(np.median(v)),
        "first": lambda v: float(v[0]),
        "last": lambda v: float(v[-1]),
    }
    return plain[name] if name in plain else partial(_percentile, share=float(name[1:]))


def _percentile(values: Floats, share: float) -> float:
    return float(np.percentile(values, share))


def resample(samples: Samples, starts: Instants, end_s: int, name: str) -> Series:
    """One value a window and series, of the base values that begin in it; a window without any is a gap.

    `end_s`: where the last window ends.
    """
    reduce = statistic(name)
    values: dict[tuple[str, str], Floats] = {}
    edges = np.append(starts, end_s)
    for number, series in enumerate(samples.series):
        own = (samples.index == number) & ~np.isnan(samples.value)
        order = np.argsort(samples.start_s[own], kind="stable")
        times, base = samples.start_s[own][order], samples.value[own][order]
        cuts = np.searchsorted(times, edges)
        values[series] = np.array([reduce(base[a:b]) if b > a else np.nan for a, b in pairwise(cuts)])
    return Series(starts, values)
