"""Checks the request of `POST /api/v3/reporting`."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args
from zoneinfo import ZoneInfo

from .body_values import choice, choices, flag, instant, json_object, texts, whole_number, zone
from .calibration import Calibrated
from .forms import Forms
from .messages import Refusal
from .series import Level, Measurement, measurements
from .windows import EVERY_S, FUNCTIONS

_DAY_S = 86400
FILTERS = ("spaces", "rooms", "zones", "buildings", "sensors", "hives", "clients", "tags")
ORDERS = (
    "time",
    "field",
    "measurement",
    "tag_id",
    "building_id",
    "building_name",
    "hive_id",
    "hive_serial",
    "sensor_id",
    "space_id",
    "space_name",
    "room_id",
    "room_name",
    "zone_id",
    "zone_name",
    "mac_address",
)
"""What rows can be grouped by."""
BOUNDS: Mapping[str, Callable[[Any, Any], Any]] = {
    "gte": operator.ge,
    "lte": operator.le,
    "gt": operator.gt,
    "lt": operator.lt,
}


@dataclass(frozen=True)
class ReportQuery:
    """What is asked, checked. The period is half-open, in UTC seconds; `only` allows ids.

    Without an `order` rows are not grouped, unless `raw` is said: then `grouped` is true. `page` None: not
    in pages.
    """

    every: str
    function: str
    tz: ZoneInfo
    create_empty: bool
    start_s: float
    stop_s: float
    measured: Measurement
    only: Mapping[str, frozenset[str]]
    bounds: tuple[tuple[str, float], ...]
    calibrated: Calibrated
    order: tuple[str, ...]
    grouped: bool
    raw: bool
    page: int | None
    limit: int

    @property
    def level(self) -> Level:
        """Of what, where the measurement does not say: the finest that is filtered by."""
        return "zone" if "zones" in self.only else "room" if "rooms" in self.only else "floor"

    @property
    def is_calibrated(self) -> bool:
        """Whether the answer comes from calibration."""
        return self.calibrated != "false"


def parse(body: Mapping[str, Any], forms: Forms) -> ReportQuery:
    """Checks the values of a request. The first wrong value is a 400 that names it."""
    window, where = json_object(body, "window"), json_object(body, "filter")
    every = choice(window, "every", "window.every", EVERY_S)
    start_s, stop_s = instant(where, "start", "filter.start"), instant(where, "stop", "filter.stop")
    if start_s >= stop_s:
        raise Refusal(400, "filter.stop: is not after filter.start")
    if EVERY_S[every] == 60 and stop_s - start_s >= _DAY_S:
        raise Refusal(400, "filter.stop: must be less than 24 hours after filter.start if window.every is 1m")
    _check_options(body)
    measured = _measured(where, forms)
    calibrated = _calibrated(where.get("calibrated", "false"), measured)
    paginate = json_object(body, "paginate") if "paginate" in body else None
    order, raw = _grouping(body)
    return ReportQuery(
        every=every,
        function=choice(window, "function", "window.function", FUNCTIONS),
        tz=zone(window, "timezone", "window.timezone"),
        create_empty=flag(window, "create_empty", default=False),
        start_s=start_s,
        stop_s=stop_s,
        measured=measured,
        only={name: _equal(where[name], name) for name in FILTERS if name in where},
        bounds=_bounds(where.get("value")),
        calibrated=calibrated,
        order=order,
        grouped="group_by" in body,
        raw=raw,
        page=None if paginate is None else whole_number(paginate, "page", "paginate.page", most=10**9),
        limit=0 if paginate is None else whole_number(paginate, "limit", "paginate.limit", most=10**6),
    )


def _check_options(body: Mapping[str, Any]) -> None:
    options = json_object(body, "options") if "options" in body else {}
    for name, only in (("format", "json"), ("timestamp", "RFC3339")):
        if options.get(name, only) != only:
            raise Refusal(400, f"options.{name}: {only}")


def _measured(where: Mapping[str, Any], forms: Forms) -> Measurement:
    known = measurements(forms)
    names = choices(where.get("measurements"), "filter.measurements", known)
    if len(names) != 1:
        raise Refusal(400, "filter.measurements: use one measurement per call")
    return known[names[0]]


def _grouping(body: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    if "group_by" not in body:
        return (), True
    group = json_object(body, "group_by")
    raw = flag(group, "raw", default=False)
    if "order" not in group and raw:
        return (), True
    return choices(group.get("order"), "group_by.order", ORDERS), raw


def _equal(value: Any, name: str) -> frozenset[str]:
    if not isinstance(value, dict) or value.keys() != {"eq"}:
        raise Refusal(400, f'filter.{name}: {{"eq": [ids]}}')
    return frozenset(texts(value["eq"], f"filter.{name}.eq"))


def _bounds(value: Any) -> tuple[tuple[str, float], ...]:
    if value is None:
        return ()
    if not isinstance(value, dict) or not value or not value.keys() <= BOUNDS.keys():
        raise Refusal(400, f"filter.value: is not an object with {', '.join(BOUNDS)}")
    if not all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in value.values()):
        raise Refusal(400, "filter.value: numbers")
    return tuple((name, float(bound)) for name, bound in value.items())


def _calibrated(value: Any, measured: Measurement) -> Calibrated:
    if not isinstance(value, str) or value not in get_args(Calibrated):
        raise Refusal(400, f"filter.calibrated: is unknown; allowed: {', '.join(get_args(Calibrated))}")
    if value != "false" and not measured.can_be_calibrated:
        raise Refusal(
            400, "filter.calibrated: is allowed only for traffic_floor_occupancy and traffic_room_occupancy"
        )
    return cast(Calibrated, value)
