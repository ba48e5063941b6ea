"""Any order of looks, faults, waits, wrong clocks, restarts and damage to the disk.

What is shown is the truth of what it says it covers, and nothing wrong is kept.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.faults.trial import NOON, PanelResponse, Trial, assert_upstreams_fault
from tests.support import DETECTIONS, NEW_YORK, Cells, added, at, truth

DAY = 86_400
CALM_S = 90
"""After so long without a fault everything is whole again."""

ZONE = ZoneInfo("America/New_York")
FAULTS: dict[str, dict[str, Any]] = {
    "every call fails": {"status": 503},
    "every other fails": {"status": 500, "rate": 0.5},
    "refused": {"status": 400},
    "too many": {"status": 429, "retry_after": "7"},
    "cut off": {"truncate": True},
    "reset inside": {"reset": "inside"},
    "no JSON": {"body": b"<html>nothing here</html>"},
    "of another grid": {"body": b'{"array_cells": [], "metadata": {"resolution": 7}}'},
    "not finite": {"body": b'{"array_cells": [[0.25, 0.25, 1e999]]}'},
    "every other is less than nobody": {"body": b'{"array_cells": [[0.25, 0.25, -1]]}', "rate": 0.5},
    "less than nobody": {"body": b'{"array_cells": [[0.25, 0.25, -1]]}'},
    "every other is a text": {"body": b'{"array_cells": [[0.25, 0.25, "7"]]}', "rate": 0.5},
}
LIES = ("less than nobody", "every other is less than nobody", "not finite") * 2
"""These come more often: what they say could be kept."""

NO_SENSORS = "Butlr did not list the sensors, so it is not known which are offline"

LENGTHS = st.one_of(st.integers(60, DAY), st.integers(DAY, 12 * DAY))
ENDS = st.one_of(st.none(), st.integers(at("2026-05-20T00:00"), at("2026-06-17T16:00")))

PARAMETERS = st.sampled_from(
    [{}, {"resolution": "1.0"}, {"hours": "09:00-17:00", "days": "mon-fri"}, {"hours": "09:00-17:00"}]
)
Question = tuple[int, int | None, dict[str, str]]
"""How long a period, in seconds; its end, or up to now; further words."""

ALWAYS: list[Question] = [
    (20 * 3600, None, {}),
    (12 * DAY, at("2026-06-14T10:17"), {"resolution": "1.0"}),
    (5 * DAY, None, {"hours": "09:00-17:00", "days": "mon-fri"}),
]
"""Looked at by turns after whatever happens."""


def counting_times(start_s: int, end_s: int, params: dict[str, str]) -> Iterator[tuple[int, int]]:
    """The times between the two that count, by the floor's own clock."""
    if "hours" not in params:
        yield start_s, end_s
        return
    day = datetime.fromtimestamp(start_s, ZONE).replace(hour=0, minute=0, second=0)
    while day.timestamp() < end_s:
        if "days" not in params or day.weekday() < 5:
            opens, closes = (int(day.replace(hour=hour).timestamp()) for hour in (9, 17))
            if max(opens, start_s) < min(closes, end_s):
                yield max(opens, start_s), min(closes, end_s)
        day += timedelta(days=1)


