"""For whom a call to Butlr is: rule, viewer, wall or background."""

from __future__ import annotations

from enum import IntEnum


class CallClass(IntEnum):
    """Who a question is for; of those who share one, the first counts."""

    RULE = 0
    VIEWER = 1
    WALL = 2
    BACKGROUND = 3
