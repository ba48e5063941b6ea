"""Tokens that die before their time, secrets that are not right: what is known stays, logins are few."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from butlr_grafana.butlr.client import LOGIN_BACKOFF_S
from tests.butlr.wire import Sent
from tests.faults.trial import (
    MAY,
    FrontedTrial,
    Trial,
    assert_upstreams_fault,
    is_whole_again,
    keeps_the_promise,
    passed_on,
    shows_what_is_known,
)
from tests.support import LOGIN

REFUSED = "Butlr refused BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET"


def test_a_token_that_expires_before_its_time_is_replaced_once(trial: Trial) -> None:
    """By Butlr's clock it is over, by ours it has just begun; then a burst of twenty questions."""
    trial.simulator.token_lifetime_s = 600
    trial.query_panel()
    trial.now_s += 601
    assert trial.query_panel(*MAY, hours="08:00-18:00", days="mon-fri").complete
    assert trial.query_panel(*MAY).is_whole()
    assert trial.logins() == 2


def test_a_token_that_is_revoked_inside_a_burst_is_replaced_once(fronted: FrontedTrial) -> None:
    seen: list[Sent] = []

    def revoked_in_between(to: socket.socket, requested: Sent) -> None:
        seen.append(requested)
        if len(seen) == 7:
            fronted.simulator.revoke_tokens()
        passed_on(fronted.simulator)(to, requested)

    with fronted.responds_with(revoked_in_between):
        assert fronted.query_panel(*MAY, hours="08:00-18:00", days="mon-fri").complete
    assert fronted.query_panel(*MAY).is_whole()
    assert fronted.logins() == 2
    # The seventh, and at most the seven that were under way with it.
    assert 20 < len(seen) <= 20 + 8


@contextlib.contextmanager
def credentials_are_withdrawn(trial: Trial) -> Iterator[None]:
    trial.simulator.revoke_tokens()
    trial.simulator.faults.set(status=401, paths=(LOGIN,))
    logins = trial.logins()
    yield
    assert trial.logins() - logins == 1
    trial.simulator.faults.clear()


def test_credentials_that_are_withdrawn_while_it_runs(trial: Trial) -> None:
    keeps_the_promise(trial, credentials_are_withdrawn(trial), reason=REFUSED)


def test_a_path_that_is_withdrawn(trial: Trial) -> None:
    keeps_the_promise(
        trial, trial.fails(status=403), reason="does not allow these credentials to use /v3/detections"
    )
    assert trial.logins() <= 4  # this process's two at most, and two of the one after the restart


def test_a_wrong_secret_from_the_start_says_so_and_logs_in_once_in_a_while(trial: Trial) -> None:
    trial.restart(butlr_client_secret="wrong")
    for _ in range(30):
        response = trial.query_panel()
        assert_upstreams_fault(response, 502)
        assert REFUSED in response.body["message"]
        assert "wrong" not in response.body["message"]
    assert trial.logins() == 1
    trial.passes(LOGIN_BACKOFF_S + 1)
    assert_upstreams_fault(trial.query_panel(), 502)
    assert trial.logins() <= 2
    assert trial.calls == 0


def test_a_wrong_secret_after_a_restart_shows_what_is_on_disk(trial: Trial) -> None:
    before = trial.query_panel()
    trial.restart(butlr_client_secret="wrong")
    logins = trial.logins()
    for _ in range(10):
        after = trial.query_panel()
        assert after.status == 200
        assert (after.custom["segments"]["cached"], after.custom["segments"]["missing"]) == (2, 1)
        assert any(REFUSED in text for text in after.warnings)
    assert set(after.cells) <= set(before.cells)
    assert trial.logins() - logins == 1
    trial.restart(butlr_client_secret="demo")
    assert trial.query_panel().is_whole()


def test_the_login_is_down(trial: Trial) -> None:
    """As long as the token lives nobody notices; then it is an outage like any other."""
    trial.simulator.token_lifetime_s = 600
    trial.query_panel()
    trial.simulator.faults.set(status=503, paths=(LOGIN,))
    trial.passes(90)
    before = trial.query_panel()
    assert before.is_whole()
    trial.passes(3600)
    shows_what_is_known(trial, before, reason=f"Butlr answered 503 on {LOGIN}")
    trial.comes_to_rest()
    trial.simulator.faults.clear()
    trial.passes(90)
    is_whole_again(trial)
