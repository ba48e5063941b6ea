"""Receives what Butlr pushes: stores it in memory, shares it with other replicas, and fetches what was
missed.

`live/` stores and decides, `replicas/pushes` shares, `reported_minutes` fetches. This module connects them.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from butlr_grafana.base import request_id
from butlr_grafana.base.incidents import Incident
from butlr_grafana.base.repeated_steps import repeat_steps
from butlr_grafana.live import news
from butlr_grafana.live.chunks import NEWEST_LATE_S, PushedChunks
from butlr_grafana.live.events import LEVELS, USED, Event, Refused, decode
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.refill import Refill, RefillCalls
from butlr_grafana.live.roster import CurrentRoster
from butlr_grafana.live.sampling import Sampling
from butlr_grafana.live.values import STREAMS
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.time import NOW_S, Period
from butlr_grafana.pipeline.run import Pipeline
from butlr_grafana.query.live import DOORS_EVERY_S
from butlr_grafana.query.scope import NOTHING_PUSHED, Liveness
from butlr_grafana.replicas.leases import Failure, Leases
from butlr_grafana.replicas.pushes import SharedPushes
from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable
from butlr_grafana.service.metrics import Telemetry
from butlr_grafana.service.reported_minutes import ReportedMinutes

log = logging.getLogger(__name__)

READ_S = 0.5
"""How often it is looked what other replicas have received."""

AFTER_BUG_S = 60.0

STATUS_MINUTES = 5
LONGEST_TURN_S = 3600.0
"""How long one replica may fill gaps before another may begin: so many minutes are kept at most."""


@dataclass(frozen=True)
class Receiver:
    """Thread-safe. `keys`: with which Butlr may push; none: nothing is received.

    `start` begins what goes on beside requests, `close` ends it.
    """

    keys: tuple[str, ...] = field(repr=False)
    live: LiveMinutes
    refill: Refill
    now: Callable[[], float]
    telemetry: Telemetry
    sampling: Sampling
    chunks: PushedChunks
    pushes: SharedPushes | None = None
    ending: threading.Event = field(default_factory=threading.Event)

    def accept(self, body: bytes) -> None:
        """One request's body. Never raises for what is in it."""
        events = decode(body)
        used: list[Event] = []
        for event in events:
            outcome = self.live.note(event)
            self.telemetry.pushed(event.type, outcome)
            if outcome in USED and not isinstance(event, Refused):
                used.append(event)
        if used and self.pushes is not None:
            at_s = self.now()
            if not self.pushes.publish([news.of_event(event) for event in used], at_s):
                self.live.lost(at_s)

    def read(self) -> None:
        """Notes what other replicas have received."""
        if self.pushes is not None and self.pushes.read() is None and self.live.has_received("traffic"):
            self.live.lost(self.now())

    def start(self) -> None:
        if not self.keys:
            return
        if self.pushes is not None:
            self._goes_on("pushes", self._read_on)
        self._goes_on("refill", self.refill.step, self.refill.close)
        self._goes_on("sampling", self.sampling.step)

    def close(self) -> None:
        self.ending.set()

    def liveness(self) -> Liveness:
        now_s = self.now()
        if now_s - self.live.newest_event_s > NEWEST_LATE_S or not any(map(self.sampling.reading, LEVELS)):
            return NOTHING_PUSHED
        since = Period(int(now_s - DOORS_EVERY_S - NOW_S), int(now_s))
        return Liveness(late_s=0, has_doors=self.live.doors((), since) is not None)

    def status(self) -> dict[str, Any]:
        """What came in the last minutes, for people."""
        now_s = self.now()
        counts = self.live.counted(STATUS_MINUTES)
        newest_s = self.live.newest_event_s
        return {
            "minutes": STATUS_MINUTES,
            "events": [
                {"type": type_, "outcome": outcome, "count": count}
                for (type_, outcome), count in sorted(counts.items())
            ],
            "newest_event_age_s": None if math.isinf(newest_s) else round(max(0.0, now_s - newest_s), 1),
            "kept": self.live.sizes,
            "numbers_are": {
                level: reading.meaning for level in LEVELS if (reading := self.sampling.reading(level))
            },
            "gaps": {
                stream: [{"from_s": g.start_s, "to_s": g.end_s, "goes_on": g.is_open} for g in gaps]
                for stream in STREAMS
                if self.live.has_received(stream) and (gaps := self.live.gaps(stream))
            },
        }

    def _read_on(self) -> float:
        self.read()
        return READ_S

    def _goes_on(self, name: str, step: Callable[[], float], end: Callable[[], None] = lambda: None) -> None:
        """A thread that takes steps, each after as many seconds as the one before has told."""

        def own_step() -> float:
            with request_id.use_request_id(request_id.current_or_new()):
                return step()

        def run() -> None:
            repeat_steps(
                own_step,
                self.ending,
                first_s=READ_S,
                after_bug_s=AFTER_BUG_S,
                log=log,
                message=f"{name}: a step failed for an unexpected reason",
            )
            end()

        threading.Thread(target=run, name=name, daemon=True).start()


