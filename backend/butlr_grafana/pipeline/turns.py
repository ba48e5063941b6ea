"""When a call to Butlr may start."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from typing import Protocol


class Turns(Protocol):
    """When a call may start. `butlr.client.Client` is one."""

    def turn(self, part: float = 1.0, *, for_rules: bool = False) -> float:
        """0.0: a call may start now; `in_turn` has to follow. Else: the seconds after which to try again;
        infinite: not before a call has ended. `part`: of the rate limit, so much may be used. `for_rules`:
        requests of alert rules are waiting.
        """

    def in_turn(self) -> AbstractContextManager[None]: ...


class NoLimit:
    """A call may always start."""

    def turn(self, part: float = 1.0, *, for_rules: bool = False) -> float:  # noqa: ARG002  # there is no limit
        return 0.0

    def in_turn(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()
