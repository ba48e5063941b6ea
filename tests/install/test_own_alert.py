"""`butlr-grafana alert`: the rule of the example for a room or a floor, and whom it tells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.alerting.grafana import Watcher
from tests.alerting.grafana import request as request_of
from tests.alerting.grafana import step as step_of
from tests.fake_grafana import ADMIN, EDITOR, VIEWER, FakeGrafana, Organisation
from tests.fake_grafana_receivers import DEFAULT, NO_SMTP, part
from tests.install.conftest import BACKEND_URL, Operator
from tests.install.test_install import contents, references, through
from tests.support import NEW_YORK, PARIS, World
from tests.yaml_files import read

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
[EXAMPLE] = read(ROOT / "docs/alerting-examples/own-rule.yaml")["groups"][0]["rules"]
LIBRARY = "room_paris_1_library"
LIMIT = ("--people", "20")
ANNA = "anna@example.com"


@pytest.fixture
def here(grafana: FakeGrafana, operator: Operator, world: World) -> FakeGrafana:
    """A Grafana with our data source, and a backend behind it. From now on, an editor calls."""
    grafana.backend = through(world)
    operator.has(BACKEND_TOKEN="", BACKEND_LOG_LEVEL="error")
    operator.install(grafana)
    operator.has(GRAFANA_TOKEN=EDITOR)
    return grafana


def made(grafana: Organisation) -> Json:
    """The one rule of people's own."""
    [rule] = [one for uid, one in grafana.rules.stored.items() if uid.startswith("our-")]
    return rule


def create(operator: Operator, grafana: FakeGrafana, *arguments: str) -> str:
    code, out, err = operator.run("alert", grafana, *arguments)
    assert (code, err) == (0, "")
    return out


def without_grafanas(rule: Json) -> Json:
    """Of each query, what we wrote."""
    steps = [
        {
            **step,
            "model": {k: v for k, v in step["model"].items() if k not in ("intervalMs", "maxDataPoints")},
        }
        for step in rule["data"]
    ]
    return {**rule, "data": steps}


def test_the_rule_is_that_of_the_example(here: FakeGrafana, operator: Operator) -> None:
    """The example's own room and limit: only uid and title differ, and the runbook's address is complete."""
    out = create(operator, here, "--room", LIBRARY, *LIMIT)
    rule = without_grafanas(made(here))
    for name in ("condition", "for", "noDataState", "execErrState", "labels", "data"):
        assert rule[name] == EXAMPLE[name], name
    runbook = EXAMPLE["annotations"]["runbook_url"].replace("{{ externalURL }}", f"{here.url}/")
    assert rule["annotations"] == {**EXAMPLE["annotations"], "runbook_url": runbook}
    assert rule["title"] == "Many people: Library (Paris, 1st floor)"
    assert (rule["provenance"], rule["isPaused"], rule["notification_settings"]) == ("", None, None)
    assert here.folders[rule["folderUID"]]["title"] == "Our alerts"
    assert here.rules.intervals[rule["folderUID"], "Our rooms"] == 60
    assert out.splitlines()[1:] == [
        f"room       Library (Paris, 1st floor), {LIBRARY}: 0 people now",
        "rule       fires above 20 people for 10m, ends below 18",
        "note       --people 20 is more than the capacity of the room: 8",
        "created    the folder Our alerts",
        "created    the alert rule Many people: Library (Paris, 1st floor)",
        "tells      whom Grafana's notification policies name for the labels product=butlr, severity=warning "
        "(to choose: --email ADDRESS or --contact-point NAME)",
        f"open       {here.url}/alerting/grafana/{rule['uid']}/view?orgId=1",
        "note       to remove the rule, open it and choose More, Delete. `uninstall` lists it as in use, "
        "and keeps it",
    ]


def test_a_whole_floor(here: FakeGrafana, operator: Operator, world: World) -> None:
    out = create(operator, here, "--space", "paris, 1st FLOOR", "--people", "60", "--for", "1h")
    rule = made(here)
    assert "floor      Paris / Paris, 1st floor, space_paris_1: 53 people now" in out
    assert rule["title"] == "Many people: Paris / Paris, 1st floor"
    for name in ("A", "T"):
        parameters = {p["key"]: p["value"] for p in step_of(rule, name)["model"]["url_options"]["params"]}
        assert parameters == {
            "space": PARIS,
            "level": "floor",
            "require": "complete",
            "format": "rows",
        }
    assert rule["for"] == "1h"
    assert rule["annotations"]["summary"] == (
        'People in {{ .Labels.floor }}: {{ printf "%.0f" .Values.A.Value }}; the limit is 60.'
    )
    assert "room" not in json.dumps(rule["data"]) + rule["annotations"]["dashboard"]
    [row] = world.http.get(request_of(step_of(rule, "A"), world.now_s)).get_json()
    assert row["people"] == 53


