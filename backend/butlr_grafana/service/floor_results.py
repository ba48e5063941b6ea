"""What comes of the calls to Butlr, floor by floor: what is there in time, or else the last that was good."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from butlr_grafana.base.errors import BackendError, CallerError
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.queries import AnyResult, SeriesQuery
from butlr_grafana.model.time import MINUTE_S, Period
from butlr_grafana.pipeline.gather import PATIENCE_S
from butlr_grafana.pipeline.run import PendingQuery, Pipeline
from butlr_grafana.query.live import DOORS_EVERY_S
from butlr_grafana.service.last_good import FloorResult, LastGoodCache, RuleData, recent_enough
from butlr_grafana.service.requests import PendingRequest, ResolvedQuery
from butlr_grafana.targets.base import queries_of

RULE_S = 12.0
"""How long an alert rule's answer waits for Butlr: Grafana gives its queries 30 seconds together."""

BUILD_S_A_FLOOR = 0.03
"""How long before the deadline waiting ends, for each floor: it takes time too to add its parts up and to
write the response. Of 200 floors it is six seconds."""

LONGEST_BACK_S = 600
"""How far back an answer is looked for that came after all who asked for it had gone."""

LONGEST_COUNT_S = 3 * DOORS_EVERY_S
"""How long ago a count of doors may have been asked for that stands in for the next one."""


@dataclass(frozen=True, slots=True)
class FloorResults:
    """`limits` first, then `of` until then. Thread-safe."""

    pipeline: Pipeline
    repeats: LastGoodCache
    rule_data: RuleData

    def limits(self, pending_request: PendingRequest, deadline: float) -> tuple[float, float]:
        """Until when a result may wait for Butlr, and until when for what only fills columns. For an alert
        rule, and floor by floor, all waiting is done here; a rule is told what is there after `RULE_S`.
        """
        began_s = time.monotonic()
        deadline -= min(len(pending_request.by_floor) * BUILD_S_A_FLOOR, (deadline - began_s) / 2)
        is_of_rule = pending_request.parsed.call_class is CallClass.RULE
        if is_of_rule:
            deadline = min(deadline, began_s + RULE_S)
        soon = min(deadline, began_s + PATIENCE_S)
        if is_of_rule:
            self._wait_for_all(pending_request, deadline, soon)
        elif pending_request.floor_by_floor is not None:
            pending_request.floor_by_floor.wait(deadline)
        else:
            return deadline, soon
        now = min(deadline, time.monotonic())
        return now, now

    def _wait_for_all(self, pending_request: PendingRequest, deadline: float, soon: float) -> None:
        """Until all calls have ended; only until `soon` where older data could be shown instead."""
        gatherer, now_s = self.pipeline.gatherer, pending_request.resolved.scope.now_s
        pending = [self._count_before(one, now_s).pending for one in pending_request.pending_queries]
        calls = [call for one in pending for call in one.calls]
        now = gatherer.wait(calls, soon - time.monotonic())
        is_whole = pending_request.parsed.require == "complete"
        if is_whole or not all(gatherer.has_older(one) for one in pending):
            gatherer.wait(calls, deadline - now)

    def of(self, pending_request: PendingRequest, deadline: float, soon: float) -> list[FloorResult]:
        """Floor by floor. Where only complete answers count, or `max_age` allows it, one that is not repeats
        its last.
        """
        by_floor = pending_request.by_floor
        parsed, scope = pending_request.parsed, pending_request.resolved.scope
        floor_results = [
            self._floor_result(pending_request.resolved, own, deadline, soon) for own in by_floor.values()
        ]
        if parsed.max_age_s:
            floor_results = [recent_enough(one, scope.now_s - parsed.max_age_s) for one in floor_results]
        if parsed.max_age_s and scope.panel is None:
            floor_results = [
                one if one.complete else self._a_little_older(pending_request.resolved, one)
                for one in floor_results
            ]
        is_whole = parsed.require == "complete" and len(by_floor) > 1
        if is_whole or parsed.max_age_s:
            floor_results = self.repeats.filled(
                scope.key_without_time, floor_results, max_age_s=parsed.max_age_s, stand_in=is_whole
            )
        if parsed.call_class is CallClass.RULE:
            self.rule_data.record(scope.key_without_time, floor_results)
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
            is_aside = resolved.target.fills_columns(resolved.parsed, pending.query)
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
