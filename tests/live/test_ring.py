"""The ring: one slot a minute, of which a later minute takes the place and an older one does not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from butlr_grafana.live.ring import STORED_MINUTES, MinuteRing


def test_an_older_minute_does_not_take_a_later_ones_place() -> None:
    ring = MinuteRing()
    assert ring.put(1000, (3,), "pushed")
    assert not ring.put(1000 - STORED_MINUTES, (9,), "reported")
    assert ring.get(1000) == ((3,), "pushed")
    assert ring.get(1000 - STORED_MINUTES) is None
    assert ring.put(1000 + STORED_MINUTES, (4,), "reported")
    assert ring.get(1000) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 9), st.integers(0, 9))))
def test_each_minute_holds_what_was_put_there_last_or_nothing(puts: list[tuple[int, int, int]]) -> None:
    ring = MinuteRing(width=2)
    for minute, one, two in puts:
        ring.put(minute, (one, two), "pushed")
    taken: dict[int, tuple[int, tuple[float, float]]] = {}
    for minute, one, two in puts:
        slot = minute % STORED_MINUTES
        if slot not in taken or taken[slot][0] <= minute:
            taken[slot] = (minute, (one, two))
    found = {minute: known[0] for minute in range(401) if (known := ring.get(minute)) is not None}
    assert found == dict(taken.values())
    assert ring.newest == max((minute for minute, _, _ in puts), default=-1)
