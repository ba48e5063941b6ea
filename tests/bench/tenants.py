"""A tenant of N floors on an account of so many calls a minute: do all alert rules have their data?

Every shipped rule is evaluated as Grafana does: at its interval, its queries together, 30 seconds in all. The
clock is simulated and one thread does everything, so the figures are the same at each run.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from butlr_grafana.base.errors import BackendError
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.pipeline.call_queue import SHARES
from butlr_grafana.service.requests import PendingRequest, accounts_of
from butlr_grafana.targets.base import Result
from tests.alerting.grafana import request, rules, seconds, step
from tests.bench.row import Row
from tests.bench.simulation import Simulation, simulated
from tests.dashboards.grafana import infinity_request
from tests.dashboards.test_queries import start_values

START = "2026-06-17T14:30:05"
EVALUATION_S = 30.0
HOURLY_S = 3_600.0
"""How often windows of ten hours are asked for."""

REST_S = 90.0
PER_MINUTE = 50
QUERIES = ("A", "T")
"""A rule's value, and the instant up to which it is known."""


@dataclass
class Tally:
    """What came of the evaluations of one run. `ages_s`: of the oldest floor in answers about now, by rule;
    `lacking`: answers without some floor; `refused`: 429s; `round_calls`: what all that rules ask for costs
    once.
    """

    floors: int
    wanted: int = 0
    answered: int = 0
    whole: int = 0
    ages_s: dict[str, float] = field(default_factory=dict)
    lacking: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    a_minute: Counter[int] = field(default_factory=Counter)
    refused: int = 0
    round_calls: int = 0

    def bound_s(self, interval_s: int) -> float:
        """The oldest that anything can be where the share of rules goes through all that they ask for, again
        and again: it has waited for one round, is a minute late at Butlr, and was asked for an interval ago.
        """
        a_minute = PER_MINUTE * SHARES[CallClass.RULE].weight / sum(one.weight for one in SHARES.values())
        return 60.0 * self.round_calls / a_minute + 60.0 + interval_s

    def oldest_of(self, uids: Collection[str]) -> float:
        return max((age_s for uid, age_s in self.ages_s.items() if uid in uids), default=float("nan"))

    @property
    def oldest_s(self) -> float:
        return self.oldest_of(self.ages_s)


@dataclass
class Evaluation:
    """Of one rule: both its queries, begun together."""

    uid: str
    began_s: float
    started: list[PendingRequest]
    error: str = ""


def run(
    floors: int, minutes: int, *, rate: int | None, limit: int, rooms_limited: bool = True, **more: Any
) -> Tally:
    with simulated(floors, start=START) as simulation:
        simulation.tenant.rooms_limited = rooms_limited
        # Weeks of history, which are kept from here on.
        Watch(simulation).run(1)
        simulation.until(simulation.now_s + REST_S)
        simulation.tenant.restart_counting(None)
        # Everything that rules ask for, once.
        a_round = Watch(simulation).run(1).a_minute[0]
        simulation.tenant.restart_counting(rate)
        simulation.limits(limit)
        tally = Watch(simulation, **more).run(minutes)
        tally.round_calls = a_round
        return tally


