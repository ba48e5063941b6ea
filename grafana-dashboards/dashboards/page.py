"""A dashboard with its panels, and links."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dashboards.sources import EVENT, INFINITY, SIMPOD, DataSource, Parameters, Source
from dashboards.style import (
    BAD,
    HIDDEN,
    REFRESH,
    SCHEMA_VERSION,
    SINCE,
    TAG,
    TAG_JSON,
    TAG_MENU,
    UNTIL,
    Json,
)
from dashboards.variables import HANDED_ON, with_the_others, zone

ROOMS_UID = "butlr-rooms"
"""*Rooms* has a choice of several floors, so it has a link of its own: see `_to_rooms`."""


def page(
    source: DataSource,
    uid: str,
    title: str,
    description: str,
    *,
    variables: Sequence[Json],
    panels: Sequence[Json],
    since: str = SINCE,
    marks: Json | None = None,
) -> Json:
    """A dashboard.

    `panels` get their ids by their order. Each panel has its own cursor, because some axes are metres and not
    time. `marks`: an annotation for the panels over time.
    """
    numbered = [{"id": number, **panel} for number, panel in enumerate(panels, start=1)]
    return {
        "uid": f"{uid}{source.suffix}",
        "title": f"{title} (JSON data source)" if source is SIMPOD else title,
        "description": description,
        "tags": [TAG_JSON] if source is SIMPOD else [TAG] if uid == ROOMS_UID else [TAG, TAG_MENU],
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 0,
        "timezone": "browser",
        "weekStart": "monday",
        "time": {"from": since, "to": UNTIL},
        "timepicker": {},
        "refresh": REFRESH,
        "annotations": {"list": [] if marks is None else [_limited(marks, numbered)]},
        "templating": {"list": [source.variable, *with_the_others(variables)]},
        "links": _links(source, uid, {variable["name"] for variable in variables}),
        "panels": numbered,
    }


def screen(
    source: Source, uid: str, title: str, description: str, *, variables: Sequence[Json], panel: Json
) -> Json:
    """A page with one panel, for an unattended screen: it has no choices except `variables`. It shows today,
    and refreshes once a minute. Its links hand on no time, because it is always of now.
    """
    built = page(source, uid, title, description, variables=variables, panels=[panel], since="now/d")
    # A kiosk shows the variables that are not hidden; on a screen nobody chooses a data source.
    return {
        **built,
        "refresh": "1m",
        "timepicker": {"hidden": True},
        "templating": {
            "list": [{**source.variable, "hide": HIDDEN}, *built["templating"]["list"][1:], zone()]
        },
        "links": [{**link, "keepTime": False} for link in built["links"]],
    }


def _limited(marks: Json, panels: Sequence[Json]) -> Json:
    over_time = [panel["id"] for panel in panels if panel["type"] == "timeseries"]
    return {**marks, "filter": {"exclude": False, "ids": over_time}}


def hot_zones(source: Source, parameters: Parameters) -> Json:
    """An annotation with the times in which zones were hot. The page has no switch for it, because the row of
    variables is full.
    """
    return {
        "name": "Hot zones",
        "datasource": source.ref,
        "enable": True,
        "hide": True,
        "iconColor": BAD,
        "target": source.events(parameters),
        "mappings": {part: {"source": "field", "value": title} for title, (part, _) in EVENT.items()},
    }


def _links(source: DataSource, uid: str, shown: Collection[str]) -> list[Json]:
    """The links at the top of a page: each keeps all that is chosen, and the time."""
    if source is not INFINITY:
        return [_menu(TAG)]
    return [_menu(TAG_MENU), *([] if uid == ROOMS_UID else [_to_rooms(source, shown)])]


def _menu(tag: str) -> Json:
    # A row of links would cost a line of every page on a small screen.
    return {**_link("Pages", "dashboards"), "tags": [tag], "asDropdown": True, "includeVars": True}


def _to_rooms(source: DataSource, shown: Collection[str]) -> Json:
    """*Rooms*, with the floor and the rooms that a page about one floor shows."""
    # Without a symbol: there is little room beside the variables.
    return {**_link("Rooms", "link"), "icon": "", "url": _address(source, ROOMS_UID, **of_rooms(shown))}


def of_rooms(shown: Collection[str]) -> dict[str, str]:
    """The variables of *Rooms* as a page hands them on that shows these variables. Those of a page about one
    floor have other names.
    """
    found = {"floors": "${space}"} if "space" in shown else {}
    # Each of several rooms under the variable's name there. If all are chosen, the name is missing, and
    # *Rooms* opens with all of them.
    return found | ({"rooms": "${room:customqueryparam:var-rooms}"} if "room" in shown else {})


def _link(title: str, kind: str) -> Json:
    return {
        "type": kind,
        "title": title,
        "tags": [],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": True,
        "targetBlank": False,
        "icon": "dashboard",
        "tooltip": "",
        "url": "",
    }


def panel_link(title: str, url: str) -> Json:
    """A link in a panel's header that opens a new tab. `url` contains the variables that it needs."""
    return {"title": title, "url": url, "targetBlank": True}


def to_page(source: DataSource, uid: str, *, without: Collection[str] = (), **variables: str) -> str:
    """Another of our pages at the same time and with the same choices, on the same data source, from
    Grafana's root; variables by name, as Grafana writes them in an address.

    `without`: choices that do not hold on the page that the link leads to.
    """
    address = _address(source, uid, without=without, **variables)
    return address.replace("?", "?${__url_time_range}&", 1)


def _address(source: DataSource, uid: str, *, without: Collection[str] = (), **variables: str) -> str:
    # `queryparam` writes each of several values, and nothing at all where nothing is chosen.
    kept = [name for name in HANDED_ON if name not in variables and name not in without]
    chosen = [
        *(
            value if "queryparam" in value else f"var-{name}={value}"
            for name, value in {source.variable["name"]: source.uid, **variables}.items()
        ),
        *(f"${{{name}:queryparam}}" for name in kept),
    ]
    return f"d/{uid}?{'&'.join(chosen)}"
