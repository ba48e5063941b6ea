"""For whom a call to Butlr is: rule, viewer, wall or background."""

from __future__ import annotations

from enum import IntEnum


class CallClass(IntEnum):
    """Who needs a call. If several need the same call, the first class in this order counts."""

    RULE = 0
    VIEWER = 1
    WALL = 2
    BACKGROUND = 3
