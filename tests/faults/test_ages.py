"""How old data are, while the wall clock steps: what is told is never younger than it is, and no limit on an
age is outlasted.
"""

from __future__ import annotations

from typing import Any

import pytest

from butlr_grafana.service.last_good import REPEAT_S
from butlr_grafana.simulator.messages import Refusal, Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.faults.conftest import MakeTrial
from tests.faults.trial import Trial
from tests.support import DETECTIONS, NEW_YORK, PARIS, PARIS_2, REPORTING, at, floors_of, replace_endpoint

RULES = ("hot-zones", "occupancy-now", "unusual", "balance")
BACK_S = 2400


class Watched(Trial):
    """A trial in which floors can be cut off from Butlr's answers, and whose rules ask as Grafana does."""

    def __init__(self, **settings: Any) -> None:
        self.gone: set[str] = set()
        super().__init__(**settings)
        for path in (DETECTIONS, REPORTING):
            replace_endpoint(self, path, self._unless_gone)

    def _unless_gone(self, response: Endpoint, request: Request) -> Result:
        if floors_of(request.json()) & self.gone:
            raise Refusal(400, "this floor is gone")
        return response(request)

    def rows(self, target: str, space: str = PARIS_2, **params: str) -> list[dict[str, Any]]:
        """Of one floor, in an answer about all."""
        end_s = int(self.now_s + self.shift_s)
        query = {
            "space": "all",
            "require": "complete",
            "format": "rows",
            "from": str((end_s - 600) * 1000),
            "to": str(end_s * 1000),
            **params,
        }
        response = self.http.get(f"/api/v1/{target}", query_string=query)
        assert response.status_code == 200, response.get_data(as_text=True)
        return [row for row in response.get_json() if row["space"] == space]

    def cut_off(self, *spaces: str) -> None:
        self.gone = set(spaces)


@pytest.fixture
def watched(make_trial: MakeTrial) -> Watched:
    return make_trial(Watched)  # type: ignore[misc]


@pytest.mark.parametrize("target", RULES)
@pytest.mark.parametrize("step_s", [0, -BACK_S, -300, 240])
def test_the_last_good_rows_end_after_ten_minutes_whatever_the_clock_does(
    watched: Watched, target: str, step_s: int
) -> None:
    assert watched.rows(target)
    watched.cut_off(PARIS_2)
    watched.shift_s += step_s
    watched.passes(REPEAT_S - 1)
    repeated = watched.rows(target)
    assert {row["complete"] for row in repeated} == {0}
    watched.passes(1)
    assert watched.rows(target) == []


@pytest.mark.parametrize("target", RULES)
@pytest.mark.parametrize("steps", [(0, 0), (-BACK_S, 0), (0, -BACK_S), (-200, -200), (-BACK_S, BACK_S)])
def test_repeated_rows_are_as_old_as_they_are(watched: Watched, target: str, steps: tuple[int, int]) -> None:
    [age_s] = {row["age_s"] for row in watched.rows(target)}
    watched.cut_off(PARIS_2)
    for passed_s, step_s in zip((240, 480), steps, strict=True):
        watched.shift_s += step_s
        watched.passes(240)
        repeated = watched.rows(target)
        assert repeated
        told_s = {row["age_s"] for row in repeated}
        assert min(told_s) >= age_s + passed_s - 1
        # `as_of` is that long before now, by the clock as it is.
        now_s = int(watched.now_s + watched.shift_s)
        assert {now_s - at(row["as_of"]) for row in repeated} == told_s
        if sum(steps) <= 0:
            assert max(told_s) <= age_s + passed_s + 1


@pytest.mark.parametrize("step_s", [-BACK_S, -BACK_S + 30, 0])
def test_a_panel_that_still_changes_is_requested_again_when_it_is_a_minute_old(
    watched: Watched, step_s: int
) -> None:
    """Also where the wall clock, after its step, shows the very minute in which it was fetched."""
    period = ("2026-06-17T10:00:00Z", "2026-06-17T16:30:00Z")
    assert watched.query_panel(*period).is_whole()
    watched.passes(BACK_S)
    watched.shift_s += step_s
    assert watched.spent(lambda: watched.query_panel(*period)) >= 1


def test_an_answer_that_is_kept_as_bytes_ends_with_its_minute_though_the_minute_comes_again(
    watched: Watched,
) -> None:
    end = str(int(watched.now_s) * 1000)
    watched.query_panel(end=end)
    before = watched.query_panel(end=end)
    assert before.custom["segments"]["fetched"] == 0
    watched.passes(BACK_S)
    watched.shift_s -= BACK_S
    again = watched.query_panel(end=end)
    assert again.custom["segments"]["fetched"] == 1
    assert again.is_whole()


def test_what_is_stale_says_how_old_it_is_by_a_clock_that_was_put_back(watched: Watched) -> None:
    period = ("2026-06-17T10:00:00Z", "2026-06-17T16:30:00Z")
    assert watched.query_panel(*period).is_whole()
    watched.cut_off(NEW_YORK)
    watched.passes(BACK_S)
    watched.shift_s -= BACK_S
    response = watched.query_panel(*period)
    assert not response.complete
    assert response.as_of_s == int(watched.now_s + watched.shift_s) - BACK_S


def test_freshness_does_not_grow_young_when_the_clock_is_put_back(watched: Watched) -> None:
    def age_s() -> float:
        [row] = watched.rows("freshness", PARIS, require="any")
        return float(row["age_s"])

    young_s = age_s()
    assert young_s < 120
    watched.cut_off(PARIS, PARIS_2, NEW_YORK)
    watched.passes(BACK_S)
    watched.shift_s -= BACK_S
    # By the clock as it is the newest minute is no older than it was; when it was fetched counts.
    assert age_s() >= BACK_S


def test_a_restart_finds_nothing_younger_than_it_is(watched: Watched) -> None:
    """What has settled is on disk, and of no age; what still changes is asked for again."""
    assert watched.query_panel().is_whole()
    watched.passes(BACK_S)
    watched.shift_s -= BACK_S
    watched.restart()
    watched.http.get("/readyz")
    watched.cut_off(NEW_YORK)
    response = watched.query_panel()
    assert not response.complete
    assert watched.rows("hot-zones", NEW_YORK) == []
