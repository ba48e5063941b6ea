"""Pushed and reported minutes compared by samples: what events mean, and whether both still agree.

A sample is half an hour of settled minutes: of a floor, of its rooms or of its zones. The meaning of events
comes from the samples of all floors together (`agreement.reading_of`). A difference in several samples in a
row is an incident, with numbers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.base.incidents import Incident
from butlr_grafana.live.agreement import Comparison, Reading, compared, reading_of
from butlr_grafana.live.events import Level
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.refill import Missing, PeopleMinutes
from butlr_grafana.live.values import SETTLE_S
from butlr_grafana.model.doors import doors_by_room, entrances
from butlr_grafana.model.floor import Floor, as_built
from butlr_grafana.model.time import MINUTE_S, Period

log = logging.getLogger(__name__)

LENGTH_S = 1800
EVERY_S = 900.0
LEARNING_S = 60.0
"""While it is not known yet what events stand for."""

BUSY_S = 60.0
LEAST_COMPARED = 30
MOST_DIFFERING = 0.1
"""The share of minutes that may differ: some last pushes never arrive."""

IN_A_ROW = 3
STORED_SAMPLES = 12

Values = dict[str, dict[int, float]]


class Sampling:
    """Not thread-safe: one thread takes the steps.

    While it is not known what events stand for, every request about now asks Butlr. So the samples do not
    wait until Butlr has time: it would never have time.

    `presence`, `doors`: fetch people from reporting by either way of counting; raise `UpstreamError`.
    `may_call`: whether Butlr has time for calls that can wait.
    `incidents`: an incident for each level; levels without one are not compared.
    """

    def __init__(
        self,
        live: LiveMinutes,
        floors: Callable[[], Sequence[Floor]],
        *,
        presence: Callable[[Missing], PeopleMinutes],
        doors: Callable[[Missing], PeopleMinutes],
        may_call: Callable[[], bool],
        now: Callable[[], float],
        incidents: Mapping[Level, Incident],
    ) -> None:
        self._live = live
        self._floors = floors
        self._presence = presence
        self._doors = doors
        self._may_call = may_call
        self._now = now
        self._levels = {level: _LevelSamples(live, level, incident) for level, incident in incidents.items()}
        self._next = 0

    def reading(self, level: Level) -> Reading | None:
        """What events of a level were found to stand for; `None`: it is not known yet. Its `shift_min` is
        applied to what is stored: `LiveMinutes.shift_s`.
        """
        return self._levels[level].reading if level in self._levels else None

    def step(self) -> float:
        """Compares one level of one floor; returns after how many seconds to do so again."""
        if self._are_all_read() and not self._may_call():
            return BUSY_S
        pairs = [(floor, level) for floor in self._floors() for level in self._levels if _has(floor, level)]
        # What nothing was pushed of costs no call, and no turn.
        for _ in pairs:
            floor, level = pairs[self._next % len(pairs)]
            self._next += 1
            end_s = int((self._now() - SETTLE_S) // MINUTE_S) * MINUTE_S
            period = Period(end_s - LENGTH_S, end_s)
            pushed = self._pushed(floor, level, period)
            if pushed:
                self._compare_level(level, Missing(level, floor, period), pushed)
                return EVERY_S if self._are_all_read() else LEARNING_S
        return BUSY_S

    def _compare_level(self, level: Level, missing: Missing, pushed: Values) -> None:
        try:
            presence = _known(self._presence(missing))
            doors = _known(self._doors(missing)) if _has_doors(missing.floor, level) else {}
        except UpstreamError as fault:
            log.info("pushed minutes of %s cannot be compared: %s", missing.floor.id, fault)
            return
        self._levels[level].note(pushed, presence, doors)

    def _are_all_read(self) -> bool:
        received = [own for level, own in self._levels.items() if self._live.has_received(level)]
        return all(own.reading is not None for own in received)

    def _pushed(self, floor: Floor, level: Level, period: Period) -> Values:
        """By asset the minutes that were pushed and not replaced."""
        minutes_by_asset = {
            asset: {
                one.start_s: one.people
                for one in self._live.minutes(asset, period)
                if one.source == "pushed" and one.people is not None
            }
            for asset in _assets(floor, level)
        }
        return {asset: minutes for asset, minutes in minutes_by_asset.items() if minutes}


class _LevelSamples:
    """The samples of one level, of all floors, and the result."""

    def __init__(self, live: LiveMinutes, level: Level, incident: Incident) -> None:
        self.reading: Reading | None = None
        self._live = live
        self._level = level
        self._incident = incident
        self._samples: list[tuple[int, Values, Values, Values]] = []
        self._differing: list[Comparison] = []

    def note(self, pushed: Values, presence: Values, doors: Values) -> None:
        """One floor's half hour: what was pushed, and what reporting says of the same assets."""
        shift_s = self._live.shift_s
        # Samples with another shift say nothing about these.
        current = [sample for sample in self._samples if sample[0] == shift_s]
        self._samples = [*current, (shift_s, pushed, presence, doors)][-STORED_SAMPLES:]
        reading = reading_of(
            _joined([sample[1] for sample in self._samples]),
            _joined([sample[2] for sample in self._samples]),
            _joined([sample[3] for sample in self._samples]),
        )
        if reading is not None:
            self._apply(reading)
        if self.reading is not None and (reading is None or not reading.shift_min):
            self._compare(self.reading, pushed, presence, doors)

    def _apply(self, reading: Reading) -> None:
        if reading.shift_min:
            # From here on, stored minutes are read with another shift: the samples too.
            self._live.shift(self._live.shift_s + reading.shift_min * MINUTE_S)
            self._samples = []
        if self.reading is None or reading.meaning != self.reading.meaning or reading.shift_min:
            text = "pushed people of a %s are counted by: %s; minutes were moved by %d s"
            log.info(text, self._level, reading.meaning, self._live.shift_s)
        self.reading = reading

    def _compare(self, reading: Reading, pushed: Values, presence: Values, doors: Values) -> None:
        reported = {"presence": presence, "doors": doors, "higher": _higher(presence, doors)}[reading.meaning]
        comparison = compared(pushed, reported)
        if comparison.compared < LEAST_COMPARED:
            return
        if comparison.share <= MOST_DIFFERING:
            self._differing = []
            self._incident.succeeded()
            return
        self._differing.append(comparison)
        if len(self._differing) >= IN_A_ROW:
            total, differing = (
                sum(getattr(c, n) for c in self._differing) for n in ("compared", "differing")
            )
            self._incident.failed(
                f"{differing} of {total} minutes differ from reporting, the largest difference is "
                f"{max(abs(c.worst[2] - c.worst[3]) for c in self._differing if c.worst):g} people"
            )


def _has(floor: Floor, level: Level) -> bool:
    return level == "floor" or bool(floor.zones if level == "zone" else floor.rooms)


def _assets(floor: Floor, level: Level) -> list[str]:
    if level == "floor":
        return [floor.id]
    return [asset.id for asset in (as_built(floor.zones) if level == "zone" else as_built(floor.rooms))]


def _has_doors(floor: Floor, level: Level) -> bool:
    """Whether people are counted by doors there, so that an event's number may be theirs."""
    if level == "zone":
        return False
    return bool(entrances(floor) if level == "floor" else doors_by_room(floor))


def _known(reported: Mapping[str, Mapping[int, float | None]]) -> Values:
    return {a: {at_s: n for at_s, n in own.items() if n is not None} for a, own in reported.items()}


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
