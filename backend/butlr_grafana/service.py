"""What the doors (web, command line) call: words in, answers out, under one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from butlr_grafana.answers import WHOLE, Answer, made_of, parts_of
from butlr_grafana.errors import BackendError, UpstreamError
from butlr_grafana.model import Floor, HeatMap, SeriesAnswer, Topology
from butlr_grafana.pipeline import Begun, Pipeline
from butlr_grafana.query import Asked, Rules, floors_of, read
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
class Started:
    """A question whose calls are under way. Start all questions of a request, then finish each."""

    asked: Asked
    begun: tuple[Begun, ...]
    topology: Topology


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

    def start(
        self, asked: Asked, visible: Visible, *, deadline: float, panel: Range | None = None
    ) -> Started:
        """Begins what has to be asked of Butlr and returns at once. Raises `CallerError`."""
        topology = self.topology(visible, deadline=deadline)
        now_s = self.now()
        parts = parts_of(
            asked,
            topology,
            now_s=now_s,
            rules=self.rules,
            asked_period=(panel.start_s, panel.end_s) if panel else None,
            max_data_points=panel.max_data_points if panel else None,
        )
        chosen = Topology({floor.id: floor for floor in floors_of(asked, topology)}, topology.notes)
        return Started(asked, tuple(self.pipeline.begin(part, now_s=now_s) for part in parts), chosen)

    def finish(self, started: Started, *, deadline: float) -> Answer:
        """The answer at the latest at the deadline.

        A floor that fails does not take the others along; where all fail, or a comparison lacks a side,
        the first fault is raised.
        """
        if not started.begun:
            return Answer(started.asked, topology=started.topology)
        found: list[HeatMap | SeriesAnswer] = []
        faults: list[tuple[Floor, BackendError]] = []
        for begun in started.begun:
            try:
                found.append(self.pipeline.finish(begun, deadline=deadline))
            except UpstreamError as fault:
                faults.append((begun.query.floor, fault))
        if faults and (not found or started.asked.target in WHOLE):
            raise faults[0][1]
        maps = [part for part in found if isinstance(part, HeatMap)]
        series = [part for part in found if isinstance(part, SeriesAnswer)]
        answer = made_of(started.asked, maps, series, faults)
        for part in answer.parts:
            self.telemetry.answered(part.coverage)
        return answer

    def answer(self, asked: Asked, visible: Visible) -> Answer:
        """One answer from words, for the doors that ask for one at a time."""
        deadline = self.deadline()
        return self.finish(self.start(asked, visible, deadline=deadline), deadline=deadline)

    def heat_map(self, asked: Asked, visible: Visible) -> HeatMap:
        """The map itself, where one is asked for."""
        return self.answer(asked, visible).maps[0]

    def ready(self) -> BackendError | None:
        """Why nothing can be answered yet, or `None`."""
        try:
            self.spaces.current(timeout_s=2.0)
        except BackendError as error:
            return error
        return None
