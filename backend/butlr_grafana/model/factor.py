"""A floor's factor: detections per person-minute, from observations of single days. Pure."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

MOST_DAYS = 7
"""A factor is the median of so many days at most, the newest."""

LEAST_PERSON_MINUTES = 60.0
"""An observation of fewer is chance (Butlr's rate varies from person to person)."""

MINUTES_AN_HOUR = 60

NOT_MEASURED = "it has not been measured yet"


@dataclass(frozen=True, slots=True)
class Observation:
    """What was counted on a floor on one local `day` (ISO date), or on `hours` of it, in the same rooms and
    the same hours: detections of the heat map, and person-minutes of the presence sensors.
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
        """Also of what comes from a file that somebody may have changed."""
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
    """Detections per person-minute; it rests on so many person-minutes of so many days.

    `version` names it: the newest day, and a digest of all days. Another value has another version.
    """

    per_person_minute: float
    person_minutes: float
    days: int
    version: str

    @property
    def people(self) -> float:
        """By what detections are multiplied to be person-hours, detections per hour to be people, and
        detections per m² and hour to be people per m².
        """
        return 1.0 / (MINUTES_AN_HOUR * self.per_person_minute)

    @property
    def provenance(self) -> dict[str, object]:
        """For `meta.custom`."""
        return {
            "detections_per_person_minute": self.per_person_minute,
            "version": self.version,
            "person_minutes": self.person_minutes,
            "days": self.days,
        }


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no factor, and why."""

    why: str = NOT_MEASURED


Known = Factor | Unknown


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def factor_of(observations: Iterable[Observation]) -> Factor | None:
    """The median of the newest days; `None` of none. One observation a day."""
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
    """A figure in detections as one in people (see `Factor.people`); `None` where it is not known."""
    return value * known.people if value is not None and isinstance(known, Factor) else None
