"""Pushed and reported minutes compared: what the number of an event means, and whether the two agree later.

Butlr does not document three things: whether a room's event has the count of the presence sensors, the count
of the doors, or the higher of both; and whether its time is the start or the end of the minute. This module
finds them from minutes in which the possible values differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Literal

from butlr_grafana.model.time import MINUTE_S

Meaning = Literal["presence", "doors", "higher"]
MEANINGS: tuple[Meaning, ...] = ("presence", "doors", "higher")
SHIFTS_MIN = (0, -1)
"""0: an event's time is its minute's start, or within it; -1: it is the end."""

LEAST_TELLING = 20
"""Minutes in which the candidates differ; with fewer nothing is told."""

LEAST_SHARE, LEAST_LEAD = 0.95, 0.1
"""How many of them the best candidate must match, and by how much more than the next."""

Values = Mapping[str, Mapping[int, float]]
"""People by asset and start of the minute."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How events are to be read; `matched` of `telling` minutes were so."""

    meaning: Meaning
    shift_min: int
    matched: int
    telling: int


@dataclass(frozen=True, slots=True)
class Reported:
    """What reporting says of one asset."""

    presence: Mapping[int, float]
    doors: Mapping[int, float]

    def as_pushed(self, meaning: Meaning, shift_min: int, start_s: int) -> float | None:
        """The number that is pushed for a minute, if that is how numbers are pushed."""
        at_s = start_s + shift_min * MINUTE_S
        by_presence, by_doors = self.presence.get(at_s), self.doors.get(at_s)
        match meaning:
            case "presence":
                return by_presence
            case "doors":
                return by_doors
            case "higher":
                return None if by_presence is None or by_doors is None else max(by_presence, by_doors)


def reading_of(pushed: Values, presence: Values, doors: Values) -> Reading | None:
    """What pushed minutes mean, from the reported values of the same minutes; `None`: it cannot be decided.

    If doors count nothing, all three are the counts of presence sensors.
    """
    candidates = list(product(MEANINGS if any(doors.values()) else MEANINGS[:1], SHIFTS_MIN))
    matched = dict.fromkeys(candidates, 0)
    telling = 0
    for asset, minutes in pushed.items():
        for start_s, people in minutes.items():
            reported_values = Reported(presence.get(asset, {}), doors.get(asset, {}))
            expected = {one: reported_values.as_pushed(*one, start_s) for one in candidates}
            if None in expected.values() or len(set(expected.values())) == 1:
                continue
            telling += 1
            for one in candidates:
                matched[one] += expected[one] == people
    best, second = sorted(candidates, key=lambda one: -matched[one])[:2]
    if telling < LEAST_TELLING or matched[best] < LEAST_SHARE * telling:
        return None
    if matched[best] - matched[second] < LEAST_LEAD * telling:
        return None
    return Reading(best[0], best[1], matched[best], telling)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Settled minutes, pushed and reported. `worst`: asset, start of the minute, pushed, reported."""

    compared: int
    differing: int
    worst: tuple[str, int, float, float] | None = None

    @property
    def share(self) -> float:
        return self.differing / self.compared if self.compared else 0.0


def compared(pushed: Values, reported: Values) -> Comparison:
    """The minutes that are known of both."""
    pairs = [
        (asset, start_s, people, reported[asset][start_s])
        for asset, minutes in pushed.items()
        for start_s, people in minutes.items()
        if start_s in reported.get(asset, {})
    ]
    differing = [pair for pair in pairs if pair[2] != pair[3]]
    worst = max(differing, key=lambda pair: abs(pair[2] - pair[3]), default=None)
    return Comparison(len(pairs), len(differing), worst)
