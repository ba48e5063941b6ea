"""Each doubtful choice of the simulator turned: what is measured is what was turned."""

from __future__ import annotations

from typing import Any

import pytest

from butlr_grafana.measure.client import CALLS_PER_MINUTE, MOST_CALLS
from butlr_grafana.measure.finding import SUBJECTS
from butlr_grafana.measure.run import ORDER, exit_code
from butlr_grafana.model.verdicts import CHANGES_NUMBERS, PRESENCE_NAMES
from tests.measure.accounts import account
from tests.support import GRAPHQL, LOGIN

PLAIN = dict.fromkeys(PRESENCE_NAMES, "presence_time_secs")
FLOOR_ONLY = {**PRESENCE_NAMES, "room": None, "zone": None}

VERDICTS = [
    ("heat_stop=inclusive", "stop", "inclusive"),
    ("heat_y=flipped", "heat_y", "flipped"),
    ("window_labels=start", "labels", "start"),
    ("day_windows=utc", "days", "utc"),
    ("day_labels=start", "days", "otherwise"),
    ("day_labels=end", "days", "local"),
    ("calibrated_day=utc", "calibrated_day", "utc"),
    ("presence_names=plain", "presence_names", PLAIN),
    ("presence_names=floor_only", "presence_names", FLOOR_ONLY),
    ("weekday_case=lower", "weekday_case", "lower"),
    ("weekday_case=any", "weekday_case", "capitalised"),
    ("create_empty_fills=off", "creates_empty", False),
    ("totals_add_up=off", "totals_add_up", False),
    ("heat_nesting=results0", "heat_form", "results[0]"),
    ("heat_nesting=top", "heat_form", "top"),
    ("heat_late_s=7200", "settle_s", 86_400),
]


def test_as_butlr_is_documented_all_is_as_assumed() -> None:
    with account() as tenant:
        found = tenant.findings()
        assert tuple(found) == ORDER
        assert set(ORDER) == SUBJECTS.keys()
        assert {finding.unknown: finding.state for finding in found.values() if finding.state != "ok"} == {
            # One run is too short for it.
            "U15": "assumed"
        }
        verdicts = tenant.verdict_store.current()
        assert verdicts.unmeasured == frozenset()
        assert verdicts.measured >= CHANGES_NUMBERS
        assert (verdicts.labels, verdicts.stop, verdicts.heat_y) == ("end", "exclusive", "as-plan")
        assert (verdicts.totals_add_up, verdicts.creates_empty) == (True, True)
        assert exit_code(found.values()) == 0


@pytest.mark.parametrize(("form", "name", "value"), VERDICTS)
def test_a_choice_that_is_turned_is_measured(form: str, name: str, value: object) -> None:
    with account(form) as tenant:
        found = tenant.findings()
        assert getattr(tenant.verdict_store.current(), name) == value
        assert exit_code(found.values()) == 0
        # And nothing else is mistaken for it.
        differing = {finding.unknown for finding in found.values() if finding.state == "DIFFERS"}
        deciding = {finding.unknown for finding in found.values() if name in finding.verdict}
        assert differing <= deciding


NUMBERS = [
    ("grid_phase=call", "U3", {"same": False}),
    ("heat_bounds=pairs", "U1", {"bounds": "min[x,y]", "readable": True}),
    ("heat_bounds=points", "U1", {"bounds": "min{x,y}", "readable": True}),
    ("heat_bounds=x_min", "U1", {"bounds": "x_min", "readable": True}),
    ("rows_without_group_by=nested", "U8", {"raw": 0}),
    ("raw_without_order=nested", "U8", {"raw": 2, "by room and time": 2}),
    ("page_cap=100", "U12", {"paged": 100}),
    ("page_totals=off", "U12", {"total_item_count": 0}),
    ("data_incomplete=stats", "U14", {"in_row": 0, "in_answer": 0}),
    ("introspection=off", "U13", {}),
    ("plan_rotation=on", "U13", {"plan_rotation": True}),
    ("id_limits=none", "U16", {"asked": 18}),
]


