"""The limits of a query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What the settings say of questions. `week_start`: the day on which a week begins; Monday is 0."""

    max_range_days: int = 400
    holidays: frozenset[date] = frozenset()
    week_start: int = 0
