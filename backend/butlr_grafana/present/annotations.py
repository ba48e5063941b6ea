"""Gaps in the data's coverage as Grafana annotations."""

from __future__ import annotations

from typing import Any

from butlr_grafana.model import DAY_S, HeatMap, Period


def gaps(answer: HeatMap) -> list[dict[str, Any]]:
    """Regions that an answer does not cover, and whole days or more without a single detection."""
    floor = answer.query.floor.name
    why = "; ".join(answer.coverage.reasons)
    missing = [_region(g, f"{floor}: no data", why, "missing") for g in answer.coverage.gaps]
    silent = [
        _region(p.period, f"{floor}: no detections", "nobody was there, or the sensors were off", "silent")
        for p in answer.parts
        if p.period.length_s >= DAY_S and not p.grid.value.size
    ]
    return sorted(missing + silent, key=lambda region: int(region["time"]))


def _region(period: Period, title: str, text: str, tag: str) -> dict[str, Any]:
    return {
        "time": period.start_s * 1000,
        "timeEnd": period.end_s * 1000,
        "isRegion": True,
        "title": title,
        "text": text,
        "tags": ["butlr", tag],
    }
