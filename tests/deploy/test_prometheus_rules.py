"""Each rule about the backend, on series written here: silent, firing, over; by the real `promtool`."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "provisioning/prometheus/rules.yml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
ALERTS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}

STEP_S = 30
PER_MINUTE = 60 // STEP_S
CALM_MIN, TROUBLE_MIN, AFTER_MIN = 30, 30, 45
"""Well for so long, then in trouble, then well again."""

STEP_MIN = STEP_S / 60
LAST_MIN = CALM_MIN + TROUBLE_MIN - STEP_MIN
"""The last minute in which there is trouble."""


def series(name: str, **labels: str) -> str:
    text = {"job": "butlr-backend", "instance": "backend:8080", **labels}
    return name + "{" + ", ".join(f'{key}="{value}"' for key, value in text.items()) + "}"


def steady(calm: str, trouble: str) -> str:
    """A gauge's values: one while well, another while in trouble; a list of values is repeated."""

    def stretch(values: str, minutes: int) -> list[str]:
        cycle = values.split()
        return [cycle[n % len(cycle)] for n in range(minutes * PER_MINUTE)]

    return " ".join([*stretch(calm, CALM_MIN), *stretch(trouble, TROUBLE_MIN), *stretch(calm, AFTER_MIN)])


def for_minutes(minutes: int, *values: str) -> str:
    """Each value for so long, to be repeated."""
    return " ".join(value for value in values for _ in range(minutes * PER_MINUTE))


def counted(calm: float, trouble: float) -> str:
    """A counter's values that grows by so much a minute."""
    value, values = 0.0, []
    for a_minute, minutes in ((calm, CALM_MIN), (trouble, TROUBLE_MIN), (calm, AFTER_MIN)):
        for _ in range(minutes * PER_MINUTE):
            value += a_minute / PER_MINUTE
            values.append(f"{value:g}")
    return " ".join(values)


@dataclass(frozen=True)
class Case:
    """What a rule looks at; what it says where it tells its value; `per_instance`: of one of several."""

    inputs: dict[str, str]
    summary: str | None = None
    per_instance: bool = False


def trouble(kind: str) -> dict[str, str]:
    return {series("butlr_backend_trouble", kind=kind): steady("0", "1")}


def requests(*, failed: float) -> dict[str, str]:
    """Of 60 a minute so many fail in trouble; probes that always fail do not count."""
    name = "butlr_backend_requests_total"
    return {
        series(name, target="heatmap", status="200"): counted(60, 60 - failed),
        series(name, target="heatmap", status="502"): counted(0, failed),
        series(name, target="", endpoint="/readyz", status="503"): counted(30, 30),
    }


CASES = {
    "ButlrBackendDown": Case({series("up"): steady("1", "0")}),
    "ButlrBackendRestarts": Case(
        # A new start every eight minutes.
        {series("process_start_time_seconds"): steady("7", for_minutes(8, "1", "2", "3", "4"))}
    ),
    "ButlrRequestsFail": Case(requests(failed=6), "10% of the panels' requests end with an error."),
    "ButlrCacheDiskFails": Case(trouble("disk")),
    "ButlrSharedCacheFails": Case(trouble("shared")),
    "ButlrUnreachable": Case(trouble("unreachable")),
    "ButlrRefuses": Case(trouble("refused")),
    "ButlrAnswersUnusable": Case(trouble("invalid")),
    "ButlrCallsFail": Case(
        {
            series("butlr_calls_total", path="/v3/detections", outcome="200"): counted(20, 15),
            series("butlr_calls_total", path="/v3/detections", outcome="upstream_late"): counted(0, 5),
        },
        "25% of the calls to Butlr fail.",
    ),
    "ButlrLimitsCalls": Case(
        {series("butlr_pause_seconds"): steady("0", "30 10")},
        "Butlr's limit stops all calls for 100% of the time.",
        per_instance=True,
    ),
    "ButlrQueueLong": Case(
        {series("butlr_calls_waiting"): steady("60", "700")},
        "700 calls wait for Butlr.",
        per_instance=True,
    ),
    "ButlrDataLate": Case(
        # A wall that asks every five minutes: only the minute after, there is an age.
        {
            series("butlr_backend_data_age_seconds"): steady(
                for_minutes(1, "30", *["NaN"] * 4), for_minutes(1, "3600", *["NaN"] * 4)
            )
        },
        "The data shown as current are 1h 0m 0s old.",
    ),
    "ButlrAnswersPartial": Case(
        {
            series("butlr_backend_segments_total", source="cached"): counted(100, 70),
            series("butlr_backend_segments_total", source="stale"): counted(0, 20),
            series("butlr_backend_segments_total", source="missing"): counted(1, 10),
        },
        "30% of the requested segments are missing or stale.",
    ),
    "ButlrClockWrong": Case(
        {series("butlr_clock_ahead_seconds"): steady("2", "-3600")},
        "The backend's clock differs from Butlr's by 1h 0m 0s.",
        per_instance=True,
    ),
}


