"""What the doors (web, command line) call: words in, answers out, under one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from butlr_grafana.errors import BackendError
from butlr_grafana.model import HeatMap, Query, Topology
from butlr_grafana.pipeline import Begun, Pipeline
from butlr_grafana.query import Asked, Rules, read, resolve
from butlr_grafana.spaces import Spaces
from butlr_grafana.telemetry import Telemetry

Visible = frozenset[str] | None
"""The floors that a caller may see; `None`: all that are served."""


@dataclass(frozen=True, slots=True)
class Range:
    """A panel's range in seconds, where the door has one, and how many columns it can draw."""

    start_s: int
    end_s: int
    max_data_points: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """Thread-safe; holds no state of its own."""

    spaces: Spaces
    pipeline: Pipeline
    rules: Rules
    telemetry: Telemetry
    demo: bool
    deadline_s: float
    now: Callable[[], float] = time.time

    def deadline(self) -> float:
        """On the monotonic clock, for a request that begins now."""
        return time.monotonic() + self.deadline_s

    def topology(self, visible: Visible, *, deadline: float) -> Topology:
        known = self.spaces.current(timeout_s=max(0.0, deadline - time.monotonic()))
        return known.restricted_to(visible)

    def read(self, target: str, words: Mapping[str, object]) -> Asked:
        return read(target, words)

    def query(self, asked: Asked, visible: Visible, *, deadline: float, panel: Range | None = None) -> Query:
        return resolve(
            asked,
            self.topology(visible, deadline=deadline),
            now_s=self.now(),
            rules=self.rules,
            asked_period=(panel.start_s, panel.end_s) if panel else None,
            max_data_points=panel.max_data_points if panel else None,
        )

    def begin(self, query: Query) -> Begun:
        return self.pipeline.begin(query, now_s=self.now())

    def finish(self, begun: Begun, *, deadline: float) -> HeatMap:
        answer = self.pipeline.finish(begun, deadline=deadline)
        self.telemetry.answered(answer.coverage)
        return answer

    def heat_map(self, asked: Asked, visible: Visible) -> HeatMap:
        """One heat map from words, for the doors that ask for one at a time."""
        deadline = self.deadline()
        return self.finish(self.begin(self.query(asked, visible, deadline=deadline)), deadline=deadline)

    def ready(self) -> BackendError | None:
        """Why nothing can be answered yet, or `None`."""
        try:
            self.spaces.current(timeout_s=2.0)
        except BackendError as error:
            return error
        return None
