"""`check --grafana`: a row for each thing in Grafana that the pages count on; nothing is changed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from butlr_grafana.cli import check_grafana
from butlr_grafana.settings import read
from tests.fake_grafana import ADMIN, EDITOR, VIEWER, FakeGrafana
from tests.install.conftest import BACKEND_URL, Operator
from tests.install.test_install import INFINITY, PAGES, RULES, SIMPOD
from tests.processes import run

Rows = list[tuple[str, str, str]]


def rows(grafana: FakeGrafana, token: str = VIEWER, uid: str = "butlr", org: str = "") -> Rows:
    settings = read({"GRAFANA_TOKEN": token} if token else {})
    before = list(grafana.changes)
    found = list(check_grafana.rows(settings, grafana.url, organisation=org, source_uid=uid))
    assert grafana.changes == before
    return found


def test_all_is_well_after_an_install(grafana: FakeGrafana, operator: Operator) -> None:
    """Only an Admin sees the data source's address; a viewer may check the rest."""
    operator.install(grafana)
    [seen] = [row for row in rows(grafana, ADMIN) if row[0] == "data source"]
    assert seen[1:] == ("ok", f"uid butlr, {INFINITY}; asks the backend at {BACKEND_URL}")
    found = rows(grafana)
    assert {state for _, state, _ in found} == {"ok"}
    message = [f"{step}: {text}" for step, _, text in found]
    assert message == [
        f"grafana: Grafana 12.3.0, organisation Main Org. at {grafana.url}",
        f"plugin: {INFINITY} 3.11.1",
        f"plugin: {SIMPOD} 0.6.5",
        "plugin: volkovlabs-echarts-panel 7.2.5",
        f"data source: uid butlr, {INFINITY}; only the role Admin can see its address",
        "token: the backend answers through Grafana",
        f"dashboards: {len(PAGES)} of {len(PAGES)}",
        f"alert rules: {len(RULES)} of {len(RULES)}",
    ]


@pytest.mark.parametrize(
    ("spoil", "wanted", "message"),
    [
        (lambda g: g.data_sources.pop("butlr"), ("data source", "FAILED"), "no such data source"),
        (lambda g: g.plugins.pop(INFINITY), ("plugin", "FAILED"), f"{INFINITY} is not installed"),
        (lambda g: g.plugins.pop(SIMPOD), ("plugin", "skipped"), f"{SIMPOD} is not installed"),
        (lambda g: setattr(g, "version_of_grafana", "10.4.1"), ("grafana", "FAILED"), "11.6 or newer"),
        (
            lambda g: setattr(g, "backend", lambda *_: (401, {"message": "no"})),
            ("token", "FAILED"),
            "same token",
        ),
        (
            lambda g: setattr(g, "backend", lambda *_: (502, {"message": "no"})),
            ("token", "FAILED"),
            "not reach",
        ),
        (lambda g: g.dashboards.pop("butlr-wall"), ("dashboards", "FAILED"), "; missing: butlr-wall: run"),
        (lambda g: g.dashboards.clear(), ("dashboards", "FAILED"), "none is there"),
        (
            lambda g: g.rules.stored.pop("butlr-hot-zone"),
            ("alert rules", "FAILED"),
            "; missing: butlr-hot-zone: run",
        ),
        (lambda g: g.rules.stored.clear(), ("alert rules", "FAILED"), "none is there"),
    ],
)
def test_what_is_wrong_is_named(
    spoil: Callable[[Any], object],
    wanted: tuple[str, str],
    message: str,
    grafana: FakeGrafana,
    operator: Operator,
) -> None:
    operator.install(grafana)
    spoil(grafana)
    [found] = [row for row in rows(grafana) if row[1] != "ok" or row[:2] == wanted]
    assert found[:2] == wanted
    assert message in found[2]


@pytest.mark.parametrize(("token", "message"), [("", "GRAFANA_TOKEN"), ("glsa_wrong", "does not accept")])
def test_who_cannot_get_in_is_told_so(token: str, message: str, grafana: FakeGrafana) -> None:
    [(step, state, text)] = rows(grafana, token)
    assert (step, state) == ("grafana", "FAILED")
    assert message in text


def test_an_address_with_a_password_is_not_shown(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    grafana.data_sources["butlr"]["url"] = "http://anna:s3cret@backend.example:8080"
    assert "s3cret" not in str(rows(grafana, ADMIN))


def test_another_organisation_is_looked_at(grafana: FakeGrafana) -> None:
    [(_, state, text)] = rows(grafana, EDITOR, org="Tenant A")
    assert state == "FAILED"
    assert "in its own organisation" in text


def test_check_has_these_rows_and_fails_with_them(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    well = run("check", "--grafana", grafana.url, GRAFANA_TOKEN=VIEWER)
    assert well.returncode == 0, well.stdout + well.stderr
    assert "token               ok      the backend answers through Grafana" in well.stdout
    steps = [line.split()[0] for line in well.stdout.splitlines()]
    # A mistake about Grafana is seen before Butlr is measured, which takes minutes.
    assert steps.index("exposure") + 1 == steps.index("grafana") < steps.index("login")
    missing = run("check", "--grafana", grafana.url, "--datasource", "other", GRAFANA_TOKEN=VIEWER)
    assert missing.returncode == 1
    assert re.search("^heat maps +ok ", missing.stdout, re.MULTILINE)
    assert "data source         FAILED  --datasource other: there is no such data source" in missing.stdout
    assert VIEWER not in well.stdout + missing.stdout
