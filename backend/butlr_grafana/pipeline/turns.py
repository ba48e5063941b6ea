"""When a call to Butlr may start."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Protocol


class Turns(Protocol):
    """When a call may start. `butlr.client.Client` is one."""

    def turn(self) -> float: ...

    def in_turn(self) -> AbstractContextManager[None]: ...


class NoLimit:
    """A call may always start."""

    def turn(self) -> float:
        return 0.0

    def in_turn(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()
