"""`butlr-grafana uninstall` lists what people have that uses the data source, before it removes anything."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest

from butlr_grafana.cli.install import NOT_REMOVED
from butlr_grafana.install import usage
from tests.fake_grafana import FakeGrafana
from tests.install.conftest import BACKEND_URL, Operator

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
INFINITY = "yesoreyeram-infinity-datasource"
OURS = {"type": INFINITY, "uid": "butlr"}
OTHER = {"type": INFINITY, "uid": "elsewhere"}

USING: dict[str, Json] = {
    "panel": {"panels": [{"type": "row", "panels": [{"datasource": OURS}]}]},
    "one query of a mixed panel": {
        "panels": [
            {"datasource": {"uid": "-- Mixed --"}, "targets": [{"datasource": OTHER}, {"datasource": OURS}]}
        ]
    },
    "annotation": {"annotations": {"list": [{"datasource": OURS}]}},
    "variable": {"templating": {"list": [{"type": "query", "datasource": OURS}]}},
    "chosen data source": {
        "templating": {"list": [{"type": "datasource", "query": INFINITY, "current": {"value": "butlr"}}]},
        "panels": [{"datasource": {"type": INFINITY, "uid": "${ds}"}}],
    },
    "one of several chosen": {
        "templating": {
            "list": [{"type": "datasource", "query": INFINITY, "current": {"value": ["elsewhere", "butlr"]}}]
        }
    },
    "picture": {
        "panels": [
            {"options": {"content": "<img src='api/datasources/proxy/uid/butlr/api/v1/heatmap?format=png'>"}}
        ]
    },
    "by name": {"panels": [{"datasource": "Butlr"}]},
    "schema 2": {
        "elements": {"panel-1": {"spec": {"query": {"group": INFINITY, "datasource": {"name": "butlr"}}}}}
    },
    "JSON data source": {"panels": [{"datasource": {"type": "simpod-json-datasource", "uid": "butlr-json"}}]},
}
NOT_USING: dict[str, Json] = {
    "tag": {"tags": ["butlr"], "title": "butlr", "links": [{"url": "d/butlr-floor?orgId=1"}]},
    "another data source": {"panels": [{"datasource": OTHER}]},
    "another tenant": {
        "panels": [{"datasource": {"uid": "butlr-north"}}, {"url": "proxy/uid/butlr-north/x"}]
    },
    "another one chosen": {
        "templating": {"list": [{"type": "datasource", "query": INFINITY, "current": {"value": "elsewhere"}}]}
    },
    "text variable": {"templating": {"list": [{"type": "custom", "current": {"value": "butlr"}}]}},
}


def add_dashboard(grafana: FakeGrafana, uid: str, content: Json) -> None:
    dashboard = {"tags": [], **copy.deepcopy(content), "uid": uid, "title": f"Page {uid}", "version": 1}
    grafana.dashboards[uid] = {"meta": {"provisioned": False, "folderUid": "theirs"}, "dashboard": dashboard}


def add_rule(grafana: FakeGrafana, uid: str, source: str) -> None:
    data = [{"refId": "A", "datasourceUid": source, "model": {"datasource": {"uid": source}}}]
    title = f"Rule {uid}"
    grafana.rules.add({"uid": uid, "title": title, "folderUID": "theirs", "ruleGroup": "x", "data": data})


def in_use(out: str) -> list[str]:
    return [line.removeprefix("in use     ") for line in out.splitlines() if line.startswith("in use")]


@pytest.mark.parametrize("content", USING.values(), ids=USING)
def test_a_dashboard_that_uses_it_is_listed(content: Json, grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    add_dashboard(grafana, "theirs", content)
    [line] = in_use(operator.uninstall(grafana))
    assert line.startswith("the dashboard Page theirs uses the data source Butlr")
    assert line.endswith(f": {grafana.url}/d/theirs")
    assert set(grafana.dashboards) == {"theirs"}


@pytest.mark.parametrize("content", NOT_USING.values(), ids=NOT_USING)
def test_a_dashboard_that_does_not_use_it_is_not(
    content: Json, grafana: FakeGrafana, operator: Operator
) -> None:
    operator.install(grafana)
    add_dashboard(grafana, "theirs", content)
    out = operator.uninstall(grafana)
    assert in_use(out) == []
    assert [line for line in out.splitlines() if line.startswith("note")] == [NOT_REMOVED]


def test_rules_and_library_panels_are_listed_too(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    add_rule(grafana, "r1", "butlr")
    add_rule(grafana, "r2", "elsewhere")
    grafana.library_panels = [
        {"uid": "l1", "name": "Floor map", "model": {"datasource": OURS}},
        {"uid": "l2", "name": "Power", "model": {"datasource": OTHER}},
    ]
    out = operator.uninstall(grafana)
    assert in_use(out) == [
        f"the library panel Floor map uses the data source Butlr: {grafana.url}/library-panels",
        f"the alert rule Rule r1 uses the data source Butlr: {grafana.url}/alerting/grafana/r1/view",
    ]
    assert set(grafana.rules.stored) == {"r1", "r2"}


def test_they_are_listed_before_anything_is_removed(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    add_dashboard(grafana, "theirs", USING["panel"])
    kinds = [line.split()[0] for line in operator.uninstall(grafana).splitlines()]
    assert kinds[:3] == ["Grafana", "in", "note"]
    assert set(kinds[3:-1]) == {"removed"}


def test_every_page_of_a_long_list_is_read(
    grafana: FakeGrafana, operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "PAGE", 3)
    operator.install(grafana)
    names = [f"d{number}" for number in range(10)]
    for name in names:
        add_dashboard(grafana, name, USING["panel"])
    grafana.library_panels = [{"uid": n, "name": n, "model": {"datasource": OURS}} for n in names]
    found = in_use(operator.uninstall(grafana))
    assert [line.split(" uses")[0] for line in found] == [
        *(f"the dashboard Page {name}" for name in names),
        *(f"the library panel {name}" for name in names),
    ]


def test_nothing_is_listed_if_the_data_source_stays(grafana: FakeGrafana, operator: Operator) -> None:
    by_hand = {"uid": "butlr", "name": "Butlr", "type": INFINITY, "jsonData": {}, "version": 1}
    grafana.data_sources["butlr"] = by_hand
    add_dashboard(grafana, "theirs", USING["panel"])
    assert in_use(operator.uninstall(grafana)) == []


def test_a_tenant_has_a_list_of_its_own(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    operator.install(grafana, "--backend", BACKEND_URL, "--tenant", "north")
    add_dashboard(grafana, "south", USING["panel"])
    add_dashboard(grafana, "north", {"panels": [{"datasource": {"uid": "butlr-north"}}]})
    [line] = in_use(operator.uninstall(grafana, "--tenant", "north"))
    assert line.startswith("the dashboard Page north uses the data source Butlr (north)")


def test_a_second_time_says_that_there_is_nothing(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    operator.uninstall(grafana)
    written = len(grafana.changes)
    for arguments in ((), ("--dry-run",)):
        lines = operator.uninstall(grafana, *arguments).splitlines()
        assert lines[1:] == ["nothing    there is nothing of `install` in this organisation", NOT_REMOVED]
    assert len(grafana.changes) == written


def test_it_says_what_it_does_not_remove_and_where_this_is_described(
    grafana: FakeGrafana, operator: Operator
) -> None:
    operator.install(grafana)
    for arguments in (("--dry-run",), ()):
        note = operator.uninstall(grafana, *arguments).splitlines()[-1]
        assert note.startswith("note ")
        for kind in ("`alert`", "contact points", "`wall`", "playlists", "service accounts", "organisations"):
            assert kind in note
        [page, chapter] = re.findall(r"(docs/\S+\.md), '([^']+)'", note)[0]
        assert f"\n## {chapter}\n" in (ROOT / page).read_text("utf-8")


def test_a_dry_run_changes_nothing(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    add_dashboard(grafana, "theirs", USING["panel"])
    before = len(grafana.changes)
    out = operator.uninstall(grafana, "--dry-run")
    assert len(grafana.changes) == before
    assert len(in_use(out)) == 1
    assert "removed " not in out
    listed = {line for line in out.splitlines() if line.startswith("to remove")}
    removed = operator.uninstall(grafana).splitlines()
    assert listed == {
        line.replace("removed  ", "to remove") for line in removed if line.startswith("removed")
    }
