"""What was measured, or is assumed, about this account's Butlr where its documentation leaves a choice open.

A verdict that changes numbers is part of a subject's key (`SeriesSubject.labels`, `HeatMapSubject.stop`, …):
what was decoded under another verdict is another chunk, and is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from butlr_grafana.errors import UpstreamRefused
from butlr_grafana.model import HeatMapSubject, SeriesSubject, StatsSubject, Subject

Labels = Literal["end", "start"]
Stop = Literal["exclusive", "inclusive"]
HeatY = Literal["as-plan", "flipped"]
Days = Literal["local", "utc"]
WeekdayCase = Literal["capitalised", "lower"]
CalibratedDay = Literal["local", "utc"]

CHANGES_NUMBERS = frozenset({"labels", "stop", "heat_y", "days", "weekday_case"})
"""The verdicts that must be measured before anything is kept for good."""

PRESENCE_NAMES = {
    "floor": "floor_presence_time_secs",
    "room": "room_presence_time_secs",
    "zone": "zone_presence_time_secs",
}
"""Butlr documents the first; the others follow its other names (a guess, which `check` tries)."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One value a doubtful choice; the defaults are what is assumed where nothing was measured.

    `labels`: whether the `time` of uncalibrated metric rows is their window's end or start. `stop`: whether a
    detection at the very `stop` of a heat-map call is in it. `heat_y`: whether the cells' y runs as the
    polygons' does, or from the other side of the bounds. `days`: whose midnights the windows of `1d` begin
    at. `weekday_case`: how statistics want the names of days. `calibrated_day`: whose midnight resets
    door-based people counts. `presence_names`: the measurement of presence time by level; `None`: this
    account has none. `totals_add_up`: whether `total_detections` and `max_value` fit the cells; `None`: not
    seen yet. `creates_empty`: whether `create_empty` fills rows of zeros; `None`: not measured. `settle_s`:
    how old a heat map's end must be before it can change no more; `None`: not measured. `measured`: the names
    of the verdicts that come from this account's own answers.
    """

    labels: Labels = "end"
    stop: Stop = "exclusive"
    heat_y: HeatY = "as-plan"
    days: Days = "local"
    weekday_case: WeekdayCase = "capitalised"
    calibrated_day: CalibratedDay = "local"
    presence_names: Mapping[str, str | None] = field(default_factory=lambda: dict(PRESENCE_NAMES))
    totals_add_up: bool | None = None
    creates_empty: bool | None = None
    settle_s: int | None = None
    measured: frozenset[str] = frozenset()

    @property
    def unmeasured(self) -> frozenset[str]:
        """The verdicts that change numbers and are only assumed."""
        return CHANGES_NUMBERS - self.measured

    def applied_to(self, subject: Subject) -> Subject:
        """The subject as this account's answers are read, and its measurement as this account names it.

        Raises `UpstreamRefused` where the account has no such measurement.
        """
        match subject:
            case HeatMapSubject():
                return replace(subject, stop=self.stop, y=self.heat_y)
            case SeriesSubject(measurement="presence"):
                name = self.presence_names.get(subject.level)
                if name is None:
                    raise UpstreamRefused(f"Butlr has no presence time of a {subject.level} on this account")
                return replace(subject, measurement=name, labels=self.labels)
            case SeriesSubject():
                return replace(subject, labels="start" if subject.is_calibrated else self.labels)
            case StatsSubject():
                return replace(subject, weekday_case=self.weekday_case)