def test_it_rings(here: FakeGrafana, operator: Operator, world: World) -> None:
    """A room without anybody, then with more people than the limit."""
    world.now_s += 13 * 3600
    create(operator, here, "--room", "Library", "--people", "4", "--for", "5m")
    watch = Watcher({**made(here), "interval": "1m", "missing_series_evals_to_resolve": 2})
    watch.run(world, 2)
    assert watch.alerting("room_id") == set()
    start_s = int(world.now_s)
    world.simulator.crowd(PARIS, LIBRARY, 5, start_s, start_s + 3600)
    try:
        watch.run(world, 20)
        assert watch.alerting("room_id") == {LIBRARY}
    finally:
        world.simulator.clear_crowds()


@pytest.mark.parametrize(
    ("people", "ends"), [("1", 1), ("2", 1), ("5", 4), ("19", 18), ("20", 18), ("35", 32), ("100", 90)]
)
def test_it_ends_a_tenth_below(people: str, ends: int, here: FakeGrafana, operator: Operator) -> None:
    create(operator, here, "--room", LIBRARY, "--people", people)
    [condition] = step_of(made(here), "B")["model"]["conditions"]
    assert condition["evaluator"] == {"type": "gt", "params": [int(people)]}
    assert condition["unloadEvaluator"] == {"type": "lt", "params": [ends]}


@pytest.mark.parametrize(
    "name",
    [LIBRARY, "library", "Library (Paris, 1st floor)", "Paris / Paris, 1st floor / Library"],
)
def test_a_room_by_its_id_or_a_name(name: str, here: FakeGrafana, operator: Operator) -> None:
    create(operator, here, "--room", name, *LIMIT)
    [parameters] = [
        {p["key"]: p["value"] for p in step["model"]["url_options"]["params"]}
        for step in made(here)["data"]
        if step["refId"] == "A"
    ]
    assert (parameters["space"], parameters["room"]) == (PARIS, LIBRARY)


def test_a_name_of_several_rooms_needs_the_floor(here: FakeGrafana, operator: Operator) -> None:
    output = operator.refused("alert", here, "--room", "Kitchen", *LIMIT)
    assert output.startswith("--room Kitchen: 3 rooms have this name. Give --space FLOOR too, or an id: ")
    assert "Kitchen (Paris, 1st floor) [room_paris_1_kitchen]" in output
    create(operator, here, "--room", "Kitchen", "--space", NEW_YORK, *LIMIT)
    assert NEW_YORK in json.dumps(made(here)["data"])


