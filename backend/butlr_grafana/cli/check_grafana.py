"""`check --grafana URL`: what Grafana has of ours, and whether the backend answers through it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.assets import home
from butlr_grafana.cli.grafana import access_to
from butlr_grafana.install import account, requirements
from butlr_grafana.install.documents import INFINITY, files_in
from butlr_grafana.install.probe import fault_through
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError
from butlr_grafana.settings import Settings

OK, FAILED, SKIPPED = "ok", "FAILED", "skipped"
NO_SUCH = 404

Row = tuple[str, str, str]
"""A step, its state, and what is said of it."""


def rows(settings: Settings, url: str, *, organisation: str, source_uid: str) -> Iterator[Row]:
    """One after the other; where one fails on which the rest depends, the rest is left out."""
    try:
        access = access_to(settings, url)
    except SettingError as error:
        yield "grafana", FAILED, str(error)
        return
    with contextlib.closing(Grafana(access, role="Viewer")) as grafana:
        try:
            there = account.enter(grafana, organisation, may_make=False)
            found = requirements.look(grafana)
        except GrafanaError as error:
            yield "grafana", FAILED, str(error)
            return
        yield _row("grafana", partial(_version, found, f"organisation {there.name} at {grafana.url}"))
        yield from _plugins(found)
        yield _row("data source", partial(_source, found, source_uid))
        if source_uid in found.sources:
            yield _row("token", partial(_through, grafana, source_uid))
        yield _row("dashboards", partial(_pages, grafana))


def _version(found: requirements.Found, where: str) -> str:
    if requirements.numbers(found.version) < requirements.OLDEST:
        raise GrafanaError(f"Grafana {found.version}, {where}: 11.6 or newer is needed")
    return f"Grafana {found.version}, {where}"


def _plugins(found: requirements.Found) -> Iterator[Row]:
    for plugin in requirements.TRIED:
        version = found.plugins.get(plugin)
        if version is not None:
            yield "plugin", OK, f"{plugin} {version}"
        else:
            state = FAILED if plugin == INFINITY else SKIPPED
            yield "plugin", state, f"{plugin} is not installed; {requirements.USES[plugin]} need it"


def _source(found: requirements.Found, uid: str) -> str:
    requirements.check_source(found, uid)
    return f"uid {uid}, {INFINITY}"


def _through(grafana: Grafana, uid: str) -> str:
    fault = fault_through(grafana, uid)
    if fault:
        raise GrafanaError(fault)
    return "the backend answers through Grafana"


def _pages(grafana: Grafana) -> str:
    wanted = [page["uid"] for page in files_in(home()).dashboards]
    missing = [
        uid
        for uid in wanted
        if grafana.ask("GET", f"/api/dashboards/uid/{uid}", "read dashboards", without=(NO_SUCH,)) is None
    ]
    if len(missing) == len(wanted):
        raise GrafanaError("none is there: run `butlr-grafana install`, or use the provisioning files")
    return f"{len(wanted) - len(missing)} of {len(wanted)}" + (
        f"; missing: {', '.join(missing)}" if missing else ""
    )


def _row(step: str, work: Callable[[], str]) -> Row:
    try:
        return step, OK, work()
    except GrafanaError as error:
        return step, FAILED, str(error)
