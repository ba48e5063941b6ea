"""Butlr's statistics: what is asked, and every figure that may or must not come of the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.statistics import request_body, samples
from butlr_grafana.model.chunk import StatsSubject
from butlr_grafana.model.time import Period
from tests.support import at

PERIOD = Period(at("2026-06-01"), at("2026-07-01"))
MEAN, PEAK = "occupancy_avg_presence", "occupancy_max_presence"
SUBJECT = StatsSubject((MEAN, PEAK), ("room_1", "room_2"))


def figures(document: Any, subject: StatsSubject = SUBJECT) -> dict[tuple[str, str], float | None]:
    found = samples(document if isinstance(document, bytes) else orjson.dumps(document), subject, PERIOD)
    assert found.start_s.tolist() == [PERIOD.start_s] * len(found.series)
    values = [None if np.isnan(v) else float(v) for v in found.value]
    return {found.series[i]: v for i, v in zip(found.index, values, strict=True)}


def test_the_question_is_of_absolute_times_and_without_filters_where_all_counts() -> None:
    assert request_body(SUBJECT, PERIOD) == {
        "measurements": [MEAN, PEAK],
        "items": ["room_1", "room_2"],
        "start": "2026-06-01T00:00:00Z",
        "stop": "2026-07-01T00:00:00Z",
    }


def test_hours_and_days_are_filters() -> None:
    subject = StatsSubject((MEAN,), ("room_1",), ((0, 365), (1320, 1440)), (5, 6))
    assert request_body(subject, PERIOD)["filters"] == {
        "time_ranges": [{"start": "00:00", "stop": "06:05"}, {"start": "22:00", "stop": "24:00"}],
        "exclude_days_of_week": ["Saturday", "Sunday"],
    }


def test_figures_come_by_item_and_measurement() -> None:
    data = {"room_1": {MEAN: 2.5, PEAK: 7}, "room_2": {MEAN: 0, PEAK: 0.0}, "room_9": {MEAN: 1}}
    assert figures({"data": data}) == {
        ("room_1", MEAN): 2.5,
        ("room_1", PEAK): 7.0,
        ("room_2", MEAN): 0.0,
        ("room_2", PEAK): 0.0,
    }


@pytest.mark.parametrize(
    "data",
    [
        {"room_1": {MEAN: None, PEAK: None}, "room_2": {}},
        {"room_1": None, "room_2": {PEAK: None}},
        {"room_2": {"occupancy_median_presence": 3}},
        {},
    ],
)
def test_null_or_missing_is_unknown_and_never_zero(data: dict[str, Any]) -> None:
    found = figures({"data": data})
    assert len(found) == 4
    assert set(found.values()) == {None}


@pytest.mark.parametrize(
    ("document", "says"),
    [
        (b"<html>", "not JSON"),
        (b'{"data": {"room_1": {"occupancy_avg_presence": NaN}}}', "not JSON"),
        ([], "no data"),
        ({"message": "later"}, 'no data: {"message":"later"}'),
        ({"data": None}, "no data"),
        ({"data": [{"room_1": 2}]}, "no data"),
        ({"data": {"room_1": 2.5}}, "unknown form"),
        ({"data": {"room_1": [2.5]}}, "unknown form"),
        ({"data": {"room_1": {MEAN: "2.5"}}}, "'2.5' of occupancy_avg_presence"),
        ({"data": {"room_1": {MEAN: True}}}, "'True'"),
        ({"data": {"room_1": {MEAN: {"value": 1}}}}, "the value"),
        ({"data": {"room_2": {PEAK: -1}}}, "'-1' of occupancy_max_presence"),
        ({"data": {"room_2": {PEAK: 1e300}}}, "'1e+300'"),
    ],
)
def test_what_cannot_be_a_figure_is_refused_in_words(document: Any, says: str) -> None:
    with pytest.raises(UpstreamInvalid) as error:
        figures(document)
    assert says in str(error.value)


def test_each_question_is_kept_under_a_key_of_its_own() -> None:
    subjects = [
        SUBJECT,
        StatsSubject((MEAN,), ("room_1", "room_2")),
        StatsSubject((MEAN, PEAK), ("room_1",)),
        StatsSubject((MEAN, PEAK), ("room_1", "room_2"), ((480, 1080),)),
        StatsSubject((MEAN, PEAK), ("room_1", "room_2"), (), (5,)),
        StatsSubject((MEAN, PEAK), ("room_1", "room_2"), ((480, 1080),), (5,)),
    ]
    assert len({s.key for s in subjects}) == len(subjects)
    assert SUBJECT.key == StatsSubject((MEAN, PEAK), ("room_1", "room_2")).key


def test_days_can_be_written_as_butlrs_client_does() -> None:
    subject = StatsSubject((MEAN,), ("room_1",), (), (5, 6), weekday_case="lower")
    assert request_body(subject, PERIOD)["filters"] == {"exclude_days_of_week": ["saturday", "sunday"]}
