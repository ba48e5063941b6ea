"""What the parser needs to know of a target: its name, its query parameters and its formats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target as the parser sees it.

    `many_floors`: it accepts a list of floors, or `all`. `without_floor`: if `space` is missing, all floors
    are meant. The first format is the default.
    """

    name: str
    parameters: tuple[str, ...]
    formats: tuple[str, ...]
    many_floors: bool = False
    without_floor: bool = False

    @property
    def has_period(self) -> bool:
        return "from" in self.parameters
