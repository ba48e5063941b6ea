"""Heat maps of consecutive windows, added up to one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain

from butlr_grafana.model import grid_math
from butlr_grafana.model.chunk import Coverage
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import Period


def whole(windows: Sequence[HeatMap]) -> HeatMap:
    """The heat map of all windows of one floor and resolution together; they are in order and apart.

    Its cells are raw sums, `shown` too: the windows' normalising and unit are not the whole's.
    """
    first, last = windows[0].query, windows[-1].query
    query = replace(first, period=Period(first.period.start_s, last.period.end_s), normalize="none")
    raw = grid_math.add([window.raw for window in windows], first.resolution_m)
    chunks = tuple(chain.from_iterable(window.chunks for window in windows))
    hidden = sum(window.hidden for window in windows)
    unit, factor = windows[0].unit, windows[0].factor
    return HeatMap(query, raw, raw, _coverage(windows), chunks, hidden, unit=unit, factor=factor)


def _coverage(windows: Sequence[HeatMap]) -> Coverage:
    """What can still change, or is stale, decides how old the whole is; else it is as old as its end."""
    each = [window.coverage for window in windows]
    changeable = [
        window.coverage.as_of_s
        for window in windows
        if window.coverage.stale or not all(chunk.settled for chunk in window.chunks)
    ]
    return Coverage(
        planned=sum(c.planned for c in each),
        fetched=sum(c.fetched for c in each),
        cached=sum(c.cached for c in each),
        stale=sum(c.stale for c in each),
        missing=sum(c.missing for c in each),
        hours=math.fsum(c.hours for c in each),
        as_of_s=min(changeable, default=max(c.as_of_s for c in each)),
        gaps=tuple(chain.from_iterable(c.gaps for c in each)),
        reasons=tuple(dict.fromkeys(chain.from_iterable(c.reasons for c in each))),
    )
