"""A real Prometheus, started as compose does, on a real backend in demo mode."""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from tests.processes import running
from tests.support import HANG_S, NEW_YORK, PARIS, until

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "provisioning/prometheus"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
TOKEN = "t0ken-of-the-backend"
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


def configured(folder: Path, backend: str, token: str) -> Path:
    """Our files, with this backend and token in place of compose's, and looking each second."""
    text = (FOLDER / "prometheus.yml").read_text("utf-8")
    for ours, here in (
        ("/run/butlr/token", str(folder / "token")),
        ("dns_sd_configs:", f"static_configs: [{{targets: [{backend!r}]}}]"),
        ("\n      - {names: [replicas], type: A, port: 8080, refresh_interval: 15s}", ""),
        ("interval: 15s", "interval: 1s"),
    ):
        assert ours in text
        text = text.replace(ours, here)
    (folder / "token").write_text(token, "utf-8")
    (folder / "prometheus.yml").write_text(text, "utf-8")
    shutil.copy(FOLDER / "rules.yml", folder)
    return folder / "prometheus.yml"


@dataclass(frozen=True)
class Prometheus:
    url: str

    def get(self, path: str, **arguments: str) -> Any:
        response = requests.get(f"{self.url}/api/v1/{path}", params=arguments, timeout=HANG_S).json()
        assert response["status"] == "success", response
        return response["data"]

    def values(self, expression: str) -> list[float]:
        """The present values of an expression."""
        return [float(found["value"][1]) for found in self.get("query", query=expression)["result"]]

    def backend(self) -> dict[str, Any]:
        """What it knows of the backend; at first it knows of none."""
        found: list[dict[str, Any]] = self.get("targets")["activeTargets"]
        return found[0] if found else {"health": "unknown"}


@contextmanager
def started(program: str, folder: Path, backend: str, token: str = TOKEN) -> Iterator[Prometheus]:
    """With compose's own options; only folders and the port are others."""
    config = configured(folder, backend.removeprefix("http://"), token)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = [
        option.replace("/etc/prometheus", str(config.parent)).replace("=/prometheus", f"={folder / 'data'}")
        for option in COMPOSE["services"]["prometheus"]["command"]
    ]
    command = [program, *options, f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        found = Prometheus(f"http://127.0.0.1:{port}")

        def is_ready() -> bool:
            assert process.poll() is None, (folder / "log").read_text("utf-8")
            try:
                return requests.get(f"{found.url}/-/ready", timeout=HANG_S).ok
            except requests.ConnectionError:
                return False

        try:
            until(is_ready)
            yield found
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    cache = str(tmp_path_factory.mktemp("cache"))
    with running("demo", BACKEND_TOKEN=TOKEN, BACKEND_CACHE_DIR=cache) as (_, url):
        yield url


@pytest.fixture(scope="module")
def prometheus(
    prometheus_program: str, backend: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    with started(prometheus_program, tmp_path_factory.mktemp("prometheus"), backend) as found:
        until(lambda: found.backend()["health"] == "up")
        yield found


def test_the_configuration_is_one_that_prometheus_takes(promtool: str, tmp_path: Path) -> None:
    config = configured(tmp_path, "backend:8080", TOKEN)
    done = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


def test_it_reads_the_backend_with_the_token(prometheus: Prometheus) -> None:
    seen = prometheus.backend()
    assert (seen["labels"]["job"], seen["lastError"]) == ("butlr-backend", "")
    assert prometheus.values('up{job="butlr-backend"}') == [1]


def test_with_another_token_it_is_refused_and_says_so(
    prometheus_program: str, backend: str, tmp_path: Path
) -> None:
    with started(prometheus_program, tmp_path, backend, token="another-token") as stranger:
        until(lambda: stranger.backend()["health"] == "down")
        assert "401" in stranger.backend()["lastError"]
        assert stranger.values('up{job="butlr-backend"}') == [0]


def test_metrics_are_well_formed(promtool: str, backend: str) -> None:
    """By Prometheus' own linter: names, units, help texts."""
    text = requests.get(f"{backend}/metrics", headers=HEADERS, timeout=HANG_S).content
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_all_rules_are_loaded_and_can_be_evaluated(prometheus: Prometheus) -> None:
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text("utf-8"))["groups"]
    wanted = {rule.get("alert") or rule["record"] for group in groups for rule in group["rules"]}

    def rules() -> list[dict[str, Any]]:
        return [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]

    until(lambda: all(rule["health"] != "unknown" for rule in rules()))
    # Evaluated before Prometheus had looked at the backend for the first time, one of them finds none.
    until(lambda: prometheus.values('up{job="butlr-backend"}') == [1.0])
    before = {rule["name"]: rule["lastEvaluation"] for rule in rules()}
    until(lambda: all(rule["lastEvaluation"] != before[rule["name"]] for rule in rules()))
    assert {rule["name"] for rule in rules()} == wanted
    assert {rule["health"] for rule in rules()} == {"ok"}
    # A demo that has just begun is well.
    assert {rule["state"] for rule in rules() if rule["type"] == "alerting"} == {"inactive"}


def expressions() -> dict[str, str]:
    """Every question of the dashboard, by panel and line; over a time that holds several looks."""
    dashboard = json.loads((ROOT / "grafana-dashboards/butlr-operations.json").read_text("utf-8"))
    return {
        f"{panel['title']}: {target['legendFormat']}": target["expr"].replace("$__rate_interval", "30s")
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }


def test_every_question_of_the_dashboard_has_an_answer(prometheus: Prometheus, backend: str) -> None:
    """While panels ask: what is kept, what is not, what is now, what is wrong."""
    days = iter(date(2026, 6, 1) - timedelta(n) for n in range(300))
    unanswered = expressions()
    assert len(unanswered) > 20
    assert not re.search(r"\$", " ".join(unanswered.values()))

    def all_answered() -> bool:
        query_day(backend, next(days))
        for name, expression in list(unanswered.items()):
            if any(math.isfinite(value) for value in prometheus.values(expression)):
                del unanswered[name]
        return not unanswered

    try:
        until(all_answered)
    except AssertionError:
        pytest.fail(f"no data for {unanswered}")


def query_day(backend: str, day: date) -> None:
    then = {"from": f"{day}T00:00:00Z", "to": f"{day}T12:00:00Z"}
    for target, arguments in (
        ("heatmap", {"space": PARIS, **then}),
        ("hot-zones", {"space": PARIS, **then}),
        ("occupancy-now", {"space": NEW_YORK}),
        ("heatmap", {"space": "space_x", **then}),
    ):
        requests.get(f"{backend}/api/v1/{target}", params=arguments, headers=HEADERS, timeout=HANG_S)
