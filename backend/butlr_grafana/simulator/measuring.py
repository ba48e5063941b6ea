"""Computes series minute by minute: a value, or none.

A minute has data when it is over. While its sensor is offline, a room and its zones have no data. The floor
has data while any of its sensors is online, but without the people in that room. People who pass a door with
an offline sensor are not counted. Presence is the time in which at least one person is there, not the sum
over persons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from .calibration import Calibrated, occupancy
from .forms import Forms
from .geometry import Floats
from .minutes import MINUTE_S, Count
from .people import People
from .series import Counts, Series, Source
from .stays import Ints
from .windows import local_days


@dataclass(frozen=True)
class Span:
    """Whole minutes, half-open, in UTC epoch seconds. `now_s`: the time of the request."""

    start_s: int
    stop_s: int
    now_s: float

    @property
    def minutes(self) -> int:
        """The number of minutes."""
        return (self.stop_s - self.start_s) // MINUTE_S

    def known(self, late_s: int) -> int:
        """The number of minutes that are over and at least `late_s` seconds old."""
        known_s = int((self.now_s - late_s) // MINUTE_S) * MINUTE_S
        return (max(self.start_s, min(self.stop_s, known_s)) - self.start_s) // MINUTE_S

    @classmethod
    def beginning_within(cls, start_s: float, stop_s: float, now_s: float) -> Span:
        """The minutes that begin within a range."""
        first_s, end_s = (-int(-at_s // MINUTE_S) * MINUTE_S for at_s in (start_s, stop_s))
        return cls(first_s, end_s, now_s)


@dataclass(frozen=True)
class CountingOptions:
    """How series are counted. `tz`: the time zone in which door counts start again at midnight."""

    tz: ZoneInfo
    calibrated: Calibrated
    forms: Forms


def late_s(counts: Counts, forms: Forms) -> int:
    """The age of the newest data, in seconds."""
    return forms.minutes_late_s if counts in ("people", "occupied_s") else forms.traffic_late_s


def minute_values(people: People, series: Sequence[Series], span: Span, options: CountingOptions) -> Floats:
    """`[series, minute]`, NaN where there are no data."""
    values = np.full((len(series), span.minutes), np.nan)
    counter = _Counter(people, span, options)
    for line, one in zip(values, series, strict=True):
        known = span.known(late_s(one.counts, options.forms))
        if known:
            line[:known] = _added([counter.line(source, one.counts, known) for source in one.sources])
        if one.counts == "people" and options.forms.minutes_move_s:
            line[span.known(options.forms.minutes_move_s) :] += 1
    return values


class _Counter:
    """Counts each floor's table once."""

    def __init__(self, people: People, span: Span, options: CountingOptions) -> None:
        self._people, self._span, self._options = people, span, options
        self._tables: dict[tuple[str, Counts], Ints] = {}

    def line(self, source: Source, counts: Counts, known: int) -> Floats:
        """A source's first `known` minutes."""
        key, span = (source.floor_id, counts), self._span
        if key not in self._tables:
            stop_s = span.start_s + known * MINUTE_S
            self._tables[key] = (
                _net(self._people, source.floor_id, span, stop_s, self._options)
                if counts == "net"
                else _counted(self._people, source.floor_id, counts, span.start_s, stop_s)
            )
        line: Floats = self._tables[key][source.row].astype(np.float64)
        if source.place_id is not None and counts in ("people", "occupied_s"):
            for since_s, until_s in self._people.offline(source.place_id, span.start_s, span.stop_s):
                line[(since_s - span.start_s) // MINUTE_S : -((span.start_s - until_s) // MINUTE_S)] = np.nan
        return line


def _added(parts: Sequence[Floats]) -> Floats:
    """The sum of those that have data; NaN where none has."""
    if len(parts) == 1:
        return parts[0]
    table = np.stack(parts)
    total: Floats = np.where(np.isnan(table).all(axis=0), np.nan, np.nansum(table, axis=0))
    return total


def _counted(people: People, floor_id: str, counts: Count, start_s: int, stop_s: int) -> Ints:
    """As `People.count`; whoever passes a door whose sensor is offline then is not counted."""
    table = people.count(floor_id, counts, start_s, stop_s)
    if counts in ("entered", "left"):
        for row, (since_s, until_s) in people.doors_offline(floor_id, start_s, stop_s):
            table[row, (since_s - start_s) // MINUTE_S : -((start_s - until_s) // MINUTE_S)] = 0
    return table


def _net(people: People, floor_id: str, span: Span, stop_s: int, options: CountingOptions) -> Ints:
    """Who is in by the doors, at the end of each minute; each local day on its own."""
    days = local_days(options.tz, span.start_s, stop_s)
    first_s = days[0].midnight_s
    ways: tuple[Count, Count] = ("entered", "left")
    steps = [_counted(people, floor_id, what, first_s, stop_s) for what in ways]
    cuts = [(day.midnight_s - first_s) // MINUTE_S for day in days[1:]]
    found = []
    for day, entered, left in zip(days, *(np.split(table, cuts, axis=1) for table in steps), strict=True):
        final_s = day.stop_s + options.forms.final_after_s
        provisional = options.forms.drift and span.now_s < final_s
        found.append(occupancy(entered, left, options.calibrated, provisional=provisional))
    return np.concatenate(found, axis=1)[:, (span.start_s - first_s) // MINUTE_S :]
