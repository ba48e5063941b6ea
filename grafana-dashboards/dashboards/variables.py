"""Dashboard variables. Dashboards store no values except the data source (`sources.py`): Grafana uses the
first available one.
"""

from __future__ import annotations

from dashboards.sources import Source
from dashboards.style import Json

ON_LOAD, BY_TEXT = 1, 1
"""Grafana's numbers: it loads the options with the dashboard, and sorts them by their texts."""

SHOWN, LABEL_HIDDEN, HIDDEN, IN_MENU = 0, 1, 2, 3
"""Grafana's numbers: in the row of variables, there without its label, not at all, or (from 12.3) in the menu
beside it, for what few change."""

ALL = "All"
"""What all rooms send: a word that the backend reads as no limit, rather than the list of all ids."""


def floor(source: Source) -> Json:
    """The variable of the floor. It has no label, because the row of variables is full on a small screen."""
    return {**_query_variable(source, "space", "Floor", source.floors()), "hide": LABEL_HIDDEN}


def rooms(source: Source) -> Json:
    """The variable of the rooms that limit a page. If another floor is chosen, Grafana resets it to all."""
    # `raw`: simPod would write the id with its quotes, Infinity takes it as it is in any case.
    variable = _query_variable(source, "room", "Rooms", source.rooms("${space:raw}"))
    return {**variable, "multi": True, "includeAll": True, "allValue": ALL}


def floors(source: Source) -> Json:
    """Several floors, or all of them."""
    variable = _query_variable(source, "space", "Floors", source.floors())
    return {**variable, "multi": True, "includeAll": True, "allValue": "all"}


def types(source: Source) -> Json:
    """The variable of the room types that limit a page. It has the types of all floors, so a choice stays if
    the floor changes.
    """
    variable = _query_variable(source, "type", "Types", source.types())
    return {**variable, "multi": True, "includeAll": True, "allValue": ALL}


def least_capacity() -> Json:
    return _offered(
        "least_capacity",
        "Capacity",
        {"Any number": "0", **{f"{people} or more": str(people) for people in (2, 4, 6, 8, 12, 20)}},
    )


def passed_on(source: Source) -> list[Json]:
    """The floor and rooms of other pages, on a page about all floors. Its links pass them on to the other
    pages.
    """
    return hidden(floor(source), rooms(source))


def hidden(*chosen: Json) -> list[Json]:
    """Hidden variables that no panel of the page uses. Its links pass them on to other pages."""
    return [{**variable, "hide": HIDDEN} for variable in chosen]


def handed_on() -> list[Json]:
    """What other pages have chosen, on a page that asks nothing of the backend: texts that its links hand on.

    Not chosen from a list: that would be asked for, of a backend that may be what is looked into.
    """
    return [
        {"type": "textbox", "name": name, "label": name, "query": "", "hide": HIDDEN}
        for name in ("space", "room", "type", "hours", "days")
    ]


def hours() -> Json:
    """The variable of the hours. Pages open with working hours: with nights and weekends, every room looks
    underused.
    """
    return _offered(
        "hours",
        "Hours",
        {
            "Working hours 08-18": "08:00-18:00",
            "All day": "00:00-24:00",
            "Morning 06-12": "06:00-12:00",
            "Lunch 11-14": "11:00-14:00",
            "Afternoon 12-18": "12:00-18:00",
            "Night 20-06": "20:00-06:00",
        },
        other="Only these hours are counted, in the floor's own time zone. Other values: 07:30-19:00. "
        "Overnight hours (22:00-06:00) belong to the day on which they start.",
    )


def days() -> Json:
    return _offered(
        "days",
        "Days",
        {"Monday to Friday": "mon-fri", "Every day": "mon-sun", "Saturday and Sunday": "sat-sun"},
        other="Only these days are counted, in the floor's own time zone. Other values: tue-thu or mon,wed.",
    )


def normalize() -> Json:
    return _offered(
        "normalize",
        "Show",
        {
            "People per m² or detections": "none",
            "Detections per hour": "hour",
            "Relative to the fullest cell": "max",
            "Share of all detections": "share",
        },
        hide=IN_MENU,
    )


def unit() -> Json:
    """The variable of the unit. People are known if the floor's factor is known."""
    return _offered(
        "unit", "Heat in", {"People where known": "auto", "Detections": "detections"}, hide=IN_MENU
    )


def resolution() -> Json:
    """The variable of the cell size. Auto is the finer of 0.5 and 1 m with at most 100 cells along x, so that
    the axis has its labels.
    """
    return _offered(
        "resolution",
        "Cells",
        {"Auto": "auto", "0.5 m": "0.5", "1 m": "1.0", "0.25 m (finer than the sensors see)": "0.25"},
        hide=IN_MENU,
    )


def area() -> Json:
    return _offered("area", "Areas", {"Square metres": "m2", "Square feet": "ft2"}, hide=IN_MENU)


def look() -> Json:
    """The variable of the heat map's style. The first one is the easiest to read."""
    return _offered(
        "look",
        "Look",
        {
            "Colours": "gradient",
            "One colour (stronger by count)": "opacity",
            "Smooth": "smooth",
            "3D surface": "surface",
        },
    )


def baseline() -> Json:
    return _offered(
        "baseline",
        "Compared with",
        {
            "The period before": "previous",
            "A week earlier": "-1w",
            "Four weeks earlier": "-4w",
            "A year earlier": "-1y",
        },
        other="Other values: -14d, -8w, -2y, or 2024-01-01/2024-02-01.",
    )


def film() -> Json:
    """The variable of a film's windows. `auto`: hours up to two days, then days."""
    return _offered(
        "film",
        "Film by",
        {"Hours or days": "auto", "Days": "1d", "Hours": "1h", "Quarters of an hour": "15m"},
    )


def underused(*, hide: int = SHOWN) -> Json:
    return _offered(
        "underused",
        "Underused below",
        {"10 % of the hours": "0.1", "5 % of the hours": "0.05", "25 % of the hours": "0.25"},
        hide=hide,
    )


def _query_variable(source: Source, name: str, label: str, query: Json) -> Json:
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
        "hide": SHOWN,
    }


def _offered(
    name: str, label: str, choices: dict[str, str], *, other: str | None = None, hide: int = SHOWN
) -> Json:
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
        "hide": hide,
    }
