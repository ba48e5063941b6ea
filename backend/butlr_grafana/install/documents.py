"""What `install` writes, in the format of Grafana's HTTP API. Pure functions from documents to documents.

Each object has a uid that never changes. So a second `install` finds the objects of the first one, and
`uninstall` removes exactly these.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

Json = dict[str, Any]

INFINITY, SIMPOD = "yesoreyeram-infinity-datasource", "simpod-json-datasource"
UIDS = {INFINITY: "butlr", SIMPOD: "butlr-json"}
NAMES = {INFINITY: "Butlr", SIMPOD: "Butlr (JSON)"}
VARIABLES = {INFINITY: "ds", SIMPOD: "ds_json"}
"""The dashboards' variables, by the kind of data source that they choose."""

MADE_BY = {"madeBy": "butlr-grafana install"}
"""A key in a data source's `jsonData` that marks the objects that `uninstall` may remove. Grafana and the
plugins ignore it.
"""

TAG = "butlr"
RULES_FILE = "provisioning/http-api/alert-rules.json"
TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?")
"""With the longest uid of ours it makes 40 characters, which is Grafana's limit."""

_DASHBOARD, _PANEL = "__dashboardUid__", "__panelId__"
_LIMITS = "__butlr_limits__"
"""A rule's annotation: the limits that it was written with. Messages leave out annotations of this form."""

_ROOT = "{{ externalURL }}"
"""What Grafana makes its own address of, in an alert."""

_SERVERS_OWN = ("id", "version")
"""What Grafana adds to a dashboard as it keeps it."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names and uids of our objects. `tenant`: a prefix that separates several installations in one
    organisation.
    """

    tenant: str = ""

    def uid(self, own: str) -> str:
        return f"{own}-{self.tenant}" if self.tenant else own

    def title(self, own: str) -> str:
        return f"{own} ({self.tenant})" if self.tenant else own

    @property
    def folder(self) -> Json:
        return {"uid": self.uid("butlr"), "title": self.title("Butlr")}


@dataclass(frozen=True, slots=True)
class Files:
    """The dashboards and the groups of alert rules, from the files of the package."""

    dashboards: tuple[Json, ...]
    groups: tuple[Json, ...]


def files_in(root: Path) -> Files:
    """Reads the files. `root`: a folder with the same folders as the repository."""
    pages = sorted((root / "grafana-dashboards").glob("*.json"))
    return Files(
        tuple(orjson.loads(page.read_bytes()) for page in pages),
        tuple(orjson.loads((root / RULES_FILE).read_bytes())),
    )


def kind_of(dashboard: Mapping[str, Any]) -> str:
    """The kind of data source that a dashboard uses."""
    return next(str(v["query"]) for v in dashboard["templating"]["list"] if v["type"] == "datasource")


def data_source(kind: str, names: Names, *, url: str, token: str, there: Mapping[str, Any] | None) -> Json:
    """Our data source. `there`: Grafana's version; its other settings and headers stay, and so do secrets
    that are not sent.
    """
    header = f"Bearer {token}" if token else ""
    old: Json = dict((there or {}).get("jsonData") or {})
    place = _place_of_our_header(old)
    own: Json = {**MADE_BY, **({f"httpHeaderName{place}": "Authorization"} if header else {})}
    if kind == INFINITY:
        # Infinity sends a secret header to hosts on this list only.
        own["allowedHosts"] = list(dict.fromkeys([url, *old.get("allowedHosts", [])]))
    preserved = (
        "name",
        "user",
        "database",
        "basicAuth",
        "basicAuthUser",
        "withCredentials",
        "isDefault",
        "version",
    )
    return {
        "name": names.title(NAMES[kind]),
        **{name: there[name] for name in preserved if there and name in there},
        "uid": names.uid(UIDS[kind]),
        "type": kind,
        "access": "proxy",
        "url": url,
        "jsonData": {**old, **own},
        **({"secureJsonData": {f"httpHeaderValue{place}": header}} if header else {}),
    }


def _place_of_our_header(settings: Mapping[str, Any]) -> int:
    """The number of the header `Authorization`, or the first that is free."""
    numbered = {
        int(found[1]): str(value)
        for name, value in settings.items()
        if (found := re.fullmatch(r"httpHeaderName(\d+)", name))
    }
    ours = [number for number, name in numbered.items() if name.lower() == "authorization"]
    free = next(number for number in range(1, len(numbered) + 2) if number not in numbered)
    return min(ours, default=free)


def dashboard(page: Json, names: Names, uids: Mapping[str, str], pages: Iterable[str]) -> Json:
    """A dashboard with the uids of this installation. `uids`: the data sources by kind. `pages`: all
    dashboards.
    """
    made = copy.deepcopy(page)
    for variable in made["templating"]["list"]:
        if variable["type"] == "datasource" and variable["query"] in uids:
            variable["current"]["value"] = uids[variable["query"]]
            variable["current"]["text"] = names.title(variable["current"]["text"])
            if names.tenant:
                # Only the tenant's own: another's would be empty, or somebody else's.
                variable["regex"] = f"/^{re.escape(variable['current']['text'])}$/"
    if not names.tenant:
        return made
    text = orjson.dumps(made).decode()
    for uid in pages:
        text = text.replace(f'"d/{uid}?', f'"d/{names.uid(uid)}?')
    made = orjson.loads(text)
    made["uid"] = names.uid(page["uid"])
    made["tags"] = [names.uid(tag) for tag in made["tags"]]
    for link in made["links"]:
        link["tags"] = [names.uid(tag) for tag in link["tags"]]
    return dict(made)


