"""What can go wrong on purpose: set at run time, in force from the next call on.

In a test `simulator.faults.set(status=503, rate=0.2)`; beside a running one `curl -X PUT -d '{"status": 503,
"rate": 0.2}' …/_simulator/faults`, with DELETE to end it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from .messages import Refusal

LOGIN_PATH = "/api/v2/clients/login"


@dataclass
class Faults:
    """The faults in force. Each field may be assigned at any time, from any thread.

    A call is hit when its path is in `paths` (none given: every one of the API but the login's), by `rate`
    (0.25: every fourth such call, counted, not drawn) and while `count` lasts. A hit call waits `latency_s`;
    `status` answers at once with that status and with `retry_after` as its `Retry-After`; `body` replaces
    the body; `truncate` closes the connection in the middle of it; `reset` breaks the connection before the
    answer or inside its body; `drip_bytes_per_s` sends the body slowly.

    Five are of what is pushed: by `push_drop` events are never sent, by `push_repeat` they are sent twice, by
    `push_late` they are sent `push_late_s` later (each a rate, counted, not drawn); `push_reorder` sends
    those that are due together in another order.

    Two hold for every call: what is younger than `lag_s` is not there yet, and beyond
    `rate_limit_per_minute` calls (logins apart) in any 60 s the answer is 429.
    """

    latency_s: float = 0.0
    status: int | None = None
    rate: float = 1.0
    retry_after: str | None = None
    truncate: bool = False
    body: bytes | None = None
    reset: Literal["before", "inside"] | None = None
    drip_bytes_per_s: float | None = None
    lag_s: float = 0.0
    rate_limit_per_minute: int | None = None
    paths: tuple[str, ...] = ()
    count: int | None = None
    push_drop: float = 0.0
    push_repeat: float = 0.0
    push_late: float = 0.0
    push_late_s: float = 90.0
    push_reorder: bool = False
    _seen: int = field(default=0, init=False, repr=False, compare=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def hit(self, path: str) -> Faults | None:
        """A copy of the faults for one call to `path`; `None` if the call has no fault. Counts the call."""
        with self._lock:
            if not self._any() or not self._concerns(path):
                return None
            self._seen += 1
            # The small number keeps 0.1 * 30 from falling short of 3.
            due = int(self._seen * self.rate + 1e-9) > int((self._seen - 1) * self.rate + 1e-9)
            if not due or self.count == 0:
                return None
            if self.count is not None:
                self.count -= 1
            return replace(self)

    def set(self, **changes: Any) -> None:
        """Sets several fields at once, so that no call sees only some of them. Resets the count."""
        _refuse_unknown(changes)
        with self._lock:
            for name, value in changes.items():
                setattr(self, name, value)
            self._seen = 0

    def clear(self) -> None:
        """Removes all faults."""
        self.set(**_DEFAULTS)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values; `body` as text."""
        with self._lock:
            values = {name: getattr(self, name) for name in _DEFAULTS}
        body = values["body"]
        return {**values, "body": None if body is None else body.decode(errors="replace")}

    def set_json(self, values: Mapping[str, Any]) -> None:
        """Sets these faults and removes all others. A wrong name or value is a 400."""
        wrong = [name for name, value in values.items() if name not in _VALID or not _VALID[name](value)]
        if wrong:
            raise Refusal(400, f"unknown faults, or values that they cannot have: {', '.join(sorted(wrong))}")
        changes = {**_DEFAULTS, **values}
        if isinstance(changes["body"], str):
            changes["body"] = changes["body"].encode()
        self.set(**{**changes, "paths": tuple(changes["paths"])})

    def _concerns(self, path: str) -> bool:
        return path in self.paths if self.paths else path != LOGIN_PATH

    def _any(self) -> bool:
        marks = (self.status, self.body, self.reset, self.drip_bytes_per_s)
        return self.latency_s > 0 or self.truncate or any(mark is not None for mark in marks)


_DEFAULTS = {item.name: item.default for item in fields(Faults) if item.init}


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _count(value: Any) -> bool:
    return value is None or (_number(value) and isinstance(value, int))


_VALID: Mapping[str, Callable[[Any], bool]] = {
    "latency_s": _number,
    "status": lambda value: value is None or (isinstance(value, int) and 200 <= value <= 599),
    "rate": lambda value: _number(value) and value <= 1,
    "retry_after": lambda value: isinstance(value, str | None),
    "truncate": lambda value: isinstance(value, bool),
    "body": lambda value: isinstance(value, str | None),
    "reset": lambda value: value is None or value in ("before", "inside"),
    "drip_bytes_per_s": lambda value: value is None or (_number(value) and value > 0),
    "lag_s": _number,
    "rate_limit_per_minute": _count,
    "paths": lambda value: isinstance(value, list) and all(isinstance(path, str) for path in value),
    "count": _count,
    **{
        name: lambda value: _number(value) and value <= 1
        for name in ("push_drop", "push_repeat", "push_late")
    },
    "push_late_s": _number,
    "push_reorder": lambda value: isinstance(value, bool),
}


def _refuse_unknown(changes: Mapping[str, Any]) -> None:
    unknown = changes.keys() - _DEFAULTS.keys()
    if unknown:
        raise TypeError(f"{', '.join(sorted(unknown))} unknown; allowed: {', '.join(_DEFAULTS)}")
