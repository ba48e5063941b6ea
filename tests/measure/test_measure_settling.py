"""How late data come, measured over days: by arithmetic, and against a simulator that is late."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from butlr_grafana.measure import settling
from butlr_grafana.measure.background import SAMPLE_S
from butlr_grafana.measure.settling import AGES_S, Measurement, Sample
from butlr_grafana.measure.verdict_store import VerdictStore, open_verdict_store
from butlr_grafana.model.time import DAY_S, HOUR_S
from butlr_grafana.simulator.forms import Forms
from tests.measure.test_measure_background import NewWorld
from tests.support import PARIS, at

START_S = at("2026-06-15T08:00")


def sample(*heat: float, people: float = 3, end_s: int = START_S) -> Sample:
    looks = (Measurement(age, value, people) for age, value in zip(AGES_S, heat, strict=False))
    return Sample("space_a", end_s, tuple(looks))


@pytest.mark.parametrize(
    ("heat", "settled"),
    [
        ((9, 9, 9, 9, 9), 600),
        ((0, 9, 9, 9, 9), 1800),
        ((0, 0, 9, 9, 9), HOUR_S),
        ((7, 8, 8, 9, 9), 3 * HOUR_S),
        ((7, 8, 9, 8, 9), DAY_S),
        ((9, 9, 9), None),
        ((), None),
    ],
)
def test_a_sample_settles_where_it_is_what_it_is_at_last(
    heat: tuple[float, ...], settled: int | None
) -> None:
    assert sample(*heat).settled_after_s == settled


def test_an_empty_sample_tells_nothing_and_people_count_too() -> None:
    assert sample(0, 0, 0, 0, 0, people=0).settled_after_s is None
    moved = [Measurement(age, 9, people) for age, people in zip(AGES_S, (4, 4, 3, 3, 3), strict=True)]
    assert Sample("space_a", START_S, tuple(moved)).settled_after_s == HOUR_S


def test_ages_that_were_missed_are_not_claimed() -> None:
    # The process was away: it looked at 10 minutes, and a day later.
    seldom = Sample("space_a", START_S, (Measurement(700, 8, 1), Measurement(DAY_S + 5, 9, 1)))
    assert seldom.settled_after_s == DAY_S


def test_enough_samples_of_enough_days_are_a_verdict_and_the_slowest_decides() -> None:
    quick = [
        sample(9, 9, 9, 9, 9, end_s=START_S + day * DAY_S + n * 3 * HOUR_S)
        for day in range(3)
        for n in range(4)
    ]
    assert settling.settle_s(quick[:-1]) is None  # eleven
    assert settling.settle_s(quick) == 600
    assert settling.settle_s([*quick, sample(0, 9, 9, 9, 9, end_s=START_S + 60)]) == 1800
    # Twelve of one day are too few days.
    assert settling.settle_s([sample(9, 9, 9, 9, 9, end_s=START_S + n) for n in range(12)]) is None


def test_a_sample_is_looked_at_at_each_age_once() -> None:
    one = Sample("space_a", START_S)
    assert not one.is_due(START_S + 599)
    assert one.is_due(START_S + 600)
    looked = one.with_measurement(Measurement(600, 1, 1))
    assert not looked.is_due(START_S + 1799)
    assert looked.is_due(START_S + 1800)


def test_what_is_due_comes_before_a_new_sample_and_new_ones_are_seldom() -> None:
    now_s = START_S + 600
    first = settling.next_of((), ["space_a", "space_b"], now_s, known=False)
    assert first == Sample("space_a", START_S)
    begun = (first.with_measurement(Measurement(600, 1, 1)),)
    assert settling.next_of(begun, ["space_a", "space_b"], now_s + 60, known=False) is None
    assert settling.next_of(begun, ["space_a"], now_s + 1200, known=False) == begun[0]
    done = (sample(1, 1, 1, 1, 1),)
    second = settling.next_of(done, ["space_a", "space_b"], now_s + 3 * HOUR_S, known=False)
    assert second == Sample("space_b", START_S + 3 * HOUR_S)
    assert settling.next_of(done, ["space_a"], now_s + 3 * HOUR_S, known=True) is None
    assert settling.next_of((), [], now_s, known=False) is None


def test_what_was_never_finished_goes() -> None:
    forgotten = Sample("space_a", START_S, (Measurement(600, 1, 1),))
    fresh = Sample("space_a", START_S + 4 * DAY_S)
    assert settling.with_sample([forgotten], fresh, START_S + 4 * DAY_S) == (fresh,)


def test_samples_are_there_after_a_restart(tmp_path: object) -> None:
    verdict_store = open_verdict_store("tenant", folder=tmp_path, redis=None)  # type: ignore[arg-type]
    samples = (sample(1, 2.5, 3), sample(4, end_s=START_S + 9))
    verdict_store.record_samples(samples)
    again = open_verdict_store("tenant", folder=tmp_path, redis=None)  # type: ignore[arg-type]
    assert again.entry.samples == samples
    assert settling.samples_of([["space_a", "x", []], 7, ["space_a", 1, [["a", 1, 1]]]]) == (
        Sample("space_a", 1),
    )


@pytest.fixture
def make_new() -> Iterator[Callable[..., NewWorld]]:
    worlds: list[NewWorld] = []

    def make(form: str) -> NewWorld:
        world = NewWorld("2026-06-15T08:00:00")
        world.simulator.forms = Forms.read([form])
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        world.close()


@pytest.mark.parametrize(
    ("form", "settled"),
    [
        ("heat_late_s=0", 600),
        ("heat_late_s=1200", 1800),
        ("heat_late_s=7200", 3 * HOUR_S),
        ("minutes_move_s=3000", HOUR_S),
    ],
)
def test_a_butlr_that_is_late_is_found_out_over_days(
    make_new: Callable[..., NewWorld], form: str, settled: int
) -> None:
    world = make_new(form)
    world.heat_map(PARIS, "2026-06-10T00:00:00Z", "2026-06-11T00:00:00Z")
    background, verdict_store = world.application.background, world.application.means.verdict_store
    background.poll()
    calls, steps = world.simulator.count(), 0
    while verdict_store.current().settle_s is None and steps < 700:
        assert background.poll() == SAMPLE_S
        world.now_s += 600
        steps += 1
    assert verdict_store.current().settle_s == settled
    assert verdict_store.current().settled_after_s == settled
    # Two calls a look, five looks a sample, eight samples a day.
    days = steps * 600 / DAY_S
    assert world.simulator.count() - calls <= 2 * 5 * 8 * (days + 1)


def test_a_setting_that_is_set_is_not_measured(make_new: Callable[..., NewWorld]) -> None:
    world = make_new("heat_late_s=0")
    verdict_store = VerdictStore(
        fixed={"settle_s": 60}, known=world.application.means.verdict_store.current()
    )
    object.__setattr__(world.application.means, "verdict_store", verdict_store)
    world.heat_map(PARIS, "2026-06-10T00:00:00Z", "2026-06-11T00:00:00Z")
    world.application.background.poll()
    calls = world.simulator.count()
    assert world.application.background.poll() == SAMPLE_S
    assert world.simulator.count() == calls
