"""The entry point for web and commands: query parameters in, results out, under one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

from butlr_grafana.base.compute_turn import ComputeTurn
from butlr_grafana.base.errors import BackendError, BadParameter, Busy, UpstreamError, UpstreamLate
from butlr_grafana.base.incidents import Contact
from butlr_grafana.base.stage_times import stage
from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.cache.floorplan_images import FloorPlanImages
from butlr_grafana.cache.topology import TopologyCache
from butlr_grafana.insight.current_occupancy import Moved, nothing_moved
from butlr_grafana.measure.factor_learning import learn
from butlr_grafana.measure.factor_store import FactorStore
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.floor import Floor, PlanDrawing, Topology
from butlr_grafana.model.queries import (
    HeatMap,
    Query,
    SeriesResult,
    StatsResult,
)
from butlr_grafana.pipeline.floor_by_floor import FloorByFloor, FloorOrder
from butlr_grafana.pipeline.run import Pipeline
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import NOTHING_PUSHED, Liveness, PanelRange, Scope, scope_of
from butlr_grafana.service.event_log import EventLog
from butlr_grafana.service.floor_results import FloorResults
from butlr_grafana.service.last_good import FloorResult, LastGoodCache, RuleData
from butlr_grafana.service.metrics import Telemetry
from butlr_grafana.service.portfolio_watch import Looks
from butlr_grafana.service.requests import Account, PendingRequest, ResolvedQuery, accounts_of
from butlr_grafana.targets.base import Fetched, Result, Sources, Target, build, queries_of
from butlr_grafana.targets.registry import read, target_of

Visible = frozenset[str] | None
"""The floors that a caller may see; `None`: all that are served."""


PICTURES = ("png", "webp")
"""The formats that show a floor plan."""

STATUS_S = 2.0
"""How long the status waits for Butlr, where a question is due."""

LONGEST_TURN_S = 8.0
"""How long a rule's response waits for its turn to be computed. Computing may write to Redis or to a disk:
one that hangs there holds up the others for so long at most."""

DRAWING_S = 2.0
"""How long an answer waits for the plan's own picture."""


