"""Dashboard variables. No value is stored with a dashboard, but its data source's (`sources.py`): Grafana
takes the first that it is offered, or all of them if all can be chosen.
"""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.sources import Source
from dashboards.style import HIDDEN, IN_MENU, Json

ON_LOAD, BY_TEXT = 1, 1
"""Grafana's numbers: it loads the options with the dashboard, and sorts them by their texts."""

SHOWN, LABEL_HIDDEN = 0, 1
"""Grafana's numbers: in the row of variables, or there without its label."""

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


def rooms_of_floors(source: Source) -> Json:
    """The rooms of the chosen `floors`. It has a name of its own: a room of another floor is no choice that
    the `room` of a page about one floor could take.
    """
    variable = _query_variable(source, "rooms", "Rooms", source.rooms("${floors:csv}"))
    return {**variable, "multi": True, "includeAll": True, "allValue": ALL}


def floors(source: Source) -> Json:
    """Several floors, or all of them, with which a page opens. It has a name of its own: all floors is no
    choice that the `space` of a page about one floor could take.
    """
    variable = _query_variable(source, "floors", "Floors", source.floors())
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


HANDED_ON = (
    *("space", "floors", "room", "rooms", "type", "hours", "days", "least_capacity"),
    *("baseline", "underused", "area", "unit", "look", "normalize", "resolution", "film"),
)
"""All that somebody can choose on a page, but the data source. Each page hands all of it on by its links."""


def with_the_others(shown: Sequence[Json]) -> list[Json]:
    """A page's own variables, and those of the other pages, hidden: the page's links hand them on in full.

    These have no options and, as long as nobody chose anything on another page, no value: a link hands on
    what somebody chose, never what a page would have begun with. Several values are kept, which a text box
    would cut to the first. Nothing is asked of the backend for them.
    """
    names = {variable["name"] for variable in shown}
    return [*shown, *(_handed_on(name) for name in HANDED_ON if name not in names)]


def _handed_on(name: str) -> Json:
    return {
        "type": "custom",
        "name": name,
        "label": name,
        "query": "",
        "current": {"text": [], "value": []},
        "multi": True,
        "includeAll": False,
        "allowCustomValue": True,
        "hide": HIDDEN,
    }


def zone() -> Json:
    """Of pages for a screen: the time zone of their floors. `butlr-grafana wall` writes it into its copies,
    so that they show the floors' time while the backend cannot be reached. Empty: not known in advance.
    """
    return {
        "type": "constant",
        "name": "zone",
        "query": "",
        "current": {"text": "", "value": ""},
        "hide": HIDDEN,
        "skipUrlSync": True,
    }


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


def baseline(*, hide: int = SHOWN) -> Json:
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
        hide=hide,
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
