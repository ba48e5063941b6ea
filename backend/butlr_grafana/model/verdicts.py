"""Verdicts: what was measured or is assumed about Butlr, where its documentation leaves a choice open.

A verdict that changes numbers is part of a subject's key (`SeriesSubject.labels`, `HeatMapSubject.stop`, …).
Data that were decoded under another verdict are another chunk, and are fetched again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, get_args

from butlr_grafana.base.errors import UpstreamRefused
from butlr_grafana.model.chunk import HeatMapSubject, SeriesSubject, StatsSubject, Subject

Labels = Literal["end", "start"]
Stop = Literal["exclusive", "inclusive"]
HeatY = Literal["as-plan", "flipped"]
Days = Literal["local", "utc", "otherwise"]
WeekdayCase = Literal["capitalised", "lower"]
CalibratedDay = Literal["local", "utc"]

RELEVANT_VERDICTS: Mapping[type[Subject], frozenset[str]] = {
    HeatMapSubject: frozenset({"stop", "heat_y"}),
    SeriesSubject: frozenset({"labels", "days"}),
    StatsSubject: frozenset({"weekday_case"}),
}
"""By subject, the verdicts that change its numbers. They must be measured before its data are stored
permanently.
"""

CHANGES_NUMBERS = frozenset().union(*RELEVANT_VERDICTS.values())
"""All verdicts that change numbers."""

SETTLE_S = 3600
"""In seconds. If nobody has measured it: a heat map whose end is older cannot change any more."""

PRESENCE_NAMES = {
    "floor": "floor_presence_time_secs",
    "room": "room_presence_time_secs",
    "zone": "zone_presence_time_secs",
}
"""Butlr documents the first name. The others are guessed from its other names, and `check` tests them."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """One value a doubtful choice; the defaults are what is assumed where nothing was measured.

    `labels`: whether the `time` of uncalibrated metric rows is their window's end or start. `stop`: whether
    a detection at the very `stop` of a heat-map call is in it. `heat_y`: whether the cells' y runs as the
    polygons' does, or from the other side of the bounds. `days`: whose midnights windows of `1d` begin at;
    `otherwise`: they are labelled unlike other windows, and are made of hours like those by UTC.
    `weekday_case`: how statistics want the names of days. `calibrated_day`: whose midnight resets door-based
    people counts. `presence_names`: the measurement of presence time by level; `None`: this account has
    none. `totals_add_up`: whether `total_detections` and `max_value` fit the cells; `None`: not seen yet.
    `creates_empty`: whether `create_empty` fills rows of zeros; `None`: not measured. `settle_s`: how old a
    heat map's end must be before it can change no more; `None`: not measured. `heat_form`: where the cells
    lie in a heat map's answer; `None`: not seen. `row_cap`: the most rows that one answer was seen to hold
    where there were more; `None`: none seen.

    `measured`: the names of the verdicts that come from this account's own answers, or from a setting.
    `tried`: those that its answers did not tell, though there were people; the assumption stays.
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
    heat_form: str | None = None
    row_cap: int | None = None
    measured: frozenset[str] = frozenset()
    tried: frozenset[str] = frozenset()

    @property
    def settled_after_s(self) -> int:
        """In seconds. A segment whose end is older is stored permanently."""
        return SETTLE_S if self.settle_s is None else self.settle_s

    @property
    def unmeasured(self) -> frozenset[str]:
        """The verdicts that change numbers and have not been measured: they are only assumed.

        A verdict that was tried without a result does not count here. Stored data have the assumption in
        their key, so a later verdict fetches them again.
        """
        return CHANGES_NUMBERS - self.measured - self.tried

    def is_sure_of(self, subject: Subject) -> bool:
        """Whether all verdicts that change this subject's numbers were measured."""
        return not self.unmeasured & RELEVANT_VERDICTS[type(subject)]

    def applied_to(self, subject: Subject) -> Subject:
        """The subject with the verdicts of this account, and with this account's name of its measurement.

        Raises `UpstreamRefused` if the account has no such measurement.
        """
        match subject:
            case HeatMapSubject():
                return replace(subject, stop=self.stop, y=self.heat_y)
            case SeriesSubject(measurement="presence"):
                name = self.presence_names.get(subject.level)
                if name is None:
                    raise UpstreamRefused(
                        f"Butlr provides no presence time for a {subject.level} on this account"
                    )
                return replace(subject, measurement=name, labels=self.labels)
            case SeriesSubject():
                return replace(subject, labels="start" if subject.is_calibrated else self.labels)
            case StatsSubject():
                return replace(subject, weekday_case=self.weekday_case)

    def with_(self, values: Mapping[str, object], *, tried: Iterable[str] = ()) -> Verdicts:
        """These verdicts with measured values. Raises `ValueError` for an impossible value."""
        wrong = [name for name, value in values.items() if not is_possible(name, value)]
        if wrong:
            raise ValueError(f"unknown verdicts, or values that they cannot have: {', '.join(wrong)}")
        measured = self.measured | values.keys()
        return replace(self, **values, measured=measured, tried=(self.tried | set(tried)) - measured)  # type: ignore[arg-type]  # checked above

    def without(self, name: str) -> Verdicts:
        """These verdicts after a contradiction of one of them: its value stays, but counts as assumed."""
        return replace(self, measured=self.measured - {name}, tried=self.tried - {name})


CHOICES: Mapping[str, tuple[object, ...]] = {
    "labels": get_args(Labels),
    "stop": get_args(Stop),
    "heat_y": get_args(HeatY),
    "days": get_args(Days),
    "weekday_case": get_args(WeekdayCase),
    "calibrated_day": get_args(CalibratedDay),
    "totals_add_up": (True, False, None),
    "creates_empty": (True, False, None),
}
"""The possible values of the verdicts that are a choice."""

LONGEST_SETTLE_S = 30 * 86_400
LONGEST_NAME = 80


def is_possible(name: str, value: object) -> bool:
    """Whether a verdict of this name can have this value."""
    if name in CHOICES:
        return any(
            value is choice or (value == choice and type(value) is type(choice)) for choice in CHOICES[name]
        )
    if name == "presence_names":
        return (
            isinstance(value, Mapping)
            and value.keys() == PRESENCE_NAMES.keys()
            and all(found is None or _is_name(found) for found in value.values())
        )
    if name == "heat_form":
        return value is None or _is_name(value)
    if name in ("settle_s", "row_cap"):
        return value is None or (type(value) is int and 0 <= value <= LONGEST_SETTLE_S)
    return False


def _is_name(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_NAME and value.isascii() and value.isprintable()


def document_of(verdicts: Verdicts) -> dict[str, object]:
    """The measured values, and the names of the verdicts that were tried, for JSON. Assumed values are not
    written.
    """
    values = {name: getattr(verdicts, name) for name in sorted(verdicts.measured)}
    return {"values": values, "tried": sorted(verdicts.tried)}


def verdicts_of(document: object) -> Verdicts:
    """The reverse of `document_of`. Impossible values are left out, so that the assumption stays."""
    known_fields = document if isinstance(document, dict) else {}
    values, tried = known_fields.get("values"), known_fields.get("tried")
    known = {n: v for n, v in (values if isinstance(values, dict) else {}).items() if is_possible(n, v)}
    names = {field.name for field in fields(Verdicts)}
    return Verdicts().with_(
        known, tried=(name for name in (tried if isinstance(tried, list) else []) if name in names)
    )
