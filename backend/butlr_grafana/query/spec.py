"""What the parser needs to know of a target: its name, its query parameters and its formats."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """`many_floors`: it takes a list of floors, or `all`. `without_floor`: `space` left out means all floors.
    The first format is the default.
    """

    name: str
    parameters: tuple[str, ...]
    formats: tuple[str, ...]
    many_floors: bool = False
    without_floor: bool = False

    @property
    def has_period(self) -> bool:
        return "from" in self.parameters