@pytest.mark.parametrize(("form", "unknown", "numbers"), NUMBERS)
def test_a_choice_without_a_verdict_is_said_with_its_numbers(
    form: str, unknown: str, numbers: dict[str, Any]
) -> None:
    with account(form) as tenant:
        found = tenant.findings()
        assert {name: found[unknown].numbers[name] for name in numbers} == numbers
        assert exit_code(found.values()) == 0


@pytest.mark.parametrize("form", ["rows", "stats"])
def test_where_incomplete_data_is_marked_is_counted(form: str) -> None:
    with account(f"data_incomplete={form}") as tenant:
        numbers = tenant.findings(("U14",))["U14"].numbers
        marked, other = ("in_row", "in_statistics") if form == "rows" else ("in_statistics", "in_row")
        assert numbers[marked]
        assert not numbers[other]


@pytest.mark.parametrize("rate", [1, 60, 110, 180])
def test_the_scale_of_counts_is_near_the_truth(rate: int) -> None:
    """Heat outside rooms is in the total, so it is a little more; `serve` measures it finer."""
    with account(f"detections_per_minute={rate}") as tenant:
        finding = tenant.findings(("U10",))["U10"]
        assert rate <= finding.numbers["factor"] <= 1.1 * rate
        assert finding.state == ("DIFFERS" if rate == 1 else "ok")


@pytest.mark.parametrize(
    ("form", "name"), [("x-ratelimit", "x-ratelimit-limit"), ("ratelimit", "ratelimit-limit")]
)
def test_a_limit_that_headers_name_is_said(form: str, name: str) -> None:
    with account(f"rate_limit_headers={form}") as tenant:
        tenant.simulator.faults.set(rate_limit_per_minute=500)
        finding = tenant.findings(("U1", "U11"))["U11"]
        assert (finding.state, finding.numbers["limit"]) == ("DIFFERS", 500)
        assert name in finding.measured


def test_a_run_stays_within_its_calls_one_at_a_time_and_at_a_pace() -> None:
    with account() as tenant:
        tenant.findings()
        assert tenant.simulator.count() - tenant.simulator.count(LOGIN) <= MOST_CALLS
        assert tenant.simulator.peak_in_flight == 1
        requested = tenant.simulator.count() - tenant.simulator.count(LOGIN)
        paces = [pause for pause in tenant.pauses.paused_s if pause == 60 / CALLS_PER_MINUTE]
        # Between each two, and the topology's three are not of the run.
        assert len(paces) == requested - 3 - 1


def test_calls_that_do_not_suffice_leave_the_rest_assumed() -> None:
    with account() as tenant:
        found = tenant.findings(most=12)
        assert tenant.simulator.count() <= 12 + 4
        assert found["U1"].state == "ok"
        assert found["U13"].state == "skipped"
        assert "run `check` again" in found["U13"].measured
        assert exit_code(found.values()) == 0


def test_only_reading_calls_are_made() -> None:
    with account() as tenant:
        tenant.findings()
        bodies = [call.body for call in tenant.simulator.calls if call.path == GRAPHQL]
        assert bodies
        assert not any("mutation" in body["query"] for body in bodies)


def test_what_cannot_be_read_is_a_difference_and_not_kept_for_good() -> None:
    with account("unreadable=heat") as tenant:
        found = tenant.findings()
        assert exit_code(found.values()) == 3
        assert [u for u, finding in found.items() if not finding.handled] == ["U1", "U2"]
        assert "check --report" in found["U1"].follows
        assert tenant.verdict_store.current().unmeasured == {"stop", "heat_y"}


def test_metrics_that_cannot_be_read_leave_heat_maps_well() -> None:
    with account("unreadable=reporting") as tenant:
        found = tenant.findings()
        assert exit_code(found.values()) == 3
        assert found["U1"].state == found["U2"].state == "ok"
        assert {"labels", "days"} <= tenant.verdict_store.current().unmeasured


def test_a_butlr_that_asks_for_fewer_calls_is_left_alone() -> None:
    with account() as tenant:
        tenant.simulator.faults.set(status=429)
        before = tenant.simulator.count()
        with pytest.raises(Exception, match="429"):
            tenant.findings()
        # One question, with the client's own further tries.
        assert tenant.simulator.count() - before == 4
        assert tenant.verdict_store.current().unmeasured == CHANGES_NUMBERS