class Watch:
    """All rules against one tenant. `beside`: what else is done, by the minute."""

    def __init__(
        self, simulation: Simulation, beside: Mapping[int, Callable[[Simulation], object]] | None = None
    ) -> None:
        self._simulation = simulation
        self._beside = beside or {}
        self.tally = Tally(simulation.tenant.floors)

    def run(self, minutes: int) -> Tally:
        simulation, began_s = self._simulation, self._simulation.now_s
        for minute in range(minutes):
            simulation.until(began_s + 60 * minute)
            if minute in self._beside:
                self._beside[minute](simulation)
            for rule in rules().values():
                if minute * 60 % seconds(rule["interval"]) == 0:
                    simulation.spawn(partial(self._evaluate, rule))
        simulation.until(began_s + 60 * minutes)
        self.tally.a_minute = Counter(int((t - began_s) // 60) for t, _ in simulation.tenant.calls)
        self.tally.refused = sum(status == 429 for _, status in simulation.tenant.calls)
        return self.tally

    def noted(self, answer: Result[Any]) -> None:
        """What a rule was answered, for who wants to look closer."""

    def _evaluate(self, rule: Mapping[str, Any]) -> None:
        self._finish(self._begin(rule))

    def _begin(self, rule: Mapping[str, Any]) -> Evaluation:
        service, now_s = self._simulation.service, self._simulation.now_s
        evaluation = Evaluation(rule["uid"], now_s, [])
        # The second query of a rule is answered with what has been made of the first.
        for path in dict.fromkeys(request(step(dict(rule), ref), now_s) for ref in QUERIES):
            url = urlsplit(path)
            words = dict(parse_qsl(url.query))
            asked = service.read(url.path.rpartition("/")[2], words)
            deadline = now_s + service.deadline_s
            try:
                evaluation.started.append(service.start(asked, None, deadline=deadline))
            except BackendError as error:
                evaluation.error = error.code
        return evaluation

    def _finish(self, evaluation: Evaluation) -> None:
        service, simulation, tally = self._simulation.service, self._simulation, self.tally
        answers: list[Result[Any]] = []
        for started in evaluation.started:
            try:
                deadline = evaluation.began_s + service.deadline_s
                answers.append(service.finish(started, deadline=deadline))
            except BackendError as error:
                evaluation.error = evaluation.error or error.code
        if not evaluation.error and simulation.now_s > evaluation.began_s + EVALUATION_S:
            evaluation.error = "late"
        tally.wanted += 1
        if evaluation.error:
            tally.lost[evaluation.uid] += 1
            tally.errors[evaluation.error] += 1
            return
        for answer in answers:
            self.noted(answer)
        tally.answered += 1
        is_lacking = any(answer.fetched.faults for answer in answers)
        tally.whole += not is_lacking
        tally.lacking[evaluation.uid] += is_lacking
        accounts = [account for answer in answers for account in accounts_of(answer)]
        ages_s = [age for one in accounts if (age := one.age_s(simulation.now_s)) is not None]
        tally.ages_s[evaluation.uid] = max([*ages_s, tally.ages_s.get(evaluation.uid, 0.0)])


def told(tally: Tally) -> str:
    peak = max(tally.a_minute.values(), default=0)
    lost = ", ".join(f"{uid} {n}" for uid, n in tally.lost.most_common())
    return (
        f"calls/min {sum(tally.a_minute.values()) / max(len(tally.a_minute), 1):.0f} (peak {peak}), answered "
        f"{tally.answered} of {tally.wanted}, whole {tally.whole}, oldest {tally.oldest_s:.0f} s, 429s "
        f"{tally.refused}" + (f"; lost: {lost} {dict(tally.errors)}" if lost else "")
    ) + "".join(f"; lacks a floor: {uid} {n}" for uid, n in tally.lacking.most_common() if n)


MINUTES, HALF_AN_HOUR = 10, 30

PORTFOLIO = Path(__file__).resolve().parents[2] / "grafana-dashboards" / "butlr-portfolio.json"


def look_at_portfolio(simulation: Simulation) -> None:
    """Somebody opens the page of all floors, of which nothing is kept; its panels ask together."""
    dashboard = json.loads(PORTFOLIO.read_text("utf-8"))
    period = {
        "__from": str(int(simulation.now_s - 7 * 86_400) * 1000),
        "__to": str(int(simulation.now_s) * 1000),
    }
    values = {**start_values(dashboard), **period}
    service = simulation.service
    for target in [one for panel in dashboard["panels"] for one in panel["targets"]]:
        url = urlsplit(infinity_request(target, values))
        words = {name: text for name, text in parse_qsl(url.query) if name != "refId"}

        def ask(name: str = url.path.rpartition("/")[2], words: Mapping[str, str] = words) -> None:
            deadline = simulation.now_s + service.deadline_s
            with contextlib.suppress(BackendError):  # a partial look, or none in time
                service.finish(
                    service.start(service.read(name, words), None, deadline=deadline), deadline=deadline
                )

        simulation.spawn(ask)


def rows(floors: int, minutes: int = MINUTES) -> Iterator[Row]:
    wanted = run(floors, minutes, rate=None, limit=0)
    a_minute = sum(wanted.a_minute.values()) / minutes
    yield Row(
        f"{floors} floors of 20 rooms, all rules: calls a minute",
        a_minute,
        f"the account's {PER_MINUTE}",
        PER_MINUTE,
        unit="",
        note=told(wanted),
    )
    held = run(floors, minutes, rate=PER_MINUTE, limit=PER_MINUTE)
    yield Row(
        f"{floors} floors on {PER_MINUTE} calls a minute: evaluations answered",
        held.answered,
        "evaluated",
        held.wanted,
        1.0,
        unit="",
        more_is_better=True,
        note=told(held),
    )
    looked = run(floors, minutes, rate=PER_MINUTE, limit=PER_MINUTE, beside={minutes // 2: look_at_portfolio})
    yield Row(
        f"{floors} floors, and a cold look at Portfolio: evaluations answered",
        looked.answered,
        "evaluated",
        looked.wanted,
        1.0,
        unit="",
        more_is_better=True,
        note=told(looked),
    )


def without_webhooks(floors: int, *, rooms_limited: bool, minutes: int = HALF_AN_HOUR) -> list[Row]:
    """Polling alone, with a cold look at Portfolio in the middle."""
    began = time.monotonic()
    beside = {minutes // 2: look_at_portfolio}
    tally = run(
        floors, minutes, rate=PER_MINUTE, limit=PER_MINUTE, rooms_limited=rooms_limited, beside=beside
    )
    limited = "30 rooms a call" if rooms_limited else "any number of rooms a call"
    name = f"{floors} floors polled, {limited}, {minutes} minutes"
    took = f"{time.monotonic() - began:.0f} s"
    return [
        Row(
            f"{name}: evaluations answered",
            tally.answered,
            "evaluated",
            tally.wanted,
            1.0,
            unit="",
            more_is_better=True,
            note=f"{told(tally)}; {took}",
        ),
        *(
            Row(
                f"{name}: oldest floor of {of}",
                tally.oldest_of([uid for uid, rule in rules().items() if kind(rule) == of]),
                "computed",
                HOURLY_S + interval_s if of == "ten-hour windows" else tally.bound_s(interval_s),
                1.0,
                unit="s",
            )
            for of, interval_s in (("people", 60), ("heat", 2 * 300), ("ten-hour windows", 300))
        ),
        Row(
            f"{name}: calls that got no 429",
            -tally.refused + sum(tally.a_minute.values()),
            "calls",
            sum(tally.a_minute.values()),
            1.0,
            unit="",
            more_is_better=True,
        ),
    ]


def kind(rule: Mapping[str, Any]) -> str:
    """Of what a rule's answers about now are."""
    path = request(step(dict(rule), QUERIES[0]), 0.0)
    if "max_age=60m" in path:
        return "ten-hour windows"
    return "heat" if "max_age=10m" in path else "people" if "max_age=5m" in path else ""


def polled() -> list[Row]:
    return [
        row
        for floors in (50, 100)
        for rooms_limited in (True, False)
        for row in without_webhooks(floors, rooms_limited=rooms_limited)
    ]


def in_bench() -> list[Row]:
    """Thirteen floors are what fifty calls a minute were promised to carry."""
    return list(rows(13))


def main() -> int:
    for floors in map(int, sys.argv[1:] or ["8", "13", "50"]):
        for row in rows(floors):
            print(f"{row.name:<66} {row.ours:>7.0f} {row.reference:>7.0f}  {row.note}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
