"""A Grafana as far as our commands need it, over a real socket.

What it answers is what Grafana 12.3 was seen to, or what its source says.
"""

from __future__ import annotations

import base64
import copy
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fake_grafana_receivers import CONFIG, TEST, Receivers
from tests.fake_grafana_rules import AlertRules
from tests.fake_grafana_sources import Sources

Json = dict[str, Any]
Result = tuple[int, Any]

EDITOR, VIEWER, PASSWORD = "glsa_editors_token", "glsa_viewers_token", "s3cret-value"
ADMIN = "glsa_admins_token"
_USER = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
_OWNER = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
ROLES = {
    f"Bearer {EDITOR}": "Editor",
    f"Basic {_USER}": "Editor",
    f"Basic {_OWNER}": "Server administrator",
    f"Bearer {ADMIN}": "Admin",
    f"Bearer {VIEWER}": "Viewer",
}
_EDITORS = [
    *(f"{kind}:{action}" for kind in ("folders", "dashboards") for action in ("create", "write", "delete")),
    *(f"alert.rules:{action}" for action in ("create", "read", "write", "delete")),
    "alert.provisioning.provenance:write",
    *(f"alert.notifications:{action}" for action in ("read", "write")),
]
_ADMINS = [f"datasources:{action}" for action in ("read", "create", "write", "delete")]
PERMISSIONS = {
    "Viewer": ["dashboards:read", "folders:read", "alert.rules:read", "alert.notifications:read"],
    # Of some data sources, which are Grafana's own.
    "Editor": [*_EDITORS, "datasources:read"],
    "Admin": [*_EDITORS, *_ADMINS],
    "Server administrator": [*_EDITORS, *_ADMINS, "orgs:read", "orgs:create"],
}
PLUGINS = {
    "yesoreyeram-infinity-datasource": "3.11.1",
    "simpod-json-datasource": "0.6.5",
    "volkovlabs-echarts-panel": "7.2.5",
}

NOT_FOUND = {"message": "Dashboard not found"}


