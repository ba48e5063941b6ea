"""Grafana annotations: gaps in the data's coverage, and the times in which zones were hot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from butlr_grafana.insight.hot_events import Event
from butlr_grafana.model.floor import Floor, Topology
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import DAY_S, Period
from butlr_grafana.targets.events import text_of, title_of


def gaps(result: HeatMap) -> list[dict[str, Any]]:
    """Regions that an answer does not cover, and whole days or more without a single detection."""
    floor = result.query.floor.name
    why = "; ".join(result.coverage.reasons)
    missing = [_region(g, f"{floor}: no data", why, "missing") for g in result.coverage.gaps]
    silent = [
        _region(
            p.period, f"{floor}: no detections", "nobody was there, or the sensors were offline", "silent"
        )
        for p in result.chunks
        if p.period.length_s >= DAY_S and not p.grid.value.size
    ]
    return sorted(missing + silent, key=lambda region: int(region["time"]))


def unanswered(floor: Floor, period: Period, why: str) -> list[dict[str, Any]]:
    """The one region of a period of which no answer could be had."""
    return [_region(period, f"{floor.name}: no data", why, "missing")]


def event_regions(events: Sequence[Event], topology: Topology, now_s: float) -> list[dict[str, Any]]:
    """The same events as the JSON data source's older clients take annotations. Those of rules that differ in
    nothing that is seen are one region.
    """
    regions = [
        _region(
            Period(event.start_s, max(event.ended_by(now_s) or int(now_s), event.start_s + 1)),
            title_of(event, topology, now_s),
            text_of(event),
            "hot",
        )
        for event in events
    ]
    seen = ("time", "timeEnd", "title", "text")
    return list({tuple(region[name] for name in seen): region for region in regions}.values())


def _region(period: Period, title: str, text: str, tag: str) -> dict[str, Any]:
    return {
        "time": period.start_s * 1000,
        "timeEnd": period.end_s * 1000,
        "isRegion": True,
        "title": title,
        "text": text,
        "tags": ["butlr", tag],
    }
