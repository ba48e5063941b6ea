"""Butlr answers with errors: now and then, and for an hour."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from tests.faults.trial import MAY, MAY_SEGMENTS, Trial, keeps_the_promise
from tests.support import GRAPHQL, REPORTING


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_one_error_in_three_is_not_noticed(trial: Trial, status: int) -> None:
    trial.simulator.faults.set(status=status, rate=0.3)
    spent = trial.spent(lambda: trial.query_panel(*MAY))
    assert trial.query_panel(*MAY).is_whole()
    assert MAY_SEGMENTS < spent <= 2 * MAY_SEGMENTS


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_nothing_but_errors(trial: Trial, status: int) -> None:
    reason = f"Butlr answered {status} on /v3/detections: {HTTPStatus(status).phrase}"
    keeps_the_promise(trial, trial.fails(status=status), reason=reason)


def test_floors_once_known_stay_known(trial: Trial) -> None:
    """Ten minutes later they are due to be asked for again."""
    keeps_the_promise(
        trial, trial.fails(status=500, paths=("/v3/detections", GRAPHQL)), reason="Butlr answered 500"
    )


def test_floors_are_known_after_a_restart_too(trial: Trial) -> None:
    before = trial.query_panel()
    trial.simulator.faults.set(status=503)
    trial.restart()
    after = trial.query_panel()
    assert after.status == 200
    assert after.custom["segments"]["missing"] == 1  # what still changes was only in memory
    assert set(after.cells) <= set(before.cells)
    trial.simulator.faults.clear()
    trial.passes(60)
    assert trial.query_panel().is_whole()


def test_metrics_fail_alone_and_keep_what_they_know(trial: Trial) -> None:
    def occupancy() -> tuple[int, list[dict[str, object]]]:
        params = {"space": "space_newyork_1", "from": "2026-06-16T00:00:00Z", "to": "2026-06-17T16:34:00Z"}
        params |= {"level": "floor", "every": "1h", "format": "rows"}
        response = trial.http.get("/api/v1/occupancy", query_string=params)
        return response.status_code, response.get_json()

    before = occupancy()
    assert before[0] == 200
    assert len(before[1]) > 24
    trial.passes(3600)
    with trial.fails(status=503, paths=(REPORTING,)):
        assert occupancy() == before
        assert trial.query_panel().is_whole()
        trial.comes_to_rest()
    trial.passes(60)
    assert occupancy()[0] == 200
