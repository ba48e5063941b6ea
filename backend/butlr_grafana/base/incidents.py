"""Incidents: failures that last for some time. The log gets one line at the begin, one at the end, and
none in between. Every folder may report an incident.
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

RECOVERY_S = 60.0
"""A success ends an incident only this long after the last failure. Otherwise, if half of all calls
failed, each success would end the incident and each failure would begin one."""


FORGET_S = 900.0
"""A failed part that has not been tried for this long no longer keeps an incident open."""

KINDS: dict[type[UpstreamError], str] = {
    UpstreamDown: "unreachable",
    UpstreamLate: "unreachable",
    UpstreamLimited: "limited",
    UpstreamRefused: "refused",
    UpstreamInvalid: "invalid",
}
"""The kind of incident, by the error of a call to Butlr."""


class Incident:
    """Something that works or fails, in one or several parts. Thread-safe.

    `what` names it in the log. `recovery_s`: how long ago the last failure of a part must be, so that a
    success ends the incident.
    """

    def __init__(
        self, what: str, *, recovery_s: float = RECOVERY_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._what = what
        self._calm_s = recovery_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failed_at: dict[str, float] = {}
        self._began_at = self._last_at = 0.0
        self._failures = 0

    @property
    def on(self) -> bool:
        """Whether a part has failed and has not recovered."""
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
            log.warning("incident began: %s: %s", self._what, why, extra={"data": {"trouble": self._what}})

    def succeeded(self, *, part: str = "") -> None:
        """A part succeeded. The incident ends when no part is failed any more."""
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
                "incident over after %s, %d %s: %s",
                readable_duration(lasted_s),
                failures,
                "failure" if failures == 1 else "failures",
                self._what,
                extra={"data": {"trouble": self._what, "seconds": round(lasted_s, 1), "failures": failures}},
            )


@dataclass(frozen=True, slots=True)
class Contact:
    """The state of the connection to Butlr.

    `reachable`: whether the last call reached Butlr. `why`: the reason if it did not, without Butlr's own
    text, because all callers see it. `silent_s`: seconds since Butlr's last response, or since this process
    began. `rules_without_data_s`: for how long an alert rule has had no complete data of a floor; the longest
    time of all rules.
    """

    reachable: bool
    silent_s: float
    why: str | None
    rules_without_data_s: float = 0.0


class ButlrIncidents:
    """The incidents of calls to Butlr; a call fails after all its attempts. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.by_kind = {
            kind: Incident(f"Butlr {kind}", clock=clock) for kind in dict.fromkeys(KINDS.values())
        }
        self._clock = clock
        self._responded_at = clock()
        self._why: str | None = None

    def contact(self) -> Contact:
        return Contact(self._why is None, self._clock() - self._responded_at, self._why)

    def recorded(self, call: Callable[P, T], api_of: Callable[P, str]) -> Callable[P, T]:
        """Wraps `call`: its failures and successes are recorded as incidents.

        `api_of`: returns the name of Butlr's API that is called. One API can fail while the others work.
        """

        def recording(*args: P.args, **kwargs: P.kwargs) -> T:
            api = api_of(*args, **kwargs)
            try:
                result = call(*args, **kwargs)
            except UpstreamError as error:
                self.record(error, api=api)
                raise
            self.record(None, api=api)
            return result

        return recording

    def record(self, error: UpstreamError | None, *, api: str) -> None:
        """Records how a call ended; `None`: Butlr responded."""
        if error is None:
            self._responded_at, self._why = self._clock(), None
            for incident in self.by_kind.values():
                incident.succeeded(part=api)
            return
        kind = next((kind for type_, kind in KINDS.items() if isinstance(error, type_)), None)
        if kind is not None:
            self.by_kind[kind].failed(error.message, part=api)
        self._why = error.plain if kind == "unreachable" else None


def readable_duration(seconds: float) -> str:
    """A rounded duration for people: `12 s`, `4 min`, `3 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
