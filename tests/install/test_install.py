"""`butlr-grafana install`: what it makes, what it keeps, and what it refuses before it changes anything."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from butlr_grafana.settings import read
from tests.alerting.grafana import groups as file_groups
from tests.fake_grafana import ADMIN, EDITOR, PASSWORD, VIEWER, FakeGrafana, Organisation
from tests.fake_grafana_receivers import part
from tests.install.conftest import BACKEND_URL, TOKEN, Operator
from tests.support import NEW_YORK, PARIS, PARIS_2, World

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    path.stem: json.loads(path.read_text("utf-8")) for path in (ROOT / "grafana-dashboards").glob("*.json")
}
RULES = {rule["uid"]: rule for group in file_groups() for rule in group["rules"]}
INFINITY, SIMPOD = "yesoreyeram-infinity-datasource", "simpod-json-datasource"


def contents(there: Organisation) -> Json:
    """All that is in an organisation."""
    return copy.deepcopy(
        {
            "dashboards": there.dashboards,
            "folders": there.folders,
            "sources": there.data_sources,
            "rules": there.rules.stored,
            "intervals": there.rules.intervals,
        }
    )


def references(document: object) -> Iterator[str]:
    """The uid of every data source that is named."""
    if isinstance(document, dict):
        if set(document) == {"type", "uid"}:
            yield document["uid"]
        for value in document.values():
            yield from references(value)
    elif isinstance(document, list):
        for item in document:
            yield from references(item)


def test_everything_is_made(grafana: FakeGrafana, operator: Operator) -> None:
    out = operator.install(grafana)
    assert set(grafana.dashboards) == set(PAGES)
    for uid, page in PAGES.items():
        stored = grafana.dashboards[uid]
        assert {k: v for k, v in stored["dashboard"].items() if k not in ("id", "version")} == page
        assert stored["meta"]["folderUid"] == "butlr"
    assert grafana.folders == {"butlr": {"uid": "butlr", "title": "Butlr"}}
    assert {uid: source["type"] for uid, source in grafana.data_sources.items()} == {
        "butlr": INFINITY,
        "butlr-json": SIMPOD,
    }
    assert f"open       {grafana.url}/d/butlr-portfolio?orgId=1" in out


def test_the_data_source_is_as_the_provisioned_one(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana, "--backend", f"{BACKEND_URL}/")
    source = grafana.data_sources["butlr"]
    assert (source["name"], source["url"], source["access"]) == ("Butlr", BACKEND_URL, "proxy")
    assert source["jsonData"]["httpHeaderName1"] == "Authorization"
    assert source["jsonData"]["allowedHosts"] == [BACKEND_URL]
    assert source["secureJsonData"] == {"httpHeaderValue1": f"Bearer {TOKEN}"}


def test_the_rules_are_those_of_the_file(grafana: FakeGrafana, operator: Operator) -> None:
    """In the API's form, by people to be changed, and looked at as often."""
    operator.install(grafana)
    assert set(grafana.rules.stored) == set(RULES)
    for uid, wanted in RULES.items():
        rule = grafana.rules.stored[uid]
        evaluations = wanted["missing_series_evals_to_resolve"]
        assert rule["missingSeriesEvalsToResolve"] == evaluations
        for name in ("title", "condition", "for", "noDataState", "execErrState", "labels", "isPaused"):
            assert rule[name] == wanted[name]
        annotations = {k: v for k, v in rule["annotations"].items() if k != "__butlr_limits__"}
        # As a rule's own page shows it: there Grafana puts nothing in.
        runbook = wanted["annotations"]["runbook_url"].replace("{{ externalURL }}", f"{grafana.url}/")
        assert annotations == {**wanted["annotations"], "runbook_url": runbook}
        assert rule["provenance"] == ""
        for step, own in zip(rule["data"], wanted["data"], strict=True):
            assert own["model"].items() <= step["model"].items()
            assert {k: v for k, v in step.items() if k != "model"} == {
                k: v for k, v in own.items() if k != "model"
            }
    seconds = {group["name"]: int(group["interval"][:-1]) * 60 for group in file_groups()}
    assert grafana.rules.intervals == {("butlr", name): s for name, s in seconds.items()}


