"""Butlr's time, from the `Date` header of its responses. A time that is in the future at Butlr is neither
covered nor settled.
"""

from __future__ import annotations

import email.utils
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

log = logging.getLogger(__name__)

NOISE_S = 5.0
"""`Date` counts whole seconds, and answers travel: less than this is no difference."""

WORTH_SAYING_S = 60.0


def date_s(header: str | None) -> float | None:
    """Seconds since the epoch of an HTTP date; `None` where there is none that can be read."""
    try:
        return email.utils.parsedate_to_datetime(header).timestamp() if header else None
    except (ValueError, TypeError, OverflowError):
        return None


@dataclass(frozen=True, slots=True)
class _Comparison:
    """Butlr's clock as an answer showed it: how far ours was ahead, and what ours and a stopwatch showed."""

    ahead_s: float
    here_s: float
    stopwatch_s: float


class ButlrClock:
    """The earlier of this machine's clock and Butlr's, as in its latest response.

    With a clock that is ahead, data that Butlr does not have yet would be stored permanently. A clock that is
    behind only stores them later, so it is not corrected, but reported. `here`: this machine's clock;
    `stopwatch`: a clock that never steps.
    """

    def __init__(
        self,
        here: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self.here = here
        self._stopwatch = stopwatch
        self._latest = _Comparison(0.0, here(), stopwatch())

    @property
    def ahead_s(self) -> float:
        """How far this machine's clock is ahead of Butlr's; negative: behind."""
        latest = self._latest
        if latest.ahead_s <= 0:
            return latest.ahead_s
        # Put right since: it has stepped back. (A step forward may be a machine that slept.)
        step_s = (self.here() - latest.here_s) - (self._stopwatch() - latest.stopwatch_s)
        return max(0.0, latest.ahead_s + min(0.0, step_s))

    def now(self) -> float:
        return self.at(self.here())

    def at(self, here_s: float) -> float:
        """What `now` was when this machine's clock showed `here_s`, as far as is known by now."""
        return here_s - max(0.0, self.ahead_s)

    def note(self, butlr_s: float | None, *, requested_at_s: float) -> None:
        """A response with Butlr's time `butlr_s` to a request sent at `requested_at_s` by our clock."""
        if butlr_s is None:
            return
        here_s, ahead_s = self.here(), 0.0
        if butlr_s < requested_at_s - NOISE_S:
            ahead_s = requested_at_s - butlr_s
        elif butlr_s > here_s + NOISE_S:
            ahead_s = here_s - butlr_s
        known_s = self._latest.ahead_s
        self._latest = _Comparison(ahead_s, here_s, self._stopwatch())
        if abs(ahead_s) >= WORTH_SAYING_S > abs(known_s):
            way = "ahead of" if ahead_s > 0 else "behind"
            log.warning("this machine's clock is %.0f s %s Butlr's", abs(ahead_s), way)
        elif abs(ahead_s) < WORTH_SAYING_S <= abs(known_s):
            log.warning("this machine's clock agrees with Butlr's again")
