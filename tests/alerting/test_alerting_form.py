"""What holds for every alert rule, whatever it watches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.targets.registry import TARGETS
from tests.alerting.grafana import FILE, groups, request, rules, seconds, step
from tests.dashboards.grafana import references
from tests.support import World

Json = dict[str, Any]

ROOT = FILE.parents[2]
RULES = rules()
UIDS = {
    "butlr-hot-zone",
    "butlr-unusually-busy",
    "butlr-over-capacity",
    "butlr-dead-room",
    "butlr-entries-without-exits",
    "butlr-hive-offline",
    "butlr-sensor-offline",
    "butlr-battery-due",
    "butlr-floor-sensors-offline",
    "butlr-late-people",
    "butlr-late-heat",
    "butlr-unreachable",
    "butlr-rules-starved",
}
OF_ALL = {"butlr-unreachable", "butlr-rules-starved"}
"""They are of no floor."""
"""They are stable: silences, history and links count on them."""


OF_DEVICES = {
    *("butlr-hive-offline", "butlr-sensor-offline", "butlr-battery-due", "butlr-floor-sensors-offline"),
}


@pytest.fixture(params=sorted(RULES))
def rule(request: pytest.FixtureRequest) -> Json:
    return RULES[request.param]


def runbook(rule: Json) -> Path:
    name: str = rule["annotations"]["runbook_url"].rpartition("/")[2]
    return ROOT / "docs" / "runbooks" / f"{name}.md"


def columns(rule: Json, ref: str, kind: str) -> list[str]:
    return [c["selector"] for c in step(rule, ref)["model"]["columns"] if c["type"] == kind]


def test_the_rules_are_there_each_once() -> None:
    assert set(RULES) == UIDS
    assert sum(len(group["rules"]) for group in groups()) == len(UIDS)
    assert all(len(uid) <= 40 for uid in UIDS)
    assert len({rule["title"] for rule in RULES.values()}) == len(UIDS)


def test_people_are_looked_at_every_minute_and_heat_every_five() -> None:
    assert {group["interval"] for group in groups()} == {"1m", "5m"}
    assert len({group["name"] for group in groups()}) == len(groups())
    assert {RULES[uid]["interval"] for uid in ("butlr-hot-zone", "butlr-late-heat")} == {"5m"}
    assert {RULES[uid]["interval"] for uid in ("butlr-over-capacity", "butlr-unreachable")} == {"1m"}


def test_the_file_says_where_it_comes_from() -> None:
    head = FILE.read_text("utf-8").split("apiVersion")[0]
    assert "make dashboards" in head
    assert "docs/alerting.md" in head


def test_the_server_asks_for_a_table_with_named_columns(rule: Json) -> None:
    """Infinity's own parser runs in Grafana's server; its texts become labels, and there is one number."""
    queries = [q for q in rule["data"] if q["datasourceUid"] != "__expr__"]
    for query in queries:
        model = query["model"]
        assert query["datasourceUid"] == model["datasource"]["uid"] == "butlr"
        assert (model["parser"], model["format"], model["source"]) == ("backend", "table", "url")
        assert model["url"].removeprefix("/api/v1/") in TARGETS
        params = {p["key"]: p["value"] for p in model["url_options"]["params"]}
        assert params["format"] == "rows"
        assert (params["from"], params["to"]) == ("${__from}", "${__to}")
        assert set(params) <= set(PARAMETERS)
        assert len(columns(rule, query["refId"], "number")) == 1
        assert columns(rule, query["refId"], "string") == columns(rule, "A", "string")


def test_no_variable_of_a_dashboard_is_used(rule: Json) -> None:
    assert references(rule["data"]) - {"T"} == {"__from", "__to"}


def test_the_columns_are_in_the_answer(rule: Json, world: World) -> None:
    for ref in ("A", "T"):
        response = world.http.get(request(step(rule, ref), world.now_s))
        assert response.status_code == 200, response.get_data(as_text=True)
        rows = response.get_json()
        assert rows
        for row in rows:
            assert all(isinstance(row[key], str) for key in columns(rule, ref, "string"))
            [number] = columns(rule, ref, "number")
            assert row[number] is None or isinstance(row[number], int | float)


def test_labels_are_what_does_not_change(rule: Json) -> None:
    """A text that changes would be another alert at each evaluation."""
    stable = {"space", "floor", "room_id", "room", "zone_id", "zone", "source", "device_id", "device"}
    assert set(columns(rule, "A", "string")) <= stable


def test_an_alert_ends_below_where_it_begins(rule: Json) -> None:
    expression = step(rule, rule["condition"])
    assert (expression["datasourceUid"], expression["model"]["type"]) == ("__expr__", "threshold")
    assert expression["model"]["expression"] == "A"
    [condition] = expression["model"]["conditions"]
    fires, ends = condition["evaluator"], condition["unloadEvaluator"]
    assert (fires["type"], ends["type"]) == ("gt", "lt")
    assert ends["params"][0] < fires["params"][0]
    assert seconds(rule["for"]) % seconds(rule["interval"]) == 0


def test_only_butlr_unreachable_rings_for_an_error(rule: Json) -> None:
    rings = rule["uid"] == "butlr-unreachable"
    assert rule["execErrState"] == ("Alerting" if rings else "KeepLast")
    assert rule["noDataState"] == "KeepLast"
    # A floor that is missing keeps its alerts for a day, not for two evaluations, as Grafana would have it.
    assert rule["missing_series_evals_to_resolve"] * seconds(rule["interval"]) == 24 * 3600


def test_alerts_want_whole_answers(rule: Json) -> None:
    params = {p["key"]: p["value"] for p in step(rule, "A")["model"]["url_options"]["params"]}
    is_about_failures = params.get("metric") is not None or rule["uid"] in OF_ALL
    assert (params.get("require") == "complete") != is_about_failures


def test_one_rule_is_for_all_floors(rule: Json) -> None:
    if "space" in columns(rule, "A", "string"):
        params = step(rule, "A")["model"]["url_options"]["params"]
        assert {"key": "space", "value": "all"} in params


def test_it_says_what_it_means_and_where_to_look(rule: Json) -> None:
    notes = rule["annotations"]
    assert len(notes["summary"]) > 40
    assert len(notes["description"]) > 40
    assert runbook(rule).is_file()
    # For these, Grafana's e-mails have large buttons that open a dashboard without the alert's floor.
    assert not {"__dashboardUid__", "__panelId__"} & notes.keys()
    for text in notes.values():
        assert set(re.findall(r"\.Labels\.(\w+)", text)) <= set(columns(rule, "A", "string"))
        assert set(re.findall(r"\.Values\.(\w+)\.", text)) <= {query["refId"] for query in rule["data"]}
        # Doubled or not, it is wrong in some version of Grafana.
        assert "$" not in text


def test_rules_say_that_they_are_rules_and_how_old_their_data_may_be(rule: Json) -> None:
    params = {p["key"]: p["value"] for p in step(rule, "A")["model"]["url_options"]["params"]}
    if rule["uid"] not in OF_ALL:
        assert params["for"] == "rule"
        if step(rule, "A")["model"]["url"].endswith("/devices"):
            assert "max_age" not in params  # Butlr is asked for no minutes of them
            return
        # At least one evaluation is missed before a floor is too old.
        assert seconds(params["max_age"]) > seconds(rule["interval"])


def test_a_summary_begins_with_words(rule: Json) -> None:
    """A rule's own page in Grafana shows templates as they are written, so words come first."""
    before, _, _ = rule["annotations"]["summary"].partition("{{")
    assert len(before.split()) >= 2, before


