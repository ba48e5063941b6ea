"""Pushed against reported minutes, a floor now and then: what events stand for, and whether both agree.

Half an hour of settled minutes is compared. What events stand for is told from all floors' samples together
(`agreement.reading_of`); a difference that is found in several samples in a row is a trouble, with numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.base.incidents import Incident
from butlr_grafana.live.agreement import Comparison, Reading, compared, reading_of
from butlr_grafana.live.minutes import SETTLE_S, LiveMinutes
from butlr_grafana.live.refill import Missing, PeopleMinutes
from butlr_grafana.live.ring import MINUTE_S
from butlr_grafana.model.floor import Floor, as_built
from butlr_grafana.model.time import Period

log = logging.getLogger(__name__)

LENGTH_S = 1800
EVERY_S = 900.0
BUSY_S = 60.0
LEAST_COMPARED = 30
MOST_DIFFERING = 0.1
"""The share of minutes that may differ: some last pushes never arrive."""

IN_A_ROW = 3
KEPT_SAMPLES = 12

Values = dict[str, dict[int, float]]


class Sampling:
    """Not thread-safe: one thread takes the steps.

    `presence`, `doors`: ask reporting for people by either way of counting; raise `UpstreamError`.
    """

    def __init__(
        self,
        live: LiveMinutes,
        floors: Callable[[], Sequence[Floor]],
        *,
        presence: Callable[[Missing], PeopleMinutes],
        doors: Callable[[Missing], PeopleMinutes],
        may_ask: Callable[[], bool],
        now: Callable[[], float],
        trouble: Incident,
    ) -> None:
        self._live = live
        self._floors = floors
        self._presence = presence
        self._doors = doors
        self._may_ask = may_ask
        self._now = now
        self._trouble = trouble
        self._next = 0
        self._samples: list[tuple[Values, Values, Values]] = []
        self._differing: list[Comparison] = []
        self.reading: Reading | None = None
        """What events were found to stand for; `None`: it is not known yet. Its `shift_min` is applied to
        what is kept: `LiveMinutes.shift_s`.
        """

    def step(self) -> float:
        """Compares one floor; tells after how many seconds to do so again."""
        floors = [floor for floor in self._floors() if floor.rooms]
        if not floors or not self._may_ask():
            return BUSY_S
        floor = floors[self._next % len(floors)]
        self._next += 1
        end_s = int((self._now() - SETTLE_S) // MINUTE_S) * MINUTE_S
        missing = Missing("room", floor, Period(end_s - LENGTH_S, end_s))
        pushed = self._pushed(missing)
        if not pushed:
            return BUSY_S
        try:
            self.note(pushed, _known(self._presence(missing)), _known(self._doors(missing)))
        except UpstreamError as fault:
            log.info("pushed minutes of %s cannot be compared: %s", floor.id, fault)
        return EVERY_S

    def note(self, pushed: Values, presence: Values, doors: Values) -> None:
        """One floor's half hour: what was pushed, and what reporting says of the same rooms."""
        self._samples = [*self._samples, (pushed, presence, doors)][-KEPT_SAMPLES:]
        found = reading_of(*(_joined([sample[k] for sample in self._samples]) for k in range(3)))
        if found is not None:
            self._found(found)
        if self.reading is not None and (found is None or not found.shift_min):
            self._compare(self.reading, pushed, presence, doors)

    def _found(self, found: Reading) -> None:
        if found.shift_min:
            # Kept minutes are read anew from here on: their samples too.
            self._live.shift(self._live.shift_s + found.shift_min * MINUTE_S)
            self._samples = []
        if self.reading is None or found.meaning != self.reading.meaning or found.shift_min:
            log.info("pushed people are: %s; minutes moved by %d s", found.meaning, self._live.shift_s)
        self.reading = found

    def _compare(self, reading: Reading, pushed: Values, presence: Values, doors: Values) -> None:
        reported = {"presence": presence, "doors": doors, "higher": _higher(presence, doors)}[reading.meaning]
        found = compared(pushed, reported)
        if found.compared < LEAST_COMPARED:
            return
        if found.share <= MOST_DIFFERING:
            self._differing = []
            self._trouble.well()
            return
        self._differing.append(found)
        if len(self._differing) >= IN_A_ROW:
            total, differing = (
                sum(getattr(c, n) for c in self._differing) for n in ("compared", "differing")
            )
            self._trouble.failed(
                f"{differing} of {total} minutes differ from what reporting says, one by "
                f"{max(abs(c.worst[2] - c.worst[3]) for c in self._differing if c.worst):g} people"
            )

    def _pushed(self, missing: Missing) -> Values:
        """By room the minutes that were pushed and not replaced."""
        found = {
            room.id: {
                one.start_s: one.people
                for one in self._live.minutes(room.id, missing.period)
                if one.source == "pushed" and one.people is not None
            }
            for room in as_built(missing.floor.rooms)
        }
        return {room: minutes for room, minutes in found.items() if minutes}


def _known(told: Mapping[str, Mapping[int, float | None]]) -> Values:
    return {a: {at_s: n for at_s, n in own.items() if n is not None} for a, own in told.items()}


def _joined(samples: Sequence[Values]) -> Values:
    joined: Values = {}
    for sample in samples:
        for asset, minutes in sample.items():
            joined.setdefault(asset, {}).update(minutes)
    return joined


def _higher(presence: Values, doors: Values) -> Values:
    return {
        asset: {
            at_s: max(seen, doors[asset][at_s]) for at_s, seen in own.items() if at_s in doors.get(asset, {})
        }
        for asset, own in presence.items()
    }
