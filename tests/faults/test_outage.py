"""Butlr slow or gone for a while: what panels cost it meanwhile, and how all is well again by itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from butlr_grafana.butlr.limits import OPEN_AFTER
from tests.faults.conftest import MakeTrial
from tests.faults.trial import (
    MAY,
    MAY_SEGMENTS,
    PANEL_SEGMENTS,
    PanelResponse,
    Trial,
    assert_upstreams_fault,
    keeps_the_promise,
)
from tests.held import held
from tests.support import DETECTIONS, at, truth, until

VIEWERS = 20


def test_an_hour_without_butlr_costs_it_little(trial: Trial) -> None:
    """A panel that is refreshed every half minute asks for what it lacks, at first four times, soon once."""
    before = trial.query_panel()
    assert before.is_whole()
    trial.simulator.faults.set(status=503, paths=(DETECTIONS,))
    refreshes = 120
    calls = trial.calls
    for _ in range(refreshes):
        trial.passes(30)
        response = trial.query_panel()
        assert response.status == 200
        assert response.cells == before.cells
        assert response.as_of_s <= at(before.custom["to"]) + 60
    # What still changes, and once it has settled that too: two questions a look.
    assert trial.calls - calls <= OPEN_AFTER + 2 * refreshes + 2
    trial.comes_to_rest()
    trial.simulator.faults.clear()
    trial.passes(30)
    assert trial.spent(trial.query_panel) <= PANEL_SEGMENTS
    assert trial.query_panel().is_whole()


def test_a_year_that_nobody_knows_is_not_requested_four_times_over_in_an_outage(trial: Trial) -> None:
    year = ("2025-06-02T00:00:00Z", "2026-06-01T00:00:00Z")
    trial.http.get("/readyz")
    trial.simulator.faults.set(status=503, paths=(DETECTIONS,))
    costs = []
    for _ in range(3):
        costs.append(
            trial.spent(lambda: (assert_upstreams_fault(trial.query_panel(*year)), trial.comes_to_rest()))
        )
        trial.passes(30)
    workers = 8
    assert costs[0] <= OPEN_AFTER + 52 + workers
    assert costs[1:] == [52, 52]
    trial.simulator.faults.clear()
    assert trial.spent(lambda: trial.query_panel(*year)) == 52
    trial.simulator.faults.set(status=503, count=1, paths=(DETECTIONS,))
    assert trial.query_panel().is_whole()  # hiccups are ridden out again


def test_the_questions_of_an_hour_of_silence_are_not_asked_after_it(make_trial: MakeTrial) -> None:
    """Every minute has its own end. When its askers have gone it leaves the queue; when Butlr is back
    only the newest is worth a call.
    """
    trial = make_trial(butlr_max_concurrency=1, deadline_s=0.1)
    until(lambda: trial.query_panel().complete)
    with held(trial.simulator, DETECTIONS):
        for _ in range(12):
            trial.now_s += 300
            trial.time.now_s += 20  # less, so that the floors are not due
            assert trial.query_panel().status == 200
        # At most those of the latest look: what was asked before has left, or waits in the background.
        assert trial.gauge("butlr_calls_waiting_viewer") <= PANEL_SEGMENTS
        trial.passes(60)
        trial.simulator.clear_calls()
    until(lambda: trial.query_panel().complete)
    trial.comes_to_rest()
    assert trial.query_panel().is_whole()
    # The one on its way, what has settled meanwhile, and what still changes.
    assert trial.calls <= 4


def test_many_who_look_when_butlr_is_back_cost_what_one_does(trial: Trial) -> None:
    trial.http.get("/readyz")
    with trial.is_gone():
        for _ in range(3):
            assert_upstreams_fault(trial.query_panel(*MAY))
            trial.passes(10)
        trial.comes_to_rest()
    trial.passes(10)
    clients = [trial.application.web.test_client() for _ in range(VIEWERS)]
    params = {"space": "space_newyork_1", "from": MAY[0], "to": MAY[1], "resolution": "0.5"}
    with ThreadPoolExecutor(VIEWERS) as pool:
        responses = list(pool.map(lambda c: c.get("/api/v1/heatmap", query_string=params), clients))
    looks = [PanelResponse(a.status_code, a.get_json()) for a in responses]
    assert looks[0].is_whole()
    assert all(response.complete and response.cells == looks[0].cells for response in looks)
    assert trial.calls == MAY_SEGMENTS


def test_a_failed_question_rests_however_many_ask_it(trial: Trial) -> None:
    trial.http.get("/readyz")
    trial.simulator.faults.set(status=400, paths=(DETECTIONS,))
    for _ in range(VIEWERS):
        assert_upstreams_fault(trial.query_panel(*MAY), 502)
    assert trial.calls == MAY_SEGMENTS


def test_too_slow_for_a_viewer_is_a_504_and_whole_at_the_next_look(make_trial: MakeTrial) -> None:
    trial = make_trial(deadline_s=0.2)
    trial.http.get("/readyz")
    with held(trial.simulator, DETECTIONS):
        assert_upstreams_fault(trial.query_panel(*MAY), 504)
    # What was asked for goes on: nothing is asked twice.
    until(lambda: trial.query_panel(*MAY).complete)
    assert trial.query_panel(*MAY).is_whole()
    assert trial.calls == MAY_SEGMENTS


def test_require_complete_is_an_error_that_says_what_is_missing(make_trial: MakeTrial) -> None:
    trial = make_trial(butlr_max_concurrency=1)
    trial.http.get("/readyz")
    trial.simulator.faults.set(status=400, count=1, paths=(DETECTIONS,))
    response = trial.query_panel(*MAY, require="complete")
    assert_upstreams_fault(response, 503)
    assert response.body["error"]["code"] == "incomplete"
    assert "2026-05-25T00:00:00Z/2026-06-01T00:00:00Z" in response.body["message"]


def test_late_detections_are_seen_once_they_have_settled(trial: Trial) -> None:
    """What arrives up to half an hour late is missing now, and there when its hour has settled."""
    trial.simulator.faults.lag_s = 1800
    period = ("2026-06-17T10:00:00Z", "2026-06-17T16:30:00Z")
    expected = truth("space_newyork_1", at(period[0]), at(period[1]), 0.5)
    assert sum(trial.query_panel(*period).cells.values()) < sum(expected.values())
    trial.passes(2 * 3600)
    assert trial.query_panel(*period).cells == expected


def test_nothing_is_answered_wrong_to_a_wrong_question(trial: Trial) -> None:
    """Butlr calls ours wrong for an hour: the same promise, without a second try."""
    keeps_the_promise(trial, trial.fails(status=400), reason="Butlr answered 400")
