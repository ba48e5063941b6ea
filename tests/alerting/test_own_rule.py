"""The example of a rule of one's own: what it asks is answered, and it rings and ends where it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerting.grafana import Watcher, request, step
from tests.faults.trial import Trial
from tests.support import PARIS
from tests.yaml_files import read

Json = dict[str, Any]

FILE = Path(__file__).resolve().parents[2] / "docs/alerting-examples/own-rule.yaml"
LIBRARY = "room_paris_1_library"
NIGHT = "2026-06-17T01:30:00"
"""Nobody is there."""


@pytest.fixture
def rule() -> Json:
    [group] = read(FILE)["groups"]
    [found] = group["rules"]
    return {**found, "interval": group["interval"], "missing_series_evals_to_resolve": 2}


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    trial = Trial(NIGHT, cache_dir=str(tmp_path))
    yield trial
    trial.simulator.clear_crowds()
    trial.close()


def crowd(trial: Trial, people: int, minutes: int) -> None:
    start_s = int(trial.now_s)
    trial.simulator.crowd(PARIS, LIBRARY, people, start_s, start_s + minutes * 60)


def run(watch: Watcher, trial: Trial, minutes: int) -> None:
    for _ in range(minutes):
        trial.passes(60)
        watch.evaluate(trial)


def test_it_asks_for_one_room_with_one_number(rule: Json, trial: Trial) -> None:
    response = trial.http.get(request(step(rule, "A"), trial.now_s))
    assert response.status_code == 200
    [row] = response.get_json()
    assert row["room_id"] == LIBRARY
    columns = step(rule, "A")["model"]["columns"]
    assert {c["selector"] for c in columns} <= set(row)
    assert [c["selector"] for c in columns if c["type"] == "number"] == ["people"]


@pytest.mark.parametrize(("people", "rings"), [(20, False), (21, True)])
def test_it_rings_above_twenty_after_ten_minutes(people: int, rings: bool, rule: Json, trial: Trial) -> None:
    watch = Watcher(rule)
    run(watch, trial, 2)
    assert [row["people"] for row in trial.http.get(request(step(rule, "A"), trial.now_s)).get_json()] == [0]
    crowd(trial, people, 40)
    run(watch, trial, 10)
    assert watch.alerting("room_id") == set()
    run(watch, trial, 10)
    assert watch.alerting("room_id") == ({LIBRARY} if rings else set())
    run(watch, trial, 30)
    assert watch.alerting("room_id") == set()


def test_no_dollar_and_no_place_of_ours(rule: Json) -> None:
    assert "$" not in yaml.safe_dump(rule["annotations"])
    assert rule["uid"].startswith("our-")
