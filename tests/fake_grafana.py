"""A Grafana as far as walls need it, over a real socket. What it answers is what Grafana 12.3 was seen to."""

from __future__ import annotations

import base64
import copy
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Json = dict[str, Any]
Result = tuple[int, Any]

EDITOR, VIEWER, PASSWORD = "glsa_editors_token", "glsa_viewers_token", "s3cret-value"
_USER = base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
_OWNER = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
ROLES = {
    f"Bearer {EDITOR}": "Editor",
    f"Basic {_USER}": "Editor",
    f"Basic {_OWNER}": "Server administrator",
    f"Bearer {VIEWER}": "Viewer",
}

NOT_FOUND = {"message": "Dashboard not found"}


class Organisation:
    """What is in one, and what is answered about it to who is let in."""

    def __init__(self) -> None:
        self.dashboards: dict[str, Json] = {}
        self.folders: dict[str, Json] = {}
        self.playlists: dict[str, Json] = {}
        self.data_sources: dict[str, Json] = {}

    def provision(self, dashboard: Json) -> None:
        self._keep(dashboard, folder="butlr", provisioned=True)

    def version(self, uid: str) -> int:
        version: int = self.dashboards[uid]["dashboard"]["version"]
        return version

    def asked(self, method: str, target: str, body: Any, *, may_edit: bool, is_admin: bool) -> Result:
        parts = urlsplit(target)
        kind, _, name = parts.path.removeprefix("/api/").removeprefix("dashboards/").partition("/")
        if kind == "folders":
            return self._folders(method, name, body, may_edit)
        if kind == "datasources":
            return self._data_sources(method, name.removeprefix("uid/"), body, is_admin)
        if kind == "search":
            return 200, self._tagged(parse_qs(parts.query)["tag"][0])
        if kind == "playlists":
            return self._playlists(method, name, body, may_edit)
        return self._dashboards(method, name, body, may_edit)

    def _data_sources(self, method: str, uid: str, body: Any, is_admin: bool) -> Result:
        if not is_admin:
            return _denied("datasources:read")
        if method == "GET":
            there = self.data_sources.get(uid)
            shown = {k: v for k, v in (there or {}).items() if k != "secureJsonData"}
            return (200, shown) if there else (404, {"message": "Data source not found"})
        if method == "PUT" and uid not in self.data_sources:
            return 404, {"message": "Data source not found"}
        self.data_sources[body["uid"]] = body
        return 200, {"message": "Datasource added"}

    def _folders(self, method: str, uid: str, body: Any, may_edit: bool) -> Result:
        if method == "GET":
            folder = self.folders.get(uid)
            return (200, folder) if folder else _denied("folders:read")
        if not may_edit:
            return _denied("folders:create")
        if body["uid"] in self.folders:
            return 412, {"message": "the folder has been changed by someone else"}
        self.folders[body["uid"]] = body
        return 200, body

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
        del self.dashboards[uid]
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
        kept = {**copy.deepcopy(dashboard), "id": 7 + len(self.dashboards), "version": version}
        self.dashboards[uid] = {
            "meta": {"provisioned": provisioned, "folderUid": folder},
            "dashboard": kept,
        }

    def _tagged(self, tag: str) -> list[Json]:
        found = [one["dashboard"] for one in self.dashboards.values()]
        return [
            {"uid": d["uid"], "title": d["title"], "tags": d["tags"], "type": "dash-db"}
            for d in found
            if tag in d["tags"]
        ]

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
    whoever is not known is a viewer.
    """

    def __init__(self, *, anonymous: bool = False, redirect_to: str = "") -> None:
        super().__init__()
        self.anonymous = anonymous
        self.redirect_to = redirect_to
        self.others: dict[str, Organisation] = {}
        self.calls: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != "GET"]

    def answer(self, method: str, target: str, credentials: str, body: Any, organisation: str) -> Result:
        role = ROLES.get(credentials)
        path = urlsplit(target).path
        self.calls.append((method, path))
        if path == "/api/user":
            return (200, {"id": 0, "login": "somebody"}) if role else (401, {"message": "Unauthorized"})
        if role is None and not self.anonymous:
            return 401, {"message": "Invalid API key"}
        is_admin = role == "Server administrator"
        if path.startswith("/api/orgs"):
            return self._organisations(method, unquote(path.rpartition("/")[2]), body, is_admin)
        own = [self, *self.others.values()][int(organisation or 1) - 1]
        return own.asked(method, target, body, may_edit=is_admin or role == "Editor", is_admin=is_admin)

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


def _denied(permission: str) -> Result:
    said = f"You'll need additional permissions to perform this action. Permissions needed: {permission}"
    return 403, {"accessErrorId": "ACE0000000000", "message": said, "title": "Access denied"}


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
            status, said = grafana.answer(self.command, self.path, credentials, body, organisation)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PUT = do_DELETE = _do  # noqa: N815  # names that http.server calls

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # its own name for it
            """Silent."""

    return Handler
