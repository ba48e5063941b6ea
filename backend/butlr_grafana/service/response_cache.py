"""Responses that several requests want: built once, and stored as bytes while a new one would be the same.

The key is everything that a response depends on, except Butlr's data. Only complete responses that needed no
call to Butlr are stored. They are valid to the end of the minute, or as long as all their parts; if all parts
have settled, to the end of the hour. So a cached response has the same bytes as a new one from the same
parts.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from cachetools import LRUCache

from butlr_grafana.base.single_flight import SingleFlight, SingleFlightEntry
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

MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class CompletedResponse:
    """A response as bytes, and what its parts are made of."""

    encoded: Encoded
    accounts: tuple[Account, ...]


class Key:
    """Everything that a response depends on, except Butlr's data. Often compared, so it stores its hash."""

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
    """A cached response. It is valid from `made_at_s` to `good_until_s` by the wall clock, and for the same
    length by the stopwatch, from `made_at`; and only while the floors served are `served`.
    """

    key: Key
    completed: CompletedResponse
    served: Topology
    made_at_s: float
    good_until_s: float
    made_at: float

    @property
    def nbytes(self) -> int:
        return self.completed.encoded.nbytes

    def is_good(self, resolved: ResolvedQuery, stopwatch_s: float) -> bool:
        return self.served is resolved.scope.served and self.is_of(resolved.scope.now_s, stopwatch_s)

    def is_of(self, now_s: float, stopwatch_s: float) -> bool:
        # A wall clock that has stepped back would make the end a long way off, or come by a second time.
        is_old = stopwatch_s - self.made_at >= self.good_until_s - self.made_at_s
        return self.made_at_s <= now_s < self.good_until_s and not is_old


@dataclass(frozen=True, slots=True, eq=False)
class Recall:
    """For the next identical request: it finds its cached response without being parsed and resolved."""

    entry: _Entry
    resolved: ResolvedQuery


