"""The entry point for web and commands: query parameters in, results out, under one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from butlr_grafana.base.errors import BackendError, BadParameter, CallerError, UpstreamError
from butlr_grafana.base.incidents import Contact
from butlr_grafana.base.stage_times import stage
from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.cache.floorplan_images import FloorPlanImages
from butlr_grafana.cache.topology import TopologyCache
from butlr_grafana.insight.current_occupancy import Moved, nothing_moved
from butlr_grafana.measure.factor_learning import learn
from butlr_grafana.measure.factor_store import FactorStore
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.floor import PlanDrawing, Topology
from butlr_grafana.model.queries import (
    AnyResult,
    HeatMap,
    Query,
    SeriesQuery,
    SeriesResult,
    StatsQuery,
    StatsResult,
)
from butlr_grafana.model.time import MINUTE_S, Period
from butlr_grafana.pipeline.floor_by_floor import FloorByFloor, FloorOrder
from butlr_grafana.pipeline.gather import PATIENCE_S
from butlr_grafana.pipeline.run import PendingQuery, Pipeline
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.live import DOORS_EVERY_S
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import ASKED, Liveness, PanelRange, Scope, scope_of
from butlr_grafana.service.event_log import EventLog
from butlr_grafana.service.last_good import FloorResult, LastGoodCache, RuleData
from butlr_grafana.service.metrics import Telemetry
from butlr_grafana.service.portfolio_watch import Looks
from butlr_grafana.service.requests import Account, PendingRequest, ResolvedQuery, accounts_of
from butlr_grafana.targets.base import Fetched, Result, Sources, build, queries_of
from butlr_grafana.targets.registry import read, target_of

Visible = frozenset[str] | None
"""The floors that a caller may see; `None`: all that are served."""


PICTURES = ("png", "webp")
"""The formats that show a floor plan."""

STATUS_S = 2.0
"""How long the status waits for Butlr, where a question is due."""

RULE_S = 12.0
"""How long an alert rule's answer waits for Butlr: Grafana gives its queries 30 seconds together."""

BUILD_S_A_FLOOR = 0.03
"""How long before the deadline waiting ends, for each floor: it takes time too to add its parts up and to
write the response. Of 200 floors it is six seconds."""

LONGEST_BACK_S = 600
"""How far back an answer is looked for that came after all who asked for it had gone."""

