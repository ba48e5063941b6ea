"""What fails for a while: one line in the log when it begins, one when it is over, none in between.

At the bottom of the house, above `errors` only: whoever meets a fault that passes says it through here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)

log = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

CALM_S = 60.0
"""A success ends a trouble only so long after the last failure: where half of all goes wrong, each success
would be an end and each failure a beginning."""


FORGET_S = 900.0
"""Of a part that nobody has tried for so long nothing is known: it does not keep a trouble going."""

KINDS: dict[type[UpstreamError], str] = {
    UpstreamDown: "unreachable",
    UpstreamLate: "unreachable",
    UpstreamLimited: "limited",
    UpstreamRefused: "refused",
    UpstreamInvalid: "invalid",
}
"""Troubles with Butlr, by the error that a question to it ends with."""


class Incident:
    """One thing that works or does not, in one or several parts. Thread-safe.

    `what` names it in the log. `calm_s`: how long a part may not have failed when a success makes it well.
    """

    def __init__(
        self, what: str, *, calm_s: float = CALM_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._calm_s = calm_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failed_at: dict[str, float] = {}
        self._began_at = self._last_at = 0.0
        self._failures = 0

    @property
    def on(self) -> bool:
        """Whether a part has failed and has not been well since."""
        return bool(self._failed_at)

    def failed(self, why: str, *, part: str = "") -> None:
        with self._lock:
            now = self._clock()
            begins = not self._failed_at
            if begins:
                self._began_at, self._failures = now, 0
            self._failed_at[part] = self._last_at = now
            self._failures += 1
        if begins:
            log.warning("trouble began: %s: %s", self._what, why, extra={"data": {"trouble": self._what}})

    def well(self, *, part: str = "") -> None:
        """A part did what it should; the trouble is over with the last part that failed."""
        with self._lock:
            if not self._failed_at:
                return
            now = self._clock()
            still = {
                p: at
                for p, at in self._failed_at.items()
                if now - at < (self._calm_s if p == part else FORGET_S)
            }
            self._failed_at = still
            lasted_s, failures = self._last_at - self._began_at, self._failures
        if not still:
            log.warning(
                "trouble over after %s, %d failed: %s",
                spoken(lasted_s),
                failures,
                self._what,
                extra={"data": {"trouble": self._what, "seconds": round(lasted_s, 1), "failures": failures}},
            )


@dataclass(frozen=True, slots=True)
class Contact:
    """How things stand with Butlr: whether the last question reached it, why it did not (without Butlr's own
    words, as all who ask are told), and for how long it has not answered any (at first: since this process
    began). `rules_without_data_s`: for how long the alert rule that has waited longest has had no whole data
    of a floor.
    """

    reachable: bool
    silent_s: float
    why: str | None
    rules_without_data_s: float = 0.0


class ButlrIncidents:
    """Those of the questions to Butlr, each after all its attempts. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.by_kind = {
            kind: Incident(f"Butlr {kind}", clock=clock) for kind in dict.fromkeys(KINDS.values())
        }
        self._clock = clock
        self._answered_at = clock()
        self._why: str | None = None

    def contact(self) -> Contact:
        return Contact(self._why is None, self._clock() - self._answered_at, self._why)

    def watched(self, ask: Callable[P, T], api_of: Callable[P, str]) -> Callable[P, T]:
        """`ask`, of which each end begins a trouble, counts in one, or ends it.

        `api_of`: which of Butlr's APIs is asked. One can be refused while the others are well.
        """

        def asking(*args: P.args, **words: P.kwargs) -> T:
            api = api_of(*args, **words)
            try:
                answer = ask(*args, **words)
            except UpstreamError as error:
                self.saw(error, api=api)
                raise
            self.saw(None, api=api)
            return answer

        return asking

    def saw(self, error: UpstreamError | None, *, api: str) -> None:
        """A question ended so; `None`: it was answered."""
        if error is None:
            self._answered_at, self._why = self._clock(), None
            for trouble in self.by_kind.values():
                trouble.well(part=api)
            return
        kind = next((kind for type_, kind in KINDS.items() if isinstance(error, type_)), None)
        if kind is not None:
            self.by_kind[kind].failed(error.message, part=api)
        self._why = error.plain if kind == "unreachable" else None


def spoken(seconds: float) -> str:
    """A length of time for a person: `12 s`, `4 min`, `3 h`, rounded."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
