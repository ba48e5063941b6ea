"""The steps of `alert`: the folder, the contact point, the rule, and a test message."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from butlr_grafana.install.documents import Json, Names, is_current
from butlr_grafana.install.own_alert import (
    Example,
    Limit,
    email_point,
    fault_in,
    renewed,
    rule_for,
    trial_message,
)
from butlr_grafana.install.places import Place, listed
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError

CONTACT_POINTS = "/api/v1/provisioning/contact-points"
"""Parts of contact points. Asked by `name`, it is the contact point's; in the answer it is the part's own."""

ALERTMANAGER = "/api/alertmanager/grafana/config/api/v1/alerts"
"""Among other things, all contact points with their names; also one that was created a second ago."""

RULES = "/api/v1/provisioning/alert-rules"
TEST = "/api/alertmanager/grafana/config/api/v1/receivers/test"
INVALID, NO_SUCH, TIMED_OUT, FAILED = 400, 404, 408, 500
FOLDERS_OF_A_PAGE = 1000

PrintLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class WantedAlert:
    """The options of `alert`.

    `email` or `contact_point`: who is told; if both are empty, the notification policies decide. `title`:
    empty if none is given. `source`: the data source's uid.
    """

    place: Place
    limit: Limit
    names: Names
    source: str
    title: str = ""
    email: str = ""
    contact_point: str = ""


class OwnAlert:
    """One alert rule of people's own. `dry_run`: only prints what it would write."""

    def __init__(
        self, grafana: Grafana, example: Example, wanted: WantedAlert, print_line: PrintLine, *, dry_run: bool
    ) -> None:
        self._grafana, self._example, self._wanted = grafana, example, wanted
        self._print_line, self._dry_run = print_line, dry_run
        self._title_of_folder = wanted.names.title(example.folder)
        self._parts: list[Json] = []
        """Of the contact point; empty as long as it does not exist."""

    def write(self) -> Json:
        """Creates or updates everything, and returns the rule. It reads and checks all before it writes."""
        rules = {
            one["uid"]: dict(one) for one in self._grafana.request("GET", RULES, "read alert rules") or []
        }
        wanted = self._wanted
        made = rule_for(
            wanted.place,
            wanted.limit,
            self._example.rule,
            wanted.names,
            source=wanted.source,
            root=self._grafana.url,
        )
        there = rules.get(made["uid"])
        folder = self._folder()
        point = self._contact_point()
        given = {"title"} if wanted.title else set()
        if wanted.title:
            made["title"] = wanted.title
        if point:
            given.add("notification_settings")
            made["notification_settings"] = {"receiver": point}
        made["folderUID"] = folder["uid"]
        made["ruleGroup"] = self._example.group
        rule = renewed(made, there, given=given) if there else made
        self._check_title(rule, rules)
        self._put_folder(folder, needed=there is None)
        self._put_point(point, wanted.email)
        self._put_rule(rule, there, rules)
        return rule

    def _folder(self) -> Json:
        """The folder; it has no `id` if it does not exist yet. People may have made one with this title."""
        path = f"/api/folders?limit={FOLDERS_OF_A_PAGE}"
        found = self._grafana.request("GET", path, "list folders") or []
        uid = self._wanted.names.uid("our-alerts")
        for key, value in (("uid", uid), ("title", self._title_of_folder)):
            if own := next((one for one in found if one[key] == value), None):
                return {"uid": own["uid"], "title": own["title"], "is_there": True}
        return {"uid": uid, "title": self._title_of_folder}

    def _contact_point(self) -> str:
        """The contact point's name; empty if none is given."""
        wanted = self._wanted
        if not wanted.email and not wanted.contact_point:
            return ""
        name = wanted.contact_point or str(email_point(wanted.email)["name"])
        path = f"{CONTACT_POINTS}?{urlencode({'name': name})}"
        found = self._grafana.request("GET", path, "read contact points", also=(FAILED,))
        if not isinstance(found, list):
            raise GrafanaError(
                f"Grafana cannot read contact points ({found.get('message', FAILED)}). If the organisation "
                "is new, wait a minute: Grafana then prepares its alerting. Then run this again"
            )
        self._parts = [dict(part) for part in found]
        if wanted.email:
            self._check_address(name)
        elif not self._parts:
            there = self._grafana.request("GET", ALERTMANAGER, "list contact points")
            names = listed(sorted(str(one["name"]) for one in there["alertmanager_config"]["receivers"]))
            raise GrafanaError(f"--contact-point {name}: there is no such contact point. It may be: {names}")
        return name

    def _check_address(self, name: str) -> None:
        address = self._wanted.email
        found = [(part["type"], part["settings"].get("addresses")) for part in self._parts]
        if found and found != [("email", address)]:
            raise GrafanaError(
                f"--email {address}: there is a contact point '{name}', but it does not send to this address "
                "only. Correct it in Grafana, or give --contact-point NAME"
            )

    def _check_title(self, rule: Json, rules: Mapping[str, Json]) -> None:
        for other in rules.values():
            place = (other["folderUID"], other["title"])
            if other["uid"] != rule["uid"] and place == (rule["folderUID"], rule["title"]):
                raise GrafanaError(
                    f"another alert rule in this folder has the title '{rule['title']}'. Give --title TEXT "
                    "with another title"
                )

    def _put_folder(self, folder: Json, *, needed: bool) -> None:
        if "is_there" in folder or not needed:
            return
        self._do("POST", "/api/folders", folder, f"the folder {folder['title']}")

    def _put_point(self, name: str, address: str) -> None:
        what = f"the contact point {name}"
        if self._parts:
            self._print_line(f"unchanged  {what}")
        elif address:
            made = self._do("POST", CONTACT_POINTS, email_point(address), what)
            self._parts = [dict(made)] if made else []

    def _put_rule(self, rule: Json, there: Json | None, rules: Mapping[str, Json]) -> None:
        what = f"the alert rule {rule['title']}"
        if there is not None:
            if is_current(there, rule):
                self._print_line(f"unchanged  {what}")
                return
            self._do("PUT", f"{RULES}/{rule['uid']}", {**there, **rule}, what)
            return
        place = (rule["folderUID"], rule["ruleGroup"])
        if any((one["folderUID"], one["ruleGroup"]) == place for one in rules.values()):
            self._do("POST", RULES, rule, what)
            return
        # A group that is new: with it, its interval is written.
        uid, title = (quote(text, safe="") for text in place)
        path = f"/api/v1/provisioning/folder/{uid}/rule-groups/{title}"
        interval, group = self._example.every_s, self._example.group
        body = {"title": group, "folderUid": place[0], "interval": interval, "rules": [rule]}
        self._do("PUT", path, body, what, verb="create")

    def _do(self, method: str, path: str, body: Json, what: str, *, verb: str = "") -> Any:
        verb = verb or {"POST": "create", "PUT": "update"}[method]
        if self._dry_run:
            self._print_line(f"to {verb:<7} {what}")
            return None
        response = self._grafana.request(method, path, f"{verb} {what}", body)
        self._print_line(f"{verb + 'd':<10} {what}")
        return response

    def test(self, name: str, title: str) -> str:
        """Lets Grafana send a test message to the contact point `name`. Returns why it could not; empty if it
        could.
        """
        body = trial_message(name, self._parts, title)
        doing = "send a test message to a contact point"
        response = self._grafana.request(
            "POST", TEST, doing, body, without=(NO_SUCH,), also=(INVALID, TIMED_OUT)
        )
        if response is None:
            return (
                "this version of Grafana does not do it through its API; use the button Test on the contact "
                "point's page"
            )
        return fault_in(response)
