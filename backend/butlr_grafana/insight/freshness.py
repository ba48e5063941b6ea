"""The time up to which Butlr's data are known, by floor."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from butlr_grafana.model.chunk import Source
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import HeatMap, SeriesResult


@dataclass(frozen=True, slots=True)
class Freshness:
    """A floor: before `known_until_s` its data are known; `reason` says why they are not later.

    Where nothing is known in the time that was looked at, its beginning: the data are older than that, or
    just as old.
    """

    floor: Floor
    known_until_s: float
    complete: bool
    reason: str
    source: Source = "asked"


def freshness(
    floors: Sequence[Floor],
    results: Sequence[HeatMap | SeriesResult],
    faults: Mapping[str, str],
    *,
    since_s: int,
    earlier_s: Mapping[str, int] = MappingProxyType({}),
) -> tuple[Freshness, ...]:
    """Every floor. `faults`: by floor, why it has no result. `since_s`: from where on was looked.
    `earlier_s`: by floor, up to when data are known by earlier results.
    """
    by_floor = {result.query.floor.id: result for result in results}
    return tuple(
        _of(
            floor,
            by_floor.get(floor.id),
            faults.get(floor.id, ""),
            earlier_s.get(floor.id, since_s),
        )
        for floor in floors
    )


def _of(floor: Floor, result: HeatMap | SeriesResult | None, fault: str, since_s: int) -> Freshness:
    if result is None:
        return Freshness(floor, since_s, complete=False, reason=fault)
    known_until_s = _of_map(result) if isinstance(result, HeatMap) else _of_series(result)
    reason = "; ".join(result.coverage.reasons)
    if known_until_s is None:
        reason = reason or "Butlr has no value for this time"
    # Nothing is known for longer than it was asked for: by a clock that has stepped back it would be.
    until_s = min(known_until_s or since_s, result.coverage.as_of_s or math.inf)
    return Freshness(floor, until_s, result.coverage.complete, reason, result.coverage.source)


def _of_map(result: HeatMap) -> int | None:
    """A heat map without a detection cannot tell silence from lateness: what was answered is known."""
    return max((chunk.period.end_s for chunk in result.chunks), default=None)


def _of_series(result: SeriesResult) -> int | None:
    """The end of the newest window that has a value."""
    newest: list[int] = []
    for one in result.series:
        ends_s = np.append(one.start_s[1:], result.query.period.end_s)
        newest += [int(ends_s[~np.isnan(values)].max(initial=0)) for values in one.values.values()]
    return max(newest, default=0) or None
