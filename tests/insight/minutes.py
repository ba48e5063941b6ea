"""Tiny series, small enough to reckon by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from butlr_grafana.model.calendar import window_starts
from butlr_grafana.model.chunk import Coverage, SeriesSubject
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import AssetSeries, SeriesQuery, SeriesResult
from butlr_grafana.model.time import Period

NAN = float("nan")
WHOLE = Coverage(1, 1, 0, 0, 0, 1.0, 0.0)
Values = Mapping[str, Mapping[str, Sequence[float]]]


def series(
    of: Floor, period: Period, every: str, values: Values, *, level: str = "room", coverage: Coverage = WHOLE
) -> SeriesResult:
    """An answer as the pipeline gives it; `values` by asset and field, one a window, NaN for a gap."""
    base = SeriesSubject("room_occupancy", level, every, "mean", of.timezone)
    query = SeriesQuery("occupancy", of, period, every, "mean", level, base)
    starts = window_starts(period, every, of.timezone)
    found = tuple(
        AssetSeries(of, asset, asset, starts, {field: np.array(one, float) for field, one in fields.items()})
        for asset, fields in values.items()
    )
    return SeriesResult(query, found, coverage)


def known_at(as_of_s: float, *, stale: int = 0, reasons: tuple[str, ...] = ()) -> Coverage:
    return replace(WHOLE, as_of_s=as_of_s, stale=stale, reasons=reasons)
