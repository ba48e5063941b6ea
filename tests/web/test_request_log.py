"""A request's id: in its answer, in its log lines, and in the calls to Butlr that are made for it."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from butlr_grafana.base import request_id
from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.log_format import figures
from butlr_grafana.base.request_id import current, current_or_new, of_caller, use_request_id, with_request_id
from tests.butlr.wire import Sent, respond
from tests.faults.trial import FrontedTrial
from tests.processes import running, saying_json
from tests.support import DETECTIONS, GRAPHQL, HANG_S, LOGIN, PARIS, World, floors_are_loaded, until

MADE = re.compile(r"[0-9a-f]{16}")
DAY = ("2026-06-15T00:00:00Z", "2026-06-16T00:00:00Z")


@pytest.mark.parametrize("sent", ["a", "panel-7", "01J.x_Y-9", "x" * 64])
def test_a_plain_id_of_the_caller_is_kept(world: World, sent: str) -> None:
    assert world.http.get("/healthz", headers={"X-Request-Id": sent}).headers["X-Request-Id"] == sent


@pytest.mark.parametrize("sent", [None, "", "x" * 65, "a b", "a,b", 'a"b', "é", "<script>", "a=b", "%0d%0a"])
def test_any_other_is_replaced(world: World, sent: str | None) -> None:
    headers = {} if sent is None else {"X-Request-Id": sent}
    assert MADE.fullmatch(world.http.get("/healthz", headers=headers).headers["X-Request-Id"])


def test_no_id_that_could_end_a_line_is_kept() -> None:
    assert MADE.fullmatch(of_caller("panel-7\n"))
    assert MADE.fullmatch(of_caller("panel\r\nSet-Cookie: x"))


def test_each_request_has_its_own_and_leaves_none_behind(world: World) -> None:
    ids = {world.http.get("/healthz").headers["X-Request-Id"] for _ in range(5)}
    assert len(ids) == 5
    assert current() == ""


def test_refusals_and_faults_have_one_too(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(tokens=(BackendToken("first-token"),))
    sent = {"X-Request-Id": "panel-7"}
    assert world.http.get("/", headers=sent).headers["X-Request-Id"] == "panel-7"
    monkeypatch.setattr(type(world.application.service), "ready", lambda _: 1 / 0)
    broken = world.http.get("/readyz", headers=sent)
    assert (broken.status_code, broken.headers["X-Request-Id"]) == (500, "panel-7")


# --- carrying it ------------------------------------------------------------------------------------------


def test_work_is_named_within_and_not_after() -> None:
    with use_request_id("outer"):
        with use_request_id("inner"):
            assert current() == current_or_new() == "inner"
        assert current() == "outer"
    assert current() == ""
    assert MADE.fullmatch(current_or_new())


def test_another_thread_has_it_only_where_it_is_carried() -> None:
    with ThreadPoolExecutor(1) as thread:
        with use_request_id("panel-7"):
            alone, taken_along = thread.submit(current), thread.submit(with_request_id(current))
        assert (alone.result(), taken_along.result()) == ("", "panel-7")
        # Work that nobody asked for has one of its own, the same until its end.
        first, second = thread.submit(with_request_id(lambda: (current(), current()))).result()
        assert first == second
        assert MADE.fullmatch(first)


# --- to Butlr ---------------------------------------------------------------------------------------------


@pytest.fixture
def fronted() -> Iterator[FrontedTrial]:
    made = FrontedTrial()
    yield made
    made.close()


def ids(trial: FrontedTrial) -> dict[str, set[str]]:
    """The ids that Butlr has seen, by path."""
    seen: dict[str, set[str]] = {}
    for requested in trial.front.requested:
        seen.setdefault(requested.path, set()).add(requested.headers["x-request-id"])
    return seen


def request_panel(
    trial: FrontedTrial, request: str, start: str = DAY[0], end: str = DAY[1], form: str = "frames"
) -> None:
    params = {"space": PARIS, "from": start, "to": end, "format": form}
    response = trial.http.get("/api/v1/heatmap", query_string=params, headers={"X-Request-Id": request})
    assert response.status_code == 200


def test_each_call_to_butlr_has_the_id_of_its_request(fronted: FrontedTrial) -> None:
    request_panel(fronted, "panel-7")
    assert ids(fronted) == {LOGIN: {"panel-7"}, GRAPHQL: {"panel-7"}, DETECTIONS: {"panel-7"}}
    fronted.front.requested.clear()
    request_panel(fronted, "panel-8", "2026-05-04T00:00:00Z", "2026-06-01T00:00:00Z")
    assert ids(fronted) == {DETECTIONS: {"panel-8"}}
    assert len(fronted.front.requested) == 4


def test_attempts_of_one_question_have_one_id(fronted: FrontedTrial) -> None:
    request_panel(fronted, "panel-7")
    fronted.front.requested.clear()
    with fronted.responds_with(respond(b"{}", "503 Service Unavailable")):
        params = {"space": PARIS, "from": "2026-06-01", "to": "2026-06-02"}
        fronted.http.get("/api/v1/heatmap", query_string=params, headers={"X-Request-Id": "panel-8"})
    assert ids(fronted) == {DETECTIONS: {"panel-8"}}
    assert len(fronted.front.requested) == 4


def test_a_shared_call_has_the_id_of_the_request_that_began_it(
    fronted: FrontedTrial, monkeypatch: pytest.MonkeyPatch
) -> None:
    request_panel(fronted, "panel-1", "2026-06-01T00:00:00Z", "2026-06-02T00:00:00Z")
    fronted.front.requested.clear()
    came, go = threading.Event(), threading.Event()
    calls_in_flight, asked_for = fronted.application.service.pipeline.gatherer.in_flight, []
    send_query = calls_in_flight.request_all
    monkeypatch.setattr(
        calls_in_flight, "request_all", lambda *a, **k: (send_query(*a, **k), asked_for.append(a))[0]
    )
    pass_on = fronted.front.reply

    def hold(to: object, requested: Sent) -> None:
        came.set()
        go.wait(HANG_S)
        pass_on(to, requested)  # type: ignore[arg-type]

    fronted.front.reply = hold
    with ThreadPoolExecutor(2) as viewers:
        first = viewers.submit(request_panel, fronted, "panel-7")
        assert came.wait(HANG_S)
        second = viewers.submit(request_panel, fronted, "panel-8", form="csv")
        until(lambda: len(asked_for) == 2)
        go.set()
        first.result()
        second.result()
    assert ids(fronted) == {DETECTIONS: {"panel-7"}}


def test_renewing_the_floors_has_the_id_of_who_saw_that_they_are_old(fronted: FrontedTrial) -> None:
    request_panel(fronted, "panel-7")
    fronted.front.requested.clear()
    fronted.passes(400)
    request_panel(fronted, "panel-8")
    until(lambda: len(fronted.front.requested) == 2)
    assert ids(fronted) == {GRAPHQL: {"panel-8"}}


# --- in the log -------------------------------------------------------------------------------------------


class Lines(logging.Handler):
    """What is logged, with the figures as a formatter would find them: level, then the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, object]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append((record.levelname, {"message": record.getMessage(), **figures(record)}))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[tuple[str, dict[str, object]]]]:
    floors_are_loaded()
    caplog.set_level(logging.DEBUG, "butlr_grafana")
    handler = Lines()
    logging.getLogger("butlr_grafana").addHandler(handler)
    yield handler.seen
    logging.getLogger("butlr_grafana").removeHandler(handler)


