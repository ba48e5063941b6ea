"""Rooms that are chosen, as one of their floor; for the office's people: `tests/web/test_chosen_rooms.py`."""

from __future__ import annotations

import pytest

from butlr_grafana.insight.current_occupancy import Now
from butlr_grafana.insight.together import now_of
from tests.insight.floors import floor, room

pytestmark = pytest.mark.fast

FLOOR = floor(room("a", None), room("b", None))


def silent(name: str, since_s: int | None) -> Now:
    return Now(FLOOR, f"room_{name}", name, None, None, 4, 900.0, True, "offline", since_s)


@pytest.mark.parametrize(("times", "since_s"), [((300, 100), 100), ((None, 200), 200), ((None, None), None)])
def test_a_sum_is_not_known_since_the_first_of_its_rooms_was_not(
    times: tuple[int | None, ...], since_s: int | None
) -> None:
    [both] = now_of([silent(name, time_s) for name, time_s in zip("ab", times, strict=True)])
    assert (both.people, both.unknown_since_s) == (None, since_s)
