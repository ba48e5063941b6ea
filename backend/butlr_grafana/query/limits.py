"""What may be asked for at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What the settings say of questions."""

    max_range_days: int = 400
    holidays: frozenset[date] = frozenset()
