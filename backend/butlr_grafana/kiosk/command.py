"""`butlr-grafana wall`: its options, and its steps. Screens show something during each step."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from urllib.parse import quote

from butlr_grafana.base.access import BackendToken, SettingError
from butlr_grafana.base.errors import unknown_value
from butlr_grafana.kiosk import board
from butlr_grafana.kiosk.documents import (
    FOLDER,
    ORGANISATION,
    SOURCE_UID,
    TAG,
    Json,
    WallError,
    chosen,
    dashboard_of,
    data_source_of,
    data_source_uid,
    is_same,
    obsolete,
    playlist_of,
    playlist_uid,
)
from butlr_grafana.kiosk.grafana_api import OK, UNKNOWN_TOKEN, Grafana, GrafanaError, url_of
from butlr_grafana.model.choices import of_floor, unique_texts
from butlr_grafana.model.floor import Floor, Topology

NO_SUCH, CHANGED, TAKEN, HIDDEN = 404, 412, 409, 403


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--grafana",
        required=True,
        type=_url,
        metavar="URL",
        help="Grafana's address, as a browser reaches it",
    )
    parser.add_argument(
        "--floor",
        action="append",
        default=[],
        metavar="ID",
        help="a floor to show; repeat it for several, in their order (default: all floors)",
    )
    parser.add_argument(
        "--name", default="Butlr wall", type=_name, help="the playlist's name (default: Butlr wall)"
    )
    parser.add_argument(
        "--anonymous",
        action="store_true",
        help="for screens without a login: uses a separate organisation that contains nothing else",
    )
    parser.add_argument(
        "--every",
        default="1m",
        type=_interval,
        help="how long each dashboard is shown: 30s, 1m (default: 1m)",
    )
    parser.add_argument(
        "--no-free-rooms",
        action="store_true",
        help="leaves out the dashboard of free rooms, which the playlist shows last",
    )
    parser.add_argument(
        "--least-capacity",
        default=0,
        type=_people,
        metavar="N",
        help="free rooms: only rooms for at least N people",
    )
    parser.add_argument(
        "--type",
        action="append",
        default=[],
        metavar="TYPE",
        help="free rooms: only rooms of this type, with its name in Butlr; may be repeated",
    )


def token_for(
    options: argparse.Namespace, wall_tokens: Sequence[BackendToken], grafana_user: str
) -> BackendToken | None:
    """The token with which the screens of anonymous viewers query the backend. Raises `SettingError` if it or
    Grafana's account is not set.
    """
    if not options.anonymous:
        return None
    if not wall_tokens:
        raise SettingError("--anonymous needs BACKEND_WALL_TOKEN, with the same value as the backend's")
    if not grafana_user:
        raise SettingError(
            "--anonymous needs GRAFANA_USER and GRAFANA_PASSWORD of a server administrator: a service "
            "account's token works in one organisation only"
        )
    return wall_tokens[0]


def create_wall(
    grafana: Grafana,
    url: str,
    topology: Topology,
    options: argparse.Namespace,
    token: BackendToken | None = None,
) -> str:
    """Creates or updates the walls and the playlist. Returns the wall's address, and prints to stderr what it
    did.

    Dashboards are created first and removed last, so the playlist never names a missing dashboard. `token`:
    the token for the screens of anonymous viewers; their walls are in a separate organisation.
    """
    topology = topology.restricted_to(token.floors if token else None)
    floors = chosen(topology, options.floor)
    grafana.check_login()
    source = _dashboard(grafana, SOURCE_UID)
    if source is None:
        raise GrafanaError(
            f"the dashboard {SOURCE_UID} is not in this Grafana, or this account may not see it. Install "
            "the dashboards first (README, 'Install into an existing Grafana')"
        )
    # Grafana takes no two dashboards of one title in a folder.
    texts = unique_texts(of_floor(floor) for floor in topology.floors.values())
    walls = [dashboard_of(source, floor, texts[floor.id]) for floor in floors]
    walls += _board(grafana, floors, options)
    _check_served(grafana, data_source_uid(source), floors)
    organisation = _move_out(grafana, token, data_source_uid(source)) if token else None
    playlists = grafana.request("GET", "/api/playlists", "list playlists")
    known = playlist_uid(options.name, playlists)
    _make_folder(grafana)
    for wall in walls:
        _save(grafana, wall)
    uid = _save_playlist(grafana, known, playlist_of(options.name, [w["uid"] for w in walls], options.every))
    _remove(grafana, topology)
    where = f"orgId={organisation}&" if organisation else ""
    return f"{url}/playlists/play/{quote(uid, safe='')}?{where}kiosk&autofitpanels"


def _board(grafana: Grafana, floors: Sequence[Floor], options: argparse.Namespace) -> list[Json]:
    """The board of free rooms, where the playlist has one."""
    if options.no_free_rooms:
        return []
    if options.anonymous:
        # It says who is where now, which a wall's token tells nobody.
        _print_line(
            "left out   the dashboard of free rooms: it says which rooms are occupied now, and these screens "
            "have no login"
        )
        return []
    source = _dashboard(grafana, board.SOURCE_UID)
    if source is None:
        _print_line(f"left out   the dashboard of free rooms: {board.SOURCE_UID} is not in this Grafana")
        return []
    known = {room.type for floor in floors for room in floor.rooms if room.type}
    for requested in options.type:
        if requested not in known:
            raise WallError(f"--type: {unknown_value(requested, sorted(known))}")
    limits = board.Limits(
        tuple(floors) if options.floor else (), options.least_capacity, tuple(dict.fromkeys(options.type))
    )
    timezones = [floor.timezone for floor in floors]
    return [board.dashboard_of(source, options.name, limits, timezones)]


def _move_out(grafana: Grafana, token: BackendToken, uid: str) -> int:
    """Goes to the walls' organisation, made where there is none, with its one data source; its id.

    `uid`: of the data source that the wall's dashboard asks through, in whatever organisation it is shown.
    """
    own = f"/api/datasources/uid/{quote(uid, safe='')}"
    provisioned = grafana.request("GET", own, "read data sources")
    path = f"/api/orgs/name/{quote(ORGANISATION)}"
    found = grafana.request("GET", path, "look for organisations", without=(NO_SUCH,))
    if found is None:
        made = grafana.request("POST", "/api/orgs", "create organisations", {"name": ORGANISATION})
        _print_line(f"created    the organisation {ORGANISATION}")
    organisation = int(made["orgId"] if found is None else found["id"])
    grafana.enter(organisation)
    source, doing = data_source_of(provisioned, token.text), "save data sources"
    if grafana.request("GET", own, "read data sources", without=(NO_SUCH,)) is None:
        grafana.request("POST", "/api/datasources", doing, source)
    else:
        grafana.request("PUT", own, doing, source)
    _check_refusal(grafana, uid)
    return organisation


def _check_served(grafana: Grafana, uid: str, floors: Sequence[Floor]) -> None:
    """Raises `WallError` if the backend behind Grafana's data source does not serve one of these floors: this
    command reads BUTLR_… settings of its own, which may be of another account.
    """
    served = grafana.floors_of_backend(uid)
    if served is None:
        return
    for floor in floors:
        if floor.id not in served:
            raise WallError(
                f"the backend of Grafana's data source {uid} does not serve the floor {floor.id}. Run this "
                "command with the same BUTLR_… settings as the backend"
            )


def _check_refusal(grafana: Grafana, uid: str) -> None:
    """Removes the data source again if the backend answers more than a wall's token may read: one without a
    token of its own answers everybody. Raises `GrafanaError`.
    """
    status, _ = grafana.backend_status(uid)
    if status in UNKNOWN_TOKEN:
        raise GrafanaError(
            "the backend does not know this token, so the walls would show nothing. Set BACKEND_WALL_TOKEN "
            "here to the same value as the backend's, then run this again"
        )
    if status == OK:
        grafana.request("DELETE", f"/api/datasources/uid/{quote(uid, safe='')}", "delete data sources")
        raise GrafanaError(
            "this token allows more than walls need, so anonymous viewers could read all floors. Set "
            "BACKEND_TOKEN and BACKEND_WALL_TOKEN of the backend, restart it, then run this again"
        )


def _dashboard(grafana: Grafana, uid: str) -> Json | None:
    doing = f"read the dashboard {uid}"
    response = grafana.request("GET", f"/api/dashboards/uid/{uid}", doing, without=(NO_SUCH,))
    if response is None:
        return None
    dashboard: Json = response["dashboard"]
    return dashboard


def _make_folder(grafana: Grafana) -> None:
    uid, title = FOLDER["uid"], FOLDER["title"]
    # Of a folder that is not there, Grafana says to most accounts that they may not see it.
    absent = (NO_SUCH, HIDDEN)
    if grafana.request("GET", f"/api/folders/{uid}", f"read the folder {title}", without=absent) is None:
        grafana.request(
            "POST", "/api/folders", f"create the folder {title}", FOLDER, without=(TAKEN, CHANGED)
        )


def _save(grafana: Grafana, wall: Json) -> None:
    there = _dashboard(grafana, wall["uid"])
    if there is not None and is_same(wall, there):
        _print_line(f"unchanged  {wall['title']}")
        return
    body = {"dashboard": wall, "folderUid": FOLDER["uid"], "overwrite": True, "message": "butlr-grafana wall"}
    grafana.request("POST", "/api/dashboards/db", f"save dashboards in the folder {FOLDER['title']}", body)
    _print_line(f"{'created' if there is None else 'updated':<10} {wall['title']}")


def _save_playlist(grafana: Grafana, uid: str | None, playlist: Json) -> str:
    if uid is None:
        made = grafana.request("POST", "/api/playlists", "create playlists", playlist)
        return str(made["uid"])
    grafana.request("PUT", f"/api/playlists/{quote(uid, safe='')}", "change playlists", playlist)
    return uid


def _remove(grafana: Grafana, topology: Topology) -> None:
    """Walls of floors that are served no more; those that were only left out by `--floor` stay."""
    found = grafana.request("GET", f"/api/search?type=dash-db&tag={TAG}&limit=5000", "search dashboards")
    for wall in obsolete(found, topology):
        doing = f"delete dashboards in the folder {FOLDER['title']}"
        grafana.request("DELETE", f"/api/dashboards/uid/{wall['uid']}", doing, without=(NO_SUCH,))
        _print_line(f"removed    {wall['title']}")


def _print_line(line: str) -> None:
    """Aside, so that the address is all there is on stdout."""
    print(line, file=sys.stderr, flush=True)


def _url(text: str) -> str:
    try:
        return url_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _interval(text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]{0,4}[smh]", text):
        raise argparse.ArgumentTypeError("give a time such as 30s, 1m or 1h")
    return text


def _people(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise argparse.ArgumentTypeError("give a number of people, for example 6")
    return int(text)


def _name(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("give a name that is not empty")
    return text.strip()
