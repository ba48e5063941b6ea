"""Answers that several ask for: made once, and kept as bytes while a new one would be the same.

A question is known by all that its answer depends on, but for what Butlr says. What is kept was complete,
asked nothing of Butlr any more, and is good to the end of the minute, or for as long as all its parts are;
where all of them have settled, to the end of the hour. So a kept answer is, byte for byte, the one that would
be made of the same parts.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from cachetools import LRUCache

from butlr_grafana.base.single_flight import Flight, SingleFlight
from butlr_grafana.base.stage_times import stage
from butlr_grafana.model.floor import Topology
from butlr_grafana.model.time import HOUR_S, MINUTE_S, floor_to
from butlr_grafana.present import formats
from butlr_grafana.present.encoding import Encoded
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import PanelRange
from butlr_grafana.service.requests import Account, PendingRequest, ResolvedQuery, accounts_of
from butlr_grafana.service.service import PICTURES, Service, Visible
from butlr_grafana.targets.base import Result

KEPT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Made:
    """An answer as bytes, and the accounts of its parts."""

    encoded: Encoded
    accounts: tuple[Account, ...]


class Key:
    """What an answer depends on, but for what Butlr says; it is compared often, so its hash is made once."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, *parts: Hashable) -> None:
        self._parts = parts
        self._hash = hash(parts)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Key) and self._parts == other._parts)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Kept under `key`. Good from `made_at_s` until `good_until_s` on the wall clock, and no longer by the
    stopwatch, which showed `made_at` then; while the floors served are `served`.
    """

    key: Key
    made: Made
    served: Topology
    made_at_s: float
    good_until_s: float
    made_at: float

    @property
    def nbytes(self) -> int:
        return self.made.encoded.nbytes

    def is_good(self, resolved: ResolvedQuery, stopwatch_s: float) -> bool:
        return self.served is resolved.scope.served and self.is_of(resolved.scope.now_s, stopwatch_s)

    def is_of(self, now_s: float, stopwatch_s: float) -> bool:
        # A wall clock that has stepped back would make the end a long way off, or come by a second time.
        is_old = stopwatch_s - self.made_at >= self.good_until_s - self.made_at_s
        return self.made_at_s <= now_s < self.good_until_s and not is_old


@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """How the very same request finds its kept answer again, without being read and resolved again."""

    entry: _Entry
    resolved: ResolvedQuery


class ResponseCache:
    """Thread-safe. Ask all questions of a request, `work` on each, then take what has been `made`."""

    def __init__(self, service: Service, max_bytes: int = KEPT_BYTES) -> None:
        self.service = service
        self._kept: LRUCache[Key, _Entry] = LRUCache(max_bytes, getsizeof=lambda entry: entry.nbytes)
        self._making: SingleFlight[Hashable, Made] = SingleFlight()
        self._minute = -math.inf
        self._lock = threading.Lock()

    def ask(
        self,
        parsed: ParsedQuery,
        visible: Visible,
        *,
        ref_id: str,
        deadline: float,
        panel: PanelRange | None = None,
    ) -> PendingResponse:
        """Begins what nobody has begun yet; returns at once. Raises `CallerError`."""
        resolved = self.service.resolve(parsed, visible, deadline=deadline, panel=panel)
        stopwatch_s, key = self.service.stopwatch(), _key(resolved, visible, ref_id)
        is_unkept = not resolved.target.cacheable
        with self._lock:
            entry = None if is_unkept else self._kept.get(key)
        if entry is not None and entry.is_good(resolved, stopwatch_s):
            return PendingResponse(self, resolved, entry=entry)
        # Of other floors, as they are known since, it is another answer; what is not kept is each one's own.
        work: Hashable = object() if is_unkept else (key, id(resolved.scope.served))
        flight, is_own = self._making.join(work)
        if not is_own:
            return PendingResponse(self, resolved, flight)
        try:
            making = _Making(resolved, ref_id, deadline, key, stopwatch_s, self.service.begin(resolved))
        except BaseException as fault:
            self.service.telemetry.skipped("error")
            flight.fail(fault)
            raise
        return PendingResponse(self, resolved, flight, making)

    def recalled(self, recall: Recall) -> Encoded | None:
        """The kept answer, as `ask` would find it now for the same request of the same caller; else `None`.

        Only within the minute in which that request was resolved: until its end all periods stay the same.
        """
        service, entry, resolved = self.service, recall.entry, recall.resolved
        now_s = service.now()
        if now_s // MINUTE_S != resolved.scope.now_s // MINUTE_S:
            return None
        if not entry.is_of(now_s, service.stopwatch()) or service.known_topology() is not entry.served:
            return None
        if resolved.target.tells_age and int(resolved.scope.now_s) != int(now_s):
            return None
        if any(service.factors.of(space) != known for space, known in resolved.factors.items()):
            return None
        with self._lock:
            if self._kept.get(entry.key) is not entry:
                return None
        service.note(entry.made.accounts)
        return entry.made.encoded

    def make(self, making: _Making) -> Made:
        """Waits for Butlr, makes the answer, and keeps it where it may be."""
        try:
            answer = self.service.finish(making.started, deadline=making.deadline)
            with stage("encode"):
                encoded = formats.encoded(answer, ref_id=making.ref_id, demo=self.service.demo)
        except BaseException:
            self.service.telemetry.skipped("error")
            raise
        made = Made(encoded, accounts_of(answer))
        now_s, good_until_s = making.resolved.scope.now_s, _good_until_s(answer)
        reason = _skip_reason(answer)
        if not reason and now_s >= good_until_s:
            reason = "expired"
        elif not reason and encoded.nbytes > self._kept.maxsize:
            reason = "too_large"
        if reason:
            self.service.telemetry.skipped(reason)
            return made
        served = making.resolved.scope.served
        entry = _Entry(making.key, made, served, now_s, good_until_s, making.asked_at)
        with self._lock:
            self._forget(now_s, making.asked_at)
            self._kept[making.key] = entry
        return made

    def _forget(self, now_s: float, stopwatch_s: float) -> None:
        """Once a minute, what is of another one: else it would fill the room that there is, for nothing."""
        minute = now_s // MINUTE_S
        if minute != self._minute:
            self._minute = minute
            for key in [key for key, entry in self._kept.items() if not entry.is_of(now_s, stopwatch_s)]:
                del self._kept[key]


@dataclass(frozen=True, slots=True, eq=False)
class _Making:
    """An answer that one request makes, for itself and all who ask the same meanwhile; `asked_at`: by the
    stopwatch.
    """

    resolved: ResolvedQuery
    ref_id: str
    deadline: float
    key: Key
    asked_at: float
    started: PendingRequest


class PendingResponse:
    """A question of one request on its way: kept (`entry`), made by another request (`flight`), or by this
    one (`making` too).

    Whoever started questions works on all of them, whatever happens, before taking what has been made: no two
    requests may wait for each other, and nobody for one that has gone.
    """

    def __init__(
        self,
        answers: ResponseCache,
        resolved: ResolvedQuery,
        flight: Flight[Made] | None = None,
        making: _Making | None = None,
        *,
        entry: _Entry | None = None,
    ) -> None:
        self._answers = answers
        self._resolved = resolved
        self._flight = flight
        self._making = making
        self._entry = entry
        self._is_own = making is not None

    def work(self) -> None:
        """Makes the answer, where that is for this request to do; does not raise."""
        if self._flight is not None and self._making is not None:
            making, self._making = self._making, None
            self._flight.run(lambda: self._answers.make(making))

    def made(self) -> Encoded:
        """The answer's bytes; raises what making them raised."""
        self.work()
        made = self._entry.made if self._entry is not None else self._result()
        if not self._is_own:
            self._answers.service.note(made.accounts)
        return made.encoded

    def _result(self) -> Made:
        assert self._flight is not None
        if self._is_own:
            return self._flight.result()
        with stage("gather"):
            return self._flight.result()

    @property
    def recall(self) -> Recall | None:
        """For the next request that is the same as this one, where this one's answer was kept."""
        last_minute_s = floor_to(self._resolved.scope.now_s, MINUTE_S)
        # A period that began less than a minute ago ends now, another one a second later.
        if self._entry is None or any(part.period.end_s > last_minute_s for part in self._resolved.parts):
            return None
        return Recall(self._entry, self._resolved)