def test_a_summary_names_the_place_the_value_and_the_limit(rule: Json) -> None:
    if rule["uid"] in OF_ALL:
        return
    summary = rule["annotations"]["summary"]
    assert ".Labels.floor" in summary
    assert ".Values.A.Value" in summary
    [condition] = step(rule, "B")["model"]["conditions"]
    limit = condition["evaluator"]["params"][0]
    text = {
        "butlr-over-capacity": f"{100 * limit:g} %",
        "butlr-hive-offline": f"{limit / 60:g} min",
        "butlr-sensor-offline": f"{limit / 60:g} min",
        "butlr-floor-sensors-offline": f"{100 * limit:g} %",
    }
    minutes = f"{limit / 60:g} min" if "late" in rule["uid"] else f"{limit:g}"
    assert text.get(rule["uid"], minutes) in summary


def test_links_lead_to_the_floor_the_room_and_the_hour(rule: Json) -> None:
    notes = rule["annotations"]
    if "space" not in columns(rule, "A", "string"):
        assert "dashboard" not in notes
        return
    uid = "butlr-sensors" if rule["uid"] in OF_DEVICES else "butlr-floor"
    page = f"{{{{ externalURL }}}}d/{uid}?var-ds=butlr&var-space={{{{ .Labels.space }}}}"
    assert notes["dashboard"].startswith(page)
    is_of_several = "&var-floors={{ .Labels.space }}" in notes["dashboard"]
    assert is_of_several == (uid == "butlr-sensors")
    # It rings at any hour, and pages open with working hours.
    assert "&var-hours=00:00-24:00&var-days=mon-sun&" in notes["dashboard"]
    assert notes["image"].startswith("{{ externalURL }}api/datasources/proxy/uid/butlr/api/v1/heatmap?")
    assert notes["image"].endswith("&format=png")
    for link in (notes["dashboard"], notes["image"]):
        assert "&from={{" in link
        assert "&to={{" in link
    has_room = {"room_id", "zone_id"} & set(columns(rule, "A", "string"))
    assert ("var-room=" in notes["dashboard"]) == bool(has_room)


