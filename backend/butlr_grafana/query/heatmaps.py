"""Heat-map queries of a scope."""

from __future__ import annotations

from butlr_grafana.model.chunk import AUTO_RESOLUTIONS_M
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import Query
from butlr_grafana.model.time import Period
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parse import COLUMNS
from butlr_grafana.query.period import cover
from butlr_grafana.query.scope import Scope


def heat_map_queries(scope: Scope) -> tuple[Query, ...]:
    """One query for each floor of the scope."""
    parsed = scope.parsed
    return tuple(
        Query(
            floor=one.floor,
            period=one.period,
            resolution_m=parsed.resolution or finest(one.floor, scope.columns),
            normalize=parsed.normalize,
            local_hours=one.local_hours,
            rooms=one.rooms,
            require=parsed.require,
            format=parsed.format,
            tz=parsed.tz,
        )
        for one in scope.floors
    )


def whole_floor(floor: Floor, period: Period, *, now_s: float, limits: QueryLimits) -> Query:
    """The query for the heat map of a whole floor with the defaults of panels, so that it shares their calls.
    Only a complete result is allowed.
    """
    covered = cover(period.start_s, period.end_s, floor.timezone, now_s=now_s, limits=limits)
    return Query(floor, covered, finest(floor, COLUMNS), require="complete")


def finest(floor: Floor, columns: int) -> float:
    """The finer of 0.5 and 1.0 metres that gives at most `columns` columns on this floor; otherwise 1.0.

    0.25 is finer than the sensors see, so it is used only if the query requests it. If Butlr has no outline
    and no polygon of the floor, its width is unknown: 1.0.
    """
    coarsest, bounds = AUTO_RESOLUTIONS_M[-1], floor.bounds
    if bounds is None:
        return coarsest
    width_m = bounds.max_x - bounds.min_x
    return next((metres for metres in AUTO_RESOLUTIONS_M if width_m / metres <= columns), coarsest)