def is_same(made: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Whether Grafana's version is equal, so that it need not be written again. Each write adds a version to
    its history.
    """
    own, theirs = ({k: v for k, v in one.items() if k not in _SERVERS_OWN} for one in (made, there))
    return own == theirs


def holds(there: Any, made: Any) -> bool:
    """Whether Grafana's version contains all that we would write. Grafana adds fields of its own."""
    if isinstance(made, dict):
        return isinstance(there, dict) and all(k in there and holds(there[k], v) for k, v in made.items())
    if isinstance(made, list):
        return isinstance(there, list) and len(there) == len(made) and all(map(holds, there, made))
    return bool(there == made)


def is_current(there: Json, renewed: Json) -> bool:
    """Whether a rule of Grafana's is as `updated_rule` makes it."""
    return holds(there, renewed) and (there.get("annotations") or {}).keys() == renewed["annotations"].keys()


def rule(source: Json, names: Names, uid: str, group: str, root: str) -> Json:
    """A rule in our folder that queries the data source `uid`. `root`: Grafana's address."""
    made = addressed(source, names, uid, root)
    made["annotations"][_LIMITS] = _limits_of(made)
    return {**made, "folderUID": names.folder["uid"], "ruleGroup": group}


def addressed(source: Json, names: Names, uid: str, root: str) -> Json:
    """A rule that queries the data source `uid`, with the uids and links of this installation.

    A rule's own page shows its annotations unchanged, so the runbook's address is complete.
    """
    text = orjson.dumps(source).decode()
    own = UIDS[INFINITY]
    for around in ('"{}"', "/uid/{}/", "var-ds={}&"):
        text = text.replace(around.format(own), around.format(uid))
    if names.tenant:
        text = re.sub(r"d/(butlr-\w+)\?", lambda found: f"d/{names.uid(found[1])}?", text)
    made: Json = orjson.loads(text)
    made["uid"] = names.uid(source["uid"])
    made["annotations"]["runbook_url"] = made["annotations"]["runbook_url"].replace(_ROOT, f"{root}/")
    made["labels"] = {
        **source["labels"],
        "product": TAG,
        **({"tenant": names.tenant} if names.tenant else {}),
    }
    return made


def updated_rule(made: Json, there: Mapping[str, Any]) -> Json:
    """Our rule with the changes that people have made: its folder, its notification settings, its pause, more
    labels and annotations, and changed limits.
    """
    preserved = ("folderUID", "ruleGroup", "isPaused", "notification_settings", "keep_firing_for")
    renewed = {
        **made,
        **{name: there[name] for name in preserved if there.get(name) is not None},
        "labels": {**(there.get("labels") or {}), **made["labels"]},
        "annotations": {**_without_our_panel(there.get("annotations") or {}), **made["annotations"]},
    }
    if has_other_limits(there):
        renewed["for"] = there["for"]
        # It names the limit.
        renewed["annotations"]["summary"] = there["annotations"]["summary"]
        renewed["data"] = [
            _with_conditions_of(step, {old["refId"]: old for old in there["data"]}) for step in made["data"]
        ]
    return renewed


def _without_our_panel(annotations: Mapping[str, str]) -> Json:
    """Without the link to a panel of ours that earlier versions wrote: in e-mails it opened another floor."""
    is_ours = annotations.get(_DASHBOARD, "").startswith(f"{TAG}-")
    return {
        name: text for name, text in annotations.items() if not (is_ours and name in (_DASHBOARD, _PANEL))
    }


def has_other_limits(there: Mapping[str, Any]) -> bool:
    """Whether somebody has changed the limits since the rule was written."""
    written = (there.get("annotations") or {}).get(_LIMITS)
    return written is not None and written != _limits_of(there)


def _with_conditions_of(step: Json, old: Mapping[str, Json]) -> Json:
    """The words of a query that repeat the limits stay ours: they only say where an event begins and ends."""
    if "conditions" not in step["model"] or "conditions" not in old.get(step["refId"], {}).get("model", {}):
        return step
    return {**step, "model": {**step["model"], "conditions": old[step["refId"]]["model"]["conditions"]}}


def _limits_of(rule: Mapping[str, Any]) -> str:
    """Begin, end, how long; as one text."""
    numbers = [
        number
        for step in rule["data"]
        for condition in step["model"].get("conditions", [])
        for part in ("evaluator", "unloadEvaluator")
        for number in condition.get(part, {}).get("params", [])
    ]
    return " ".join([*(f"{number:g}" for number in numbers), str(rule["for"])])