def receiver(
    *,
    keys: tuple[str, ...],
    served: tuple[str, ...],
    topology: Callable[[], Any],
    pipeline: Pipeline,
    may_call: Callable[[], bool],
    now: Callable[[], float],
    telemetry: Telemetry,
    redis: RedisConnection | None,
) -> Receiver:
    """Put together. `topology`: all that Butlr lists; `pipeline`: fetches gaps and samples; `redis`: to what
    replicas share.
    """
    reported = ReportedMinutes(pipeline, now)
    # A few calls of the rules' class, which save most of the others of that class.
    sampled = ReportedMinutes(pipeline, now, call_class=CallClass.RULE)
    roster = CurrentRoster(topology, served)
    live = LiveMinutes(now, roster)
    pushes = None
    if redis is not None and keys:

        def apply(one: Any, at_s: float, own: bool) -> None:
            news.apply(one, at_s, live, own=own)

        pushes = SharedPushes(redis, apply)
    calls = RefillCalls(reported.people, reported.doors, may_call)
    if pushes is not None and redis is not None:
        calls = _shared(calls, pushes, redis, now)
    telemetry.receiving(lambda name: live.sizes[name], lambda: now() - live.newest_event_s)
    refill = Refill(live, lambda: roster().floors, calls, now)
    incidents = {level: Incident(f"what Butlr pushes of {level}s and what it reports") for level in LEVELS}
    for level, incident in incidents.items() if keys else ():
        telemetry.incident(f"webhooks_{level}", incident)
    sampling = Sampling(
        live,
        lambda: roster().floors,
        presence=sampled.people,
        doors=lambda missing: sampled.people(missing, f"traffic_{missing.stream}_occupancy"),
        may_call=may_call,
        now=now,
        incidents=incidents,
    )
    chunks = PushedChunks(live, lambda: roster().by_id, sampling.reading, now)
    return Receiver(keys, live, refill, now, telemetry, sampling, chunks, pushes)


def _shared(
    calls: RefillCalls, pushes: SharedPushes, redis: RedisConnection, now: Callable[[], float]
) -> RefillCalls:
    """For several replicas: one asks, and tells the others what came of it."""
    leases = Leases(redis, longest_s=LONGEST_TURN_S)

    def alone() -> Callable[[], None] | None:
        # What another has just filled is known first.
        try:
            pushes.read()
            lease = leases.take("refill")
        except RedisUnavailable:
            return lambda: None
        if lease is None or isinstance(lease, Failure):
            return None
        return lambda: leases.release(lease)

    return RefillCalls(
        calls.people,
        calls.doors,
        calls.may_call,
        alone,
        share_people=lambda people: _publish(pushes, news.of_people(people), now()),
        share_doors=lambda doors: _publish(pushes, news.of_doors(doors), now()),
        share_filled=lambda stream, gap: _publish(pushes, [news.of_filled(stream, gap)], now()),
    )


def _publish(pushes: SharedPushes, news_items: list[news.News], at_s: float) -> None:
    if news_items:
        pushes.publish(news_items, at_s)
