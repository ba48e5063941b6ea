"""The steps of `install` and `uninstall`. In this order, nothing refers to an object that does not exist."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from butlr_grafana.install.documents import (
    INFINITY,
    MADE_BY,
    SIMPOD,
    UIDS,
    Files,
    Json,
    Names,
    dashboard,
    data_source,
    has_other_limits,
    is_current,
    is_same,
    kind_of,
    rule,
    updated_rule,
)
from butlr_grafana.install.usage import dependents
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError

NO_SUCH, HIDDEN, TAKEN = 404, 403, 409
BY_FILE = (
    "comes from a provisioning file. Remove it there first (docs/grafana.md, 'Remove what came from files'), "
    "or continue to install with files"
)
WHAT_TO_DO = (
    "note       the objects in use are not removed, but without the data source they get errors. Choose "
    "another data source in them, or delete them; or run `install` again: it creates the same data source. "
    "A rule with Keep Last State that fires now continues to fire until you delete it"
)
PrintLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of `install`.

    `url`, `token`: of the backend, as Grafana's server reaches it. `source_uid`: an existing data source that
    is used unchanged; empty: a data source is created.
    """

    names: Names
    url: str = ""
    token: str = ""
    source_uid: str = ""
    with_rules: bool = True
    with_simpod: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of data sources that are created."""
        infinity = () if self.source_uid else (INFINITY,)
        return (*infinity, *((SIMPOD,) if self.with_simpod and not self.source_uid else ()))

    @property
    def uids(self) -> dict[str, str]:
        """The uids of the data sources, by the kinds that the dashboards name."""
        return {
            INFINITY: self.source_uid or self.names.uid(UIDS[INFINITY]),
            SIMPOD: self.names.uid(UIDS[SIMPOD]),
        }


class Installation:
    """Our objects in one organisation of one Grafana. `print_line` is called with a line for each step."""

    def __init__(self, grafana: Grafana, files: Files, wanted: Wanted, print_line: PrintLine) -> None:
        self._grafana, self._wanted, self._print_line = grafana, wanted, print_line
        self._names = wanted.names
        self._groups = files.groups
        self._pages = {page["uid"]: page for page in files.dashboards}

    # --- install ------------------------------------------------------------------------------------------

    def install(self) -> None:
        """Creates or updates everything. It checks all existing objects before it changes any. Raises
        `GrafanaError`.
        """
        sources = {kind: self._source(self._wanted.uids[kind]) for kind in self._wanted.kinds}
        self._check_sources(sources)
        pages = [
            page for page in self._pages.values() if kind_of(page) != SIMPOD or SIMPOD in self._wanted.kinds
        ]
        there = {page["uid"]: self._dashboard(self._names.uid(page["uid"])) for page in pages}
        rules = self._rules() if self._wanted.with_rules else {}
        self._check_origin(there.values(), rules.values())
        for kind, source in sources.items():
            self._put_source(kind, source)
        self._put_folder()
        for page in pages:
            self._put_dashboard(page, there[page["uid"]])
        if self._wanted.with_rules:
            for group in self._groups:
                self._put_group(group, rules)

    def _check_sources(self, sources: Mapping[str, Json | None]) -> None:
        for kind, there in sources.items():
            if there is not None and there["type"] != kind:
                raise GrafanaError(
                    f"the data source with the uid {there['uid']} has the type {there['type']}, not {kind}: "
                    "give it another uid, or use --tenant NAME"
                )
            if there is not None and there.get("readOnly"):
                raise GrafanaError(f"the data source {there['name']} (uid {there['uid']}) {BY_FILE}")

    def _check_origin(self, pages: Iterable[Json | None], rules: Iterable[Json]) -> None:
        for page in pages:
            if page is not None and page["meta"].get("provisioned"):
                raise GrafanaError(f"the dashboard {page['dashboard']['title']} {BY_FILE}")
        for there in rules:
            if there["uid"] in self._rule_uids and there.get("provenance") == "file":
                raise GrafanaError(f"the alert rule {there['title']} {BY_FILE}")

    def _put_source(self, kind: str, there: Json | None) -> None:
        made = data_source(kind, self._names, url=self._wanted.url, token=self._wanted.token, there=there)
        what = f"the data source {made['name']} (uid {made['uid']})"
        if there is not None:
            path = f"/api/datasources/uid/{quote(made['uid'], safe='')}"
            self._grafana.request("PUT", path, f"change {what}", made)
            self._print_line(f"updated    {what}")
            return
        response = self._grafana.request("POST", "/api/datasources", f"create {what}", made, without=(TAKEN,))
        if response is None:
            raise GrafanaError(
                f"another data source is named {made['name']}, with another uid. To use it, give "
                "--datasource "
                "and its uid (the last part of its page's address). Otherwise rename it, or use --tenant NAME"
            )
        self._print_line(f"created    {what}")

    def _put_folder(self) -> None:
        folder = self._names.folder
        if self._folder() is not None:
            return
        self._grafana.request("POST", "/api/folders", f"create the folder {folder['title']}", folder)
        self._print_line(f"created    the folder {folder['title']}")

    def _put_dashboard(self, page: Json, there: Json | None) -> None:
        made = dashboard(page, self._names, self._wanted.uids, self._pages)
        if there is not None and is_same(made, there["dashboard"]):
            self._print_line(f"unchanged  the dashboard {made['title']}")
            return
        body = {
            "dashboard": made,
            "folderUid": there["meta"]["folderUid"] if there else self._names.folder["uid"],
            "overwrite": True,
            "message": "butlr-grafana install",
        }
        self._grafana.request("POST", "/api/dashboards/db", f"save the dashboard {made['title']}", body)
        self._print_line(f"{'updated' if there else 'created':<10} the dashboard {made['title']}")

    def _put_group(self, group: Json, there: Mapping[str, Json]) -> None:
        """A group that is new as a whole, with its interval; else rule by rule, so that what people have put
        into it, and how often it is looked at, stays.
        """
        uid, root = self._wanted.uids[INFINITY], self._grafana.url
        made = [rule(one, self._names, uid, group["title"], root) for one in group["rules"]]
        folder = self._names.folder["uid"]
        known = {(one["folderUID"], one["ruleGroup"]) for one in there.values()}
        if (folder, group["title"]) not in known and not any(one["uid"] in there for one in made):
            uid, title = (quote(text, safe="") for text in (folder, group["title"]))
            path = f"/api/v1/provisioning/folder/{uid}/rule-groups/{title}"
            body = {**group, "folderUid": folder, "rules": made}
            self._grafana.request("PUT", path, "create alert rules", body)
            for one in made:
                self._print_line(f"created    the alert rule {one['title']}")
            return
        for one in made:
            self._put_rule(one, there.get(one["uid"]))

    def _put_rule(self, made: Json, there: Json | None) -> None:
        if there is None:
            self._grafana.request("POST", "/api/v1/provisioning/alert-rules", "create alert rules", made)
            self._print_line(f"created    the alert rule {made['title']}")
            return
        renewed = updated_rule(made, there)
        own = " (with the limits that were changed in Grafana)" if has_other_limits(there) else ""
        if is_current(there, renewed):
            self._print_line(f"unchanged  the alert rule {made['title']}{own}")
            return
        path = f"/api/v1/provisioning/alert-rules/{made['uid']}"
        self._grafana.request("PUT", path, "change alert rules", {**there, **renewed})
        self._print_line(f"updated    the alert rule {made['title']}{own}")

    # --- uninstall ----------------------------------------------------------------------------------------

    def uninstall(self, sources: Iterable[str], *, dry_run: bool = False) -> None:
        """Removes only the objects that `install` created, by uid. Objects that people have added stay, and
        then the folder stays too. First it prints which of these use a data source that is removed.

        `sources`: the uids of our data sources in this Grafana. `dry_run`: only prints what it would remove.
        Raises `GrafanaError`.
        """
        rules = self._rules()
        there = {uid: self._dashboard(self._names.uid(uid)) for uid in self._pages}
        self._check_origin(there.values(), rules.values())
        known = {uid: source for uid in sorted(sources) if (source := self._source(uid)) is not None}
        self._list_dependents([one for one in known.values() if _is_removable(one)], rules)
        delete = self._list_only if dry_run else self._delete
        own_rules = self._rule_uids & rules.keys()
        if not (own_rules or any(there.values()) or known or self._folder()):
            self._print_line("nothing    there is nothing of `install` in this organisation")
            return
        for uid in sorted(own_rules):
            delete(f"/api/v1/provisioning/alert-rules/{uid}", f"the alert rule {rules[uid]['title']}")
        for uid, page in there.items():
            if page is not None:
                path = f"/api/dashboards/uid/{quote(self._names.uid(uid), safe='')}"
                delete(path, f"the dashboard {page['dashboard']['title']}")
        self._remove_folder(delete)
        for uid, source in known.items():
            what = f"the data source {source['name']} (uid {uid})"
            if _is_removable(source):
                delete(f"/api/datasources/uid/{quote(uid, safe='')}", what)
            else:
                self._print_line(f"kept       {what}: `install` did not create it")

    def _list_dependents(self, sources: Iterable[Json], rules: Mapping[str, Json]) -> None:
        """Prints what people have that uses these data sources, and what to do with it."""
        pages = {self._names.uid(page) for page in self._pages}
        others = [rule for uid, rule in rules.items() if uid not in self._rule_uids]
        found = list(dependents(self._grafana, sources, pages=pages, rules=others))
        for one in found:
            self._print_line(f"in use     {one.name} uses the data source {one.source}: {one.url}")
        if found:
            self._print_line(WHAT_TO_DO)

    def _delete(self, path: str, what: str) -> None:
        self._grafana.request("DELETE", path, f"delete {what}", without=(NO_SUCH,))
        self._print_line(f"removed    {what}")

    def _list_only(self, _path: str, what: str) -> None:
        self._print_line(f"to remove  {what}")

    def _remove_folder(self, delete: Callable[[str, str], None]) -> None:
        """Grafana would delete the dashboards in it too, so it has to be empty."""
        folder = self._folder()
        if folder is None:
            return
        uid = quote(self._names.folder["uid"], safe="")
        found = self._grafana.request("GET", f"/api/search?folderUIDs={uid}&limit=5000", "search dashboards")
        # Its index may still hold what was deleted a moment ago.
        own = {self._names.uid(page) for page in self._pages}
        left = [str(one["title"]) for one in found if one["uid"] not in own]
        left += [
            str(one["title"])
            for one in self._rules().values()
            if one["folderUID"] == folder["uid"] and one["uid"] not in self._rule_uids
        ]
        if left:
            self._print_line(
                f"kept       the folder {folder['title']}: it still contains {', '.join(sorted(left)[:5])}"
            )
            return
        delete(f"/api/folders/{uid}", f"the folder {folder['title']}")

    # --- what is there ------------------------------------------------------------------------------------

    @property
    def _rule_uids(self) -> set[str]:
        return {self._names.uid(one["uid"]) for group in self._groups for one in group["rules"]}

    def _source(self, uid: str) -> Json | None:
        path = f"/api/datasources/uid/{quote(uid, safe='')}"
        return _document(self._grafana.request("GET", path, "read data sources", without=(NO_SUCH,)))

    def _folder(self) -> Json | None:
        folder = self._names.folder
        path = f"/api/folders/{quote(folder['uid'], safe='')}"
        # Of a folder that is not there, Grafana says to most accounts that they may not see it.
        absent = (NO_SUCH, HIDDEN)
        return _document(
            self._grafana.request("GET", path, f"read the folder {folder['title']}", without=absent)
        )

    def _dashboard(self, uid: str) -> Json | None:
        path = f"/api/dashboards/uid/{quote(uid, safe='')}"
        return _document(self._grafana.request("GET", path, "read dashboards", without=(NO_SUCH,)))

    def _rules(self) -> dict[str, Json]:
        """All of the organisation by uid."""
        found = self._grafana.request("GET", "/api/v1/provisioning/alert-rules", "read alert rules")
        return {one["uid"]: one for one in found}


def _is_removable(source: Json) -> bool:
    """Whether `install` has created this data source."""
    marks = (source.get("jsonData") or {}).items()
    return not source.get("readOnly") and MADE_BY.items() <= marks


def _document(response: Any) -> Json | None:
    return None if response is None else dict(response)