def _key(resolved: ResolvedQuery, visible: Visible, ref_id: str) -> Key:
    """Equal for questions whose answers are made of the same floors, words, periods and seconds."""
    scope = resolved.scope
    return Key(
        replace(resolved.parsed, start_s=None, end_s=None),
        tuple(part.period for part in resolved.parts),
        visible,
        tuple(sorted(resolved.factors.items())),
        ref_id,
        scope.panel.max_data_points if scope.panel else None,
        int(scope.now_s) if resolved.target.tells_age else None,
    )


def _skip_reason(answer: Result[Any]) -> str:
    """Why a new answer would be another one already, so that this one is not kept: one of `SKIP_REASONS`, or
    nothing.
    """
    if not answer.target.cacheable:
        return "target"
    if not answer.complete:
        return "incomplete"
    # The next answer has these from the cache, and says so.
    if any(part.coverage.fetched for part in answer.parts):
        return "fetched"
    if answer.parsed.format in PICTURES and answer.drawing is None and _has_drawing(answer):
        return "drawing"
    return ""


def _good_until_s(answer: Result[Any]) -> float:
    """Up to when a new answer would be the same, where nothing speaks against keeping this one."""
    fresh_until_s = min((part.coverage.fresh_until_s for part in answer.parts), default=math.inf)
    # Of what has settled nothing changes any more; the hour is for what nobody has thought of.
    step_s = HOUR_S if answer.parts and fresh_until_s == math.inf else MINUTE_S
    return min(floor_to(answer.now_s, step_s) + step_s, fresh_until_s)


def _has_drawing(answer: Result[Any]) -> bool:
    return answer.topology is not None and any(floor.plan for floor in answer.topology.floors.values())