def test_a_second_time_changes_nothing(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    before = contents(grafana)
    out = operator.install(grafana)
    after = contents(grafana)
    # The data source is written again, because nobody can read whether its token is still the same.
    for uid in after["sources"]:
        assert after["sources"][uid].pop("version") == before["sources"][uid].pop("version") + 1
    assert after == before
    assert not re.search(r"^made|^updated +the (dashboard|alert)", out, re.MULTILINE)
    assert out.count("unchanged  the dashboard") == len(PAGES)
    assert out.count("unchanged  the alert rule") == len(RULES)


def test_a_newer_version_reaches_what_is_there(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    grafana.dashboards["butlr-floor"]["dashboard"]["title"] = "Floor as it was"
    grafana.rules.stored["butlr-hot-zone"]["annotations"]["summary"] = "as it was"
    del grafana.dashboards["butlr-rooms"], grafana.rules.stored["butlr-late-heat"]
    out = operator.install(grafana)
    assert grafana.dashboards["butlr-floor"]["dashboard"]["title"] == PAGES["butlr-floor"]["title"]
    assert grafana.version("butlr-floor") == 2
    annotations = grafana.rules.stored["butlr-hot-zone"]["annotations"]
    assert annotations["summary"] == RULES["butlr-hot-zone"]["annotations"]["summary"]
    assert {"butlr-rooms"} <= set(grafana.dashboards)
    assert {"butlr-late-heat"} <= set(grafana.rules.stored)
    assert "updated    the dashboard Floor" in out
    assert "created    the dashboard Rooms" in out
    assert "created    the alert rule Heat map late" in out


def own_rule(uid: str, **more: Any) -> Json:
    return {
        "uid": uid,
        "title": "Ours",
        "folderUID": "butlr",
        "ruleGroup": file_groups()[0]["name"],
        "data": [],
        **more,
    }


def add_own_things(grafana: FakeGrafana) -> None:
    """What people add: pages and rules beside ours, a header, whom a rule tells, a pause, labels, limits."""
    grafana.dashboards["ours"] = {
        "meta": {"provisioned": False, "folderUid": "butlr"},
        "dashboard": {"uid": "ours", "title": "Our own page", "tags": ["butlr"], "version": 1},
    }
    grafana.rules.add(own_rule("our-rule"))
    source = grafana.data_sources["butlr"]
    source["jsonData"] |= {"httpHeaderName2": "X-Team", "allowedHosts": [BACKEND_URL, "http://other.example"]}
    source["secureJsonData"]["httpHeaderValue2"] = "blue"
    source["name"] = "Floors of the town"
    grafana.receivers.stored.append(part("Facility managers", "email", {"addresses": "fm@example.com"}))
    rule = grafana.rules.stored["butlr-hot-zone"]
    rule["notification_settings"] = {"receiver": "Facility managers"}
    rule["isPaused"] = True
    rule["labels"] |= {"team": "facility"}
    rule["annotations"] |= {"phone": "1234", "summary": "of an earlier version"}
    moved = grafana.rules.stored["butlr-over-capacity"]
    moved["ruleGroup"] = "Rooms of ours"
    grafana.rules.intervals["butlr", file_groups()[0]["name"]] = 600


def test_a_second_time_removes_the_panel_that_earlier_versions_linked(
    grafana: FakeGrafana, operator: Operator
) -> None:
    """For it, Grafana's e-mails have a button that opens another floor. A panel of people's own stays."""
    operator.install(grafana)
    ours, theirs = (
        grafana.rules.stored[uid]["annotations"] for uid in ("butlr-hot-zone", "butlr-unusually-busy")
    )
    ours |= {"__dashboardUid__": "butlr-floor", "__panelId__": "6"}
    theirs |= {"__dashboardUid__": "our-own-page", "__panelId__": "2"}
    operator.install(grafana)
    after = {uid: rule["annotations"] for uid, rule in grafana.rules.stored.items()}
    assert not {"__dashboardUid__", "__panelId__"} & after["butlr-hot-zone"].keys()
    assert after["butlr-unusually-busy"]["__dashboardUid__"] == "our-own-page"
    assert after["butlr-unusually-busy"]["__panelId__"] == "2"


def test_a_second_time_keeps_what_people_added(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    add_own_things(grafana)
    before = contents(grafana)
    operator.install(grafana)
    after = contents(grafana)
    assert after["dashboards"]["ours"] == before["dashboards"]["ours"]
    # The one thing that is ours follows our version.
    annotations = before["rules"]["butlr-hot-zone"]["annotations"]
    annotations["summary"] = RULES["butlr-hot-zone"]["annotations"]["summary"]
    assert after["rules"] == before["rules"]
    assert after["intervals"] == before["intervals"]
    source = after["sources"]["butlr"]
    assert source["name"] == "Floors of the town"
    assert source["jsonData"] == before["sources"]["butlr"]["jsonData"]
    assert source["secureJsonData"] == {
        "httpHeaderValue1": f"Bearer {TOKEN}",
        "httpHeaderValue2": "blue",
    }


def test_our_header_goes_where_one_is_free(grafana: FakeGrafana, operator: Operator) -> None:
    """A data source under our uid whose first header is somebody else's."""
    grafana.data_sources["butlr"] = {
        "uid": "butlr",
        "name": "By hand",
        "type": INFINITY,
        "access": "proxy",
        "url": "http://elsewhere.example",
        "jsonData": {"httpHeaderName1": "X-Team"},
        "secureJsonData": {"httpHeaderValue1": "blue"},
        "version": 4,
    }
    operator.install(grafana)
    source = grafana.data_sources["butlr"]
    assert source["url"] == BACKEND_URL
    assert source["jsonData"]["httpHeaderName2"] == "Authorization"
    assert source["secureJsonData"] == {"httpHeaderValue1": "blue", "httpHeaderValue2": f"Bearer {TOKEN}"}


def evaluator(rule: Json) -> Json:
    [step] = [step for step in rule["data"] if step["refId"] == rule["condition"]]
    found: Json = step["model"]["conditions"][0]["evaluator"]
    return found


def test_a_limit_that_was_changed_in_grafana_stays(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    changed = grafana.rules.stored["butlr-over-capacity"]
    evaluator(changed)["params"] = [1.5]
    changed["for"] = "30m"
    changed["annotations"]["summary"] = "more than 1.5 times its places"
    # Of this one only what we wrote is older than what we write now.
    grafana.rules.stored["butlr-hot-zone"]["annotations"]["description"] = "as it was"
    out = operator.install(grafana)
    stored = grafana.rules.stored["butlr-over-capacity"]
    assert (evaluator(stored)["params"], stored["for"]) == ([1.5], "30m")
    # Which names the limit.
    assert stored["annotations"]["summary"] == "more than 1.5 times its places"
    assert "Room over capacity (with the limits that were changed in Grafana)" in out
    again = grafana.rules.stored["butlr-hot-zone"]
    assert (evaluator(again)["params"], again["for"]) == ([0.5], "10m")


def test_limits_that_nobody_changed_follow_ours(grafana: FakeGrafana, operator: Operator) -> None:
    """As if an earlier version had written others."""
    operator.install(grafana)
    rule = grafana.rules.stored["butlr-over-capacity"]
    evaluator(rule)["params"], rule["for"] = [2], "1h"
    rule["annotations"]["__butlr_limits__"] = "2 0.95 1h"
    operator.install(grafana)
    rule = grafana.rules.stored["butlr-over-capacity"]
    assert (evaluator(rule)["params"], rule["for"]) == ([1], "5m")


def test_a_data_source_made_by_hand_is_used_as_it_is(grafana: FakeGrafana, operator: Operator) -> None:
    by_hand = {
        "uid": "PA1B2C3",
        "name": "Floors",
        "type": INFINITY,
        "access": "proxy",
        "url": BACKEND_URL,
        "jsonData": {},
        "secureJsonData": {},
        "version": 1,
    }
    grafana.data_sources["PA1B2C3"] = copy.deepcopy(by_hand)
    # Where no data source has to be made, an Editor may do it.
    operator.has(GRAFANA_TOKEN=EDITOR)
    operator.install(grafana, "--datasource", "PA1B2C3")
    assert grafana.data_sources == {"PA1B2C3": by_hand}
    for uid, stored in grafana.dashboards.items():
        for variable in stored["dashboard"]["templating"]["list"]:
            if variable["type"] == "datasource" and variable["query"] == INFINITY:
                assert variable["current"]["value"] == "PA1B2C3", uid
    assert "butlr-floor-json" not in grafana.dashboards
    for rule in grafana.rules.stored.values():
        assert set(references(rule["data"])) == {"PA1B2C3", "__expr__"}
        assert {step["datasourceUid"] for step in rule["data"]} == {"PA1B2C3", "__expr__"}
        links = " ".join(rule["annotations"].values())
        assert set(re.findall(r"proxy/uid/([^/]+)/", links)) <= {"PA1B2C3"}
        assert set(re.findall(r"var-ds=([^&]+)&", links)) <= {"PA1B2C3"}
        assert rule["labels"]["product"] == "butlr"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({}, "there is no such data source"),
        ({"type": "prometheus"}, f"its type is prometheus, not {INFINITY}"),
    ],
)
def test_a_data_source_that_cannot_be_used_is_named(
    source: Json, message: str, grafana: FakeGrafana, operator: Operator
) -> None:
    if source:
        grafana.data_sources["P1"] = {"uid": "P1", "name": "x", "jsonData": {}, **source}
    refused = operator.refused("install", grafana, "--datasource", "P1")
    assert refused.startswith("--datasource P1")
    assert message in refused


def test_another_data_source_of_our_name_is_explained(grafana: FakeGrafana, operator: Operator) -> None:
    grafana.data_sources["P1"] = {"uid": "P1", "name": "Butlr", "type": INFINITY, "jsonData": {}}
    code, _, err = operator.run("install", grafana, "--backend", BACKEND_URL)
    assert code == 1
    assert "another data source is named Butlr" in err
    assert "--datasource" in err
    assert set(grafana.data_sources) == {"P1"}
    assert grafana.dashboards == {}


@pytest.mark.parametrize(
    "provision",
    [
        lambda g: g.provision(PAGES["butlr-rooms"]),
        lambda g: g.rules.add(
            {**RULES["butlr-hot-zone"], "folderUID": "x", "ruleGroup": "y"}, provenance="file"
        ),
        lambda g: g.data_sources.update(
            butlr={"uid": "butlr", "name": "Butlr", "type": INFINITY, "jsonData": {}, "readOnly": True}
        ),
    ],
    ids=["dashboard", "rule", "data source"],
)
def test_what_comes_from_files_is_left_to_the_files(
    provision: Callable[[FakeGrafana], None], grafana: FakeGrafana, operator: Operator
) -> None:
    provision(grafana)
    output = operator.refused("install", grafana, "--backend", BACKEND_URL)
    assert "comes from a provisioning file" in output
    [chapter] = re.findall(r"docs/grafana.md, '([^']+)'", output)
    assert f"# {chapter}\n" in (ROOT / "docs/grafana.md").read_text("utf-8")


@pytest.mark.parametrize("token", [VIEWER, EDITOR])
def test_the_role_that_is_lacking_is_named(token: str, grafana: FakeGrafana, operator: Operator) -> None:
    for command, arguments in (("install", ("--backend", BACKEND_URL)), ("uninstall", ())):
        operator.has(GRAFANA_TOKEN=token)
        output = operator.refused(command, grafana, *arguments)
        assert "it needs the role Admin there" in output
        assert "datasources:" in output
        assert "Main Org." in output
        operator.has(GRAFANA_TOKEN=ADMIN)
        operator.install(grafana)


def test_an_editor_removes_what_an_editor_may_install(grafana: FakeGrafana, operator: Operator) -> None:
    grafana.data_sources["P1"] = {
        "uid": "P1",
        "name": "x",
        "type": INFINITY,
        "jsonData": {},
        "url": "http://x",
    }
    grafana.data_sources["P1"]["secureJsonData"] = {}
    operator.has(GRAFANA_TOKEN=VIEWER)
    assert "it needs the role Editor there" in operator.refused("install", grafana, "--datasource", "P1")
    assert "it needs the role Editor there" in operator.refused("uninstall", grafana)
    operator.has(GRAFANA_TOKEN=EDITOR)
    operator.install(grafana, "--datasource", "P1")
    operator.uninstall(grafana)
    assert grafana.dashboards == {}
    assert set(grafana.data_sources) == {"P1"}


def test_a_grafana_that_is_too_old_is_refused(grafana: FakeGrafana, operator: Operator) -> None:
    grafana.version_of_grafana = "11.5.9"
    output = operator.refused("install", grafana, "--backend", BACKEND_URL)
    assert "this is Grafana 11.5.9; 11.6 or newer is needed" in output


def test_without_infinity_it_says_how_to_get_it(grafana: FakeGrafana, operator: Operator) -> None:
    del grafana.plugins[INFINITY]
    output = operator.refused("install", grafana, "--backend", BACKEND_URL)
    assert f"grafana cli plugins install {INFINITY}" in output


def test_what_is_less_than_was_tried_is_noted(grafana: FakeGrafana, operator: Operator) -> None:
    """Without the older plugin its page and data source are left out."""
    del grafana.plugins[SIMPOD], grafana.plugins["volkovlabs-echarts-panel"]
    grafana.plugins[INFINITY], grafana.version_of_grafana = "3.2.0", "12.0.1"
    out = operator.install(grafana)
    notes = [line for line in out.splitlines() if line.startswith("note")]
    assert len(notes) == 4 + 1
    assert "Prometheus" in notes[-1]
    assert "butlr-json" not in grafana.data_sources
    assert set(PAGES) - set(grafana.dashboards) == {"butlr-floor-json"}


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "there is none"),
        (1, "there is one Prometheus; whether it has these metrics was not tested"),
        (2, "there are 2 Prometheus; whether it has these metrics was not tested"),
    ],
)
def test_it_says_whether_operations_can_work(
    count: int, text: str, grafana: FakeGrafana, operator: Operator
) -> None:
    for number in range(count):
        uid = f"prometheus-{number}"
        grafana.data_sources[uid] = {"uid": uid, "name": uid, "type": "prometheus", "jsonData": {}}
    [note] = [line for line in operator.install(grafana).splitlines() if "Operations needs" in line]
    assert note.startswith("note ")
    assert "Prometheus data source" in note
    assert f": {text} (" in note
    [path] = re.findall(r"\((docs/[^)]+)\)", note)
    assert "prometheus.yml" in (ROOT / path).read_text("utf-8")


