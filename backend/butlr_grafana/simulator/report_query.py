"""The words of `POST /api/v3/reporting`, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from .messages import Refusal
from .series import MEASUREMENTS, TAGS
from .windows import EVERY_S, FUNCTIONS
from .words import choice, choices, flag, instant, section, texts, whole, zone

LONGEST_1M_S = 31 * 86400
DEFAULT_LIMIT, LARGEST_LIMIT = 1000, 10_000
FILTERS = {
    "spaces": "space_id",
    "rooms": "room_id",
    "zones": "zone_id",
    "buildings": "building_id",
    "sensors": "sensor_id",
}
ORDERS = ("time", "field", "measurement", *TAGS)


@dataclass(frozen=True)
class ReportQuery:
    """What is asked, checked. The period is half-open, in UTC seconds; `only` allows values of tags."""

    every: str
    function: str
    tz: ZoneInfo
    create_empty: bool
    start_s: float
    stop_s: float
    measurements: tuple[str, ...]
    only: Mapping[str, frozenset[str]]
    at_least: float | None
    calibrated: bool
    order: tuple[str, ...]
    raw: bool
    page: int
    limit: int


def parse(body: Mapping[str, Any]) -> ReportQuery:
    """Checks a request's words; the first that is wrong is a 400 that names it."""
    window, where = section(body, "window"), section(body, "filter")
    every = choice(window, "every", "window.every", EVERY_S)
    start_s, stop_s = instant(where, "start", "filter.start"), instant(where, "stop", "filter.stop")
    if start_s >= stop_s:
        raise Refusal(400, "filter.stop: must be after filter.start")
    if every == "1m" and stop_s - start_s > LONGEST_1M_S:
        raise Refusal(400, "filter.stop: at most 31 days after filter.start where window.every is 1m")
    group = section(body, "group_by") if "group_by" in body else {"order": ["time"], "raw": True}
    paginate = section(body, "paginate") if "paginate" in body else {}
    return ReportQuery(
        every=every,
        function=choice(window, "function", "window.function", FUNCTIONS),
        tz=zone(window, "timezone", "window.timezone"),
        create_empty=flag(window, "create_empty", default=False),
        start_s=start_s,
        stop_s=stop_s,
        measurements=choices(where.get("measurements"), "filter.measurements", MEASUREMENTS),
        only={tag: _equal(where[name], name) for name, tag in FILTERS.items() if name in where},
        at_least=_at_least(where.get("value")),
        calibrated=_calibrated(where.get("calibrated", "false")),
        order=choices(group.get("order"), "group_by.order", ORDERS),
        raw=flag(group, "raw", default=False),
        page=whole(paginate, "page", "paginate.page", most=10**9, default=1),
        limit=whole(paginate, "limit", "paginate.limit", most=LARGEST_LIMIT, default=DEFAULT_LIMIT),
    )


def _equal(value: Any, name: str) -> frozenset[str]:
    if not isinstance(value, dict) or value.keys() != {"eq"}:
        raise Refusal(400, f'filter.{name}: {{"eq": [ids]}}')
    return frozenset(texts(value["eq"], f"filter.{name}.eq"))


def _at_least(value: Any) -> float | None:
    if value is None:
        return None
    least = value.get("gte") if isinstance(value, dict) and value.keys() == {"gte"} else None
    if not isinstance(least, int | float) or isinstance(least, bool):
        raise Refusal(400, 'filter.value: {"gte": number}')
    return float(least)


def _calibrated(value: Any) -> bool:
    """A text in Butlr's examples; a boolean does as well."""
    if value not in ("true", "false") and not isinstance(value, bool):
        raise Refusal(400, 'filter.calibrated: "true" or "false"')
    return value in ("true", True)
