"""What the doors (web, command line) call: words in, answers out, under one deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from butlr_grafana.answers import ALWAYS, Answer, made_of, parts_of
from butlr_grafana.butlr.admission import CallClass
from butlr_grafana.errors import BackendError, CallerError, UpstreamError
from butlr_grafana.events.book import EventBook
from butlr_grafana.events.record import Event, is_of_now, told, watch_of
from butlr_grafana.factors.book import FactorBook
from butlr_grafana.factors.measure import learn
from butlr_grafana.gather import PATIENCE_S
from butlr_grafana.model import (
    MINUTE_S,
    AnyAnswer,
    HeatMap,
    PlanDrawing,
    Query,
    SeriesAnswer,
    SeriesQuery,
    StatsAnswer,
    StatsQuery,
    Topology,
)
from butlr_grafana.outcomes import Outcome, Repeats, RuleData
from butlr_grafana.pipeline import Begun, Pipeline
from butlr_grafana.plan_pictures import PlanPictures
from butlr_grafana.query import (
    Asked,
    Rules,
    events_period,
    filters_leave_nothing,
    floors_of,
    read,
    with_names,
)
from butlr_grafana.questions import Account, Range, Resolved, Started, accounts_of
from butlr_grafana.sightings import tells_rooms_apart
from butlr_grafana.spaces import Spaces
from butlr_grafana.stopwatch import stopwatch
from butlr_grafana.telemetry import Telemetry
from butlr_grafana.trouble import Contact

Visible = frozenset[str] | None
"""The floors that a caller may see; `None`: all that are served."""


PICTURES = ("png", "webp")
"""The formats that show a floor plan."""

STATUS_S = 2.0
"""How long the status waits for Butlr, where a question is due."""

RULE_S = 12.0
"""How long an alert rule's answer waits for Butlr: Grafana gives its queries 30 seconds together."""

LONGEST_BACK_S = 600
"""How far back an answer is looked for that came after all who asked for it had gone."""

DRAWING_S = 2.0
"""How long an answer waits for the plan's own picture."""


