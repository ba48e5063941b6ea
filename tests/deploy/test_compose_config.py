"""docker-compose.yml as compose itself reads it, with every profile and .env that the documents name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import cannot_run

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = {"token", "backend", "grafana"}
SCALE = {
    "BACKEND_REPLICAS": "3",
    "BACKEND_CACHE_URL": "redis://valkey:6379",
    "BUTLR_BACKEND_URL": "http://proxy:8080",
}
CREDENTIALS = {
    "BUTLR_API_URL": "https://butlr.example",
    "BUTLR_CLIENT_ID": "id",
    "BUTLR_CLIENT_SECRET_FILE": "secrets/butlr_client_secret",
}
SETTINGS = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))["x-settings"]
# As in .env, or empty; what they may be is checked by the backend (tests/test_settings.py).
PASSED_ON = [name for name, value in SETTINGS.items() if value == f"${{{name}:-}}"]
VARIANTS: dict[str, tuple[dict[str, str], set[str]]] = {
    "nothing": ({}, set()),
    "credentials": (CREDENTIALS, set()),
    "operations": ({"COMPOSE_PROFILES": "operations"}, {"prometheus"}),
    "scale": ({"COMPOSE_PROFILES": "scale", **SCALE}, {"rules", "valkey", "proxy"}),
    "both": (
        {"COMPOSE_PROFILES": "operations,scale", **SCALE, **CREDENTIALS},
        {"prometheus", "rules", "valkey", "proxy"},
    ),
    "sub-path": (
        {
            "GRAFANA_ADDRESS": "127.0.0.1:3001",
            "GF_SERVER_ROOT_URL": "https://example.com/grafana/",
            "GF_SERVER_SERVE_FROM_SUB_PATH": "true",
        },
        set(),
    ),
    "e-mail": (
        {
            "GF_SMTP_ENABLED": "true",
            "GF_SMTP_HOST": "smtp.example.com:587",
            "GF_SMTP_FROM_ADDRESS": "grafana@example.com",
            "GF_SMTP_USER": "grafana@example.com",
            "SMTP_PASSWORD_FILE": "secrets/smtp_password",
        },
        set(),
    ),
    "walls": ({"GF_AUTH_ANONYMOUS_ENABLED": "true"}, set()),
    "webhooks": (
        {
            "BUTLR_WEBHOOK_KEY": "a-key-of-sixteen-or-more",
            "BACKEND_WEBHOOK_PORT": "8081",
            "BACKEND_PUBLIC_URL": "https://butlr.example.com",
        },
        set(),
    ),
    "text": ({"BACKEND_LOG": "text", "BACKEND_LOG_LEVEL": "debug", "BUTLR_SPACES": "space_1"}, set()),
    "own Prometheus": ({"BUTLR_PROMETHEUS_URL": "http://prometheus.example.com:9090"}, set()),
    "every setting": (dict.fromkeys(PASSED_ON, "1"), set()),
}


def compose_command() -> list[str] | None:
    """Compose of the second line, as docker's plugin or alone; Debian 12's package is of the first."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            requested = [*command, "version", "--short"]
            done = subprocess.run(requested, capture_output=True, text=True, check=False)
            if done.returncode == 0 and re.match(r"v?([2-9]|[1-9]\d)\.", done.stdout):
                return command
    return None


@pytest.fixture(scope="module")
def compose() -> list[str]:
    command = compose_command()
    if command is None:
        cannot_run("WITH COMPOSE", "docker compose of version 2 or newer is not installed")
    return command