LONGEST_COUNT_S = 3 * DOORS_EVERY_S
"""How long ago a count of doors may have been asked for that stands in for the next one."""

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
    live: Callable[[], Liveness] = lambda: ASKED
    moved: Moved = nothing_moved
    floor_order: FloorOrder = field(default_factory=FloorOrder)

    def deadline(self) -> float:
        """On the monotonic clock, for a request that begins now."""
        return time.monotonic() + self.deadline_s

    def topology(self, visible: Visible, *, deadline: float) -> Topology:
        return self._served(visible, deadline).restricted_to(visible)

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
        scope = scope_of(
            parsed,
            served.restricted_to(visible),
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
                self.pictures.ask(floor)
        call_class, now_s = resolved.parsed.call_class, resolved.scope.now_s
        is_whole = call_class is CallClass.RULE or resolved.parsed.require == "complete"
        if is_whole or len(resolved.scope.floors) < 2:
            pending = self.pipeline.begin_all(resolved.parts, now_s=now_s, call_class=call_class)
            return PendingRequest(resolved, tuple(pending))
        started = PendingRequest(resolved, tuple(self.pipeline.look_up_all(resolved.parts, now_s=now_s)))
        floors = {floor: [one.pending for one in own] for floor, own in started.by_floor.items()}
        query = replace(resolved.parsed, start_s=None, end_s=None, spaces=(), format="")
        rest = FloorByFloor(self.pipeline.gatherer, floors, query, self.floor_order, call_class)
        rest.ask_more()
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
        resolved = pending_request.resolved
        fetched = Fetched(resolved.scope, factors=resolved.factors)
        if resolved.scope.is_filtered_out:
            return Result(resolved.target, fetched, assumed=self.assumed())
        if pending_request.pending_queries:
            fetched = self._fetched(pending_request, fetched, deadline)
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

    def _fetched(self, pending_request: PendingRequest, empty: Fetched, deadline: float) -> Fetched:
        floor_results = self._floor_results(pending_request, deadline)
        faults = tuple((o.floor, o.fault) for o in floor_results if o.fault is not None)
        if len(faults) == len(floor_results) and not pending_request.resolved.target.survives_faults:
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

    def _floor_results(self, pending_request: PendingRequest, deadline: float) -> list[FloorResult]:
        """Floor by floor. Where only complete answers count, or `max_age` allows it, one that is not repeats
        its last. An alert rule is told what is there after `RULE_S`.
        """
        by_floor = pending_request.by_floor
        parsed, scope, began_s = pending_request.parsed, pending_request.resolved.scope, time.monotonic()
        deadline -= min(len(by_floor) * BUILD_S_A_FLOOR, (deadline - began_s) / 2)
        soon = min(deadline, began_s + PATIENCE_S)
        if parsed.call_class is CallClass.RULE:
            deadline = min(deadline, began_s + RULE_S)
        if pending_request.floor_by_floor is not None:
            pending_request.floor_by_floor.wait(deadline)
            deadline = soon = min(deadline, time.monotonic())
        floor_results = [
            self._floor_result(pending_request.resolved, own, deadline, soon) for own in by_floor.values()
        ]
        if parsed.max_age_s and scope.panel is None:
            floor_results = [
                one if one.complete else self._a_little_older(pending_request.resolved, one)
                for one in floor_results
            ]
        is_whole = parsed.require == "complete" and len(by_floor) > 1
        if is_whole or parsed.max_age_s:
            floor_results = self.repeats.filled(
                scope.timeless, floor_results, max_age_s=parsed.max_age_s, stand_in=is_whole
            )
        if parsed.call_class is CallClass.RULE:
            self.rule_data.saw(scope.timeless, floor_results)
        return floor_results

    def _a_little_older(self, resolved: ResolvedQuery, floor_result: FloorResult) -> FloorResult:
        """The floor's answer to the question of some minutes ago, if all of it has come since."""
        max_age_s = resolved.parsed.max_age_s
        for back_s in range(MINUTE_S, min(max_age_s, LONGEST_BACK_S) + 1, MINUTE_S):
            scope = resolved.scope.earlier(back_s, floor_result.floor)
            parts = queries_of(resolved.target, scope)
            known = [self.pipeline.known(part, now_s=scope.now_s, max_age_s=max_age_s) for part in parts]
            pending = [one for one in known if one is not None]
            if len(pending) == len(parts):
                now = time.monotonic()
                return self._floor_result(resolved, pending, now, now)
        return floor_result

    def _floor_result(
        self, resolved: ResolvedQuery, own: Sequence[PendingQuery], deadline: float, soon: float
    ) -> FloorResult:
        """What comes of one floor's questions until the deadline; what only fills columns until `soon`."""
        floor = own[0].query.floor
        found: list[AnyResult] = []
        partial_errors: list[BackendError] = []
        for pending in (self._count_before(one, resolved.scope.now_s) for one in own):
            is_aside = isinstance(pending.query, StatsQuery) or (
                isinstance(pending.query, SeriesQuery) and resolved.target.needs_presence(resolved.parsed)
            )
            fills_columns = is_aside and pending.query.require != "complete"
            try:
                found.append(self.pipeline.finish(pending, deadline=soon if fills_columns else deadline))
            except CallerError:
                raise
            except BackendError as fault:
                if not fills_columns:
                    return FloorResult(floor, fault=fault)
                partial_errors.append(fault)
        return FloorResult(floor, tuple(found), partial_errors=tuple(partial_errors))

    def _count_before(self, pending: PendingQuery, now_s: float) -> PendingQuery:
        """For a count of doors that is fetched every ten minutes: the last one, until the new one is there.
        Together with the movements that were pushed since, it tells the same, and nobody waits for it.
        """
        query, fetch = pending.query, pending.pending
        is_slow = isinstance(query, SeriesQuery) and query.base.is_calibrated and query.good_s is not None
        has_arrived = not fetch.missing and all(call.done() and not call.exception() for call in fetch.calls)
        if not is_slow or has_arrived:
            return pending
        start_s, end_s = (at_s - DOORS_EVERY_S for at_s in (query.period.start_s, query.period.end_s))
        before = replace(query, period=Period(start_s, end_s))
        return self.pipeline.known(before, now_s=now_s, max_age_s=LONGEST_COUNT_S) or pending

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
            self.spaces.current(timeout_s=2.0)
        except UpstreamError as fault:
            return fault.without_butlr_text()
        return None
