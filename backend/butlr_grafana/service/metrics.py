"""Metrics for Prometheus.

Names follow Prometheus' conventions. Labels have few values, all ours: routes, targets, formats, statuses,
Butlr's paths. No label contains a text from a caller.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from butlr_grafana import __version__
from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.incidents import Incident
from butlr_grafana.base.stage_times import STAGES
from butlr_grafana.model.chunk import Coverage

log = logging.getLogger(__name__)

# A series more for each one, which Prometheus does not need.
disable_created_metrics()  # type: ignore[no-untyped-call]

CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
STAGE_SECONDS = (0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60)
REQUEST_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60)

SOURCES = ("fetched", "cached", "pushed", "stale", "missing")
"""Where an answer's segments came from, if they came."""

SKIP_REASONS = ("target", "error", "incomplete", "fetched", "drawing", "expired", "too_large")
"""Why a response was not kept for the next request: see `web/kept.py`."""

AGE_WINDOW_S = 60.0
"""The age of data is that of the answers of the last minute: longer than Prometheus takes between looks."""


class Telemetry:
    """One registry an application, so that two in one process do not add up. Thread-safe.

    `clock`: how answers age.
    """

    def __init__(self, *, demo: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self.registry = CollectorRegistry()
        self._ages = Recent(AGE_WINDOW_S, clock)
        self._calls = self._counter("butlr_calls", "Calls to Butlr; each attempt counts", "path", "outcome")
        self._call_seconds = self._histogram(
            "butlr_call_seconds", "Duration of calls to Butlr in seconds", CALL_SECONDS, "path"
        )
        self._segments = self._counter(
            "butlr_backend_segments", "Segments of results, by their source", "source"
        )
        self._reads = self._counter("butlr_backend_cache_reads", "Cache reads", "tier", "result")
        self._waits = self._counter(
            "butlr_backend_shared_waits", "Calls that waited for the same call of another replica"
        )
        self._requests = self._counter(
            "butlr_backend_requests",
            "Requests",
            *("method", "endpoint", "target", "format", "status"),
        )
        self._request_seconds = self._histogram(
            "butlr_backend_request_seconds",
            "Duration of requests in seconds",
            REQUEST_SECONDS,
            *("endpoint", "target"),
        )
        stages = self._histogram(
            "butlr_backend_stage_seconds",
            "Seconds that a request spent in a stage of its queries",
            STAGE_SECONDS,
            "stage",
        )
        self._stage_seconds = {name: stages.labels(name) for name in STAGES}
        self._skipped = self._counter(
            "butlr_backend_response_cache_skipped",
            "Responses that were not stored in the response cache, by reason",
            "reason",
        )
        self._faults = self._counter(
            "butlr_backend_faults", "Error responses, by code and source", "code", "source"
        )
        self._webhook_requests = self._counter(
            "butlr_webhook_requests",
            "Requests with events that Butlr pushed, by result",
            "result",
        )
        self._webhook_events = self._counter(
            "butlr_webhook_events", "Events that Butlr pushed, by outcome", "type", "outcome"
        )
        self._incident = Gauge(
            "butlr_backend_trouble",
            "1 while an incident of this kind lasts",
            ["kind"],
            registry=self.registry,
        )
        self.gauge(
            "butlr_backend_data_age_seconds",
            "Age of the oldest chunk in the last minute's results about now; NaN without such a result",
            self._ages.largest,
        )
        self.gauge("butlr_backend_threads", "Threads of the process", threading.active_count)
        about = Gauge("butlr_backend_info", "Always 1", ["version", "demo"], registry=self.registry)
        about.labels(__version__, str(int(demo))).set(1)
        ProcessCollector(registry=self.registry)
        # A ratio is to be known from the start, not from the first of each kind on.
        self._segments_of = {source: self._segments.labels(source) for source in SOURCES}
        # Looked up once for each set of labels: that costs more than counting.
        self._requests_of: dict[tuple[str, ...], tuple[Counter, Histogram]] = {}
        for reason in SKIP_REASONS:
            self._skipped.labels(reason)

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A value that is read when Prometheus asks."""
        Gauge(name, description, registry=self.registry).set_function(read)

    def incident(self, kind: str, incident: Incident) -> None:
        """A kind of trouble, read when Prometheus asks."""
        self._incident.labels(kind).set_function(lambda: float(incident.on))

    def called(self, path: str, outcome: str, seconds: float) -> None:
        """A call to Butlr ended, with an HTTP status or an error's code."""
        self._calls.labels(path, outcome).inc()
        self._call_seconds.labels(path).observe(seconds)
        figures = {"path": path, "outcome": outcome, "seconds": round(seconds, 3)}
        log.debug("Butlr was called", extra={"data": figures})

    def tier(self, name: str) -> Callable[[bool], None]:
        """To be told of each look into this tier of the cache: whether the part was there."""
        hits, misses = self._reads.labels(name, "hit"), self._reads.labels(name, "miss")
        return lambda hit: (hits if hit else misses).inc()

    def waited(self) -> None:
        """A question waits for what another replica is asking already."""
        self._waits.inc()

    def answered(self, coverage: Coverage, *, age_s: float | None = None) -> None:
        """What an answer is made of; `age_s`: how old its oldest part is, where it is about now."""
        for source, segments in self._segments_of.items():
            if number := getattr(coverage, source):
                segments.inc(number)
        if age_s is not None:
            self._ages.add(age_s)

    def requested(
        self, *, method: str, endpoint: str, target: str, written: str, status: int, seconds: float
    ) -> None:
        """A request was answered; `written`: the format of the answer."""
        labels = (method, endpoint, target, written, str(status))
        known = self._requests_of.get(labels)
        if known is None:
            known = self._requests.labels(*labels), self._request_seconds.labels(endpoint, target)
            self._requests_of[labels] = known
        requests, took = known
        requests.inc()
        took.observe(seconds)

    def staged(self, seconds: Mapping[str, float]) -> None:
        """What a request spent in each of the stages that it entered."""
        for name, spent in seconds.items():
            self._stage_seconds[name].observe(spent)

    def skipped(self, reason: str) -> None:
        """A response was not kept in the response cache, for one of `SKIP_REASONS`."""
        self._skipped.labels(reason).inc()

    def faulted(self, fault: BackendError) -> None:
        """An error was answered, or stands in an answer in a target's place."""
        self._faults.labels(fault.code, fault.source).inc()

    def pushed(self, type_: str, outcome: str) -> None:
        """An event of Butlr's; `type_`: one that is known, or `other`."""
        self._webhook_events.labels(type_, outcome).inc()

    def push_taken(self, result: str) -> None:
        """A request with events: `accepted`, or why it was refused."""
        self._webhook_requests.labels(result).inc()

    def receiving(self, size_of: Callable[[str], int], age_s: Callable[[], float]) -> None:
        """What is kept of pushed minutes, and how long ago the newest event arrived."""
        self.gauge("butlr_webhook_assets", "Series of people that are stored", lambda: size_of("people"))
        self.gauge(
            "butlr_webhook_sensors", "Door sensors whose movements are stored", lambda: size_of("sensors")
        )
        self.gauge(
            "butlr_webhook_newest_age_seconds",
            "Seconds since the newest event arrived; infinite: never",
            age_s,
        )

    def exposition(self) -> bytes:
        return generate_latest(self.registry)

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(name, description, labels, registry=self.registry)

    def _histogram(self, name: str, description: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, description, labels, buckets=buckets, registry=self.registry)


class Recent:
    """The largest of the values of the last `window_s`; NaN where there was none. Thread-safe."""

    def __init__(self, window_s: float, clock: Callable[[], float]) -> None:
        self._window_s = window_s
        self._clock = clock
        self._lock = threading.Lock()
        self._values: deque[tuple[float, float]] = deque()

    def add(self, value: float) -> None:
        with self._lock:
            now = self._clock()
            self._forget(now)
            # A smaller one that came before will never be the largest again.
            while self._values and self._values[-1][1] <= value:
                self._values.pop()
            self._values.append((now, value))

    def largest(self) -> float:
        with self._lock:
            self._forget(self._clock())
            return self._values[0][1] if self._values else float("nan")

    def _forget(self, now: float) -> None:
        while self._values and self._values[0][0] <= now - self._window_s:
            self._values.popleft()
