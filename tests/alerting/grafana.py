"""The alert rules' file, and what Grafana 12.3 makes of a rule: enough of it to see alerts begin and end.

Followed are: rows as Infinity's table, one number a row, its texts as labels; the threshold with its
recovery; `for`; rows that are null or missing; `KeepLast` and `Alerting` where a query fails. Seen on a real
one too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.dashboards.grafana import infinity_request
from tests.support import World
from tests.yaml_files import read

Json = dict[str, Any]
Labels = frozenset[tuple[str, str]]

FILE = Path(__file__).resolve().parents[2] / "provisioning" / "alerting" / "butlr.yaml"
UNITS_S = {"s": 1, "m": 60, "h": 3600}
NORMAL, PENDING, ALERTING = "Normal", "Pending", "Alerting"


def groups() -> list[Json]:
    document: Json = read(FILE)
    found: list[Json] = document["groups"]
    return found


def rules() -> dict[str, Json]:
    """Every rule by its uid, with its group's `interval`."""
    return {rule["uid"]: {**rule, "interval": g["interval"]} for g in groups() for rule in g["rules"]}


def seconds(text: str) -> int:
    """`10m` and the like."""
    number, unit = re.fullmatch(r"(\d+)([smh])", text).groups()  # type: ignore[union-attr]
    return int(number) * UNITS_S[unit]


def step(rule: Json, ref: str) -> Json:
    """A query or expression of a rule."""
    [found] = [query for query in rule["data"] if query["refId"] == ref]
    own: Json = found
    return own


def request(query: Json, now_s: float) -> str:
    """What Infinity asks the backend for at an evaluation."""
    around = query["relativeTimeRange"]
    period = {f"__{name}": str(int((now_s - around[name]) * 1000)) for name in ("from", "to")}
    return infinity_request(query["model"], period)


@dataclass
class State:
    """Of one alert. `since_s`: when it came to be as it is; `seen_s`: when its row was last there; `stored`:
    it rings only because nothing was known, and Grafana compares it with the upper limit next.
    """

    name: str
    since_s: float
    seen_s: float
    stored: bool = False


@dataclass
class Watcher:
    """A rule that is evaluated against a world, its alerts by their labels."""

    rule: Json
    states: dict[Labels, State] = field(default_factory=dict)

    @property
    def interval_s(self) -> int:
        return seconds(self.rule["interval"])

    def evaluate(self, world: World) -> None:
        response = world.http.get(request(step(self.rule, "A"), world.now_s))
        if response.status_code != 200:
            self._failed(world.now_s)
            return
        values = dict(self._rows(response.get_json()))
        for labels, value in values.items():
            self._go(labels, self._over(labels, value), world.now_s)
        self._forget_missing(world.now_s)

    def run(self, world: World, minutes: int) -> None:
        """Evaluates by the clock, for so long."""
        until_s = world.now_s + minutes * 60
        while world.now_s < until_s:
            world.now_s += self.interval_s
            self.evaluate(world)

    def alerting(self, key: str) -> set[str]:
        """The label `key` of the alerts that ring."""
        return {dict(labels)[key] for labels, state in self.states.items() if state.name == ALERTING}

    def _rows(self, rows: list[Json]) -> Iterator[tuple[Labels, float | None]]:
        columns = step(self.rule, "A")["model"]["columns"]
        [number] = [column["selector"] for column in columns if column["type"] == "number"]
        texts = [(column["text"], column["selector"]) for column in columns if column["type"] == "string"]
        seen: set[Labels] = set()
        for row in rows:
            labels = frozenset((name, row[key]) for name, key in texts)
            assert labels not in seen, "Grafana refuses two rows with the same labels"
            seen.add(labels)
            yield labels, row[number]

    def _over(self, labels: Labels, value: float | None) -> bool | None:
        """Whether the value is beyond the limit: the lower one while the alert is on. `None`: no value."""
        if value is None:
            return None
        [condition] = step(self.rule, "B")["model"]["conditions"]
        state = self.states.get(labels)
        if state is not None and state.name != NORMAL and not state.stored:
            return not compared(value, condition["unloadEvaluator"])
        return compared(value, condition["evaluator"])

    def _go(self, labels: Labels, over: bool | None, now_s: float) -> None:
        state = self.states.setdefault(labels, State(NORMAL, now_s, now_s))
        state.seen_s, state.stored = now_s, over is None and state.name == ALERTING
        if over is None:  # as it was; one that waits goes on waiting
            over = state.name != NORMAL
        if over and state.name == NORMAL:
            state.name, state.since_s = PENDING, now_s
        if over and state.name == PENDING and now_s - state.since_s >= seconds(self.rule["for"]):
            state.name, state.since_s = ALERTING, now_s
        if not over and state.name != NORMAL:
            state.name, state.since_s = NORMAL, now_s

    def _failed(self, now_s: float) -> None:
        """A query that fails is an error of the whole rule."""
        how = {"KeepLast": None, "Alerting": True}[self.rule["execErrState"]]
        if how and not self.states:
            self._go(frozenset({("alertname", self.rule["title"])}), True, now_s)
        for labels in list(self.states):
            self._go(labels, how, now_s)

    def _forget_missing(self, now_s: float) -> None:
        most_s = self.rule["missing_series_evals_to_resolve"] * self.interval_s
        self.states = {k: s for k, s in self.states.items() if now_s - s.seen_s <= most_s}


def compared(value: float, evaluator: Mapping[str, Any]) -> bool:
    [limit] = evaluator["params"]
    return {"gt": value > limit, "lt": value < limit}[evaluator["type"]]