class Organisation:
    """What is in one, and what is answered about it to who is let in."""

    def __init__(self) -> None:
        self.dashboards: dict[str, Json] = {}
        self.folders: dict[str, Json] = {}
        self.playlists: dict[str, Json] = {}
        self.library_panels: list[Json] = []
        self.deleted: list[Json] = []
        """Dashboards that a search still finds for a while."""
        self.sources = Sources()
        self.receivers = Receivers()
        self.rules = AlertRules(self.folders, self.receivers)

    @property
    def data_sources(self) -> dict[str, Json]:
        """As they are kept, secrets included."""
        return self.sources.stored

    def provision(self, dashboard: Json) -> None:
        self._keep(dashboard, folder="butlr", provisioned=True)

    def version(self, uid: str) -> int:
        version: int = self.dashboards[uid]["dashboard"]["version"]
        return version

    def handle(self, method: str, target: str, body: Any, *, may_edit: bool, is_admin: bool) -> Result:
        parts = urlsplit(target)
        kind, _, name = parts.path.removeprefix("/api/").removeprefix("dashboards/").partition("/")
        if kind == "folders":
            return self._folders(method, name, body, may_edit)
        if kind == "datasources":
            return self.sources.handle(method, name.removeprefix("uid/"), body) if is_admin else NO_SOURCES
        if kind == "alertmanager" and name == TEST:
            return self.receivers.test(body, may_edit=may_edit)
        if kind == "alertmanager" and name == CONFIG:
            return self.receivers.config()
        if name == "provisioning/contact-points":
            [wanted] = parse_qs(parts.query).get("name", [""])
            provenance = self.rules.provenance
            return self.receivers.handle(method, wanted, body, provenance=provenance, may_edit=may_edit)
        if kind == "v1":
            return self.rules.handle(method, name.removeprefix("provisioning/"), body, may_edit=may_edit)
        if kind == "search":
            return 200, self._found(parse_qs(parts.query))
        if kind == "library-elements":
            return 200, {"result": {"elements": _page(self.library_panels, parse_qs(parts.query), "perPage")}}
        if kind == "playlists":
            return self._playlists(method, name, body, may_edit)
        return self._dashboards(method, name, body, may_edit)

    def _folders(self, method: str, uid: str, body: Any, may_edit: bool) -> Result:
        if method == "GET" and not uid:
            return 200, [{"uid": one["uid"], "title": one["title"]} for one in self.folders.values()]
        if method == "GET":
            folder = self.folders.get(uid)
            return (200, folder) if folder else _denied("folders:read")
        if not may_edit:
            return _denied("folders:create" if method == "POST" else "folders:delete")
        if method == "DELETE":
            return self._delete_folder(uid)
        if body["uid"] in self.folders:
            return 412, {"message": "the folder has been changed by someone else"}
        self.folders[body["uid"]] = body
        return 200, body

    def _delete_folder(self, uid: str) -> Result:
        """With the dashboards in it, but not where there are alert rules."""
        if count := sum(rule["folderUID"] == uid for rule in self.rules.stored.values()):
            return 400, {"message": f"folder contains {count} alert rules"}
        if self.folders.pop(uid, None) is None:
            return 404, {"message": "folder not found", "status": "not-found"}
        inside = [k for k, stored in self.dashboards.items() if stored["meta"]["folderUid"] == uid]
        for dashboard in inside:
            del self.dashboards[dashboard]
        return 200, {"message": "Folder deleted"}

    def _dashboards(self, method: str, uid: str, body: Any, may_edit: bool) -> Result:
        if method == "POST":
            return self._save(body, may_edit)
        there = self.dashboards.get(uid)
        if there is None:
            return 404, NOT_FOUND
        if method == "GET":
            return 200, there
        if not may_edit:
            return _denied("dashboards:delete")
        if there["meta"]["provisioned"]:
            return 400, {"message": "provisioned dashboard cannot be deleted"}
        self.deleted.append(self.dashboards.pop(uid))
        return 200, {"message": f"Dashboard {there['dashboard']['title']} deleted", "uid": uid}

    def _save(self, body: Json, may_edit: bool) -> Result:
        dashboard, folder = body["dashboard"], body["folderUid"]
        if not may_edit:
            return _denied("any of dashboards:create, dashboards:write")
        there = self.dashboards.get(dashboard["uid"])
        if there and there["meta"]["provisioned"]:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if there and not body["overwrite"]:
            return 412, {"message": "A dashboard with the same uid already exists"}
        if folder not in self.folders:
            return 400, {"message": "folder not found"}
        self._keep(dashboard, folder=folder, provisioned=False)
        return 200, {"uid": dashboard["uid"], "status": "success", "folderUid": folder}

    def _keep(self, dashboard: Json, *, folder: str, provisioned: bool) -> None:
        uid = dashboard["uid"]
        version = self.version(uid) + 1 if uid in self.dashboards else 1
        stored = {**copy.deepcopy(dashboard), "id": 7 + len(self.dashboards), "version": version}
        self.dashboards[uid] = {
            "meta": {"provisioned": provisioned, "folderUid": folder},
            "dashboard": stored,
        }

    def _found(self, params: dict[str, list[str]]) -> list[Json]:
        found = [
            {"uid": d["uid"], "title": d["title"], "tags": d["tags"], "type": "dash-db"}
            for d, folder in (
                (one["dashboard"], one["meta"]["folderUid"])
                for one in (*self.dashboards.values(), *self.deleted)
            )
            if set(params.get("tag", [])) <= set(d["tags"]) and folder in params.get("folderUIDs", [folder])
        ]
        return _page(found, params, "limit")

    def _playlists(self, method: str, uid: str, body: Any, may_edit: bool) -> Result:
        if method == "GET":
            return 200, [{k: v for k, v in p.items() if k != "items"} for p in self.playlists.values()]
        if not may_edit:
            return 403, {"message": "playlists.playlist.grafana.app is forbidden", "traceID": ""}
        if not body.get("name"):
            return 400, {"message": "bad request data", "traceID": ""}
        if not body["items"]:
            return 500, {"message": "no element on slice when insert", "traceID": ""}
        if method == "PUT" and uid not in self.playlists:
            return 404, {"message": f'playlists.playlist.grafana.app "{uid}" not found', "traceID": ""}
        uid = uid or f"list{len(self.playlists) + 1}"
        self.playlists[uid] = {"uid": uid, **body}
        return 200, self.playlists[uid]


