"""Alert rules as Grafana 12.3's provisioning API keeps them (`pkg/services/ngalert/provisioning`)."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import unquote

from tests.fake_grafana_receivers import Receivers

Json = dict[str, Any]
Result = tuple[int, Any]

DEFAULT_INTERVAL_S = 60


class AlertRules:
    """`stored`: by uid. `intervals`: of the groups, by folder and title. `folders`, `receivers`: the
    organisation's.

    Rules from files (`provenance: file`) cannot be changed by calls.
    """

    def __init__(self, folders: dict[str, Json], receivers: Receivers) -> None:
        self.stored: dict[str, Json] = {}
        self.intervals: dict[tuple[str, str], int] = {}
        self.provenance = "api"
        """Of what the present call writes; rules with one cannot be changed in Grafana."""
        self._folders, self._receivers = folders, receivers

    def handle(self, method: str, path: str, body: Any, *, may_edit: bool) -> Result:
        if method != "GET" and not may_edit:
            return 403, {"message": "Permissions needed: alert.rules:create"}
        if path.startswith("folder/"):
            _, folder, _, group = path.split("/", 3)
            return self._replace_group(folder, unquote(group), body)
        uid = path.removeprefix("alert-rules").removeprefix("/")
        if method == "GET":
            return 200, [self._shown(rule) for rule in self.stored.values()]
        if method == "POST":
            return self._create(body)
        there = self.stored.get(uid)
        if there is not None and there["provenance"]:
            return 409, {
                "message": f"cannot {method} with provided provenance '', needs '{there['provenance']}'"
            }
        if method == "DELETE":
            self.stored.pop(uid, None)
            return 204, ""
        return (404, None) if there is None else self._keep(body)

    def add(self, rule: Json, *, provenance: str = "") -> None:
        """As by somebody else."""
        self.stored[rule["uid"]] = {
            "notification_settings": None,
            **copy.deepcopy(rule),
            "provenance": provenance,
        }
        self.intervals.setdefault((rule["folderUID"], rule["ruleGroup"]), DEFAULT_INTERVAL_S)

    def _create(self, body: Json) -> Result:
        if body["uid"] in self.stored:
            return 409, {"message": "alert rule with the same uid already exists"}
        status, text = self._keep(body)
        return (201 if status == 200 else status), text

    def _keep(self, body: Json) -> Result:
        if body["folderUID"] not in self._folders:
            return 400, {"message": "invalid alert rule: folder does not exist"}
        told = body.get("notification_settings")
        if told and told["receiver"] not in self._receivers.names:
            return 400, {"message": f"invalid alert rule\nreceiver {told['receiver']} does not exist"}
        self.intervals.setdefault((body["folderUID"], body["ruleGroup"]), DEFAULT_INTERVAL_S)
        # What Grafana reads; it passes over the rest, as it does names of the file's form.
        self.stored[body["uid"]] = {
            **{name: copy.deepcopy(body.get(name)) for name in READ},
            "provenance": self.provenance,
        }
        # It completes each query's model.
        for step in self.stored[body["uid"]]["data"]:
            step["model"] |= {"intervalMs": 1000, "maxDataPoints": 43200}
        return 200, self._shown(self.stored[body["uid"]])

    def _replace_group(self, folder: str, group: str, body: Json) -> Result:
        """What is not among the rules sent is deleted."""
        for uid in [
            k for k, one in self.stored.items() if (one["folderUID"], one["ruleGroup"]) == (folder, group)
        ]:
            del self.stored[uid]
        for rule in body["rules"]:
            status, text = self._keep({**rule, "folderUID": folder, "ruleGroup": group})
            if status != 200:
                return status, text
        self.intervals[folder, group] = body["interval"]
        return 200, body

    def _shown(self, rule: Json) -> Json:
        shown = {**copy.deepcopy(rule), "id": 5, "orgID": 1, "updated": "2026-06-17T12:00:00Z"}
        return shown if shown["provenance"] else {k: v for k, v in shown.items() if k != "provenance"}


READ = (
    "uid", "folderUID", "ruleGroup", "title", "condition", "data", "noDataState", "execErrState", "for",
    "keep_firing_for", "annotations", "labels", "isPaused", "notification_settings", "record",
    "missingSeriesEvalsToResolve",
)  # fmt: skip
"""The fields of `ProvisionedAlertRule`."""
