"""Contact points as Grafana 12.3 keeps them (`pkg/services/ngalert/provisioning/contactpoints.go`), and its
test messages (`pkg/services/ngalert/api/api_alertmanager.go`).
"""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]
Result = tuple[int, Any]

NO_SMTP = "SMTP not configured, check your grafana.ini config file's [smtp] section"
REDACTED = "[REDACTED]"
DEFAULT = "grafana-default-email"
SECRETS = {"slack": ("url",), "email": ()}
CONFIG = "grafana/config/api/v1/alerts"
TEST = "grafana/config/api/v1/receivers/test"


class Receivers:
    """`stored`: the parts of contact points; those with the same name are one. `own_name`: the name of a
    part, if it differs. `sent`: what left, by the
    type of a part, with its settings and the alert. `fault`: why e-mail cannot be sent. `timed_out`: no test
    message is answered in time.
    """

    def __init__(self) -> None:
        default = {"addresses": "<example@email.com>"}
        self.stored: list[Json] = [{**part(DEFAULT, "email", default), "own_name": "email receiver"}]
        self.sent: list[tuple[str, Json, Json]] = []
        self.fault = NO_SMTP
        self.timed_out = False
        self.is_new = False
        """Grafana looks for new organisations once a minute."""

    @property
    def names(self) -> set[str]:
        return {one["name"] for one in self.stored}

    def handle(self, method: str, name: str, body: Any, *, provenance: str, may_edit: bool) -> Result:
        if self.is_new:
            return 500, {"message": "No alertmanager configuration present in this organization"}
        if method == "GET":
            return 200, [self._shown(one) for one in self.stored if not name or one["name"] == name]
        if not may_edit:
            return 403, {"message": "Permissions needed: alert.notifications:write"}
        if body["type"] == "email" and not body["settings"].get("addresses"):
            return 400, {"message": "invalid object specification: could not find addresses in settings"}
        made = {**part(body["name"], body["type"], body["settings"]), "uid": f"point{len(self.stored)}"}
        self.stored.append({**made, **({"provenance": provenance} if provenance else {})})
        return 202, self._shown(self.stored[-1])

    def test(self, body: Any, *, may_edit: bool) -> Result:
        if not may_edit:
            return 403, {"message": "Permissions needed: alert.notifications:write"}
        results, faults = [], 0
        for receiver in body["receivers"]:
            parts = []
            for one in receiver["grafana_managed_receiver_configs"]:
                there = next((p for p in self.stored if p["uid"] == one["uid"]), None)
                if one["uid"] and there is None:
                    return 400, {"message": f"unknown receiver: {one['uid']}"}
                secrets = {name: there["settings"][name] for name in SECRETS[one["type"]]} if there else {}
                error = self._send(one["type"], {**secrets, **one["settings"]}, body["alert"])
                state = {"status": "failed", "error": error} if error else {"status": "ok"}
                parts.append({"name": one["name"], "uid": one["uid"], **state})
                faults += bool(error)
            results.append({"name": receiver["name"], "grafana_managed_receiver_configs": parts})
        status = 408 if self.timed_out else 207 if faults else 200
        return status, {"alert": body["alert"], "receivers": results, "notified_at": "2026-06-17T12:00:00Z"}

    def config(self) -> Result:
        receivers = [{"name": name, "grafana_managed_receiver_configs": []} for name in sorted(self.names)]
        return 200, {"template_files": None, "alertmanager_config": {"receivers": receivers}}

    def _send(self, kind: str, settings: Json, alert: Json) -> str:
        if self.timed_out:
            return "the receiver timed out: context deadline exceeded"
        if kind == "email" and self.fault:
            return self.fault
        self.sent.append((kind, settings, alert))
        return ""

    def _shown(self, one: Json) -> Json:
        shown = copy.deepcopy(one)
        shown["name"] = shown.pop("own_name", shown["name"])
        for name in SECRETS[one["type"]]:
            shown["settings"][name] = REDACTED
        return shown


def part(name: str, kind: str, settings: Json) -> Json:
    return {"uid": "", "name": name, "type": kind, "settings": settings, "disableResolveMessage": False}