@dataclass(frozen=True, slots=True)
class Service:
    """Thread-safe; holds no state of its own. `assumed`: what is only assumed about Butlr, in words;
    `live`: what Butlr pushes just now; `moved`: in and out of places, by what was pushed.
    """

    spaces: TopologyCache
    pipeline: Pipeline
    rules: QueryLimits
    telemetry: Telemetry
    pictures: FloorPlanImages
    repeats: LastGoodCache
    looks: Looks
    rule_data: RuleData
    events: EventLog
    factors: FactorStore
    contact: Callable[[], Contact]
    assumed: Callable[[], str]
    demo: bool
    deadline_s: float
    now: Callable[[], float] = time.time
    stopwatch: Callable[[], float] = stopwatch
    live: Callable[[], Liveness] = lambda: NOTHING_PUSHED
    moved: Moved = nothing_moved
    floor_order: FloorOrder = field(default_factory=FloorOrder)
    rule_turn: ComputeTurn = field(default_factory=ComputeTurn)

    def turn(self, parsed: ParsedQuery, deadline: float) -> AbstractContextManager[None]:
        """Within it a response is computed: of alert rules one at a time. They come all at once, and a viewer
        waits beside them.
        """
        if parsed.call_class is not CallClass.RULE:
            return nullcontext()
        return self.rule_turn.taken(min(deadline - time.monotonic(), LONGEST_TURN_S))

    @property
    def floor_results(self) -> FloorResults:
        return FloorResults(self.pipeline, self.repeats, self.rule_data)

    def deadline(self) -> float:
        """On the monotonic clock, for a request that begins now."""
        return time.monotonic() + self.deadline_s

    def topology(self, visible: Visible, *, deadline: float) -> Topology:
        """The floors that the caller may see. Raises `NoFloors` if there is none."""
        return self.spaces.of_caller(self._served(visible, deadline), visible)

    def _served(self, visible: Visible, deadline: float) -> Topology:
        """All floors; a fault quotes Butlr only to who may see all it knows."""
        try:
            return self.spaces.current(timeout_s=max(0.0, deadline - time.monotonic()))
        except UpstreamError as fault:
            if visible is None and not self.spaces.limited:
                raise
            raise fault.without_butlr_text() from None

    def known_topology(self) -> Topology | None:
        """All floors, where they are known; like every request it has them renewed when that is due."""
        try:
            return self.spaces.current(timeout_s=0.0)
        except UpstreamError:
            return None

    @stage("parse")
    def read(self, target: str, parameters: Mapping[str, object]) -> ParsedQuery:
        return read(target, parameters)

    @stage("resolve")
    def resolve(
        self, parsed: ParsedQuery, visible: Visible, *, deadline: float, panel: PanelRange | None = None
    ) -> ResolvedQuery:
        """Fills in floors, clock and settings; Butlr is asked for its floors only. Raises `CallerError`."""
        target = target_of(parsed)
        if not target.needs_topology:
            # Perhaps nobody else asks: then the floors, which are due every few minutes, are the request.
            self.spaces.renew(timeout_s=STATUS_S)
            nothing = Topology({})
            return ResolvedQuery(target, Scope(parsed, nothing, nothing, (), self.now(), self.rules))
        if target.renews_topology:
            self.spaces.renew(timeout_s=STATUS_S)
        served = self._served(visible, deadline)
        with self.turn(parsed, deadline):
            return self._resolved(target, parsed, visible, served, panel)

    def _resolved(
        self,
        target: Target[Any],
        parsed: ParsedQuery,
        visible: Visible,
        served: Topology,
        panel: PanelRange | None,
    ) -> ResolvedQuery:
        scope = scope_of(
            parsed,
            self.spaces.of_caller(served, visible),
            now_s=self.now(),  # after the first answer, which tells Butlr's clock
            limits=self.rules,
            panel=panel,
            served=served,
            live=self.live(),
        )
        parts = queries_of(target, scope)
        if scope.is_filtered_out:
            if target.shape is not None and parsed.format != "frames":
                raise BadParameter("type", "no requested room has one of these types")
            return ResolvedQuery(target, scope)
        named = scope.topology.floors if target.needs_factors else {}
        with_heat = {*named, *(part.floor.id for part in parts if isinstance(part, Query))}
        factors = {space: self.factors.of(space) for space in with_heat}
        return ResolvedQuery(target, scope, tuple(parts), factors)

    @stage("split")
    def begin(self, resolved: ResolvedQuery) -> PendingRequest:
        """Begins what has to be asked of Butlr and returns at once."""
        if resolved.parsed.format in PICTURES:
            for floor in resolved.scope.topology.floors.values():
                self.pictures.request(floor)
        call_class, now_s = resolved.parsed.call_class, resolved.scope.now_s
        is_whole = call_class is CallClass.RULE or resolved.parsed.require == "complete"
        if is_whole or len(resolved.scope.floors) < 2:
            with self.turn(resolved.parsed, self.deadline()):
                pending = self.pipeline.begin_all(resolved.queries, now_s=now_s, call_class=call_class)
            return PendingRequest(resolved, tuple(pending))
        started = PendingRequest(resolved, tuple(self.pipeline.look_up_all(resolved.queries, now_s=now_s)))
        floors = {floor: [one.pending for one in own] for floor, own in started.by_floor.items()}
        query = replace(resolved.parsed, start_s=None, end_s=None, spaces=(), format="")
        rest = FloorByFloor(self.pipeline.gatherer, floors, query, self.floor_order, call_class)
        rest.request_more()
        if call_class is CallClass.VIEWER:
            self.looks.note(resolved.scope)
        return replace(started, floor_by_floor=rest)

    def start(
        self, parsed: ParsedQuery, visible: Visible, *, deadline: float, panel: PanelRange | None = None
    ) -> PendingRequest:
        """`resolve` and `begin`."""
        return self.begin(self.resolve(parsed, visible, deadline=deadline, panel=panel))

    @stage("build")
    def finish(self, pending_request: PendingRequest, *, deadline: float) -> Result[Any]:
        """The result, at the latest at the deadline.

        If one floor fails, the others are still returned. If all fail, or a comparison lacks a side, the
        first error is raised. Statistics only fill columns, and presence for a map only gives sensor
        availability. So the request does not wait for them to the end, and their error is not the error of
        the result, unless the result must be complete.
        """
        return replace(
            self._made(pending_request, deadline), drawing=self._drawing(pending_request, deadline)
        )

    def _made(self, pending_request: PendingRequest, deadline: float) -> Result[Any]:
        limits = self.floor_results.limits(pending_request, deadline)
        with self.turn(pending_request.parsed, deadline):
            return self._computed(pending_request, *limits)

    def _computed(self, pending_request: PendingRequest, deadline: float, soon: float) -> Result[Any]:
        resolved = pending_request.resolved
        fetched = Fetched(resolved.scope, factors=resolved.factors)
        if resolved.scope.is_filtered_out:
            return Result(resolved.target, fetched, assumed=self.assumed())
        if pending_request.pending_queries:
            fetched = self._fetched(
                pending_request, fetched, self.floor_results.of(pending_request, deadline, soon)
            )
        sources = Sources(self._contact, self.events.during, self.moved, self.pipeline.known_until)
        fetched, content = build(resolved.target, fetched, sources)
        result = Result(resolved.target, fetched, content, self.assumed())
        if pending_request.pending_queries:
            self.note(accounts_of(result))
            for snapshot in resolved.target.snapshots(result):
                self.events.see(snapshot.watch, snapshot.space, snapshot.zones, snapshot.seen_s)
            learn(self.factors, result.maps, fetched.series, now_s=resolved.scope.now_s)
        return result

    def _contact(self) -> Contact:
        return replace(self.contact(), rules_without_data_s=self.rule_data.longest_without_s())

    def _fetched(
        self, pending_request: PendingRequest, empty: Fetched, floor_results: Sequence[FloorResult]
    ) -> Fetched:
        faults = tuple((o.floor, o.fault) for o in floor_results if o.fault is not None)
        survives = pending_request.resolved.target.survives_faults or _all_follow(pending_request, faults)
        if len(faults) == len(floor_results) and not survives:
            raise faults[0][1]
        found = [part for floor_result in floor_results for part in floor_result.found]
        return replace(
            empty,
            maps=tuple(part for part in found if isinstance(part, HeatMap)),
            series=tuple(part for part in found if isinstance(part, SeriesResult)),
            stats=tuple(part for part in found if isinstance(part, StatsResult)),
            faults=faults,
            partial_errors=tuple((o.floor, fault) for o in floor_results for fault in o.partial_errors),
        )

    def note(self, accounts: Iterable[Account]) -> None:
        """An answer made of these is shown to somebody."""
        for account in accounts:
            self.telemetry.answered(account.coverage, age_s=account.age_s(self.now()))

    def _drawing(self, pending_request: PendingRequest, deadline: float) -> PlanDrawing | None:
        """The plan's own picture, where one is to be drawn on and there in time."""
        floor = next(iter(pending_request.resolved.scope.topology.floors.values()), None)
        if floor is None or pending_request.parsed.format not in PICTURES:
            return None
        timeout_s = max(0.0, min(DRAWING_S, deadline - time.monotonic()))
        with stage("gather"):
            return self.pictures.of(floor, timeout_s=timeout_s)

    def answer(self, parsed: ParsedQuery, visible: Visible) -> Result[Any]:
        """One result from parameters, for callers with a single query."""
        deadline = self.deadline()
        return self.finish(self.start(parsed, visible, deadline=deadline), deadline=deadline)

    def ready(self) -> BackendError | None:
        """Why nothing can be answered yet, or `None`; to be told to anybody."""
        try:
            served = self.spaces.current(timeout_s=2.0)
        except UpstreamError as fault:
            return fault.without_butlr_text()
        return self.spaces.fault(served)


def _all_follow(pending_request: PendingRequest, faults: Sequence[tuple[Floor, BackendError]]) -> bool:
    """Whether none of many floors is there yet, the rest follows, and the response can say so: only frames
    have notices.
    """
    is_many = pending_request.floor_by_floor is not None
    is_following = all(isinstance(fault, UpstreamLate | Busy) for _, fault in faults)
    return is_many and is_following and pending_request.resolved.parsed.format == "frames"
