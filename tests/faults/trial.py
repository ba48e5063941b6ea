"""A panel on a floor while something goes wrong, and the promise that every fault is held to."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest.mock import Mock, patch

import requests

from butlr_grafana.butlr.transport import Reply, Transport
from butlr_grafana.simulator import Simulator
from tests.butlr.wire import Result, Sent, Wire, respond
from tests.support import (
    DETECTIONS,
    HANG_S,
    LOGIN,
    NEW_YORK,
    Cells,
    World,
    at,
    cells_of,
    floors_are_loaded,
    truth,
    until,
)

NOON = "2026-06-17T16:34:56"
"""A Wednesday's noon in New York."""

YESTERDAY = "2026-06-16T00:00:00Z"
MAY = ("2026-05-04T00:00:00Z", "2026-06-01T00:00:00Z")
"""Four whole weeks: four calls."""

PANEL_SEGMENTS, MAY_SEGMENTS = 3, 4
"""The panel: yesterday, the settled part of today, and what still changes."""


@dataclass(frozen=True)
class PanelResponse:
    """What one look at the panel shows."""

    status: int
    body: Any

    @property
    def custom(self) -> dict[str, Any]:
        return self.body[0]["meta"]["custom"]

    @property
    def cells(self) -> Cells:
        return cells_of(self.body[0])

    @property
    def complete(self) -> bool:
        return self.status == 200 and self.custom["complete"]

    @property
    def as_of_s(self) -> int:
        return at(self.custom["as_of"])

    @property
    def warnings(self) -> list[str]:
        return [n["text"] for n in self.body[0]["meta"]["notices"] if n["severity"] == "warning"]

    @property
    def truth(self) -> Cells:
        """What a whole answer to the period shown would be, counted from the people."""
        return truth(NEW_YORK, at(self.custom["from"]), at(self.custom["to"]), self.custom["resolution"])

    def is_whole(self) -> bool:
        """Complete, as it says itself, and exactly the truth; or a failure that says what is not."""
        assert self.status == 200, self.body
        assert (self.custom["complete"], self.warnings) == (True, [])
        assert self.cells == self.truth
        return True


class Trial(World):
    """A world with a disk cache, whose pauses pass at once.

    `shift_s`: how far the backend's wall clock is ahead of Butlr's.
    """

    def __init__(self, now: str = NOON, **settings: Any) -> None:
        self.shift_s = 0.0
        super().__init__(now, **settings)

    def clocks(self) -> dict[str, Any]:
        return {**super().clocks(), "now": lambda: self.now_s + self.shift_s}

    def restart(self, **settings: Any) -> None:
        """Another process on the same disk, perhaps with other settings."""
        self._settings.update(settings)
        super().restart()

    def passes(self, seconds: float) -> None:
        # A call under way would see two times at once.
        floors_are_loaded()
        self.now_s += seconds
        self.time.now_s += seconds

    def query_panel(self, start: str = YESTERDAY, end: str | None = None, **params: str) -> PanelResponse:
        """The heat map from `start` to `end`, or to now."""
        to = end or str(int((self.now_s + self.shift_s) * 1000))
        params = {"space": NEW_YORK, "from": start, "to": to, "resolution": "0.5", **params}
        response = self.http.get("/api/v1/heatmap", query_string=params)
        return PanelResponse(response.status_code, response.get_json())

    def gauge(self, name: str) -> float:
        """A figure of `GET /metrics`."""
        found = re.search(rf"^{name} (\S+)$", self.http.get("/metrics").get_data(as_text=True), re.MULTILINE)
        assert found, name
        return float(found[1])

    def comes_to_rest(self) -> None:
        """Until no question to Butlr is under way any more."""
        until(lambda: self.gauge("butlr_calls_under_way") == 0)

    def logins(self) -> int:
        return self.simulator.count(LOGIN)

    @contextlib.contextmanager
    def fails(self, **fault: Any) -> Iterator[None]:
        """A fault of the simulator's heat maps, as `simulator.faults` takes it."""
        self.simulator.faults.set(**{"paths": (DETECTIONS,), **fault})
        yield
        self.simulator.faults.clear()

    @contextlib.contextmanager
    def is_gone(self) -> Iterator[None]:
        """Nobody listens."""
        self.simulator.stop()
        yield
        self.simulator.start()


