"""The name of a downloaded file: the floor, the target, the period by the floor's clock, the hours, days and
rooms that it is limited to, and whether it is simulated.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from butlr_grafana.model.chosen_rooms import name_of
from butlr_grafana.model.time import LocalHours
from butlr_grafana.query.parameter_values import DAY_NAMES
from butlr_grafana.targets.base import Result
from butlr_grafana.targets.compare_zones import ZoneComparison
from butlr_grafana.targets.shapes import ComparisonResult, HeatMapResult

LONGEST = 150
"""Letters: longer ones some systems cut."""


def name(result: Result[Any], ending: str, *, demo: bool) -> str:
    """`space_paris_1_hot-zones_2026-06-10_2026-06-17_08.00-18.00_mon-fri_Kitchen_simulated.csv`"""
    target, queries = result.target.name, [part.query for part in result.results]
    simulated = ["simulated"] if demo else []
    if not queries:
        return f"{'_'.join([target, *simulated])}.{ending}"
    query = queries[0]
    of = query.floor.id if len({q.floor.id for q in queries}) == 1 else "floors"
    zone = ZoneInfo(getattr(query, "timezone", query.floor.timezone))
    edges = (query.period.start_s, max(q.period.end_s for q in queries if q.floor.id == query.floor.id))
    if isinstance(result.content, ComparisonResult | ZoneComparison):
        edges = (query.period.start_s, query.period.end_s)
    days = [f"{datetime.fromtimestamp(edge, zone):%Y-%m-%d}" for edge in edges]
    kind = [] if isinstance(result.content, HeatMapResult) else [target]
    parts = [of, *kind, *days, *_hours(getattr(query, "local_hours", None)), *_rooms(query), *simulated]
    return f"{'_'.join(parts)[:LONGEST]}.{ending}"


def _hours(hours: LocalHours | None) -> list[str]:
    if hours is None or hours.is_always:
        return []
    opens, closes = (
        f"{minute // 60:02d}.{minute % 60:02d}" for minute in (hours.opens_min, hours.closes_min)
    )
    parts = [] if (hours.opens_min, hours.closes_min) == (0, 24 * 60) else [f"{opens}-{closes}"]
    days = sorted(hours.weekdays)
    if len(days) < 7:
        in_a_row = len(days) > 1 and days[-1] - days[0] == len(days) - 1
        names = [DAY_NAMES[day] for day in days]
        parts.append(f"{names[0]}-{names[-1]}" if in_a_row else "-".join(names))
    return [*parts, *(["no-holidays"] if hours.excluded else [])]


def _rooms(query: Any) -> list[str]:
    rooms = getattr(query, "rooms", None)
    if not rooms:
        return []
    plain = unicodedata.normalize("NFKD", name_of(rooms)).encode("ascii", "ignore").decode()
    return [re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-") or "rooms"]


def zones(result: Result[Any]) -> Callable[[Mapping[str, Any]], str]:
    """By whose clock a row's local times are: its floor's, its own where it is of several floors, or that of
    the word `tz`.
    """
    by_floor = {f.id: f.timezone for f in result.topology.floors.values()}
    only = next(iter(by_floor.values()), "UTC")
    return lambda row: result.parsed.tz or by_floor.get(row.get("space", ""), row.get("timezone") or only)
