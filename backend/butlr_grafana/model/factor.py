"""A floor's factor: detections per person-minute, computed from observations of single days."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

MOST_DAYS = 7
"""A factor is the median of at most so many days, the newest ones."""

LEAST_PERSON_MINUTES = 60.0
"""Observations with fewer person-minutes are not used: Butlr's rate differs from person to person."""

MINUTES_AN_HOUR = 60

NOT_MEASURED = "it has not been measured yet"


@dataclass(frozen=True, slots=True)
class Observation:
    """The counts of a floor on one local `day` (ISO date), or on `hours` of it: the detections of the heat
    map, and the person-minutes of the presence sensors, both in the same rooms and hours.
    """

    day: str
    hours: float
    detections: float
    person_minutes: float

    @property
    def per_person_minute(self) -> float:
        return self.detections / self.person_minutes

    @property
    def is_usable(self) -> bool:
        """Whether the values are possible. They may come from a file that somebody has changed."""
        figures = (self.hours, self.detections, self.person_minutes)
        return (
            _is_date(self.day)
            and all(math.isfinite(figure) for figure in figures)
            and self.hours > 0
            and self.detections > 0
            and self.person_minutes >= LEAST_PERSON_MINUTES
        )


@dataclass(frozen=True, slots=True)
class Factor:
    """Detections per person-minute, with the person-minutes and the days from which it was computed.

    `version`: the newest day and a digest of all days. Another value has another version.
    """

    per_person_minute: float
    person_minutes: float
    days: int
    version: str

    @property
    def people(self) -> float:
        """The number by which detections are multiplied: detections become person-hours, detections per hour
        become people, detections per m² and hour become people per m².
        """
        return 1.0 / (MINUTES_AN_HOUR * self.per_person_minute)

    @property
    def provenance(self) -> dict[str, object]:
        """How the factor was computed, for `meta.custom`."""
        return {
            "detections_per_person_minute": self.per_person_minute,
            "version": self.version,
            "person_minutes": self.person_minutes,
            "days": self.days,
        }


@dataclass(frozen=True, slots=True)
class Unknown:
    """The factor is unknown; `why` says the reason."""

    why: str = NOT_MEASURED


Known = Factor | Unknown


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def factor_of(observations: Iterable[Observation]) -> Factor | None:
    """The factor from the newest days, with one observation per day; `None` without observations."""
    newest = sorted((one for one in observations if one.is_usable), key=lambda one: one.day)[-MOST_DAYS:]
    if not newest:
        return None
    text = ";".join(f"{one.day} {one.detections!r} {one.person_minutes!r}" for one in newest)
    return Factor(
        per_person_minute=statistics.median(one.per_person_minute for one in newest),
        person_minutes=math.fsum(one.person_minutes for one in newest),
        days=len(newest),
        version=f"{newest[-1].day}-{hashlib.sha256(text.encode()).hexdigest()[:6]}",
    )


def in_people(value: float | None, known: Known | None) -> float | None:
    """A value in detections, converted to people (see `Factor.people`); `None` if the factor is unknown."""
    return value * known.people if value is not None and isinstance(known, Factor) else None