@dataclass(frozen=True, slots=True)
class Service:
    """Thread-safe; holds no state of its own. `assumed`: what is only assumed about Butlr, in words."""

    spaces: Spaces
    pipeline: Pipeline
    rules: Rules
    telemetry: Telemetry
    pictures: PlanPictures
    repeats: Repeats
    rule_data: RuleData
    events: EventBook
    factors: FactorBook
    contact: Callable[[], Contact]
    assumed: Callable[[], str]
    demo: bool
    deadline_s: float
    now: Callable[[], float] = time.time
    stopwatch: Callable[[], float] = stopwatch

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
            raise fault.without_words() from None

    def read(self, target: str, words: Mapping[str, object]) -> Asked:
        return read(target, words)

    def resolve(
        self, asked: Asked, visible: Visible, *, deadline: float, panel: Range | None = None
    ) -> Resolved:
        """Fills in floors, clock and settings; Butlr is asked for its floors only. Raises `CallerError`."""
        if asked.target == "status":
            # Perhaps nobody else asks: then the floors, which are due every few minutes, are the question.
            self.spaces.renew(timeout_s=STATUS_S)
            return Resolved(asked, self.now(), Topology({}), Topology({}))
        served = self._served(visible, deadline)
        topology = served.restricted_to(visible)
        asked = with_names(asked, topology)
        now_s = self.now()  # after the first answer, which tells Butlr's clock
        asked_period = (panel.start_s, panel.end_s) if panel else None
        parts = parts_of(
            asked,
            topology,
            now_s=now_s,
            rules=self.rules,
            asked_period=asked_period,
            max_data_points=panel.max_data_points if panel else None,
        )
        floors = {floor.id: floor for floor in floors_of(asked, topology)}
        notes = (n for n in topology.notes if n.floor_id in (None, *floors) or n.about == "gone")
        chosen = Topology(floors, tuple(notes))
        if filters_leave_nothing(asked, topology):
            return Resolved(asked, now_s, served, chosen, panel, is_filtered_out=True)
        if asked.target == "events":
            period = events_period(asked, asked_period, now_s=now_s, rules=self.rules)
            return Resolved(asked, now_s, served, chosen, panel, period=period)
        told_of = chosen.floors if asked.target == "spaces" else {}
        with_heat = {*told_of, *(part.floor.id for part in parts if isinstance(part, Query))}
        factors = {space: self.factors.of(space) for space in with_heat}
        return Resolved(asked, now_s, served, chosen, panel, tuple(parts), factors=factors)

    def begin(self, resolved: Resolved) -> Started:
        """Begins what has to be asked of Butlr and returns at once."""
        if resolved.asked.format in PICTURES:
            for floor in resolved.topology.floors.values():
                self.pictures.ask(floor)
        need = resolved.asked.need
        begun = tuple(self.pipeline.begin(part, now_s=resolved.now_s, need=need) for part in resolved.parts)
        return Started(resolved, begun)

    def start(
        self, asked: Asked, visible: Visible, *, deadline: float, panel: Range | None = None
    ) -> Started:
        """`resolve` and `begin`."""
        return self.begin(self.resolve(asked, visible, deadline=deadline, panel=panel))

    def finish(self, started: Started, *, deadline: float) -> Answer:
        """The answer at the latest at the deadline.

        A floor that fails does not take the others along; where all fail, or a comparison lacks a side,
        the first fault is raised. Statistics only fill columns, and presence beside a map only tells which
        rooms were seen: they are not waited for to the end, and their fault is not the answer's, unless the
        answer is to be complete.
        """
        return replace(self._made(started, deadline), drawing=self._drawing(started, deadline))

    def _made(self, started: Started, deadline: float) -> Answer:
        resolved = started.resolved
        base = Answer(
            started.asked,
            now_s=resolved.now_s,
            topology=resolved.topology,
            assumed=self.assumed(),
            factors=resolved.factors,
        )
        if started.asked.target == "status":
            contact = replace(self.contact(), rules_without_data_s=self.rule_data.longest_without_s())
            return replace(base, contact=contact)
        if resolved.is_filtered_out:
            return replace(base, is_filtered_out=True)
        if started.asked.target == "events":
            return replace(base, events=self._events(resolved))
        if not started.begun:
            return base
        outcomes = self._outcomes(started, deadline)
        faults = tuple((o.floor, o.fault) for o in outcomes if o.fault is not None)
        if len(faults) == len(outcomes) and started.asked.target not in ALWAYS:
            raise faults[0][1]
        found = [part for outcome in outcomes for part in outcome.found]
        answer = made_of(
            replace(
                base,
                maps=tuple(part for part in found if isinstance(part, HeatMap)),
                series=tuple(part for part in found if isinstance(part, SeriesAnswer)),
                stats=tuple(part for part in found if isinstance(part, StatsAnswer)),
                faults=faults,
                lacking=tuple((o.floor, fault) for o in outcomes for fault in o.lacking),
            )
        )
        self.note(accounts_of(answer))
        self._record(answer)
        learn(self.factors, answer.maps, answer.series, now_s=resolved.now_s)
        return answer

    def note(self, accounts: Iterable[Account]) -> None:
        """An answer made of these is shown to somebody."""
        for account in accounts:
            self.telemetry.answered(account.coverage, age_s=account.age_s(self.now()))

    def _record(self, answer: Answer) -> None:
        """Hot zones as an alert rule sees them become events."""
        for heat_map in answer.maps:
            watch = watch_of(answer.asked, heat_map.query.period)
            if watch is not None and is_of_now(heat_map, answer.now_s):
                space = heat_map.query.floor.id
                zones = [zone for zone in answer.zones if zone.space == space]
                self.events.see(watch, space, zones, heat_map.query.period.end_s)

    def _events(self, resolved: Resolved) -> tuple[Event, ...]:
        """The recorded ones of the period, of the zones and rooms that there are and that are asked for."""
        assert resolved.period is not None
        found = self.events.during(resolved.period, resolved.topology.floors)
        return tuple(told(found, resolved.asked, resolved.topology))

    def _outcomes(self, started: Started, deadline: float) -> list[Outcome]:
        """Floor by floor. Where only complete answers count, or `max_age` allows it, one that is not repeats
        its last. An alert rule is told what is there after `RULE_S`.
        """
        by_floor: dict[str, list[Begun]] = {}
        for begun in started.begun:
            by_floor.setdefault(begun.query.floor.id, []).append(begun)
        asked, began_s = started.asked, time.monotonic()
        soon = min(deadline, began_s + PATIENCE_S)
        if asked.need is CallClass.RULE:
            deadline = min(deadline, began_s + RULE_S)
        outcomes = [self._outcome(asked, own, deadline, soon) for own in by_floor.values()]
        if asked.max_age_s and started.resolved.panel is None:
            outcomes = [one if one.complete else self._a_little_older(started, one) for one in outcomes]
        is_whole = asked.require == "complete" and len(by_floor) > 1
        if is_whole or asked.max_age_s:
            question = started.resolved.timeless
            outcomes = self.repeats.filled(question, outcomes, max_age_s=asked.max_age_s, stand_in=is_whole)
        if asked.need is CallClass.RULE:
            self.rule_data.saw(started.resolved.timeless, outcomes)
        return outcomes

    def _a_little_older(self, started: Started, outcome: Outcome) -> Outcome:
        """The floor's answer to the question of some minutes ago, if all of it has come since."""
        resolved, asked = started.resolved, started.asked
        for back_s in range(MINUTE_S, min(asked.max_age_s, LONGEST_BACK_S) + 1, MINUTE_S):
            start_s, end_s = (None if at is None else at - back_s for at in (asked.start_s, asked.end_s))
            now_s = resolved.now_s - back_s
            parts = parts_of(
                replace(asked, spaces=(outcome.floor.id,), start_s=start_s, end_s=end_s),
                Topology({outcome.floor.id: outcome.floor}),
                now_s=now_s,
                rules=self.rules,
            )
            known = [self.pipeline.known(part, now_s=now_s, max_age_s=asked.max_age_s) for part in parts]
            begun = [one for one in known if one is not None]
            if len(begun) == len(parts):
                now = time.monotonic()
                return self._outcome(asked, begun, now, now)
        return outcome

    def _outcome(self, asked: Asked, own: Sequence[Begun], deadline: float, soon: float) -> Outcome:
        """What comes of one floor's questions until the deadline; what only fills columns until `soon`."""
        floor = own[0].query.floor
        found: list[AnyAnswer] = []
        lacking: list[BackendError] = []
        for begun in own:
            is_aside = isinstance(begun.query, StatsQuery) or (
                isinstance(begun.query, SeriesQuery) and tells_rooms_apart(asked)
            )
            fills_columns = is_aside and begun.query.require != "complete"
            try:
                found.append(self.pipeline.finish(begun, deadline=soon if fills_columns else deadline))
            except CallerError:
                raise
            except BackendError as fault:
                if not fills_columns:
                    return Outcome(floor, fault=fault)
                lacking.append(fault)
        return Outcome(floor, tuple(found), lacking=tuple(lacking))

    def _drawing(self, started: Started, deadline: float) -> PlanDrawing | None:
        """The plan's own picture, where one is to be drawn on and there in time."""
        floor = next(iter(started.resolved.topology.floors.values()), None)
        if floor is None or started.asked.format not in PICTURES:
            return None
        timeout_s = max(0.0, min(DRAWING_S, deadline - time.monotonic()))
        return self.pictures.of(floor, timeout_s=timeout_s)

    def answer(self, asked: Asked, visible: Visible) -> Answer:
        """One answer from words, for the doors that ask for one at a time."""
        deadline = self.deadline()
        return self.finish(self.start(asked, visible, deadline=deadline), deadline=deadline)

    def heat_map(self, asked: Asked, visible: Visible) -> HeatMap:
        """The map itself, where one is asked for."""
        return self.answer(asked, visible).maps[0]

    def ready(self) -> BackendError | None:
        """Why nothing can be answered yet, or `None`; to be told to anybody."""
        try:
            self.spaces.current(timeout_s=2.0)
        except UpstreamError as fault:
            return fault.without_words()
        return None