def minutes(text: str) -> int:
    return int(text.removesuffix("m"))


def seconds(minute: float) -> str:
    return f"{minute * 60:.0f}s"


def firing(alert: str, at_min: float, *, expected: bool) -> dict[str, Any]:
    """That an alert fires at that minute, or does not."""
    return {
        "expr": f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)',
        "eval_time": seconds(at_min),
        "exp_samples": [{"labels": "{}", "value": int(expected)}],
    }


def as_test(alert: str, case: Case) -> dict[str, Any]:
    """The alert's life; beside it the backend is up, and what is not in the case is well."""
    waits_min = minutes(ALERTS[alert].get("for", "0m"))
    inputs = {series("up"): steady("1", "1"), **case.inputs}
    expected = [
        firing(alert, CALM_MIN - STEP_MIN, expected=False),
        firing(alert, LAST_MIN, expected=True),
        firing(alert, CALM_MIN + TROUBLE_MIN + AFTER_MIN - 1, expected=False),
    ]
    if waits_min:
        expected.append(firing(alert, CALM_MIN + waits_min - STEP_MIN, expected=False))
    alone = {
        "expr": f'count(ALERTS{{alertname!="{alert}", alertstate="firing"}}) or vector(0)',
        "eval_time": seconds(LAST_MIN),
        "exp_samples": [{"labels": "{}", "value": 0}],
    }
    return {
        "interval": f"{STEP_S}s",
        "input_series": [{"series": name, "values": values} for name, values in inputs.items()],
        "promql_expr_test": [*expected, alone],
    }


def run(promtool: str, folder: Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    document = {"rule_files": [str(RULES)], "evaluation_interval": f"{STEP_S}s", "tests": tests}
    file = folder / "test.yml"
    file.write_text(yaml.safe_dump(document, sort_keys=False), "utf-8")
    return subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("alert", ALERTS)
def test_a_rule_is_silent_then_fires_then_is_over(promtool: str, tmp_path: Path, alert: str) -> None:
    done = run(promtool, tmp_path, [as_test(alert, CASES[alert])])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", [name for name, case in CASES.items() if case.summary])
def test_what_a_rule_says_has_its_value(promtool: str, tmp_path: Path, alert: str) -> None:
    rule, case = ALERTS[alert], CASES[alert]
    of = {"job": "butlr-backend"} | ({"instance": "backend:8080"} if case.per_instance else {})
    text = {**rule["annotations"], "summary": case.summary}
    fires = {"exp_labels": {**of, **rule["labels"]}, "exp_annotations": text}
    requested = {"eval_time": seconds(LAST_MIN), "alertname": alert, "exp_alerts": [fires]}
    test = {**as_test(alert, case), "alert_rule_test": [requested]}
    done = run(promtool, tmp_path, [test])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_backend_that_prometheus_has_never_seen_is_down(promtool: str, tmp_path: Path) -> None:
    test = {
        "interval": f"{STEP_S}s",
        "input_series": [{"series": 'up{job="something-else"}', "values": "1x40"}],
        "promql_expr_test": [firing("ButlrBackendDown", 5, expected=True)],
    }
    done = run(promtool, tmp_path, [test])
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_wrong_expectation_would_be_seen(promtool: str, tmp_path: Path) -> None:
    """That the tests above can fail."""
    test = as_test("ButlrUnreachable", CASES["ButlrUnreachable"])
    test["input_series"] = []
    assert run(promtool, tmp_path, [test]).returncode != 0


def test_every_rule_has_a_case() -> None:
    assert set(CASES) == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_a_rule_says_how_bad_it_is_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    assert anchor == alert.lower()
    assert anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
