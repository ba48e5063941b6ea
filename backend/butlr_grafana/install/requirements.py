"""What Grafana needs before the installation: its version, and the plugins of the dashboards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from butlr_grafana.install.documents import INFINITY, SIMPOD
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError

OLDEST, BEST = (11, 6), (12, 3)
CHARTS = "volkovlabs-echarts-panel"
TRIED = {INFINITY: (3, 11, 1), SIMPOD: (0, 6, 5), CHARTS: (7, 2, 5)}
USES = {
    INFINITY: "all dashboards and alert rules",
    SIMPOD: "the dashboard Floor (JSON data source) only",
    CHARTS: "the walls and some panels",
}
PROMETHEUS = "prometheus"
NO_SUCH = 404


@dataclass(frozen=True, slots=True)
class GrafanaState:
    """What this Grafana has.

    `plugins`: the version of each plugin, by its id. `sources`: by uid, the kind of each data source that the
    account may query.
    """

    version: str
    plugins: dict[str, str]
    sources: dict[str, str]

    def has(self, plugin: str) -> bool:
        return plugin in self.plugins


def read_grafana(grafana: Grafana) -> GrafanaState:
    """Reads Grafana's version, plugins and data sources. Checks nothing."""
    settings = grafana.request("GET", "/api/frontend/settings", "show its version")
    plugins: dict[str, str] = {}
    for plugin in TRIED:
        path = f"/api/plugins/{plugin}/settings"
        response = grafana.request("GET", path, "list its plugins", without=(NO_SUCH,))
        if response is not None:
            plugins[plugin] = str(response["info"]["version"])
    sources = settings.get("datasources") or {}
    return GrafanaState(
        str(settings["buildInfo"]["version"]),
        plugins,
        {str(one["uid"]): str(one["type"]) for one in sources.values() if "uid" in one},
    )


def check(found: GrafanaState) -> None:
    """Raises `GrafanaError` if our dashboards cannot work in this Grafana."""
    if numbers(found.version) < OLDEST:
        raise GrafanaError(
            f"this is Grafana {found.version}; {_text(OLDEST)} or newer is needed, because the plugin "
            f"{INFINITY} "
            "requires it; nothing has been changed"
        )
    if not found.has(INFINITY):
        raise GrafanaError(
            f"the plugin {INFINITY} is not installed, and {USES[INFINITY]} need it: run `grafana cli "
            f"plugins install {INFINITY}` where Grafana runs, and restart it; nothing has been changed"
        )


def check_source(found: GrafanaState, uid: str) -> None:
    """Raises `GrafanaError` if this data source cannot be queried."""
    kind = found.sources.get(uid)
    if kind is None:
        raise GrafanaError(f"--datasource {uid}: there is no such data source in this organisation")
    if kind != INFINITY:
        raise GrafanaError(f"--datasource {uid}: its type is {kind}, not {INFINITY}")


def remarks(found: GrafanaState) -> Iterator[str]:
    """What works less well than it could; each item is a sentence."""
    if numbers(found.version) < BEST:
        yield f"Grafana {found.version}: not tested; everything was tested with {_text(BEST)}"
    for plugin, tried in TRIED.items():
        if not found.has(plugin):
            yield f"the plugin {plugin} is not installed: {USES[plugin]} need it"
        elif numbers(found.plugins[plugin]) < tried:
            yield f"{plugin} {found.plugins[plugin]}: older than {_text(tried)}, the tested version"


def prometheus(found: GrafanaState) -> str:
    """What the dashboard Operations needs, and whether this Grafana may have it."""
    count = sum(kind == PROMETHEUS for kind in found.sources.values())
    there = {0: "there is none", 1: "there is one Prometheus"}.get(count, f"there are {count} Prometheus")
    tested = "; whether it has these metrics was not tested" if count else ""
    return (
        "the dashboard Operations needs a Prometheus data source in this organisation with the backend's "
        f"metrics: {there}{tested} (docs/operations.md)"
    )


def numbers(version: str) -> tuple[int, ...]:
    """`12.3.0-pre` as (12, 3, 0). A version that cannot be parsed counts as the oldest."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
