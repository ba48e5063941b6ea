"""Data sources as Grafana 12.3's API keeps them (`pkg/api/datasources.go`)."""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]
Result = tuple[int, Any]

NOT_FOUND: Result = (404, {"message": "Data source not found"})


class Sources:
    """`stored`: by uid, with their secrets, which no answer holds. A provisioned one has `readOnly`."""

    def __init__(self) -> None:
        self.stored: dict[str, Json] = {}

    def handle(self, method: str, uid: str, body: Any) -> Result:
        there = self.stored.get(uid)
        if method == "POST":
            return self._add(body)
        if there is None:
            return NOT_FOUND
        if method == "GET":
            return 200, _shown(there)
        if there.get("readOnly"):
            verb = {"PUT": "update", "DELETE": "delete"}[method]
            return 403, {"message": f"Cannot {verb} read-only data source"}
        if method == "DELETE":
            del self.stored[uid]
            return 200, {"message": "Data source deleted"}
        return self._change(there, body)

    def _add(self, body: Json) -> Result:
        if body["name"] in {one["name"] for one in self.stored.values()}:
            return 409, {"message": "data source with the same name already exists"}
        if body["uid"] in self.stored:
            return 409, {"message": "data source with the same uid already exists"}
        self.stored[body["uid"]] = {"secureJsonData": {}, **copy.deepcopy(body), "id": 1, "version": 1}
        return 200, {"message": "Datasource added", "datasource": _shown(self.stored[body["uid"]])}

    def _change(self, there: Json, body: Json) -> Result:
        """The whole document, but for secrets that are not sent; `version` is that of what was read."""
        if body.get("version", 0) not in (0, there["version"]):
            return 409, {"message": "Datasource has already been updated by someone else."}
        others = {one["name"] for uid, one in self.stored.items() if uid != there["uid"]}
        if body["name"] in others:
            return 409, {
                "message": "Failed to update datasource: data source with the same name already exists"
            }
        secrets = {**there.get("secureJsonData", {}), **body.get("secureJsonData", {})}
        version = there["version"] + 1
        stored = {"id": there.get("id", 1), "secureJsonData": secrets, "version": version}
        self.stored[there["uid"]] = {**copy.deepcopy(body), **stored}
        return 200, {"message": "Datasource updated"}


def _shown(there: Json) -> Json:
    fields = {name: True for name, value in there.get("secureJsonData", {}).items() if value}
    shown = {k: copy.deepcopy(v) for k, v in there.items() if k != "secureJsonData"}
    return {"readOnly": False, **shown, "secureJsonFields": fields}