class ResponseCache:
    """Thread-safe. `request` for all queries of a request, `work` on each, then take each one `completed`."""

    def __init__(self, service: Service, max_bytes: int = MAX_BYTES) -> None:
        self.service = service
        self._entries: LRUCache[Key, _Entry] = LRUCache(max_bytes, getsizeof=lambda entry: entry.nbytes)
        self._single_flight: SingleFlight[Hashable, CompletedResponse] = SingleFlight()
        self._minute = -math.inf
        self._lock = threading.Lock()

    def request(
        self,
        parsed: ParsedQuery,
        visible: Visible,
        *,
        ref_id: str,
        deadline: float,
        panel: PanelRange | None = None,
    ) -> PendingResponse:
        """Starts the work, unless another request has started it. Returns at once. Raises `CallerError`."""
        resolved = self.service.resolve(parsed, visible, deadline=deadline, panel=panel)
        stopwatch_s, key = self.service.stopwatch(), _key(resolved, visible, ref_id)
        is_uncacheable = not resolved.target.cacheable
        with self._lock:
            entry = None if is_uncacheable else self._entries.get(key)
        if entry is not None and entry.is_good(resolved, stopwatch_s):
            return PendingResponse(self, resolved, entry=entry)
        # With a newer topology it is another response. A response that is not cached is not shared.
        work: Hashable = object() if is_uncacheable else (key, id(resolved.scope.served))
        in_flight, is_own = self._single_flight.join(work)
        if not is_own:
            return PendingResponse(self, resolved, in_flight)
        try:
            task = _ResponseTask(resolved, ref_id, deadline, key, stopwatch_s, self.service.begin(resolved))
        except BaseException as fault:
            self.service.telemetry.skipped("error")
            in_flight.fail(fault)
            raise
        return PendingResponse(self, resolved, in_flight, task)

    def recalled(self, recall: Recall) -> Encoded | None:
        """The cached response, as `request` would find it now for the same request; else `None`.

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
            if self._entries.get(entry.key) is not entry:
                return None
        service.note(entry.completed.accounts)
        return entry.completed.encoded

    def make(self, task: _ResponseTask) -> CompletedResponse:
        """Waits for Butlr, builds the response, and caches it if that is allowed."""
        try:
            result = self.service.finish(task.pending_request, deadline=task.deadline)
            with self.service.turn(task.resolved.parsed, task.deadline), stage("encode"):
                encoded = formats.encoded(result, ref_id=task.ref_id, demo=self.service.demo)
        except BaseException:
            self.service.telemetry.skipped("error")
            raise
        completed = CompletedResponse(encoded, accounts_of(result))
        now_s, good_until_s = task.resolved.scope.now_s, _good_until_s(result)
        reason = _skip_reason(result)
        if not reason and now_s >= good_until_s:
            reason = "expired"
        elif not reason and encoded.nbytes > self._entries.maxsize:
            reason = "too_large"
        if reason:
            self.service.telemetry.skipped(reason)
            return completed
        served = task.resolved.scope.served
        entry = _Entry(task.key, completed, served, now_s, good_until_s, task.started_at)
        with self._lock:
            self._forget(now_s, task.started_at)
            self._entries[task.key] = entry
        return completed

    def _forget(self, now_s: float, stopwatch_s: float) -> None:
        """Once a minute, removes the entries that are no longer valid, to free memory."""
        minute = now_s // MINUTE_S
        if minute != self._minute:
            self._minute = minute
            for key in [key for key, entry in self._entries.items() if not entry.is_of(now_s, stopwatch_s)]:
                del self._entries[key]


@dataclass(frozen=True, slots=True, eq=False)
class _ResponseTask:
    """A response that one request builds, for itself and for identical requests meanwhile. `started_at`: by
    the stopwatch.
    """

    resolved: ResolvedQuery
    ref_id: str
    deadline: float
    key: Key
    started_at: float
    pending_request: PendingRequest


class PendingResponse:
    """The response of one query in work: cached (`entry`), built by another request (`flight`), or by this
    one (`task` too).

    A request that starts queries works on all of them, whatever happens, before it takes a result. So no two
    requests wait for each other, and none waits for a request that has ended.
    """

    def __init__(
        self,
        cache: ResponseCache,
        resolved: ResolvedQuery,
        in_flight: SingleFlightEntry[CompletedResponse] | None = None,
        task: _ResponseTask | None = None,
        *,
        entry: _Entry | None = None,
    ) -> None:
        self._cache = cache
        self._resolved = resolved
        self._in_flight = in_flight
        self._task = task
        self._entry = entry
        self._is_own = task is not None

    def work(self) -> None:
        """Makes the answer, where that is for this request to do; does not raise."""
        if self._in_flight is not None and self._task is not None:
            task, self._task = self._task, None
            self._in_flight.run(lambda: self._cache.make(task))

    def completed(self) -> Encoded:
        """The answer's bytes; raises what making them raised."""
        self.work()
        completed = self._entry.completed if self._entry is not None else self._result()
        if not self._is_own:
            self._cache.service.note(completed.accounts)
        return completed.encoded

    def _result(self) -> CompletedResponse:
        assert self._in_flight is not None
        if self._is_own:
            return self._in_flight.result()
        with stage("gather"):
            return self._in_flight.result()

    @property
    def recall(self) -> Recall | None:
        """For the next request that is the same as this one, where this one's answer was kept."""
        last_minute_s = floor_to(self._resolved.scope.now_s, MINUTE_S)
        # A period that began less than a minute ago ends now, another one a second later.
        if self._entry is None or any(part.period.end_s > last_minute_s for part in self._resolved.queries):
            return None
        return Recall(self._entry, self._resolved)


def _key(resolved: ResolvedQuery, visible: Visible, ref_id: str) -> Key:
    """Equal for queries whose results have the same floors, parameters, periods and seconds."""
    scope = resolved.scope
    return Key(
        replace(resolved.parsed, start_s=None, end_s=None),
        tuple(part.period for part in resolved.queries),
        visible,
        tuple(sorted(resolved.factors.items())),
        ref_id,
        scope.panel.max_data_points if scope.panel else None,
        int(scope.now_s) if resolved.target.tells_age else None,
    )


def _skip_reason(result: Result[Any]) -> str:
    """Why a new answer would be another one already, so that this one is not kept: one of `SKIP_REASONS`, or
    nothing.
    """
    if not result.target.cacheable:
        return "target"
    if not result.complete:
        return "incomplete"
    # The next answer has these from the cache, and says so.
    if any(part.coverage.fetched for part in result.results):
        return "fetched"
    if result.parsed.format in PICTURES and result.drawing is None and _has_drawing(result):
        return "drawing"
    return ""


def _good_until_s(result: Result[Any]) -> float:
    """Up to when a new answer would be the same, where nothing speaks against keeping this one."""
    fresh_until_s = min((part.coverage.fresh_until_s for part in result.results), default=math.inf)
    # Of what has settled nothing changes any more; the hour is for what nobody has thought of.
    step_s = HOUR_S if result.results and fresh_until_s == math.inf else MINUTE_S
    return min(floor_to(result.now_s, step_s) + step_s, fresh_until_s)


def _has_drawing(result: Result[Any]) -> bool:
    return result.topology is not None and any(floor.plan for floor in result.topology.floors.values())
