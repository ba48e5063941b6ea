"""A TV wall in the format of Grafana's HTTP API: a dashboard for each floor, and a playlist of them.

Playlists cannot set variables. So a floor's dashboard is a copy of the provisioned one, with the floor as a
constant. Pure functions from documents to documents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from butlr_grafana.base.access import CommandError
from butlr_grafana.base.errors import unknown_value
from butlr_grafana.model.floor import Floor, Topology

Json = dict[str, Any]

SOURCE_UID = "butlr-wall"
UID_PREFIX = "butlr-wall-"
TAG = "butlr-wall"
"""The tag of every wall. It differs from the tag of the other pages, so that their menu does not list the
walls.
"""

ORGANISATION = "Butlr walls"
"""The organisation of the walls for anonymous viewers, who can open nothing else. Compose uses the
same name.
"""

DATA_SOURCE = "datasource"
"""The kind of a dashboard's variable that names its data source, through which the wall's script asks."""

FOLDER: Json = {"uid": "butlr-walls", "title": "Butlr walls"}
SPACE, ZONE = "space", "zone"
"""The variables that are made constants. A wall without the zone has no clock until its backend answers."""

_HIDDEN = 2
_SERVERS_OWN = ("id", "version")
"""What Grafana adds to a dashboard as it keeps it."""


class WallError(CommandError):
    """A wall cannot be created; the message says why."""


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
    """The uid of a floor's wall. It is the same at every run, and at most 40 characters long, as Grafana
    requires.
    """
    return UID_PREFIX + hashlib.sha256(space.encode()).hexdigest()[:16]


def dashboard_of(source: Mapping[str, Any], floor: Floor, text: str = "") -> Json:
    """The floor's copy of the provisioned dashboard. `text` names the floor if its name is not unique.

    Raises `WallError` if the dashboard has no variable `space`.
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
        # Nobody clicks on a screen, and in kiosk mode Grafana leaves links visible.
        "links": [],
        # So that midnight, clock and times are the floor's, wherever the screen's machine thinks it is.
        "timezone": floor.timezone,
        "templating": {
            "list": with_constants(variables, {SPACE: floor.id, ZONE: floor.timezone}),
        },
    }


def data_source_uid(source: Mapping[str, Any]) -> str:
    """The uid of the dashboard's default data source. Raises `WallError` if there is none."""
    for variable in source.get("templating", {}).get("list", []):
        if variable.get("type") == DATA_SOURCE:
            return str(variable["current"]["value"])
    raise WallError(
        f"the dashboard {SOURCE_UID} has no data source variable: install the dashboards of this version"
    )


def constant(name: str, value: str) -> Json:
    """A hidden variable that nobody can change."""
    return {
        "type": "constant",
        "name": name,
        "hide": _HIDDEN,
        "query": value,
        "current": {"text": value, "value": value},
        "skipUrlSync": True,
    }


def with_constants(variables: Iterable[Json], values: Mapping[str, str]) -> list[Json]:
    """The variables of a copy. Those with a value here are constants. A copy has no links, so it does not
    need the hidden choices that links hand on to other pages.
    """
    own = [v for v in variables if v.get("name") in values or not (v["type"] == "custom" and _is_hidden(v))]
    return [constant(v["name"], values[v["name"]]) if v.get("name") in values else v for v in own]


def _is_hidden(variable: Json) -> bool:
    return variable.get("hide") == _HIDDEN


def content_of(dashboard: Mapping[str, Any]) -> Json:
    """The dashboard without the fields that Grafana adds to it."""
    return {name: value for name, value in dashboard.items() if name not in _SERVERS_OWN}


def is_same(dashboard: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Whether Grafana's dashboard (`there`) is equal, so that it need not be written again. Each write adds a
    version to its history.
    """
    return content_of(dashboard) == content_of(there)


def data_source_of(provisioned: Mapping[str, Any], token: str) -> Json:
    """The data source of a separate organisation: the same backend as the provisioned one, with the wall's
    token.
    """
    return {
        **{name: provisioned[name] for name in ("uid", "name", "type", "access", "url")},
        "jsonData": {
            "httpHeaderName1": "Authorization",
            "allowedHosts": [provisioned["url"]],
        },
        "secureJsonData": {"httpHeaderValue1": f"Bearer {token}"},
    }


def playlist_of(name: str, uids: Iterable[str], every: str) -> Json:
    """The playlist. `uids`: of the dashboards. `every`: how long each is shown, in Grafana's format: `30s`,
    `1m`.
    """
    items = [{"type": "dashboard_by_uid", "value": uid} for uid in uids]
    return {"name": name, "interval": every, "items": items}


def obsolete(found: Iterable[Mapping[str, Any]], topology: Topology) -> list[Json]:
    """The walls of floors that are no longer served, among the dashboards found (with `uid` and `tags`).

    Only dashboards that this command created: both the uid and the tag must match.
    """
    served = {uid_of(space) for space in topology.floors}
    return [
        dict(one)
        for one in found
        if one["uid"].startswith(UID_PREFIX) and TAG in one.get("tags", ()) and one["uid"] not in served
    ]


def playlist_uid(name: str, playlists: Iterable[Mapping[str, Any]]) -> str | None:
    """The uid of the playlist with exactly this name; `None` if there is none. Raises `WallError` if several
    have it.
    """
    uids = [str(playlist["uid"]) for playlist in playlists if playlist["name"] == name]
    if len(uids) > 1:
        raise WallError(
            f"{len(uids)} playlists are named {name!r}: delete all but one, or choose another --name"
        )
    return uids[0] if uids else None
