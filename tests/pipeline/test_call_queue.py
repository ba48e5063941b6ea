"""The queue to Butlr: nobody starves, and nothing grows. Any order of questions, on a clock of the test's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butlr_grafana.model.chunk import HeatMapSubject, Segment, SeriesSubject, StatsSubject, Subject
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.call_queue import (
    OF_CLASS,
    SHARES,
    SWEEP_S,
    CallClass,
    CallQueue,
    ClassFull,
    Share,
    shares_for,
)
from butlr_grafana.pipeline.class_queue import REMEMBERED, QueuedRequest
from butlr_grafana.pipeline.lanes import OTHER_WEIGHTS, RULE_WEIGHTS, Lane, lane_of, min_expiry_of
from tests.support import at

RULE, VIEWER, WALL, BACKGROUND = CallClass

Key = tuple[object, ...]


def series(every: str, timezone: str = "UTC") -> SeriesSubject:
    return SeriesSubject("room_occupancy", "room", every, "mean", timezone, ("r",))


class Asking:
    """Pushes questions with a number each, and keeps account of them."""

    def __init__(self, shares: Mapping[CallClass, Share] = SHARES) -> None:
        self.queue: CallQueue[Key] = CallQueue(shares)
        self.now_s = 0.0
        self.asked = 0
        self.out: list[Key] = []
        self.gone: list[Key] = []

    def ask(
        self,
        need: CallClass,
        floor: object = "f",
        subject: object = "s",
        *,
        lane: Lane = Lane.MINUTES,
        outlives: bool = False,
        slides: bool = False,
    ) -> Key:
        self.asked += 1
        key = (need, floor, subject, self.asked)
        entry = QueuedRequest(key, floor, subject, self.asked, lane=lane, outlives=outlives, slides=slides)
        self.queue.push(entry, need, now=self.now_s)
        return key

    def take(self) -> Key | None:
        taken = self.queue.take(self.now_s)
        self.gone += self.queue.dropped()
        if taken is None:
            return None
        self.out.append(taken[0])
        return taken[0]


weights = st.dictionaries(st.sampled_from(CallClass), st.integers(1, 100), min_size=1)


@given(weights, st.data())
def test_a_class_that_always_waits_is_never_passed_over_for_longer_than_reckoned(
    weight: dict[CallClass, int], data: st.DataObject
) -> None:
    """Whatever the others do meanwhile: of `n` questions that go it has its share, to within one."""
    asking = Asking({need: Share(w, 10_000, 1e9) for need, w in weight.items()})
    one = data.draw(st.sampled_from(sorted(weight)))
    for _ in range(300):
        asking.ask(one)
    others = [need for need in weight if need is not one]
    longest = since = 0
    went = 0
    for n in range(1, 250):
        if others and data.draw(st.booleans()):
            asking.ask(data.draw(st.sampled_from(others)))
        taken = asking.take()
        assert taken is not None
        since = 0 if taken[0] is one else since + 1
        longest = max(longest, since + 1)
        went += taken[0] is one
        assert went >= (n - len(weight)) * weight[one] / sum(weight.values()) - 1
    assert longest <= asking.queue.longest_wait(one)


def test_who_all_want_more_have_the_calls_by_their_weights() -> None:
    asking = Asking()
    for need in CallClass:
        for _ in range(500):
            asking.ask(need)
    taken = Counter(key[0] for key in (asking.take() for _ in range(100)) if key)
    assert taken == {RULE: 64, VIEWER: 18, WALL: 15, BACKGROUND: 3}


def test_what_was_not_used_is_not_saved_up() -> None:
    asking = Asking()
    for _ in range(1_000):
        asking.ask(VIEWER)
        asking.take()
    for _ in range(100):
        asking.ask(BACKGROUND)
        asking.ask(VIEWER)
    taken = Counter(key[0] for key in (asking.take() for _ in range(42)) if key)
    assert taken == {VIEWER: 36, BACKGROUND: 6}  # 18 to 3


@given(st.lists(st.sampled_from(CallClass), max_size=60))
def test_one_class_is_full_and_the_others_are_not(needs: list[CallClass]) -> None:
    asking = Asking({need: Share(1, 5, 60.0) for need in CallClass})
    for need in needs:
        if asking.queue.waiting(need) < 5:
            asking.ask(need)
        else:
            with pytest.raises(ClassFull) as full:
                asking.ask(need)
            assert str(full.value).startswith(f"5 calls {OF_CLASS[need]} are already waiting for Butlr")
    assert len(asking.queue) == sum(min(5, needs.count(need)) for need in CallClass)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 30), st.integers(1, 20), st.integers(1, 4))
def test_floors_come_in_turn_however_much_one_of_them_asks(floors: int, much: int, subjects: int) -> None:
    """Between two turns of a floor every other floor that waits has one."""
    asking = Asking()
    for floor in range(floors):
        for number in range(much * (5 if floor == 0 else 1)):
            for subject in range(subjects):
                asking.ask(RULE, floor, (subject, number % subjects))
    turns = [key[1] for key in iter(asking.take, None)]
    for k in range(0, floors * much * subjects, floors):
        assert sorted(map(str, turns[k : k + floors])) == sorted(map(str, range(floors)))


def test_the_turn_goes_on_where_it_was_when_all_ask_anew() -> None:
    """Sixty floors, and calls for twenty a minute: each floor has a turn every three minutes."""
    asking = Asking()
    last: dict[object, int] = {}
    for minute in range(12):
        for floor in range(60):
            asking.ask(RULE, floor, outlives=False)
        for _ in range(20):
            key = asking.take()
            assert key is not None
            assert minute - last.get(key[1], minute - 3) == 3
            last[key[1]] = minute
        asking.now_s += 60.0
    assert set(last) == set(range(60))


def test_a_floor_or_subject_that_is_new_each_time_does_not_pass_those_that_wait() -> None:
    asking = Asking()
    old = asking.ask(RULE, "f", "old")
    asking.ask(RULE, "f", "other")
    asking.take()
    again = asking.ask(RULE, "f", "old")
    new = asking.ask(RULE, "f", "new")
    elsewhere = asking.ask(RULE, "g", "new")
    taken = [asking.take() for _ in range(4)]
    assert old not in taken
    assert taken.index(again) < taken.index(new)
    assert elsewhere in taken[:2]


def test_a_call_of_many_floors_takes_those_along_whose_turn_is_longest_ago() -> None:
    """Of five floors two have had a turn. A call for two floors serves two of the other three."""
    queue: CallQueue[str] = CallQueue()
    for subject, floors in (("first", "ab"), ("second", "abcde")):
        for floor in floors:
            entry = QueuedRequest(f"{subject} {floor}", floor, subject, 0, group=subject)
            queue.push(entry, VIEWER, now=0.0)
    assert queue.take(0.0) == ("first a", VIEWER)
    assert queue.take_group("first", lambda _: True, 0.0) == ["first b"]
    assert queue.take(0.0) == ("second c", VIEWER)
    room = iter([True])
    assert queue.take_group("second", lambda _: next(room, False), 0.0) == ["second d"]


def test_rules_of_one_floor_come_in_turn() -> None:
    asking = Asking()
    for _ in range(3):
        for rule in ("hot", "late", "over"):
            asking.ask(RULE, "f", rule)
    assert [key[2] for key in iter(asking.take, None)] == ["hot", "late", "over"] * 3


def test_of_one_subject_the_newest_question_goes_first_and_of_one_asking_the_lowest_rank() -> None:
    queue: CallQueue[str] = CallQueue()
    for key, asking, rank in (("b", 1, 1), ("a", 1, 0), ("d", 2, 1), ("c", 2, 0)):
        queue.push(QueuedRequest(key, "f", "s", asking, rank), VIEWER, now=0.0)
    assert [queue.take(0.0), queue.take(0.0), queue.take(0.0), queue.take(0.0), queue.take(0.0)] == [
        *((key, VIEWER) for key in "cdab"),
        None,
    ]


def test_a_question_leaves_when_its_askers_have_gone_and_frees_its_place_at_once() -> None:
    asking = Asking({VIEWER: Share(1, 2, 25.0), BACKGROUND: Share(1, 2, 600.0)})
    old = [asking.ask(VIEWER), asking.ask(VIEWER)]
    asking.now_s = 24.9
    with pytest.raises(ClassFull):
        asking.ask(VIEWER)
    asking.now_s = 25.0
    new = asking.ask(VIEWER)
    assert asking.queue.dropped() == old
    assert asking.take() == new
    assert asking.take() is None


def test_who_comes_again_later_has_a_question_that_stays_for_longer() -> None:
    queue: CallQueue[str] = CallQueue()
    for name, least_s in (("quick", 0.0), ("slow", 290.0), ("again", 0.0)):
        queue.push(QueuedRequest(name, name, 0, 0), RULE, now=0.0, min_expiry_s=least_s)
    queue.renew("again", call_class=RULE, number=1, rank=0, min_expiry_s=290.0, now=10.0)
    assert {queue.take(289.9), queue.take(289.9)} == {("slow", RULE), ("again", RULE)}
    assert queue.take(289.9) is None
    assert queue.dropped() == ["quick"]


def test_who_asks_again_stays() -> None:
    asking = Asking()
    key = asking.ask(VIEWER)
    asking.now_s = 59.0
    asking.queue.renew(key, call_class=VIEWER, number=9, rank=0, now=asking.now_s)
    asking.now_s = 118.0
    assert asking.take() == key


def test_what_has_settled_goes_on_in_the_background_and_not_for_ever() -> None:
    asking = Asking()
    settled = asking.ask(VIEWER, outlives=True)
    asking.now_s = 60.0
    live = asking.ask(VIEWER)
    assert (asking.queue.waiting(VIEWER), asking.queue.waiting(BACKGROUND)) == (1, 1)
    assert asking.queue.take(asking.now_s) == (live, VIEWER)
    assert asking.queue.take(asking.now_s) == (settled, BACKGROUND)
    settled = asking.ask(VIEWER, outlives=True)
    asking.now_s += 60.0 + SWEEP_S
    assert asking.queue.take(asking.now_s) == (settled, BACKGROUND)
    settled = asking.ask(VIEWER, outlives=True)
    asking.now_s += 60.0
    asking.ask(RULE)
    asking.now_s += 600.0
    assert asking.take() is None
    assert settled in asking.gone


def test_who_shares_a_question_makes_it_as_urgent_as_the_first_of_them() -> None:
    asking = Asking()
    for _ in range(10):
        asking.ask(VIEWER)
    shared = asking.ask(BACKGROUND)
    asking.queue.renew(shared, call_class=RULE, number=99, rank=0, now=0.0)
    assert asking.queue.take(0.0) == (shared, RULE)


def test_when_the_rule_has_gone_it_is_the_viewers_question_again() -> None:
    asking = Asking({RULE: Share(1, 9, 10.0), VIEWER: Share(1, 9, 100.0)})
    shared = asking.ask(VIEWER)
    asking.queue.renew(shared, call_class=RULE, number=2, rank=0, now=0.0)
    asking.now_s = 50.0
    assert asking.queue.take(asking.now_s) == (shared, VIEWER)


@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.tuples(st.sampled_from(CallClass), st.integers(0, 5), st.integers(0, 3), st.booleans()),
        max_size=300,
    ),
    st.lists(st.floats(0, 40), min_size=1, max_size=10),
)
def test_every_question_goes_or_leaves_once_and_the_queue_is_empty_in_the_end(
    asked: list[tuple[CallClass, int, int, bool]], steps: list[float]
) -> None:
    asking = Asking({need: Share(1 + need, 20, 30.0) for need in CallClass})
    taken_on: list[Key] = []
    for number, (need, floor, subject, settled) in enumerate(asked):
        try:
            taken_on.append(asking.ask(need, floor, subject, outlives=settled))
        except ClassFull:
            assert asking.queue.waiting(need) == 20
        asking.now_s += steps[number % len(steps)] / 20
        if number % 4 == 3:
            asking.take()
        assert len(asking.queue) <= 80
    asking.now_s += 1_000.0
    assert asking.take() is None
    asking.gone += asking.queue.dropped()
    assert sorted(asking.out + asking.gone, key=str) == sorted(taken_on, key=str)
    assert len(asking.queue) == 0


def test_floors_that_come_and_go_leave_nothing_behind() -> None:
    asking = Asking()
    for floor in range(3 * REMEMBERED):
        asking.ask(VIEWER, floor)
        asking.take()
    [line] = [line for need, line in asking.queue._class_queues.items() if need is VIEWER]
    assert (len(line._last_served), any(line._lanes.values()), len(asking.queue._all)) == (
        2 * REMEMBERED,
        False,
        0,
    )


def test_a_viewer_waits_as_long_as_the_settings_say_and_a_rule_for_a_minute_at_least() -> None:
    stays = {need: share.expires_after_s for need, share in shares_for(25.0).items()}
    assert stays == {RULE: 60.0, VIEWER: 25.0, WALL: 60.0, BACKGROUND: 600.0}
    assert shares_for(90.0)[RULE].expires_after_s == 90.0


def test_a_lane_that_may_wait_takes_its_share_only() -> None:
    """At the full hour all floors request windows of hours: heat maps have five of six calls meanwhile."""
    asking = Asking()
    for floor in range(200):
        asking.ask(RULE, floor, "hours", lane=Lane.WINDOWS)
        asking.ask(RULE, floor, "heat", lane=Lane.HEAT_MAPS)
    taken = Counter(key[2] for key in (asking.take() for _ in range(72)) if key)
    assert taken == {"heat": 60, "hours": 12}
    assert (RULE_WEIGHTS[Lane.HEAT_MAPS], RULE_WEIGHTS[Lane.WINDOWS]) == (5, 1)
    rest = Counter(key[2] for key in iter(asking.take, None))
    assert rest == {"heat": 140, "hours": 188}


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(Lane), min_size=1, max_size=300), st.sampled_from(CallClass), st.data())
def test_no_lane_starves(asked: list[Lane], call_class: CallClass, data: st.DataObject) -> None:
    """One that always waits has its share to within one, whatever the other lanes do."""
    asking, one = Asking(), data.draw(st.sampled_from(Lane))
    weights = RULE_WEIGHTS if call_class is RULE else OTHER_WEIGHTS
    for n in range(300):
        asking.ask(call_class, n, "own", lane=one)
    went = 0
    for n, lane in enumerate(asked, 1):
        if lane is not one:
            asking.ask(call_class, n, "other", lane=lane)
        taken = asking.take()
        assert taken is not None
        went += taken[2] == "own"
        assert went >= (n - len(Lane)) * weights[one] / sum(weights.values()) - 1


def test_on_a_page_each_kind_of_panel_gets_calls() -> None:
    """People on floors now have five of eight calls; people in rooms, heat maps and history one each."""
    asking = Asking()
    for floor in range(200):
        for lane in Lane:
            asking.ask(VIEWER, floor, lane, lane=lane)
    taken = Counter(key[2] for key in (asking.take() for _ in range(64)) if key)
    assert taken == {Lane.MINUTES: 40, Lane.ROOM_MINUTES: 8, Lane.HEAT_MAPS: 8, Lane.WINDOWS: 8}


def test_newer_minutes_of_a_floor_replace_the_older_ones_that_still_wait() -> None:
    asking = Asking()
    old = asking.ask(RULE, "f", "heat", slides=True)
    others = [
        asking.ask(RULE, "g", "heat", slides=True),
        asking.ask(RULE, "f", "late", slides=True),
        asking.ask(RULE, "f", "heat"),
        asking.ask(VIEWER, "f", "heat", slides=True),
    ]
    new = asking.ask(RULE, "f", "heat", slides=True)
    assert asking.queue.dropped() == [old]
    assert set(iter(asking.take, None)) == {*others, new}


@pytest.mark.parametrize(
    ("subject", "end", "lane"),
    [
        (HeatMapSubject(0.5), "2026-06-17T12:00:00", Lane.HEAT_MAPS),
        (series("1m"), "2026-06-17T12:00:00", Lane.MINUTES),
        (series("1h"), "2026-06-17T12:00:00", Lane.WINDOWS),
        (series("1h"), "2026-06-17T12:01:00", Lane.MINUTES),
        (series("1h", "Asia/Kolkata"), "2026-06-17T12:00:00", Lane.MINUTES),  # half past on its clock
        (series("1h", "Asia/Kolkata"), "2026-06-17T12:30:00", Lane.WINDOWS),
        (series("1d"), "2026-06-17T00:00:00", Lane.WINDOWS),
        (StatsSubject(("room_occupancy",), ("r",)), "2026-06-17T12:01:00", Lane.WINDOWS),
    ],
)
def test_what_changes_by_the_minute_does_not_wait_for_full_hours(
    subject: Subject, end: str, lane: Lane
) -> None:
    period = Period(at(end) - 36_000, at(end))
    segment = Segment("space_1", subject, period, settled=False)
    assert lane_of(segment, RULE) is lane
    # Of rooms, it is a lane of its own if it is not for a rule.
    for_viewers = Lane.ROOM_MINUTES if lane is Lane.MINUTES else lane
    assert lane_of(segment, VIEWER) is for_viewers


def test_people_on_floors_by_the_minute_are_first_for_all() -> None:
    subject = SeriesSubject("floor_occupancy", "floor", "1m", "mean", "UTC", ())
    segment = Segment(
        "space_1", subject, Period(at("2026-06-17T12:00"), at("2026-06-17T12:10")), settled=False
    )
    assert {lane_of(segment, call_class) for call_class in CallClass} == {Lane.MINUTES}


@pytest.mark.parametrize(
    ("subject", "call_class", "min_expiry_s"),
    [
        (series("1m"), RULE, 0),
        (series("1h"), RULE, 300),
        (series("1d"), RULE, 300),
        (HeatMapSubject(0.5), RULE, 300),
        (StatsSubject(("room_occupancy",), ("r",)), RULE, 300),
        (series("1h"), VIEWER, 0),
    ],
)
def test_only_slow_rules_keep_their_requests_for_longer(
    subject: Subject, call_class: CallClass, min_expiry_s: float
) -> None:
    """Rules about minutes repeat theirs each minute."""
    segment = Segment("space_1", subject, Period(0, 3600), settled=False)
    assert min_expiry_of(segment, call_class) == min_expiry_s