def test_rules_can_be_left_out(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana, "--backend", BACKEND_URL, "--no-rules")
    assert grafana.rules.stored == {}
    assert len(grafana.dashboards) == len(PAGES)


def test_under_a_sub_path(operator: Operator) -> None:
    grafana = FakeGrafana(root="/grafana")
    try:
        out = operator.install(grafana)
        assert f"{grafana.url}/d/butlr-portfolio" in out
        assert grafana.url.endswith("/grafana")
        assert len(grafana.dashboards) == len(PAGES)
        operator.uninstall(grafana)
        assert grafana.dashboards == {}
    finally:
        grafana.close()


def test_into_an_organisation_of_its_own(grafana: FakeGrafana, operator: Operator) -> None:
    """Made where there is none; nothing is in the user's own."""
    operator.is_user("admin")
    first, second = (
        operator.install(grafana, "--backend", BACKEND_URL, "--org", "Tenant A") for _ in range(2)
    )
    assert "created    the organisation Tenant A\n" in first
    assert "the organisation" not in second
    assert list(grafana.others) == ["Tenant A"]
    assert set(grafana.others["Tenant A"].dashboards) == set(PAGES)
    assert (grafana.dashboards, grafana.data_sources, grafana.rules.stored) == ({}, {}, {})
    operator.uninstall(grafana, "--org", "Tenant A")
    assert contents(grafana.others["Tenant A"])["dashboards"] == {}


