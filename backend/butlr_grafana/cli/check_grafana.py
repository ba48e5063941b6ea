"""`check --grafana URL`: which of our objects Grafana has, and whether the backend responds through it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.assets import assets_root
from butlr_grafana.cli.grafana import access_to
from butlr_grafana.install import account, requirements
from butlr_grafana.install.documents import INFINITY, SIMPOD, files_in, kind_of
from butlr_grafana.install.probe import address_of_source, fault_through
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError
from butlr_grafana.settings import Settings

OK, FAILED, SKIPPED = "ok", "FAILED", "skipped"
NO_SUCH, HIDDEN = 404, 403

Row = tuple[str, str, str]
"""A step, its state, and its result."""


def rows(settings: Settings, url: str, *, organisation: str, source_uid: str) -> Iterator[Row]:
    """The rows, one after the other. If a row fails on which the others depend, the others are left out."""
    try:
        access = access_to(settings, url)
    except SettingError as error:
        yield "grafana", FAILED, str(error)
        return
    with contextlib.closing(Grafana(access, role="Viewer")) as grafana:
        try:
            there = account.enter(grafana, organisation, may_create=False)
            found = requirements.read_grafana(grafana)
        except GrafanaError as error:
            yield "grafana", FAILED, str(error)
            return
        yield _row("grafana", partial(_version, found, f"organisation {there.name} at {grafana.url}"))
        yield from _plugins(found)
        yield _row("data source", partial(_source, grafana, found, source_uid))
        if source_uid in found.sources:
            yield _row("token", partial(_through, grafana, source_uid))
        yield _row("dashboards", partial(_pages, grafana, found))
        yield _rules(grafana)


def _version(found: requirements.GrafanaState, where: str) -> str:
    if requirements.numbers(found.version) < requirements.OLDEST:
        raise GrafanaError(f"Grafana {found.version}, {where}: 11.6 or newer is needed")
    return f"Grafana {found.version}, {where}"


def _plugins(found: requirements.GrafanaState) -> Iterator[Row]:
    for plugin in requirements.TRIED:
        version = found.plugins.get(plugin)
        if version is not None:
            yield "plugin", OK, f"{plugin} {version}"
        else:
            state = FAILED if plugin == INFINITY else SKIPPED
            yield "plugin", state, f"{plugin} is not installed; {requirements.USES[plugin]} need it"


def _source(grafana: Grafana, found: requirements.GrafanaState, uid: str) -> str:
    requirements.check_source(found, uid)
    address = address_of_source(grafana, uid)
    where = f"asks the backend at {address}" if address else "only the role Admin can see its address"
    return f"uid {uid}, {INFINITY}; {where}"


def _through(grafana: Grafana, uid: str) -> str:
    fault = fault_through(grafana, uid)
    if fault:
        raise GrafanaError(fault)
    return "the backend answers through Grafana"


def _pages(grafana: Grafana, found: requirements.GrafanaState) -> str:
    """Without its plugin, the dashboard of the JSON data source is not expected."""
    pages = files_in(assets_root()).dashboards
    wanted = [page["uid"] for page in pages if kind_of(page) != SIMPOD or SIMPOD in found.plugins]
    missing = [
        uid
        for uid in wanted
        if grafana.request("GET", f"/api/dashboards/uid/{uid}", "read dashboards", without=(NO_SUCH,)) is None
    ]
    _raise_for_missing(missing, wanted)
    return f"{len(wanted)} of {len(wanted)}"


def _rules(grafana: Grafana) -> Row:
    wanted = [rule["uid"] for group in files_in(assets_root()).groups for rule in group["rules"]]
    try:
        there = grafana.request(
            "GET", "/api/v1/provisioning/alert-rules", "read alert rules", without=(HIDDEN,)
        )
        if there is None:
            return "alert rules", SKIPPED, "they cannot be read with this access; the role Editor can"
        known = {rule["uid"] for rule in there}
        _raise_for_missing([uid for uid in wanted if uid not in known], wanted)
    except GrafanaError as error:
        return "alert rules", FAILED, str(error)
    return "alert rules", OK, f"{len(wanted)} of {len(wanted)}"


def _raise_for_missing(missing: Sequence[str], wanted: Sequence[str]) -> None:
    advice = "run `butlr-grafana install`, or use the provisioning files"
    if missing and len(missing) == len(wanted):
        raise GrafanaError(f"none is there: {advice}")
    if missing:
        there = len(wanted) - len(missing)
        raise GrafanaError(f"{there} of {len(wanted)} are there; missing: {', '.join(missing)}: {advice}")


def _row(step: str, work: Callable[[], str]) -> Row:
    try:
        return step, OK, work()
    except GrafanaError as error:
        return step, FAILED, str(error)
