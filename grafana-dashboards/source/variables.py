"""Dashboard variables. No value is stored with a dashboard: Grafana takes the first that it is offered."""

from __future__ import annotations

from source.house import Json
from source.sources import Source

ON_LOAD, BY_TEXT = 1, 1
"""Grafana's numbers: options are asked for when the dashboard loads, and sorted by their texts."""

ALL = "All"
"""What all rooms send: a word that the backend reads as no limit, rather than the list of all ids."""


def floor(source: Source) -> Json:
    return _asked(source, "space", "Floor", source.floors())


def rooms(source: Source) -> Json:
    """Rooms of the floor, to limit the map to; on another floor Grafana goes back to all."""
    # `raw`: simPod would write the id with its quotes, Infinity takes it as it is in any case.
    asked = _asked(source, "room", "Rooms", source.rooms("${space:raw}"))
    return {**asked, "multi": True, "includeAll": True, "allValue": ALL}


def hours() -> Json:
    return _offered(
        "hours",
        "Hours",
        {
            "All day": "00:00-24:00",
            "Working hours 08-18": "08:00-18:00",
            "Morning 06-12": "06:00-12:00",
            "Lunch 11-14": "11:00-14:00",
            "Afternoon 12-18": "12:00-18:00",
            "Night 20-06": "20:00-06:00",
        },
        other="Only these hours of the floor's own clock count. Type others as 07:30-19:00; overnight ones "
        "(22:00-06:00) belong to the day they start.",
    )


def days() -> Json:
    return _offered(
        "days",
        "Days",
        {"Every day": "mon-sun", "Monday to Friday": "mon-fri", "Saturday and Sunday": "sat-sun"},
        other="Only these days of the floor's own calendar count. Type others as tue-thu or mon,wed.",
    )


def normalize() -> Json:
    return _offered(
        "normalize",
        "Show",
        {
            "Detections": "none",
            "Detections per hour": "hour",
            "Relative to the fullest cell": "max",
            "Share of all detections": "share",
        },
    )


def resolution() -> Json:
    """Auto is the finest with at most 100 cells along x, so that the axis keeps its labels."""
    return _offered(
        "resolution",
        "Cells",
        {"Auto": "auto", "0.25 m": "0.25", "0.5 m": "0.5", "1 m": "1.0"},
    )


def _asked(source: Source, name: str, label: str, query: Json) -> Json:
    return {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": source.ref,
        "query": query,
        "definition": "",
        "refresh": ON_LOAD,
        "sort": BY_TEXT,
        "regex": "",
        "multi": False,
        "includeAll": False,
        "allowCustomValue": False,
        "hide": 0,
    }


def _offered(name: str, label: str, choices: dict[str, str], *, other: str | None = None) -> Json:
    """A fixed choice, text → value; `other` says how values that are not offered may be typed."""
    return {
        "type": "custom",
        "name": name,
        "label": label,
        # Each description costs the width of its mark: a page of 1366 pixels has room for few.
        **({"description": other} if other else {}),
        "query": ", ".join(f"{text} : {value}" for text, value in choices.items()),
        "multi": False,
        "includeAll": False,
        "allowCustomValue": other is not None,
        "hide": 0,
    }