class FakeGrafana(Organisation):
    """The first organisation, and its server. `redirect_to`: it sends everybody elsewhere. `anonymous`:
    whoever is not known is a viewer. `root`: the sub-path that it is served under.

    `backend`: what answers behind the proxy, by path and `Authorization`.
    """

    def __init__(self, *, anonymous: bool = False, redirect_to: str = "", root: str = "") -> None:
        super().__init__()
        self.anonymous = anonymous
        self.redirect_to = redirect_to
        self.root = root
        self.version_of_grafana = "12.3.0"
        self.plugins = dict(PLUGINS)
        self.backend: Callable[[str, str], Result] = lambda _path, _authorization: (200, [])
        self.skips_cache = False
        """Whether the present call asks for data sources as they are now, not as some seconds ago."""
        self._cache: dict[int, Json] = {}
        self.others: dict[str, Organisation] = {}
        self.closed_to_user: set[str] = set()
        """Organisations of which no user is a member."""
        self.calls: list[tuple[str, str]] = []
        self.health_credentials: list[str] = []
        """What was sent to `/api/health`, which needs none; these are not among the `calls`."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{root}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != "GET"]

    def respond(self, method: str, target: str, credentials: str, body: Any, organisation: str) -> Result:
        role = ROLES.get(credentials)
        if not target.startswith(f"{self.root}/api/"):
            return 404, {"message": "Not found"}
        target = target.removeprefix(self.root)
        path = urlsplit(target).path
        if path == "/api/health":
            self.health_credentials.append(credentials)
            return 200, {"database": "ok", "version": self.version_of_grafana, "commit": "20051fb1"}
        self.calls.append((method, path))
        if path == "/api/user":
            return (200, {"id": 0, "login": "somebody"}) if role else (401, {"message": "Unauthorized"})
        if role is None and not self.anonymous:
            return 401, {"message": "Invalid API key"}
        is_owner = role == "Server administrator"
        if path.startswith("/api/orgs"):
            return self._organisations(method, unquote(path.rpartition("/")[2]), body, is_owner)
        number = self._number(credentials, organisation)
        if (about := self._about_itself(path, role or "Viewer", number)) is not None:
            return about
        own = [self, *self.others.values()][number - 1]
        if path.startswith("/api/datasources/proxy/uid/"):
            return self._proxied(own, target.removeprefix("/api/datasources/proxy/uid/"))
        may_edit = role in ("Editor", "Admin", "Server administrator")
        return own.handle(method, target, body, may_edit=may_edit, is_admin=is_owner or role == "Admin")

    @property
    def names(self) -> list[str]:
        return ["Main Org.", *self.others]

    def _number(self, credentials: str, organisation: str) -> int:
        """A service account stays in its own, a user in the one before where the new one is closed."""
        wanted = int(organisation or 1)
        is_user = credentials.startswith("Basic ")
        return wanted if is_user and self.names[wanted - 1] not in self.closed_to_user else 1

    def _about_itself(self, path: str, role: str, number: int) -> Result | None:
        if path == "/api/org":
            return 200, {"id": number, "name": self.names[number - 1], "address": {}}
        if path == "/api/user/orgs":
            open_ones = [(i, n) for i, n in enumerate(self.names, 1) if n not in self.closed_to_user]
            return 200, [{"orgId": i, "name": n, "role": role} for i, n in open_ones]
        if path == "/api/access-control/user/actions":
            return 200, dict.fromkeys(PERMISSIONS[role], True)
        if path == "/api/frontend/settings":
            own = [self, *self.others.values()][number - 1]
            sources = {s["name"]: {"uid": s["uid"], "type": s["type"]} for s in own.data_sources.values()}
            build = {"version": self.version_of_grafana, "edition": "Open Source"}
            return 200, {"buildInfo": build, "datasources": {**sources, "-- Mixed --": {"type": "mixed"}}}
        if path.startswith("/api/plugins/"):
            plugin = path.split("/")[3]
            there = self.plugins.get(plugin)
            missing = {"message": "Plugin not found, no installed plugin with that id"}
            return (200, {"id": plugin, "info": {"version": there}}) if there else (404, missing)
        return None

    def _proxied(self, own: Organisation, rest: str) -> Result:
        """To the backend, with the data source's header; a 401 becomes a 400."""
        uid, _, path = rest.partition("/")
        source = own.data_sources.get(uid)
        if source is None:
            return 404, {"message": "Unable to find datasource"}
        if self.skips_cache:
            self._cache.pop(id(own), None)
        source = self._cache.setdefault(id(own), copy.deepcopy(source))
        settings = source.get("jsonData", {})
        names = {value: key for key, value in settings.items() if key.startswith("httpHeaderName")}
        place = names.get("Authorization", "").removeprefix("httpHeaderName")
        status, text = self.backend(
            f"/{path}", source.get("secureJsonData", {}).get(f"httpHeaderValue{place}", "")
        )
        return (400 if status == 401 else status), text

    def _organisations(self, method: str, name: str, body: Any, is_admin: bool) -> Result:
        if not is_admin:
            return _denied("orgs:read" if method == "GET" else "orgs:create")
        if method == "POST":
            name = body["name"]
            if name in self.others:
                return 409, {"message": "Organization name taken"}
            self.others[name] = Organisation()
        if name not in self.others:
            return 404, {"message": "Organization not found"}
        number = list(self.others).index(name) + 2
        return 200, {"orgId": number} if method == "POST" else {"id": number, "name": name}


def _page(found: list[Json], params: dict[str, list[str]], size: str) -> list[Json]:
    """Those of the page that is asked for; of the first one if none is."""
    count, number = int(params.get(size, ["1000"])[0]), int(params.get("page", ["1"])[0])
    return found[count * (number - 1) : count * number]


def _denied(permission: str) -> Result:
    text = f"You'll need additional permissions to perform this action. Permissions needed: {permission}"
    return 403, {"accessErrorId": "ACE0000000000", "message": text, "title": "Access denied"}


NO_SOURCES = _denied("datasources:read")


def _handler(grafana: FakeGrafana) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if grafana.redirect_to:
                self.send_response(301)
                self.send_header("Location", grafana.redirect_to + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            credentials = self.headers.get("Authorization", "")
            organisation = self.headers.get("X-Grafana-Org-Id", "")
            grafana.skips_cache = self.headers.get("X-Grafana-NoCache") == "true"
            for own in (grafana, *grafana.others.values()):
                own.rules.provenance = "" if "X-Disable-Provenance" in self.headers else "api"
            status, message = grafana.respond(self.command, self.path, credentials, body, organisation)
            text = json.dumps(message).encode() if status != 204 else b""
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815  # names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its own name for it
            """Silent."""

    return Handler
