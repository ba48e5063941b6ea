"""Which window a row's `time` names, by either reading, across clock changes and in odd time zones."""

from __future__ import annotations

import pytest

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.labels import Windows
from butlr_grafana.model.time import Period, iso
from tests.support import at

PARIS, KOLKATA = "Europe/Paris", "Asia/Kolkata"


def windows(start: str, end: str, every: str, zone: str = PARIS, labels: str = "end") -> Windows:
    return Windows(Period(at(start), at(end)), every, zone, labels)


def begins(of: Windows, label: str, *, calibrated: bool = False) -> str:
    return iso(of.start_of(label, calibrated=calibrated))


def test_a_label_is_the_windows_end() -> None:
    """As captured: a movement at 14:36 is in the row labelled 14:40 of a call in windows of 5 minutes."""
    five_minutes = windows("2030-01-07T14:00", "2030-01-07T15:00", "5m")
    assert begins(five_minutes, "2030-01-07T14:40:00Z") == "2030-01-07T14:35:00Z"
    assert begins(five_minutes, "2030-01-07T15:00:00Z") == "2030-01-07T14:55:00Z"


def test_one_constant_turns_it() -> None:
    five_minutes = windows("2030-01-07T14:00", "2030-01-07T15:00", "5m", labels="start")
    assert begins(five_minutes, "2030-01-07T14:40:00Z") == "2030-01-07T14:40:00Z"
    assert begins(five_minutes, "2030-01-07T14:00:00Z") == "2030-01-07T14:00:00Z"


@pytest.mark.parametrize("labels", ["end", "start"])
def test_calibrated_rows_are_labelled_with_their_start(labels: str) -> None:
    minutes = windows("2030-01-07T14:00", "2030-01-07T14:05", "1m", labels=labels)
    assert begins(minutes, "2030-01-07T14:04:00Z", calibrated=True) == "2030-01-07T14:04:00Z"
    # They are counted from the question's start, be it on the clock or not (as captured).
    off_the_clock = windows("2030-01-07T14:00:43", "2030-01-07T14:05:43", "1m", labels=labels)
    assert begins(off_the_clock, "2030-01-07T14:02:43Z", calibrated=True) == "2030-01-07T14:02:43Z"


def test_the_cut_last_window_is_labelled_with_the_questions_end() -> None:
    hours = windows("2030-01-07T14:00", "2030-01-07T16:24", "1h")
    assert begins(hours, "2030-01-07T16:24:00Z") == "2030-01-07T16:00:00Z"


def test_days_end_at_the_next_local_midnight_whatever_their_length() -> None:
    # 2030-03-31 has 23 hours in Paris, 2030-10-27 has 25.
    spring = windows("2030-03-29T23:00", "2030-04-01T22:00", "1d")
    assert begins(spring, "2030-03-31T22:00:00Z") == "2030-03-30T23:00:00Z"
    autumn = windows("2030-10-26T22:00", "2030-10-28T23:00", "1d")
    assert begins(autumn, "2030-10-27T23:00:00Z") == "2030-10-26T22:00:00Z"


def test_hours_lie_on_the_clock_of_the_zone() -> None:
    hours = windows("2030-01-06T18:30", "2030-01-07T18:30", "1h", KOLKATA)
    assert begins(hours, "2030-01-06T19:30:00Z") == "2030-01-06T18:30:00Z"
    with pytest.raises(UpstreamInvalid, match=r"no window of .* ends then in the time zone Asia/Kolkata"):
        hours.start_of("2030-01-06T19:00:00Z", calibrated=False)


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        # Only the other reading could have brought these.
        ("end", "2030-01-07T14:00:00Z"),
        ("start", "2030-01-07T16:00:00Z"),
        ("end", "2030-01-07T17:00:00Z"),
        ("end", "2030-01-07T14:30:00Z"),
        ("start", "2030-01-07T14:30:00Z"),
    ],
)
def test_a_label_that_no_window_has_is_a_fault(labels: str, label: str) -> None:
    hours = windows("2030-01-07T14:00", "2030-01-07T16:00", "1h", labels=labels)
    with pytest.raises(UpstreamInvalid, match=f"labelled {label}"):
        hours.start_of(label, calibrated=False)


@pytest.mark.parametrize("label", [None, 7, "noon", ""])
def test_a_time_that_is_none_is_a_fault(label: object) -> None:
    with pytest.raises(UpstreamInvalid, match="whose time cannot be read"):
        windows("2030-01-07T14:00", "2030-01-07T16:00", "1h").start_of(label, calibrated=False)


def test_a_time_without_a_zone_is_utc() -> None:
    hours = windows("2030-01-07T14:00", "2030-01-07T16:00", "1h")
    assert begins(hours, "2030-01-07T15:00:00") == "2030-01-07T14:00:00Z"
