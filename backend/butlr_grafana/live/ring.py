"""The last minutes of one series: a ring of fixed size, so that memory does not depend on what arrives."""

from __future__ import annotations

from array import array
from typing import Literal

import numpy as np
from numpy.typing import NDArray

STORED_MINUTES = 130
"""What has not settled is at most two hours old (an hour, and the rest of the hour in which it ends): so all
of it that a panel shows can be of pushed minutes. And an hour without a receiver is filled again.
"""


Source = Literal["pushed", "reported"]
_STATES: tuple[Source, Source] = ("pushed", "reported")
_EMPTY, _NEVER = 0, -1
_PUSHED = 1 + _STATES.index("pushed")

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class MinuteRing:
    """`width` numbers a minute, for `STORED_MINUTES`; minutes are numbered since the epoch. Not thread-safe.

    A number is a float of four bytes: whole numbers up to 16 million are exact. Some 1,200 bytes at width 1.
    """

    __slots__ = ("_minute", "_state", "_values", "newest", "width")

    def __init__(self, width: int = 1) -> None:
        self.width = width
        self.newest = _NEVER
        self._minute = array("i", [_NEVER]) * STORED_MINUTES
        self._values = array("f", [0.0]) * (STORED_MINUTES * width)
        self._state = bytearray(STORED_MINUTES)

    def get(self, minute: int) -> tuple[tuple[float, ...], Source] | None:
        """The numbers of a minute and where they are from; `None`: nothing is known of it."""
        at = minute % STORED_MINUTES
        if self._minute[at] != minute or self._state[at] == _EMPTY:
            return None
        numbers = tuple(self._values[at * self.width : (at + 1) * self.width])
        return numbers, _STATES[self._state[at] - 1]

    def between(self, first: int, last: int) -> tuple[Floats, Flags, Flags]:
        """Of the minutes `first` to `last` (`STORED_MINUTES` at most): their numbers [width, n], which are
        known, and which of them were pushed.
        """
        minutes = np.arange(first, last + 1)
        at = minutes % STORED_MINUTES
        states = np.frombuffer(self._state, np.uint8)[at]
        is_known = (np.frombuffer(self._minute, np.int32)[at] == minutes) & (states != _EMPTY)
        numbers = np.frombuffer(self._values, np.float32).reshape(STORED_MINUTES, self.width)[at]
        return numbers.T.astype(np.float64), is_known, is_known & (states == _PUSHED)

    def put(self, minute: int, numbers: tuple[float, ...], source: Source) -> bool:
        """Replaces what is known of the minute; `False`: its place belongs to a later one already."""
        at = minute % STORED_MINUTES
        if self._minute[at] > minute:
            return False
        self._minute[at] = minute
        self._values[at * self.width : (at + 1) * self.width] = array("f", numbers)
        self._state[at] = 1 + _STATES.index(source)
        self.newest = max(self.newest, minute)
        return True
