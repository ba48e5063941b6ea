"""A TV wall in the form of Grafana's HTTP API: a dashboard for each floor, and a playlist of them.

Playlists cannot set variables. So a floor's dashboard is a copy of the provisioned one, with the floor as a
constant in it. Pure: documents in, documents out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from butlr_grafana.base.errors import unknown_value
from butlr_grafana.model.floor import Floor, Topology

Json = dict[str, Any]

SOURCE_UID = "butlr-wall"
UID_PREFIX = "butlr-wall-"
TAG = "butlr-wall"
"""On every wall, and not the pages' own tag: their menu of other pages shall not list the walls."""

ORGANISATION = "Butlr walls"
"""Where walls for anonymous viewers are, so that they can open nothing else; compose names it too."""

DATA_SOURCE = "datasource"
"""The kind of a dashboard's variable that names its data source, through which the wall's script asks."""

FOLDER: Json = {"uid": "butlr-walls", "title": "Butlr walls"}
SPACE = "space"
"""The variable that is made a constant."""

_HIDDEN = 2
_SERVERS_OWN = ("id", "version")
"""What Grafana adds to a dashboard as it keeps it."""


class WallError(Exception):
    """A wall that cannot be made of what there is; the message says what is wrong."""


def chosen(topology: Topology, requested: Sequence[str]) -> list[Floor]:
    """The requested floors, each once, in the requested order; all in Butlr's order if none is requested.

    Raises `WallError` for a floor that is not served, and if no floor is served.
    """
    if not topology.floors:
        raise WallError("Butlr lists no floor for this account, so there is nothing to show")
    for space in requested:
        if space not in topology.floors:
            raise WallError(f"--floor: {unknown_value(space, topology.floors)}")
    return [topology.floors[space] for space in dict.fromkeys(requested or topology.floors)]


def uid_of(space: str) -> str:
    """The uid of a floor's wall, the same at every run; at most 40 characters, as Grafana wants."""
    return UID_PREFIX + hashlib.sha256(space.encode()).hexdigest()[:16]


def dashboard_of(source: Mapping[str, Any], floor: Floor, text: str = "") -> Json:
    """The floor's copy of the provisioned dashboard; `text` names the floor, where its name alone does not.

    Raises `WallError` where the dashboard has no variable `space`.
    """
    variables = source.get("templating", {}).get("list", [])
    if not any(variable.get("name") == SPACE for variable in variables):
        raise WallError(
            f"the dashboard {SOURCE_UID} has no variable {SPACE}: install the dashboards of this version"
        )
    return {
        **content_of(source),
        "uid": uid_of(floor.id),
        "title": f"Wall: {text or f'{floor.building.name} / {floor.name}'}",
        "description": "Created by butlr-grafana wall, which overwrites it: changes here are lost.",
        "tags": [TAG],
        # So that midnight, clock and times are the floor's, wherever the screen's machine thinks it is.
        "timezone": floor.timezone,
        "templating": {
            "list": [constant(SPACE, floor.id) if v.get("name") == SPACE else v for v in variables],
        },
    }


def data_source_uid(source: Mapping[str, Any]) -> str:
    """Of the data source that the dashboard begins with. Raises `WallError` where it names none."""
    for variable in source.get("templating", {}).get("list", []):
        if variable.get("type") == DATA_SOURCE:
            return str(variable["current"]["value"])
    raise WallError(
        f"the dashboard {SOURCE_UID} has no data source variable: install the dashboards of this version"
    )


def constant(name: str, value: str) -> Json:
    """A variable that nobody sees or changes."""
    return {
        "type": "constant",
        "name": name,
        "hide": _HIDDEN,
        "query": value,
        "current": {"text": value, "value": value},
        "skipUrlSync": True,
    }


def content_of(dashboard: Mapping[str, Any]) -> Json:
    """The dashboard without what Grafana adds to it."""
    return {name: value for name, value in dashboard.items() if name not in _SERVERS_OWN}


def is_same(dashboard: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Whether what Grafana has (`there`) need not be written again, which would lengthen its history."""
    return content_of(dashboard) == content_of(there)


def data_source_of(provisioned: Mapping[str, Any], token: str) -> Json:
    """The data source of an organisation of its own: the provisioned one's backend, and a wall's token."""
    return {
        **{name: provisioned[name] for name in ("uid", "name", "type", "access", "url")},
        "jsonData": {
            "httpHeaderName1": "Authorization",
            "allowedHosts": [provisioned["url"]],
        },
        "secureJsonData": {"httpHeaderValue1": f"Bearer {token}"},
    }


def playlist_of(name: str, uids: Iterable[str], every: str) -> Json:
    """`uids`: of the dashboards. `every`: how long each is shown, as Grafana writes it: `30s`, `1m`."""
    items = [{"type": "dashboard_by_uid", "value": uid} for uid in uids]
    return {"name": name, "interval": every, "items": items}


def obsolete(found: Iterable[Mapping[str, Any]], topology: Topology) -> list[Json]:
    """Of the dashboards found (`uid`, `tags`), the walls of floors that are served no more.

    Only what was made here: by uid and tag both.
    """
    served = {uid_of(space) for space in topology.floors}
    return [
        dict(one)
        for one in found
        if one["uid"].startswith(UID_PREFIX) and TAG in one.get("tags", ()) and one["uid"] not in served
    ]


def playlist_uid(name: str, playlists: Iterable[Mapping[str, Any]]) -> str | None:
    """Of the playlist with exactly this name. Raises `WallError` where several have it."""
    uids = [str(playlist["uid"]) for playlist in playlists if playlist["name"] == name]
    if len(uids) > 1:
        raise WallError(
            f"{len(uids)} playlists are named {name!r}: delete all but one, or choose another --name"
        )
    return uids[0] if uids else None
