"""The last minutes of one series: a ring of fixed size, so that memory does not depend on what arrives."""

from __future__ import annotations

from array import array
from typing import Literal

KEPT_MINUTES = 90
"""A rule looks at most an hour back, and an hour without a receiver is filled again."""

MINUTE_S = 60

Source = Literal["pushed", "reported"]
_STATES: tuple[Source, Source] = ("pushed", "reported")
_EMPTY, _NEVER = 0, -1


class MinuteRing:
    """`width` numbers a minute, for `KEPT_MINUTES`; minutes are numbered since the epoch. Not thread-safe.

    A number is a float of four bytes: whole numbers up to 16 million are exact. Some 800 bytes at width 1.
    """

    __slots__ = ("_minute", "_state", "_values", "newest", "width")

    def __init__(self, width: int = 1) -> None:
        self.width = width
        self.newest = _NEVER
        self._minute = array("i", [_NEVER]) * KEPT_MINUTES
        self._values = array("f", [0.0]) * (KEPT_MINUTES * width)
        self._state = bytearray(KEPT_MINUTES)

    def get(self, minute: int) -> tuple[tuple[float, ...], Source] | None:
        """The numbers of a minute and where they are from; `None`: nothing is known of it."""
        at = minute % KEPT_MINUTES
        if self._minute[at] != minute or self._state[at] == _EMPTY:
            return None
        numbers = tuple(self._values[at * self.width : (at + 1) * self.width])
        return numbers, _STATES[self._state[at] - 1]

    def put(self, minute: int, numbers: tuple[float, ...], source: Source) -> bool:
        """Replaces what is known of the minute; `False`: its place belongs to a later one already."""
        at = minute % KEPT_MINUTES
        if self._minute[at] > minute:
            return False
        self._minute[at] = minute
        self._values[at * self.width : (at + 1) * self.width] = array("f", numbers)
        self._state[at] = 1 + _STATES.index(source)
        self.newest = max(self.newest, minute)
        return True
