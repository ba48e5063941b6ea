"""Answers that are grouped: an object in an object for each word of `group_by.order`, figures innermost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .geometry import Floats
from .report_query import ReportQuery
from .series import Series
from .stays import Ints


def codes(series: Sequence[Series], order: Sequence[str]) -> dict[str, Ints]:
    """For each tag in the order an array `[series]`: numbers that rank as its texts do, none first."""
    return {
        word: np.unique([one.tags[word] or "" for one in series], return_inverse=True)[1]
        for word in order
        if word != "time"
    }


def number(value: float) -> float | int | None:
    """As JSON has it: whole numbers whole, no data as null."""
    if np.isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def grouped(
    query: ReportQuery, series: Sequence[Series], values: Floats, edges: Ints, times: Sequence[str]
) -> dict[str, Any]:
    """One page of groups of `[series, minute]` values.

    `edges` are the columns at which windows begin and the last ends, `times` the windows' names.
    """
    group = _groups(series, query.order, len(edges) - 1)
    counted = np.isfinite(values) if query.at_least is None else values >= query.at_least
    by_minute = np.repeat(group, np.diff(edges), axis=1)
    # By group, within it by time, at one time as the series come.
    of, data = by_minute.T[counted.T], values.T[counted.T]
    order = np.argsort(of, kind="stable")
    of, data = of[order], data[order]
    known, first = np.unique(group, return_index=True)
    bounds = np.searchsorted(of, np.stack([known, known + 1]))
    listed = np.arange(len(known)) if query.create_empty else np.flatnonzero(bounds[1] > bounds[0])
    answer: dict[str, Any] = {}
    for k in listed[(query.page - 1) * query.limit : query.page * query.limit].tolist():
        one, window = series[first[k] // (len(edges) - 1)], int(first[k]) % (len(edges) - 1)
        *outer, last = [times[window] if word == "time" else one.tags[word] or "" for word in query.order]
        inner = answer
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = _figures(data[bounds[0, k] : bounds[1, k]])
    return answer


def _groups(series: Sequence[Series], order: Sequence[str], windows: int) -> Ints:
    """`[series, window]`: numbers that are equal within a group and rise in the order asked for."""
    ranks = codes(series, order)
    group = np.zeros((len(series), windows), dtype=np.int64)
    for word in order:
        key = np.arange(windows) if word == "time" else ranks[word][:, None]
        group = group * (key.max() + 1) + key
    return group


def _figures(data: Floats) -> dict[str, float | int | None]:
    figures = dict.fromkeys(("sum", "min", "max", "mean", "median", "first", "last"), np.nan)
    if len(data):
        figures = {
            "sum": data.sum(),
            "min": data.min(),
            "max": data.max(),
            "mean": data.mean(),
            "median": np.median(data),
            "first": data[0],
            "last": data[-1],
        }
    return {"count": len(data), **{name: number(value) for name, value in figures.items()}}
