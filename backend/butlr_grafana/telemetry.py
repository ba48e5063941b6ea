"""Counters for Prometheus and the shape of log lines."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from butlr_grafana.model import Coverage


class Telemetry:
    """One registry an application, so that two in one process do not add up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Counter(
            "butlr_calls_total", "Calls to Butlr", ["path", "outcome"], registry=self.registry
        )
        self._call_seconds = Histogram(
            "butlr_call_seconds",
            "Duration of calls to Butlr",
            ["path"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=self.registry,
        )
        self._segments = Counter(
            "butlr_backend_segments_total",
            "Segments of answers by source",
            ["source"],
            registry=self.registry,
        )
        self._requests = Counter(
            "butlr_backend_requests_total",
            "Requests answered",
            ["endpoint", "status"],
            registry=self.registry,
        )
        self._request_seconds = Histogram(
            "butlr_backend_request_seconds", "Duration of requests", ["endpoint"], registry=self.registry
        )

    def gauge(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A value that is read when Prometheus asks."""
        Gauge(name, description, registry=self.registry).set_function(read)

    def called(self, path: str, outcome: str, seconds: float) -> None:
        self._calls.labels(path, outcome).inc()
        self._call_seconds.labels(path).observe(seconds)

    def answered(self, coverage: Coverage) -> None:
        for source in ("fetched", "cached", "stale", "missing"):
            self._segments.labels(source).inc(getattr(coverage, source))

    def requested(self, endpoint: str, status: int, seconds: float) -> None:
        self._requests.labels(endpoint, str(status)).inc()
        self._request_seconds.labels(endpoint).observe(seconds)

    def exposition(self) -> bytes:
        return generate_latest(self.registry)


def log_to_stderr() -> None:
    """One line an event, for people and for log collectors: time, level, logger, message."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger("butlr_grafana")
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    root.propagate = False