@pytest.mark.parametrize(
    ("arguments", "start", "listed"),
    [
        (
            ("--room", "Libary"),
            "--room Libary: there is no such room. It may be: Library (",
            "Library (Paris, 1st floor) [room_paris_1_library]",
        ),
        (("--room", "qqq"), "--room qqq: there is no such room. It may be: ", "… (42 in all)"),
        (
            ("--space", "Rome"),
            "--space Rome: there is no such floor. It may be: ",
            "Paris / Paris, 1st floor [space_paris_1]",
        ),
        (
            ("--room", LIBRARY, "--space", NEW_YORK),
            f"--room {LIBRARY}: there is no such room. It may be: ",
            "Loft (New York, ground floor) [room_newyork_1_loft]",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_exist(
    arguments: tuple[str, ...], start: str, listed: str, here: FakeGrafana, operator: Operator
) -> None:
    output = operator.refused("alert", here, *arguments, *LIMIT)
    assert output.startswith(start)
    assert listed in output
    assert output.count("[") <= 10


# --- a second time ----------------------------------------------------------------------------------------


def test_a_second_time_changes_nothing(here: FakeGrafana, operator: Operator) -> None:
    arguments = ("--room", LIBRARY, *LIMIT, "--email", ANNA)
    create(operator, here, *arguments)
    before, points = contents(here), list(here.receivers.stored)
    out = create(operator, here, *arguments)
    assert (contents(here), here.receivers.stored) == (before, points)
    assert out.count("unchanged") == 2
    assert "created" not in out


def test_a_second_time_changes_the_limit_and_keeps_what_people_changed(
    here: FakeGrafana, operator: Operator
) -> None:
    create(operator, here, "--room", LIBRARY, *LIMIT, "--email", ANNA)
    here.folders["theirs"] = {"uid": "theirs", "title": "Theirs"}
    rule = made(here)
    kept: Json = {
        "title": "Too loud",
        "isPaused": True,
        "folderUID": "theirs",
        "labels": {**rule["labels"], "severity": "critical", "team": "quiet"},
        "notification_settings": {"receiver": f"E-mail to {ANNA}", "mute_time_intervals": ["nights"]},
    }
    rule |= kept
    rule["annotations"]["phone"] = "1234"
    out = create(operator, here, "--room", LIBRARY, "--people", "30", "--for", "20m")
    again = made(here)
    assert {name: again[name] for name in kept} == kept
    assert again["annotations"]["phone"] == "1234"
    assert again["annotations"]["summary"].endswith("limit is 30.")
    assert again["for"] == "20m"
    assert "updated    the alert rule Too loud" in out
    assert "the rule is paused" in out
    create(operator, here, "--room", LIBRARY, "--people", "30", "--title", "Quiet, please")
    assert made(here)["title"] == "Quiet, please"


def test_two_places_have_two_rules_in_one_group(here: FakeGrafana, operator: Operator) -> None:
    for arguments in (("--room", LIBRARY), ("--room", "Boardroom", "--space", PARIS), ("--space", PARIS)):
        create(operator, here, *arguments, *LIMIT)
    own = [one for uid, one in here.rules.stored.items() if uid.startswith("our-")]
    assert len(own) == 3
    assert {(one["folderUID"], one["ruleGroup"]) for one in own} == {("our-alerts", "Our rooms")}


def test_a_folder_of_this_title_is_used(here: FakeGrafana, operator: Operator) -> None:
    here.folders["f1"] = {"uid": "f1", "title": "Our alerts"}
    out = create(operator, here, "--room", LIBRARY, *LIMIT)
    assert made(here)["folderUID"] == "f1"
    assert "the folder" not in out


def test_another_rule_of_this_title_is_said(here: FakeGrafana, operator: Operator) -> None:
    here.folders["our-alerts"] = {"uid": "our-alerts", "title": "Our alerts"}
    here.rules.add({"uid": "x", "title": "Busy", "folderUID": "our-alerts", "ruleGroup": "y", "data": []})
    output = operator.refused("alert", here, "--room", LIBRARY, *LIMIT, "--title", "Busy")
    assert "has the title 'Busy'. Give --title TEXT" in output


# --- whom it tells ----------------------------------------------------------------------------------------


def test_an_address_gets_a_contact_point_of_its_own(here: FakeGrafana, operator: Operator) -> None:
    out = create(operator, here, "--room", LIBRARY, *LIMIT, "--email", ANNA)
    create(operator, here, "--room", "Boardroom", "--space", PARIS, *LIMIT, "--email", ANNA)
    [point] = [one for one in here.receivers.stored if one["name"] != "grafana-default-email"]
    assert (point["name"], point["type"], point["settings"]) == (
        f"E-mail to {ANNA}",
        "email",
        {"addresses": ANNA},
    )
    assert "provenance" not in point
    assert f"created    the contact point E-mail to {ANNA}" in out
    assert f"tells      the contact point E-mail to {ANNA}" in out
    told = [one["notification_settings"] for u, one in here.rules.stored.items() if u.startswith("our-")]
    assert told == [{"receiver": f"E-mail to {ANNA}"}] * 2


def test_a_contact_point_that_sends_elsewhere_is_not_used(here: FakeGrafana, operator: Operator) -> None:
    here.receivers.stored.append(part(f"E-mail to {ANNA}", "email", {"addresses": f"{ANNA};bob@example.com"}))
    output = operator.refused("alert", here, "--room", LIBRARY, *LIMIT, "--email", ANNA)
    assert "does not send to this address only" in output


def test_an_existing_contact_point(here: FakeGrafana, operator: Operator) -> None:
    here.receivers.stored.append(part("Desk", "slack", {"url": "https://secret", "recipient": "#x"}))
    out = create(operator, here, "--room", LIBRARY, *LIMIT, "--contact-point", "Desk")
    assert made(here)["notification_settings"] == {"receiver": "Desk"}
    assert "unchanged  the contact point Desk" in out
    output = operator.refused("alert", here, "--room", LIBRARY, *LIMIT, "--contact-point", "Desks")
    assert output == (
        "--contact-point Desks: there is no such contact point. It may be: Desk, grafana-default-email"
    )


def test_grafanas_own_contact_point(here: FakeGrafana, operator: Operator) -> None:
    """Its one part has another name, under which Grafana lists it."""
    here.receivers.fault = ""
    create(operator, here, "--room", LIBRARY, *LIMIT, "--contact-point", DEFAULT, "--test")
    assert made(here)["notification_settings"] == {"receiver": DEFAULT}
    assert len(here.receivers.sent) == 1
    output = operator.refused("alert", here, "--room", LIBRARY, *LIMIT, "--contact-point", "email receiver")
    assert output.endswith(f"It may be: {DEFAULT}")


def test_a_test_message_is_sent_with_the_secrets_that_grafana_keeps(
    here: FakeGrafana, operator: Operator
) -> None:
    slack = {**part("Desk", "slack", {"url": "https://secret", "recipient": "#x"}), "uid": "p1"}
    here.receivers.stored.append(slack)
    out = create(operator, here, "--room", LIBRARY, *LIMIT, "--contact-point", "Desk", "--test")
    [(kind, settings, alert)] = here.receivers.sent
    assert (kind, settings) == ("slack", {"url": "https://secret", "recipient": "#x"})
    assert alert["labels"] == {"alertname": "Test: Many people: Library (Paris, 1st floor)"}
    assert "sent       a test message" in out


def test_a_test_message_by_e_mail(here: FakeGrafana, operator: Operator) -> None:
    here.receivers.fault = ""
    create(operator, here, "--room", LIBRARY, *LIMIT, "--email", ANNA, "--test")
    [(kind, settings, _)] = here.receivers.sent
    assert (kind, settings) == ("email", {"addresses": ANNA})


@pytest.mark.parametrize("timed_out", [False, True])
def test_why_grafana_could_not_send_is_said(timed_out: bool, here: FakeGrafana, operator: Operator) -> None:
    here.receivers.timed_out = timed_out
    code, out, err = operator.run("alert", here, "--room", LIBRARY, *LIMIT, "--email", ANNA, "--test")
    assert code == 1
    reason = "the receiver timed out: context deadline exceeded" if timed_out else NO_SMTP
    assert f"the rule is there, but Grafana could not send the test message: {reason}" in err
    assert "sent " not in out
    assert made(here)["notification_settings"] == {"receiver": f"E-mail to {ANNA}"}


# --- what is refused, and a dry run -----------------------------------------------------------------------


def test_a_dry_run_changes_nothing(here: FakeGrafana, operator: Operator) -> None:
    before, calls = contents(here), len(here.changes)
    arguments = ("--room", LIBRARY, *LIMIT, "--email", ANNA)
    out = create(operator, here, *arguments, "--test", "--dry-run")
    assert contents(here) == before
    assert len(here.changes) == calls
    assert [line for line in out.splitlines() if line.startswith("to ")] == [
        "to create  the folder Our alerts",
        f"to create  the contact point E-mail to {ANNA}",
        "to create  the alert rule Many people: Library (Paris, 1st floor)",
    ]
    create(operator, here, *arguments)
    out = create(operator, here, "--room", LIBRARY, "--people", "30", "--dry-run")
    assert "to update  the alert rule" in out


def test_a_viewer_may_not(here: FakeGrafana, operator: Operator) -> None:
    operator.has(GRAFANA_TOKEN=VIEWER)
    output = operator.refused("alert", here, "--room", LIBRARY, *LIMIT, "--email", ANNA)
    assert "it needs the role Editor there" in output
    assert "alert.notifications:write" in output


def test_without_the_data_source(grafana: FakeGrafana, operator: Operator) -> None:
    output = operator.refused("alert", grafana, "--room", LIBRARY, *LIMIT)
    assert output == "--datasource butlr: there is no such data source in this organisation"


def test_a_backend_that_does_not_answer(here: FakeGrafana, operator: Operator) -> None:
    here.backend = lambda *_: (502, {"message": "no"})
    output = operator.refused("alert", here, "--room", LIBRARY, *LIMIT)
    assert output.startswith("data source butlr: Grafana's server does not reach the backend (502")


def test_a_room_without_a_count_is_said(here: FakeGrafana, operator: Operator, world: World) -> None:
    with_rooms = through(world)

    def backend(path: str, authorization: str) -> tuple[int, Any]:
        status, rows = with_rooms(path, authorization)
        if "occupancy-now" in path:
            rows = [{**row, "people": None, "reason": "its sensor is offline"} for row in rows]
        return status, rows

    here.backend = backend
    out = create(operator, here, "--room", LIBRARY, *LIMIT)
    assert "no count now (its sensor is offline)" in out
    assert "while there is no count of the room, the rule keeps its state" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (LIMIT, "give --room ROOM (an id or a name), or --space FLOOR"),
        (("--room", LIBRARY, *LIMIT, "--test"), "--test needs --email ADDRESS or --contact-point NAME"),
    ],
)
def test_what_is_missing_is_named(
    arguments: tuple[str, ...], message: str, grafana: FakeGrafana, operator: Operator
) -> None:
    assert message in operator.refused("alert", grafana, *arguments)
    assert grafana.calls == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--people", "0"), "a number of people from 1 to 100000"),
        (("--people", "many"), "a number of people from 1 to 100000"),
        ((), "--people"),
        ((*LIMIT, "--for", "10"), "a time such as 10m or 1h"),
        ((*LIMIT, "--email", "anna"), "one e-mail address, for example"),
        ((*LIMIT, "--email", f"{ANNA},bob@example.com"), "one e-mail address, for example"),
        ((*LIMIT, "--email", ANNA, "--contact-point", "x"), "not allowed with argument"),
        ((*LIMIT, "--title", "x" * 191), "a title of 1 to 190 characters"),
    ],
)
def test_what_a_parameter_may_be_is_said(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from butlr_grafana.cli.main import main

    with pytest.raises(SystemExit):
        main(["alert", "--grafana", "http://g.example", "--room", "x", *arguments])
    assert message in capsys.readouterr().err


# --- tenants, organisations, uninstall --------------------------------------------------------------------


def test_a_tenant_has_its_own(here: FakeGrafana, operator: Operator) -> None:
    operator.has(GRAFANA_TOKEN=ADMIN)
    operator.install(here, "--backend", BACKEND_URL, "--tenant", "north")
    for tenant in ((), ("--tenant", "north")):
        create(operator, here, "--room", LIBRARY, *LIMIT, *tenant)
    own = {uid: one for uid, one in here.rules.stored.items() if uid.startswith("our-")}
    assert len(own) == 2
    [norths] = [one for uid, one in own.items() if uid.endswith("-north")]
    assert set(references(norths["data"])) == {"butlr-north", "__expr__"}
    assert norths["labels"]["tenant"] == "north"
    assert here.folders[norths["folderUID"]]["title"] == "Our alerts (north)"
    assert "d/butlr-floor-north?var-ds=butlr-north&" in norths["annotations"]["dashboard"]
    assert len(norths["uid"]) <= 40


def test_another_data_source(here: FakeGrafana, operator: Operator) -> None:
    here.data_sources["P1"] = {**here.data_sources["butlr"], "uid": "P1", "name": "Floors"}
    create(operator, here, "--room", LIBRARY, *LIMIT, "--datasource", "P1")
    assert set(references(made(here)["data"])) == {"P1", "__expr__"}
    assert "butlr/" not in made(here)["annotations"]["image"]


def test_in_an_organisation_of_its_own(
    here: FakeGrafana, operator: Operator, make_world: Callable[..., World]
) -> None:
    operator.is_user("admin")
    operator.install(here, "--backend", BACKEND_URL, "--org", "Tenant A")
    out = create(operator, here, "--room", LIBRARY, *LIMIT, "--org", "Tenant A")
    assert made(here.others["Tenant A"])["title"].startswith("Many people")
    assert "/view?orgId=2" in out
    assert "there is no such organisation" in operator.refused(
        "alert", here, "--room", LIBRARY, *LIMIT, "--org", "Tenant B"
    )


def test_a_new_organisation_has_no_contact_points_yet(here: FakeGrafana, operator: Operator) -> None:
    here.receivers.is_new = True
    output = operator.refused("alert", here, "--room", LIBRARY, *LIMIT, "--email", ANNA)
    assert "No alertmanager configuration present" in output
    assert "wait a minute" in output


def test_uninstall_keeps_it_and_lists_it(here: FakeGrafana, operator: Operator) -> None:
    create(operator, here, "--room", LIBRARY, *LIMIT)
    operator.has(GRAFANA_TOKEN=ADMIN)
    out = operator.uninstall(here)
    rule = made(here)
    assert f"in use     the alert rule {rule['title']} uses the data source Butlr: {here.url}/" in out
    assert set(here.folders) == {"our-alerts"}
