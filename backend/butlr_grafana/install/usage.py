"""What people have that uses a data source: their dashboards, library panels and alert rules.

A dashboard names a data source in several ways: in a query, panel or annotation, as the value of a variable,
and inside the address of a picture or file that comes through Grafana's proxy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from butlr_grafana.kiosk.grafana_api import Grafana

PAGE = 500
"""Dashboards or library panels of one response."""

NO_LONGER_THERE, HIDDEN, OTHER_SCHEMA = 404, 403, 406

_REFERENCES = ("datasource", "datasourceUid")


def uses(document: object, source: Mapping[str, Any]) -> bool:
    """Whether a dashboard, a library panel or a rule uses this data source (with its `uid` and `name`)."""
    return _uses(document, {str(source["uid"]), str(source["name"])}, f"/uid/{source['uid']}/")


def _uses(value: object, names: Collection[str], address: str) -> bool:
    if isinstance(value, str):
        return address in value
    if isinstance(value, list):
        return any(_uses(one, names, address) for one in value)
    if not isinstance(value, Mapping):
        return False
    if any(_refers(value.get(key), names) for key in _REFERENCES) or _is_variable_with(value, names):
        return True
    return any(_uses(one, names, address) for one in value.values())


def _refers(reference: object, names: Collection[str]) -> bool:
    """Older dashboards name a data source by its name, those of the schema 2 by `{name: uid}`."""
    if isinstance(reference, Mapping):
        return reference.get("uid") in names or reference.get("name") in names
    return isinstance(reference, str) and reference in names


def _is_variable_with(value: Mapping[str, Any], names: Collection[str]) -> bool:
    """Whether this is a variable of data sources, with one of these chosen."""
    if value.get("type") != "datasource" and "pluginId" not in value:
        return False
    current = value.get("current")
    chosen = current.get("value") if isinstance(current, Mapping) else None
    return any(one in names for one in (chosen if isinstance(chosen, list) else [chosen]))


@dataclass(frozen=True, slots=True)
class Dependent:
    """An object that uses a data source: for example `the dashboard Energy`, the data source's name, and the
    object's address in Grafana.
    """

    name: str
    source: str
    url: str


def dependents(
    grafana: Grafana,
    sources: Iterable[Mapping[str, Any]],
    *,
    pages: Collection[str],
    rules: Iterable[Mapping[str, Any]],
) -> Iterator[Dependent]:
    """What uses these data sources (with their `uid` and `name`), besides our own dashboards.

    `pages`: the uids of our dashboards. `rules`: all rules that are not ours. It reads every dashboard,
    because Grafana has no search by data source.
    """
    wanted = list(sources)
    if not wanted:
        return
    for name, path, document in _documents(grafana, pages, rules):
        for source in wanted:
            if uses(document, source):
                yield Dependent(name, str(source["name"]), f"{grafana.url}/{path}")


def _documents(
    grafana: Grafana, pages: Collection[str], rules: Iterable[Mapping[str, Any]]
) -> Iterator[tuple[str, str, object]]:
    """For each object: what it is called, the path of its page, its document."""
    for found in _dashboards(grafana):
        if found["uid"] in pages:
            continue
        path = f"/api/dashboards/uid/{quote(str(found['uid']), safe='')}"
        there = grafana.request(
            "GET", path, "read dashboards", without=(NO_LONGER_THERE, HIDDEN, OTHER_SCHEMA)
        )
        if there is not None:
            yield f"the dashboard {found['title']}", f"d/{found['uid']}", there["dashboard"]
    for panel in _library_panels(grafana):
        yield f"the library panel {panel['name']}", "library-panels", panel.get("model")
    for rule in rules:
        yield f"the alert rule {rule['title']}", f"alerting/grafana/{rule['uid']}/view", rule["data"]


def _dashboards(grafana: Grafana) -> Iterator[Mapping[str, Any]]:
    number = 1
    while True:
        path = f"/api/search?type=dash-db&limit={PAGE}&page={number}"
        found = grafana.request("GET", path, "search dashboards")
        yield from found
        if len(found) < PAGE:
            return
        number += 1


def _library_panels(grafana: Grafana) -> Iterator[Mapping[str, Any]]:
    number = 1
    while True:
        path = f"/api/library-elements?kind=1&perPage={PAGE}&page={number}"
        response = grafana.request("GET", path, "list library panels", without=(NO_LONGER_THERE, HIDDEN))
        found = response["result"]["elements"] if response else []
        yield from found
        if len(found) < PAGE:
            return
        number += 1