def truth_of(response: PanelResponse, params: dict[str, str], now_s: float) -> Cells:
    """Counted from the people: of all that the answer says it covers, gaps left out, up to Butlr's now."""
    custom = response.custom
    gaps = sorted((at(gap["from"]), at(gap["to"])) for gap in custom["gaps"])
    end_s = min(at(custom["to"]), int(now_s))
    parts, since = [], at(custom["from"])
    for gap_start_s, gap_end_s in [*gaps, (end_s, end_s)]:
        counted = counting_times(since, min(gap_start_s, end_s), params)
        parts += [truth(NEW_YORK, *times, custom["resolution"]) for times in counted]
        since = max(since, gap_end_s)
    return added(*parts)


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.trial = Trial(NOON, cache_dir=str(self.folder))
        self.trial.http.get("/readyz")
        self.requested = list(ALWAYS)
        self.turn = 0
        self.calm, self.gone, self.fault = True, False, ""

    @invariant()
    def a_viewer_requests(self) -> None:
        self.check(self.requested[self.turn % len(self.requested)])
        self.turn += 1

    @rule(length_s=LENGTHS, end_s=ENDS, params=PARAMETERS)
    def a_viewer_requests_new_data(self, length_s: int, end_s: int | None, params: dict[str, str]) -> None:
        self.requested.append((length_s, end_s, params))
        self.check(self.requested[-1])

    @rule(seconds=st.sampled_from((1, 6, 61, CALM_S, 600, 3600, 3 * 3600, DAY)))
    def time_passes(self, seconds: int) -> None:
        self.trial.passes(seconds)
        well = not (self.fault or self.gone or self.trial.shift_s)
        self.calm = self.calm or (well and seconds >= CALM_S)

    @rule(
        fault=st.sampled_from((*FAULTS, *LIES)),
        maps_only=st.sampled_from((True, True, False)),
        length_s=LENGTHS,
        end_s=ENDS,
    )
    def a_fault_begins(self, fault: str, length_s: int, end_s: int | None, *, maps_only: bool) -> None:
        self.trial.simulator.faults.clear()
        self.trial.simulator.faults.set(**FAULTS[fault], paths=(DETECTIONS,) if maps_only else ())
        self.fault, self.calm = fault, False
        self.a_viewer_requests_new_data(length_s, end_s, {})

    @rule()
    def faults_end(self) -> None:
        self.trial.simulator.faults.clear()
        self.fault = ""

    @rule()
    def butlr_goes_or_comes_back(self) -> None:
        (self.trial.simulator.start if self.gone else self.trial.simulator.stop)()
        self.gone, self.calm = not self.gone, False

    @rule(shift_s=st.sampled_from((0, 0, 3600, -3600, 2 * DAY, -2 * DAY)), length_s=LENGTHS)
    def the_clock_steps(self, shift_s: int, length_s: int) -> None:
        self.trial.shift_s = shift_s
        self.calm = False
        self.a_viewer_requests_new_data(length_s, None, {})

    @rule()
    def the_process_starts_anew(self) -> None:
        self.trial.comes_to_rest()
        self.trial.restart()
        self.trial.http.get("/readyz")

    @rule(
        what=st.sampled_from(("cut", "overwritten", "deleted")),
        where=st.floats(0, 1),
        data=st.binary(min_size=1),
    )
    def the_disk_is_damaged(self, what: str, where: float, data: bytes) -> None:
        """While no process looks, as after a power cut."""
        self.trial.comes_to_rest()
        self.trial.application.close()
        for file in (file for file in self.folder.rglob("*") if file.is_file() and file.stat().st_size):
            offset = int(where * (file.stat().st_size - 1))
            if what == "deleted":
                file.unlink()
            elif what == "cut":
                file.write_bytes(file.read_bytes()[:offset])
            else:
                whole = bytearray(file.read_bytes())
                whole[offset : offset + len(data)] = data
                file.write_bytes(whole)
        self.the_process_starts_anew()

    def check(self, question: Question) -> PanelResponse:
        response = self.checked(question)
        assert not self.calm or (response.status == 200 and response.complete), response.body
        return response

    def checked(self, question: Question) -> PanelResponse:
        length_s, end_s, params = question
        until_s = int(self.trial.now_s + self.trial.shift_s) if end_s is None else end_s
        response = self.trial.query_panel(str((until_s - length_s) * 1000), str(until_s * 1000), **params)
        if response.status == 400:
            assert self.trial.shift_s  # by that clock, or by Butlr's, it lies in the future
        elif response.status != 200:
            assert_upstreams_fault(response)
        else:
            assert response.cells == truth_of(response, params, self.trial.now_s)
            segments = response.custom["segments"]
            assert response.complete == (segments["missing"] + segments["stale"] == 0)
            # Of sensors that were not listed, the next topology tells; the map does not need them.
            about_the_map = [text for text in response.warnings if text != NO_SENSORS]
            assert bool(about_the_map) == (not response.complete)
        return response

    def teardown(self) -> None:
        """All is over: whole and true, also from the disk, whatever was kept meanwhile."""
        try:
            if self.gone:
                self.trial.simulator.start()
            self.trial.simulator.faults.clear()
            self.trial.shift_s = 0
            for _ in range(2):  # the first look tells a clock that was wrong what time it is
                self.trial.passes(CALM_S)
                for question in self.requested:
                    self.check(question)
                self.trial.comes_to_rest()
            self.calm = True
            for _ in range(2):
                for question in self.requested:
                    assert self.check(question).complete
                self.the_process_starts_anew()
        finally:
            self.trial.close()
            shutil.rmtree(self.folder)


def test_any_order_of_anything() -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=16,
            stateful_step_count=20,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
