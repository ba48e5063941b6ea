"""The busiest hour of a week's pattern, and its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from butlr_grafana.insight.pattern import PatternCell

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Busiest:
    """An hour of the week (`weekday` 0 is Monday) and its value, which is above 0."""

    weekday: int
    hour: int
    value: float

    @property
    def when(self) -> str:
        """Tuesday, 11 to 12: an hour has a beginning and an end."""
        return f"{WEEKDAYS[self.weekday]} {self.hour}\u2013{self.hour + 1}"


def busiest(cells: Sequence[PatternCell]) -> Busiest | None:
    """Of equals the first of the week; `None` where nobody was, and of several assets or fields."""
    known = [(cell.value, cell) for cell in cells if cell.value is not None and cell.value > 0]
    if not known or len({(cell.asset_id, cell.field) for cell in cells}) > 1:
        return None
    value, cell = max(known, key=lambda pair: pair[0])
    return Busiest(cell.weekday, cell.hour, value)
