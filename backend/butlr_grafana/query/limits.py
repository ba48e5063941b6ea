"""The limits of a query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """The limits of queries from the settings. `week_start`: the first day of a week; Monday is 0."""

    max_range_days: int = 400
    holidays: frozenset[date] = frozenset()
    week_start: int = 0
