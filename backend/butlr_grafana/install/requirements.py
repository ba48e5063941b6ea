"""What a Grafana needs before anything is installed: its version, and plugins that the pages ask through."""

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
    INFINITY: "every page, and the alert rules",
    SIMPOD: "the page Floor (JSON data source) alone",
    CHARTS: "the walls, and one panel of Patterns",
}
NO_SUCH = 404


@dataclass(frozen=True, slots=True)
class Found:
    """`plugins`: the version of each that is there, by its id. `sources`: the kind of each data source that
    the account may ask through, by its uid.
    """

    version: str
    plugins: dict[str, str]
    sources: dict[str, str]

    def has(self, plugin: str) -> bool:
        return plugin in self.plugins


def look(grafana: Grafana) -> Found:
    """What this Grafana is, whatever it lacks."""
    settings = grafana.ask("GET", "/api/frontend/settings", "tell its version")
    plugins: dict[str, str] = {}
    for plugin in TRIED:
        path = f"/api/plugins/{plugin}/settings"
        answer = grafana.ask("GET", path, "tell which plugins there are", without=(NO_SUCH,))
        if answer is not None:
            plugins[plugin] = str(answer["info"]["version"])
    sources = settings.get("datasources") or {}
    return Found(
        str(settings["buildInfo"]["version"]),
        plugins,
        {str(one["uid"]): str(one["type"]) for one in sources.values() if "uid" in one},
    )


def check(found: Found) -> None:
    """Raises `GrafanaError` where nothing of ours could work."""
    if numbers(found.version) < OLDEST:
        raise GrafanaError(
            f"this is Grafana {found.version}; {_text(OLDEST)} or newer is needed, as the plugin {INFINITY} "
            "asks for it; nothing has been changed"
        )
    if not found.has(INFINITY):
        raise GrafanaError(
            f"the plugin {INFINITY} is not in this Grafana, and {USES[INFINITY]} need it: run `grafana cli "
            f"plugins install {INFINITY}` where Grafana runs, and restart it; nothing has been changed"
        )


def check_source(found: Found, uid: str) -> None:
    """Raises `GrafanaError` where this data source cannot be asked through."""
    kind = found.sources.get(uid)
    if kind is None:
        raise GrafanaError(f"--datasource {uid}: there is no such data source in this organisation")
    if kind != INFINITY:
        raise GrafanaError(f"--datasource {uid}: is of the kind {kind}, not {INFINITY}")


def remarks(found: Found) -> Iterator[str]:
    """What works less well than it could, each a sentence."""
    if numbers(found.version) < BEST:
        yield f"Grafana {found.version}: not tried; {_text(BEST)} is the version that all was tried with"
    for plugin, tried in TRIED.items():
        if not found.has(plugin):
            yield f"the plugin {plugin} is not there: {USES[plugin]} need it"
        elif numbers(found.plugins[plugin]) < tried:
            yield f"{plugin} {found.plugins[plugin]}: older than {_text(tried)}, which was tried"


def numbers(version: str) -> tuple[int, ...]:
    """`12.3.0-pre` as (12, 3, 0); a version that cannot be read counts as the oldest."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