def config(
    compose: list[str], folder: Path, env: dict[str, str], *options: str
) -> subprocess.CompletedProcess[str]:
    """With this .env, in an environment that says nothing else."""
    file = folder / ".env"
    file.write_text("".join(f"{name}={value}\n" for name, value in env.items()), "utf-8")
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}
    command = [*compose, "--project-directory", str(ROOT), "-f", str(ROOT / "docker-compose.yml")]
    return subprocess.run(
        [*command, "--env-file", str(file), "config", *options],
        env=clean,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_compose_accepts_the_file_and_chooses_the_services(
    compose: list[str], tmp_path: Path, variant: str
) -> None:
    env, more = VARIANTS[variant]
    done = config(compose, tmp_path, env, "--quiet")
    # Nor has it anything to warn of, such as a variable that is not set.
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    read: dict[str, Any] = json.loads(config(compose, tmp_path, env, "--format", "json").stdout)
    assert set(read["services"]) == DEFAULT | more
    assert read["services"]["backend"]["deploy"]["replicas"] == int(env.get("BACKEND_REPLICAS", "1"))
    if "rules" in more:
        # One, and else as the other backends; it is not built for a second time.
        others = {"build", "deploy", "profiles", "pull_policy"}
        backend, rules = (
            {name: value for name, value in read["services"][service].items() if name not in others}
            for service in ("backend", "rules")
        )
        assert rules == backend
        assert "build" not in read["services"]["rules"]
    grafana = read["services"]["grafana"]["environment"]
    assert grafana["GF_SERVER_ROOT_URL"] == env.get("GF_SERVER_ROOT_URL", "")
    for name in ("GF_SMTP_HOST", "GF_SMTP_FROM_ADDRESS", "GF_SMTP_USER"):
        assert grafana[name] == env.get(name, "")
    password = env.get("SMTP_PASSWORD_FILE")
    assert read["secrets"]["smtp_password"]["file"] == (str(ROOT / password) if password else "/dev/null")
    assert grafana["GF_SMTP_PASSWORD__FILE"] == ("/run/secrets/smtp_password" if password else "")
    assets_root = Path(grafana["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(assets_root.parent) == grafana["BUTLR_DASHBOARDS_DIR"]
    assert (ROOT / "grafana-dashboards" / assets_root.name).exists()
    for name in ("GF_SERVER_SERVE_FROM_SUB_PATH", "GF_AUTH_ANONYMOUS_ENABLED", "GF_SMTP_ENABLED"):
        assert grafana[name] == env.get(name, "false")
    [port] = read["services"]["grafana"]["ports"]
    assert f"{port['host_ip']}:{port['published']}" == env.get("GRAFANA_ADDRESS", "127.0.0.1:3000")
    passed_on = read["services"]["backend"]["environment"]
    assert {name: passed_on[name] for name in PASSED_ON} == {name: env.get(name, "") for name in PASSED_ON}
    assert grafana["BUTLR_PROMETHEUS_URL"] == env.get("BUTLR_PROMETHEUS_URL", "http://prometheus:9090")
    secret = read["secrets"]["butlr_client_secret"]["file"]
    given = env.get("BUTLR_CLIENT_SECRET_FILE")
    assert secret == (str(ROOT / given) if given else "/dev/null")
    inside = read["services"]["backend"]["environment"]["BUTLR_CLIENT_SECRET_FILE"]
    assert inside == ("/run/secrets/butlr_client_secret" if given else "")


def test_every_variable_of_the_file_is_tried() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    variables = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    tried = {name for env, _ in VARIANTS.values() for name in env}
    # How much the cache may hold, and which Grafana: a number and a version.
    assert variables - tried <= {"VALKEY_MEMORY", "GRAFANA_VERSION"}


def test_the_lines_of_the_file_s_head_are_the_ones_tried() -> None:
    head = (ROOT / "docker-compose.yml").read_text("utf-8").partition("services:")[0]
    reported = dict(re.findall(r"^#   ([A-Z_]+)=(\S+)", head, re.MULTILINE))
    assert reported.pop("BUTLR_CLIENT_ID") == "…"
    tried = [pair for env, _ in VARIANTS.values() for pair in env.items()]
    assert set(reported.items()) <= set(tried)


def test_a_mistake_would_be_seen(compose: list[str], tmp_path: Path) -> None:
    """That the tests above can fail."""
    done = config(compose, tmp_path, {"GRAFANA_ADDRESS": "nowhere at all"}, "--quiet")
    assert done.returncode != 0
