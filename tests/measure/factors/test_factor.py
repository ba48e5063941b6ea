"""The median of what was observed."""

from __future__ import annotations

import pytest

from butlr_grafana.model.factor import Factor, Observation, Unknown, factor_of, in_people


def day(number: int, rate: float, person_minutes: float = 1000.0) -> Observation:
    return Observation(f"2026-06-{number:02d}", 24.0, rate * person_minutes, person_minutes)


def known(*observations: Observation) -> Factor:
    found = factor_of(observations)
    assert found is not None
    return found


def test_of_one_day_it_is_that_days() -> None:
    factor = known(day(1, 110.0))
    assert (factor.per_person_minute, factor.person_minutes, factor.days) == (110.0, 1000.0, 1)


def test_it_is_the_median_of_days_however_many_people_there_were() -> None:
    assert known(day(1, 60), day(2, 100), day(3, 500, 1e6)).per_person_minute == 100
    assert known(day(1, 60), day(2, 100)).per_person_minute == 80


def test_the_newest_seven_days_count() -> None:
    week = [day(number, 110) for number in range(10, 17)]
    assert known(*[day(number, 60) for number in range(1, 10)], *week) == known(*week)


def test_a_day_of_few_people_is_chance() -> None:
    assert factor_of([day(1, 110, 59.9)]) is None
    assert known(day(1, 110, 60)).days == 1
    assert known(day(1, 60), day(2, 500, 59)).per_person_minute == 60


@pytest.mark.parametrize(
    "rubbish",
    [
        Observation("2026-06-02", 24.0, float("nan"), 1000.0),
        Observation("2026-06-02", 24.0, float("inf"), 1000.0),
        Observation("2026-06-02", 24.0, -1.0, 1000.0),
        Observation("2026-06-02", 24.0, 0.0, 1000.0),
        Observation("2026-06-02", 0.0, 1000.0, 1000.0),
        Observation("no day", 24.0, 1000.0, 1000.0),
        Observation("2026-6-2", 24.0, 1000.0, 1000.0),
    ],
)
def test_what_cannot_be_does_not_count(rubbish: Observation) -> None:
    assert factor_of([rubbish]) is None
    assert known(day(1, 110), rubbish) == known(day(1, 110))


def test_another_value_has_another_version() -> None:
    first, second, third = known(day(1, 110)), known(day(1, 111)), known(day(1, 110), day(2, 110))
    assert len({first.version, second.version, third.version}) == 3
    assert first.version.startswith("2026-06-01-")
    assert third.version.startswith("2026-06-02-")
    assert known(day(2, 110), day(1, 110)) == third


def test_detections_become_people() -> None:
    """At 110 a person and minute 6,600 detections are a person-hour."""
    assert in_people(6600.0, known(day(1, 110))) == pytest.approx(1.0, rel=1e-12)
    assert in_people(6600.0, Unknown()) is None
    assert in_people(None, known(day(1, 110))) is None
