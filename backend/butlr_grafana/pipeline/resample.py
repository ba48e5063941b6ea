"""Samples → series in equal windows: statistics over what Butlr measured in finer ones.

A gap is NaN and stays one: it never counts as 0. Every statistic is of the base values themselves, never a
mean of means of uneven windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from butlr_grafana.model.chunk import Floats, Samples
from butlr_grafana.model.time import Instants, Period


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values over time: `start_s` int64[n] are the windows' beginnings; `values` by (asset, field), each
    float64[n] with NaN for a gap.
    """

    start_s: Instants
    values: dict[tuple[str, str], Floats]


def join(pieces: Sequence[Samples]) -> Samples:
    """Samples of disjoint periods as one."""
    series = tuple(dict.fromkeys(s for piece in pieces for s in piece.series))
    if not series:
        return Samples.empty()
    number = {s: i for i, s in enumerate(series)}
    index = [np.array([number[s] for s in p.series], np.int32)[p.index] for p in pieces if p.series]
    filled = [p for p in pieces if p.series]
    return Samples(
        series,
        np.concatenate(index),
        np.concatenate([p.start_s for p in filled]),
        np.concatenate([p.value for p in filled]),
    )


def statistic(name: str) -> Callable[[Floats], float]:
    """The function of a statistic's name (`mean`, `max`, `p95` …). It takes one or more values, no gaps."""
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
    # All series are sorted together: a call of numpy for each one takes longer than its few values.
    known = np.flatnonzero(~np.isnan(samples.value))
    known = known[np.lexsort((samples.start_s[known], samples.index[known]))]
    all_times, all_values = samples.start_s[known], samples.value[known]
    bounds = np.searchsorted(samples.index[known], np.arange(len(samples.series) + 1)).tolist()
    for series, (first, last) in zip(samples.series, pairwise(bounds), strict=True):
        times, base = all_times[first:last], all_values[first:last]
        cuts = np.searchsorted(times, edges)
        counts = np.diff(cuts)
        if counts.max(initial=0) <= 1:
            # Of one value every statistic is that value; months of hours are quicker so.
            values[series] = np.where(counts == 1, np.append(base, np.nan)[cuts[:-1]], np.nan)
        else:
            values[series] = np.array([reduce(base[a:b]) if b > a else np.nan for a, b in pairwise(cuts)])
    return Series(starts, values)


def only_within(samples: Samples, periods: Sequence[Period]) -> Samples:
    """The values whose window begins in one of the periods, which are in order and apart."""
    starts = np.array([p.start_s for p in periods], np.int64)
    ends = np.array([p.end_s for p in periods], np.int64)
    place = np.searchsorted(starts, samples.start_s, side="right") - 1
    inside = (place >= 0) & (samples.start_s < ends[np.maximum(place, 0)]) if ends.size else place >= 0
    return Samples(samples.series, samples.index[inside], samples.start_s[inside], samples.value[inside])
