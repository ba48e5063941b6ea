"""One line when something begins to fail, one when it is over."""

from __future__ import annotations

import logging

import pytest

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.base.incidents import ButlrIncidents, Contact, Incident, readable_duration
from tests.butlr.wire import FakeTime

pytestmark = pytest.mark.fast


@pytest.fixture
def fake() -> FakeTime:
    return FakeTime()


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines since the last look."""
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return lines


def test_a_trouble_is_said_when_it_begins_and_when_it_is_over(
    fake: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    incident = Incident("the lift", recovery_s=60, clock=fake)
    incident.succeeded()
    assert logged(caplog) == []
    for _ in range(37):
        incident.failed("it is stuck")
        fake.now_s += 6
    assert logged(caplog) == ["incident began: the lift: it is stuck"]
    assert incident.on
    fake.now_s += 60
    incident.succeeded()
    assert logged(caplog) == ["incident over after 4 min, 37 failures: the lift"]
    assert not incident.on
    incident.succeeded()
    assert logged(caplog) == []


def test_lines_of_trouble_are_warnings_with_figures(fake: FakeTime, caplog: pytest.LogCaptureFixture) -> None:
    incident = Incident("the lift", recovery_s=0, clock=fake)
    incident.failed("it is stuck")
    fake.now_s += 30
    incident.failed("it is stuck")
    incident.succeeded()
    began, over = caplog.records
    assert began.levelno == over.levelno == logging.WARNING
    assert vars(began)["data"] == {"trouble": "the lift"}
    assert vars(over)["data"] == {"trouble": "the lift", "seconds": 30.0, "failures": 2}


def test_where_some_goes_well_and_some_does_not_it_is_one_trouble(
    fake: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    incident = Incident("the lift", recovery_s=60, clock=fake)
    for _ in range(100):
        incident.failed("it is stuck")
        fake.now_s += 59
        incident.succeeded()
    assert len(logged(caplog)) == 1
    fake.now_s += 1
    incident.succeeded()
    # From the first failure to the last.
    assert logged(caplog) == [f"incident over after {round(99 * 59 / 3600)} h, 100 failures: the lift"]


def test_the_next_trouble_is_counted_anew(fake: FakeTime, caplog: pytest.LogCaptureFixture) -> None:
    incident = Incident("the lift", recovery_s=0, clock=fake)
    for failures in (3, 1):
        for _ in range(failures):
            incident.failed("it is stuck")
        logged(caplog)
        incident.succeeded()
        params = "1 failure" if failures == 1 else f"{failures} failures"
        assert logged(caplog) == [f"incident over after 0 s, {params}: the lift"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (240, "4 min"), (5_399, "90 min"), (10_800, "3 h")],
)
def test_a_length_of_time_is_said_roughly(seconds: float, text: str) -> None:
    assert readable_duration(seconds) == text


# --- questions to Butlr -----------------------------------------------------------------------------------


class Sent:
    """Questions to Butlr's APIs, which end as told."""

    def __init__(self, fake: FakeTime) -> None:
        self.incidents = ButlrIncidents(fake)
        self.error: Exception | None = None
        self.send = self.incidents.recorded(self._send, lambda api: api)

    def _send(self, api: str) -> str:
        if self.error:
            raise self.error
        return f"answer of {api}"

    def fails(self, error: Exception, *apis: str) -> None:
        self.error = error
        for api in apis:
            with pytest.raises(type(error)):
                self.send(api)
        self.error = None


@pytest.fixture
def sender(fake: FakeTime) -> Sent:
    return Sent(fake)


def test_a_watched_question_is_answered_as_before(sender: Sent, caplog: pytest.LogCaptureFixture) -> None:
    assert sender.send("floors") == "answer of floors"
    assert logged(caplog) == []


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (UpstreamDown("nobody there"), "unreachable"),
        (UpstreamLate("too slow"), "unreachable"),
        (UpstreamLimited("too many"), "limited"),
        (UpstreamRefused("not for you"), "refused"),
        (UpstreamInvalid("no cells"), "invalid"),
    ],
)
def test_a_trouble_with_butlr_is_over_when_all_that_failed_is_answered(
    sender: Sent, fake: FakeTime, caplog: pytest.LogCaptureFixture, error: UpstreamError, kind: str
) -> None:
    sender.fails(error, "floors", "metrics", "metrics")
    assert logged(caplog) == [f"incident began: Butlr {kind}: {error.message}"]
    assert [k for k, incident in sender.incidents.by_kind.items() if incident.on] == [kind]
    fake.now_s += 61
    sender.send("floors")
    sender.send("heat maps")
    assert logged(caplog) == []
    sender.send("metrics")
    assert logged(caplog) == [f"incident over after 0 s, 3 failures: Butlr {kind}"]
    assert not sender.incidents.by_kind[kind].on


def test_what_nobody_asks_any_more_keeps_no_trouble_going(
    sender: Sent, fake: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    sender.fails(UpstreamDown("nobody there"), "statistics", "floors")
    for minute in range(1, 16):
        assert sender.incidents.by_kind["unreachable"].on, minute
        fake.now_s += 60
        sender.send("floors")
    assert len(logged(caplog)) == 2


def test_a_fault_of_ours_is_no_trouble_with_butlr(sender: Sent, caplog: pytest.LogCaptureFixture) -> None:
    sender.fails(ZeroDivisionError(), "floors")
    assert logged(caplog) == []


def test_the_contact_is_that_of_the_last_question(sender: Sent, fake: FakeTime) -> None:
    fake.now_s += 100
    assert sender.incidents.contact() == Contact(True, 100, None)
    sender.send("floors")
    fake.now_s += 5
    sender.fails(UpstreamDown("nobody there"), "floors")
    assert sender.incidents.contact() == Contact(False, 5, "nobody there")
    # Who refuses is there.
    sender.fails(UpstreamRefused("not for you"), "floors")
    assert sender.incidents.contact() == Contact(True, 5, None)
