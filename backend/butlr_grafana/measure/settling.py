"""How late data arrive (U15): the same five minutes, read several times over a day.

A run of `check` is too short for it. `serve` begins a sample every few hours and reads it at several ages.
The settle time is the age after which no sample changed. Heat and people are both read, because both are
stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from butlr_grafana.model.time import DAY_S, HOUR_S

AGES_S = (600, 1800, HOUR_S, 3 * HOUR_S, DAY_S)
"""How old the five minutes are when they are asked for; what they are at last is taken for the truth."""

BEGIN_EVERY_S, ONCE_KNOWN_S = 3 * HOUR_S, DAY_S
"""How long after one sample the next begins, before and after the settle time is known."""

LEAST_SAMPLES, LEAST_DAYS = 12, 3
MOST_SAMPLES = 60

LENGTH_S = 300


@dataclass(frozen=True, slots=True)
class Measurement:
    """What five minutes were at an age."""

    age_s: int
    heat: float
    people: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Five minutes of a floor that ended at `end_s`, and each measurement at them, in order."""

    space: str
    end_s: int
    measurements: tuple[Measurement, ...] = ()

    def is_due(self, now_s: float) -> bool:
        """Whether an age is reached at which it was not looked at yet."""
        reached = [age for age in AGES_S if self.end_s + age <= now_s]
        return bool(reached) and (not self.measurements or self.measurements[-1].age_s < reached[-1])

    @property
    def is_done(self) -> bool:
        return bool(self.measurements) and self.measurements[-1].age_s >= AGES_S[-1]

    def with_measurement(self, measurement: Measurement) -> Sample:
        return replace(self, measurements=(*self.measurements, measurement))

    @property
    def settled_after_s(self) -> int | None:
        """The age from which it was what it is at last; `None`: not known, or nobody was there."""
        if not self.is_done:
            return None
        last = self.measurements[-1]
        if not last.heat and not last.people:
            return None
        age_s = last.age_s
        for measurement in reversed(self.measurements):
            if (measurement.heat, measurement.people) != (last.heat, last.people):
                break
            age_s = measurement.age_s
        return next((age for age in reversed(AGES_S) if age <= age_s), AGES_S[0])


def next_of(samples: Sequence[Sample], spaces: Sequence[str], now_s: float, *, known: bool) -> Sample | None:
    """The sample to measure now: one that is due, else a new one; `None`: nothing is due.

    `spaces`: the floors to sample, in turn.
    """
    due = next((sample for sample in samples if not sample.is_done and sample.is_due(now_s)), None)
    if due is not None or not spaces:
        return due
    end_s = int(now_s - AGES_S[0]) // LENGTH_S * LENGTH_S
    pause_s = ONCE_KNOWN_S if known else BEGIN_EVERY_S
    if samples and end_s - max(sample.end_s for sample in samples) < pause_s:
        return None
    return Sample(spaces[len(samples) % len(spaces)], end_s)


def with_sample(samples: Iterable[Sample], sample: Sample, now_s: float) -> tuple[Sample, ...]:
    """The samples with one that was looked at; what was never finished, and the oldest, go."""
    others = [one for one in samples if (one.space, one.end_s) != (sample.space, sample.end_s)]
    remaining = [one for one in [*others, sample] if one.is_done or now_s - one.end_s < 3 * DAY_S]
    return tuple(sorted(remaining, key=lambda one: one.end_s)[-MOST_SAMPLES:])


def settle_s(samples: Iterable[Sample]) -> int | None:
    """After how long nothing changed in any sample; `None`: too few are known."""
    settled = [(sample, after) for sample in samples if (after := sample.settled_after_s) is not None]
    days = {datetime.fromtimestamp(sample.end_s, UTC).date() for sample, _ in settled}
    if len(settled) < LEAST_SAMPLES or len(days) < LEAST_DAYS:
        return None
    return max(after for _, after in settled)


def rows_of(samples: Iterable[Sample]) -> list[list[object]]:
    """As JSON."""
    return [[s.space, s.end_s, [[k.age_s, k.heat, k.people] for k in s.measurements]] for s in samples]


def samples_of(raw: object) -> tuple[Sample, ...]:
    """The same again; what is none is left out."""
    found = []
    for row in raw if isinstance(raw, list) else []:
        match row:
            case [str(space), int(end_s), list(measurements)]:
                found.append(Sample(space, end_s, tuple(_measurements_of(measurements))))
    return tuple(found)


def _measurements_of(raw: Iterable[object]) -> Iterable[Measurement]:
    for row in raw:
        match row:
            case [int(age_s), int() | float() as heat, int() | float() as people]:
                yield Measurement(age_s, float(heat), float(people))