def test_an_organisation_that_the_account_cannot_enter_is_said(
    grafana: FakeGrafana, operator: Operator
) -> None:
    arguments = ("--backend", BACKEND_URL, "--org", "Tenant A")
    assert "a service account's token works only in its own organisation" in operator.refused(
        "install", grafana, *arguments
    )
    operator.is_user("admin")
    assert "there is no such organisation" in operator.refused("uninstall", grafana, "--org", "Tenant A")
    grafana.others["Tenant A"] = Organisation()
    grafana.closed_to_user.add("Tenant A")
    assert "not a member of it" in operator.refused("install", grafana, *arguments)


def test_two_tenants_in_one_organisation_share_nothing(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    own = contents(grafana)
    operator.has(BACKEND_TOKEN="the-other-token=space_paris_1")
    operator.install(grafana, "--backend", BACKEND_URL, "--tenant", "north")
    assert set(grafana.dashboards) == {*PAGES, *(f"{uid}-north" for uid in PAGES)}
    assert set(grafana.rules.stored) == {*RULES, *(f"{uid}-north" for uid in RULES)}
    assert all(len(uid) <= 40 for uid in [*grafana.dashboards, *grafana.rules.stored])
    assert grafana.folders["butlr-north"]["title"] == "Butlr (north)"
    source = grafana.data_sources["butlr-north"]
    # Without its floors, which the backend has.
    assert source["secureJsonData"] == {"httpHeaderValue1": "Bearer the-other-token"}
    for uid in PAGES:
        page = grafana.dashboards[f"{uid}-north"]["dashboard"]
        [variable] = [v for v in page["templating"]["list"] if v["type"] == "datasource"]
        if variable["query"] in (INFINITY, SIMPOD):
            assert variable["current"]["value"].endswith("-north")
            assert variable["regex"] == f"/^{re.escape(variable['current']['text'])}$/"
        text = json.dumps(page)
        assert not re.search(r'"d/butlr-[\w-]*(?<!-north)\?', text)
        assert {tag for link in page["links"] for tag in link["tags"]} <= {"butlr-north", "butlr-menu-north"}
        assert not set(page["tags"]) & {"butlr", "butlr-json"}
    for uid in RULES:
        rule = grafana.rules.stored[f"{uid}-north"]
        assert set(references(rule["data"])) == {"butlr-north", "__expr__"}
        assert rule["labels"]["tenant"] == "north"
        assert (rule["folderUID"], rule["labels"]["product"]) == ("butlr-north", "butlr")
        assert not re.search(r"d/butlr-[\w-]*(?<!-north)\?", rule["annotations"].get("dashboard", ""))
    operator.uninstall(grafana, "--tenant", "north")
    assert contents(grafana)["dashboards"] == own["dashboards"]
    assert contents(grafana)["rules"] == own["rules"]
    assert set(grafana.data_sources) == {"butlr", "butlr-json"}


def test_each_tenant_sees_the_floors_of_its_token(
    grafana: FakeGrafana, operator: Operator, make_world: Callable[..., World]
) -> None:
    """docs/tenants.md: an organisation each, on one backend; asked as a viewer asks, through the proxy."""
    file = f"everything-token,north-token={PARIS}+{PARIS_2},south-token={NEW_YORK}"
    grafana.backend = through(make_world(tokens=read({"BACKEND_TOKEN": file}).tokens))
    operator.is_user("admin")
    floors = {"North": {PARIS, PARIS_2}, "South": {NEW_YORK}}
    for name in floors:
        operator.has(BACKEND_TOKEN=f"{name.lower()}-token")
        code, _, _ = operator.run("install", grafana, "--backend", BACKEND_URL, "--org", name)
        assert code == 0
    for number, (name, own) in enumerate(floors.items(), start=2):
        response = requests.get(
            f"{grafana.url}/api/datasources/proxy/uid/butlr/api/v1/spaces?level=floor&format=rows",
            auth=("admin", PASSWORD),
            headers={"X-Grafana-Org-Id": str(number)},
            timeout=60,
        )
        assert {row["id"] for row in response.json()} == own, name


@pytest.mark.parametrize("name", ["North", "a b", "x" * 13, "-a", "a-"])
def test_a_tenants_name_makes_uids(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from butlr_grafana.cli.main import main

    with pytest.raises(SystemExit):
        main(["install", "--grafana", "http://g.example", "--backend", BACKEND_URL, f"--tenant={name}"])
    assert "1 to 12 characters: a-z" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [(), ("--backend", BACKEND_URL, "--datasource", "P1")])
def test_a_backend_or_a_data_source_is_needed(
    arguments: tuple[str, ...], grafana: FakeGrafana, operator: Operator
) -> None:
    assert "--backend URL" in operator.refused("install", grafana, *arguments)
    assert grafana.calls == []


def through(world: World) -> Callable[[str, str], tuple[int, Any]]:
    """The real backend, as Grafana's proxy asks it."""

    def send_request(path: str, authorization: str) -> tuple[int, Any]:
        response = world.http.get(path, headers={"Authorization": authorization})
        return response.status_code, response.get_json()

    return send_request


def test_that_the_backend_answers_is_tried_at_the_end(grafana: FakeGrafana, operator: Operator) -> None:
    responses = {200: "", 401: "does not accept the data source's token", 502: "does not reach the backend"}
    for status, text in responses.items():
        grafana.backend = lambda _path, _authorization, status=status: (status, {"message": "as it is"})  # type: ignore[misc]
        code, out, err = operator.run("install", grafana, "--backend", BACKEND_URL)
        assert code == (0 if status == 200 else 1)
        assert text in err
        assert ("checked    the backend answers through Grafana\nopen " in out) == (status == 200)


def test_the_address_that_does_not_answer_is_named(grafana: FakeGrafana, operator: Operator) -> None:
    grafana.backend = lambda _path, _authorization: (502, {"message": "as it is"})
    _, _, err = operator.run("install", grafana, "--backend", BACKEND_URL)
    assert f"Grafana's server does not reach the backend at {BACKEND_URL} (502: as it is)" in err


def test_grafanas_own_address_is_told_from_the_backends(grafana: FakeGrafana, operator: Operator) -> None:
    """As Grafana answers to a token that it does not know: 401, which its proxy hands on as 400."""

    def other_grafana(path: str, _authorization: str) -> tuple[int, Any]:
        return (200, {"database": "ok"}) if path == "/api/health" else (401, {"message": "Invalid API key"})

    grafana.backend = other_grafana
    code, _, err = operator.run("install", grafana, "--backend", grafana.url)
    assert code == 1
    assert f"a Grafana answers at {grafana.url}, the data source's URL, not the backend" in err
    assert "token" not in err


def test_it_is_tried_with_the_token_that_was_written(
    grafana: FakeGrafana, operator: Operator, world: World
) -> None:
    """Not with the one before, which Grafana remembers for some seconds."""
    operator.has(BACKEND_TOKEN="the-old-token")
    operator.install(grafana)
    operator.has(BACKEND_TOKEN=TOKEN)
    requested = []

    def backend(path: str, authorization: str) -> tuple[int, Any]:
        requested.append((path, authorization))
        return through(world)(path, authorization)

    grafana.backend = backend
    code, _, _ = operator.run("install", grafana, "--backend", BACKEND_URL)
    assert code == 0
    assert requested == [("/api/v1/status", f"Bearer {TOKEN}")]


# --- uninstall --------------------------------------------------------------------------------------------


def test_uninstall_removes_exactly_that(grafana: FakeGrafana, operator: Operator) -> None:
    grafana.folders["theirs"] = {"uid": "theirs", "title": "Theirs"}
    grafana.data_sources["theirs"] = {"uid": "theirs", "name": "Theirs", "type": INFINITY, "jsonData": {}}
    grafana.rules.add(own_rule("their-rule", folderUID="theirs"))
    before = contents(grafana)
    operator.install(grafana)
    out = operator.uninstall(grafana)
    after = contents(grafana)
    after["intervals"] = {k: v for k, v in after["intervals"].items() if k[0] == "theirs"}
    assert after == before
    assert out.count("removed    the dashboard") == len(PAGES)
    assert out.count("removed    the alert rule") == len(RULES)
    assert "removed    the folder Butlr" in out


def test_uninstall_keeps_what_people_added_and_their_folder(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    add_own_things(grafana)
    out = operator.uninstall(grafana)
    assert set(grafana.dashboards) == {"ours"}
    assert set(grafana.rules.stored) == {"our-rule"}
    assert set(grafana.folders) == {"butlr"}
    assert "kept       the folder Butlr: it still contains Our own page, Ours" in out


def test_a_rule_alone_keeps_the_folder(grafana: FakeGrafana, operator: Operator) -> None:
    operator.install(grafana)
    grafana.rules.add(own_rule("our-rule"))
    operator.uninstall(grafana)
    assert set(grafana.folders) == {"butlr"}


def test_uninstall_leaves_a_data_source_that_was_not_made_by_install(
    grafana: FakeGrafana, operator: Operator
) -> None:
    source = {"uid": "butlr", "name": "By hand", "type": INFINITY, "jsonData": {}, "version": 1}
    grafana.data_sources["butlr"] = copy.deepcopy(source)
    out = operator.uninstall(grafana)
    assert grafana.data_sources == {"butlr": source}
    assert "kept       the data source By hand (uid butlr)" in out


def test_uninstall_leaves_what_comes_from_files(grafana: FakeGrafana, operator: Operator) -> None:
    grafana.provision(PAGES["butlr-rooms"])
    assert "comes from a provisioning file" in operator.refused("uninstall", grafana)