def test_a_request_is_one_line_and_each_call_another_when_debugging(
    fronted: FrontedTrial, lines: list[tuple[str, dict[str, object]]]
) -> None:
    request_panel(fronted, "panel-7")
    fronted.http.get("/api/v1/heatmap?resolution=7", headers={"X-Request-Id": "panel-8"})
    fronted.http.get("/healthz")
    calls = [line for level, line in lines if level == "DEBUG" and line["message"] == "Butlr was called"]
    # The words of the schema, the floors and the sensors are three questions.
    assert [line["path"] for line in calls] == [LOGIN, GRAPHQL, GRAPHQL, GRAPHQL, DETECTIONS]
    assert {line["request_id"] for line in calls} == {"panel-7"}
    answered = [line for _, line in lines if str(line["message"]).startswith("answered GET /api/")]
    good, bad = answered
    assert good.pop("seconds") >= 0  # type: ignore[operator]
    assert good.pop("bytes") > 1000  # type: ignore[operator]
    assert good == {
        "message": "answered GET /api/v1/<target>",
        "request_id": "panel-7",
        "target": "heatmap",
        "format": "frames",
        "status": 200,
    }
    assert (bad["request_id"], bad["status"], bad["error"]) == ("panel-8", 400, "bad_word")
    # Who asks every few seconds whether all is well is not worth a line.
    assert [level for level, line in lines if line["message"] == "answered GET /healthz"] == ["DEBUG"]


def test_a_backend_logs_json_lines_without_a_secret() -> None:
    """The real process, on its standard error; what the server itself has to say included."""
    secrets = {"BACKEND_TOKEN": "t0ken-of-the-backend"}
    with saying_json("demo", BACKEND_LOG_LEVEL="debug", **secrets) as (process, url, errors):
        words = {"space": PARIS, "from": DAY[0], "to": DAY[1], "format": "csv"}
        for token in ("t0ken-of-the-backend", "another-t0ken"):
            headers = {"Authorization": f"Bearer {token}", request_id.HEADER: "panel-7"}
            requests.get(f"{url}/api/v1/heatmap", params=words, headers=headers, timeout=HANG_S)
        process.terminate()
        err = errors()
    lines = [json.loads(line) for line in err.splitlines()]
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in lines))
    ours = [line for line in lines if line.get("request_id") == "panel-7"]
    assert [line["status"] for line in ours if line["message"].startswith("answered")] == [200, 401]
    assert any(line.get("path") == DETECTIONS for line in ours)
    # The floors were asked for before anybody came.
    assert all(line["request_id"] for line in lines if line["message"] == "Butlr was called")
    assert not re.search(r"t0ken|Bearer|space_", err)


def test_warnings_level_says_nothing_of_requests() -> None:
    with running("demo", BACKEND_LOG_LEVEL="warning") as (process, url):
        assert requests.get(f"{url}/api/v1/spaces", timeout=HANG_S).status_code == 200
        process.terminate()
        _, err = process.communicate(timeout=HANG_S)
    # What is to be known of the floors is said once; of requests there is nothing.
    assert [
        line for line in err.splitlines() if " butlr_grafana.cache.topology: topology: " not in line
    ] == []