class FrontedTrial(Trial):
    """The same with a server of raw bytes before Butlr: `responses` by path are sent instead of its own."""

    def __init__(self, now: str = NOON, **settings: Any) -> None:
        self.responses: dict[str, Result] = {}
        self.front = Wire()
        self.front.login = self.front.reply = self._respond
        super().__init__(now, butlr_api_url=self.front.url, **settings)

    @contextlib.contextmanager
    def responds_with(self, response: Result) -> Iterator[None]:
        """In place of Butlr's heat maps."""
        self.responses[DETECTIONS] = response
        yield
        del self.responses[DETECTIONS]

    def close(self) -> None:
        super().close()
        self.front.stop()

    def _respond(self, to: Any, requested: Sent) -> None:
        self.responses.get(requested.path, passed_on(self.simulator))(to, requested)


def passed_on(simulator: Simulator) -> Result:
    """The simulator's own answer."""

    def response(to: Any, requested: Sent) -> None:
        stored = {k: v for k, v in requested.headers.items() if k in ("authorization", "content-type")}
        try:
            found = requests.post(
                simulator.url + requested.path, requested.body, headers=stored, timeout=HANG_S
            )
        except requests.RequestException:
            raise ConnectionError from None  # hangs up
        text = [f"{k}: {found.headers[k]}" for k in ("Date", "Content-Type") if k in found.headers]
        respond(found.content, f"{found.status_code} {found.reason}", *text)(to, requested)

    return response


@contextlib.contextmanager
def given_up_soon(trial: Trial, fault: AbstractContextManager[object]) -> Iterator[None]:
    """A fault of heat maps in which no attempt ends well: each takes 0.3 s. All else has its time."""
    client = trial.application.butlr.client
    usual, hurried = client._transport, Transport(client.access.url, timeout_s=0.3, connections=8)

    def post(path: str, body: object, *, token: str | None) -> Reply:
        return (hurried if path == DETECTIONS else usual).post(path, body, token=token)

    with fault, patch.object(client, "_transport", Mock(post=post)):
        yield
    hurried.close()


def keeps_the_promise(trial: Trial, fault: AbstractContextManager[object], *, reason: str) -> None:
    """Known before, an hour into the fault still shown, whole again by itself after it.

    `fault` lasts as long as its context; `reason`: an expression for what a viewer is told.
    """
    before = trial.query_panel()
    assert before.is_whole()
    trial.passes(3600)
    with fault:
        shows_what_is_known(trial, before, reason=reason)
        trial.comes_to_rest()
    trial.passes(90)
    is_whole_again(trial)


def shows_what_is_known(trial: Trial, before: PanelResponse, *, reason: str) -> None:
    """With its age and the reason; what nobody knows is an error that names Butlr."""
    during = trial.query_panel()
    assert during.status == 200, during.body
    custom = during.custom
    assert not during.complete
    assert custom["segments"]["stale"] + custom["segments"]["missing"] >= 1
    assert during.as_of_s <= at(before.custom["to"]) + 60
    assert during.cells == before.cells == before.truth
    assert any(re.search(f"^Partial result, as of .*{reason}", text) for text in during.warnings), (
        during.warnings
    )
    assert_upstreams_fault(trial.query_panel(require="complete"), 503)
    assert_upstreams_fault(trial.query_panel(*MAY))


def assert_upstreams_fault(response: PanelResponse, *statuses: int) -> None:
    assert response.status in (statuses or (502, 503, 504)), response.body
    assert response.body["error"]["source"] == "upstream"
    assert response.body["message"] == response.body["error"]["message"]
    assert len(response.body["message"].split()) >= 4


def is_whole_again(trial: Trial) -> None:
    """By itself, at the price of what was asked, from a fresh question and from the disk."""
    calls = trial.spent(lambda: (trial.query_panel(), trial.query_panel(*MAY)))
    assert calls <= PANEL_SEGMENTS + MAY_SEGMENTS
    assert trial.query_panel().is_whole()
    assert trial.query_panel(*MAY).is_whole()
    trial.restart()
    trial.http.get("/readyz")
    assert trial.spent(trial.query_panel) <= 1  # what still changes
    assert trial.query_panel().is_whole()
    assert trial.spent(lambda: trial.query_panel(*MAY)) == 0
    assert trial.query_panel(*MAY).is_whole()