def test_the_hot_zone_rule_records_events_at_its_own_thresholds() -> None:
    rule = RULES["butlr-hot-zone"]
    params = {p["key"]: p["value"] for p in step(rule, "A")["model"]["url_options"]["params"]}
    [condition] = step(rule, "B")["model"]["conditions"]
    assert float(params["threshold"]) == condition["evaluator"]["params"][0]
    assert float(params["release"]) == condition["unloadEvaluator"]["params"][0]


def test_each_rule_has_a_runbook_and_each_runbook_a_rule() -> None:
    pages = {path.stem for path in (ROOT / "docs/runbooks").glob("*.md")}
    example = (ROOT / "docs/alerting-examples/own-rule.yaml").read_text("utf-8")
    [of_example] = re.findall(r"/runbooks/([\w-]+)'", example)
    assert pages == {*(uid.removeprefix("butlr-") for uid in UIDS), of_example}


def test_a_summary_is_true_of_an_alert_that_has_ended(rule: Json) -> None:
    """Grafana sends it again with the new value. It must not say that this is more than the limit."""
    summary = rule["annotations"]["summary"]
    assert not re.search(r"more than|fewer than|above|below", summary, re.IGNORECASE)
    assert rule["uid"] in OF_ALL or "the limit is" in summary


@pytest.mark.parametrize(
    "part", ["## What it means", "## What to look at", "## What to do", "## How to silence it"]
)
def test_a_runbook_has_its_parts(rule: Json, part: str) -> None:
    assert part in runbook(rule).read_text("utf-8")


def test_a_runbook_is_read_where_the_alert_says(rule: Json, world: World) -> None:
    """By whoever has a login in Grafana, under whatever address that is; here Grafana has put in its own."""
    message = rule["annotations"]["runbook_url"]
    address = message.replace("{{ externalURL }}", "https://example.com/grafana/")
    proxied = "https://example.com/grafana/api/datasources/proxy/uid/butlr"
    assert address.startswith(f"{proxied}/runbooks/")
    response = world.http.get(address.removeprefix(proxied))
    assert (response.status_code, response.mimetype) == (200, "text/plain")
    assert response.text == runbook(rule).read_text("utf-8")


def test_the_page_on_alerting_has_each_rule_with_its_limits() -> None:
    text = (ROOT / "docs/alerting.md").read_text("utf-8")
    for rule in RULES.values():
        [row] = [line for line in text.splitlines() if line.startswith(f"| [{rule['title']}]")]
        [condition] = step(rule, "B")["model"]["conditions"]
        for evaluator in ("evaluator", "unloadEvaluator"):
            assert re.search(rf"(?<![\d.]){condition[evaluator]['params'][0]:g}(?![\d.])", row), row
        assert rule["for"] in row
        assert f"runbooks/{rule['uid'].removeprefix('butlr-')}.md" in row


def test_examples_are_where_nothing_loads_them() -> None:
    """A provisioned policy replaces an organisation's whole routing."""
    provisioned = [path.read_text("utf-8") for path in Path(ROOT / "provisioning").rglob("*.y*ml")]
    assert not any(
        re.search(r"^(policies|contactPoints|muteTimes):", text, re.MULTILINE) for text in provisioned
    )
