"""Replicas, that of rules, proxy, Valkey, Prometheus: their rights, and requests while parts leave."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.containers.conftest import Record
from tests.containers.project import Project, docker, inspect, until

RATE = 50
SCALE = {
    "BACKEND_CACHE_URL": "redis://valkey:6379",
    "BUTLR_BACKEND_URL": "http://proxy:8080",
}
CREDENTIALS = {
    "BUTLR_API_URL": "http://butlr:8090",
    "BUTLR_CLIENT_ID": "demo",
    "BUTLR_CLIENT_SECRET_FILE": "secrets/butlr_client_secret",
}
USERS = {
    "token": "10001:10001",
    "backend": "10001:10001",
    "rules": "10001:10001",
    "grafana": "472:0",
    "prometheus": "65534:65534",
    "valkey": "999:999",
    "proxy": "99:99",
}
PROXY = "http://proxy:8080"


def settings(profiles: str = "operations,scale", replicas: int = 3) -> dict[str, str]:
    return {"COMPOSE_PROFILES": profiles, "BACKEND_REPLICAS": str(replicas), **SCALE, **CREDENTIALS}


@pytest.fixture(scope="module")
def project(make_project: Callable[..., Project]) -> Iterator[Project]:
    made = make_project("scale", **settings())
    (made.folder / "secrets").mkdir(mode=0o700)
    (made.folder / "secrets/butlr_client_secret").write_text("demo", "utf-8")
    # Without a Butlr no replica is ready, and the proxy asks none.
    made.compose("up", "--detach")
    with made.butlr(latency_s=2.0):
        made.wait_healthy()
        until(lambda: replicas_requested(made) == 3, "three replicas behind the proxy")
        yield made


def replicas_requested(project: Project) -> int:
    """As the proxy says itself."""
    send_request = (
        "exec 3<>/dev/tcp/127.0.0.1/8404 && printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3 && tail -n 1 <&3"
    )
    text = project.inside("proxy", "bash", "-c", send_request)
    return int(text) if text.isdigit() else 0


def whole(project: Project, replicas: int = 3) -> None:
    """Before a test and after: all healthy, and all asked."""
    project.configure(**settings(replicas=replicas))
    project.up()
    until(lambda: replicas_requested(project) == replicas, f"{replicas} replicas behind the proxy")


def assert_nothing_was_lost(report: dict[str, Any], *, least: int) -> None:
    assert report["failed"] == 0, json.dumps(report, indent=1)
    assert report["sent"] >= least
    assert report["answered"]["post"] >= report["sent"] // 10 - 1
    assert report["answered"]["slow"] >= report["sent"] // 10 - 1
    # Butlr takes two seconds: it was really asked.
    assert report["quickest_s"]["slow"] >= 2


def of(report: dict[str, Any]) -> str:
    slowest = ", ".join(f"{kind} {seconds} s" for kind, seconds in sorted(report["slowest_s"].items()))
    return f"{report['failed']} of {report['sent']} failed; slowest: {slowest}"


@pytest.mark.parametrize("service", ["backend", "rules", "grafana", "prometheus", "valkey", "proxy"])
def test_a_container_has_the_rights_that_were_declared_and_no_others(project: Project, service: str) -> None:
    """As seen from inside, by the process that runs there and by one that is added."""
    state = project.inside(service, "cat", "/proc/1/status", "/proc/self/status")
    for name, value in (("CapEff", "0" * 16), ("CapPrm", "0" * 16), ("NoNewPrivs", "1")):
        assert [line.split()[1] for line in state.splitlines() if line.startswith(f"{name}:")] == [value] * 2
    assert project.inside(service, "sh", "-c", "echo $(id -u):$(id -g)") == USERS[service]
    refused = project.compose("exec", "-T", service, "sh", "-c", "touch /x /etc/x /usr/x", check=False)
    assert refused.stderr.count("Read-only file system") == 3


def test_what_a_container_must_write_it_can_write(project: Project) -> None:
    for service, folder in (
        *(("backend", "/cache"), ("backend", "/tmp"), ("grafana", "/var/lib/grafana")),
        *(("prometheus", "/prometheus"), ("valkey", "/data"), ("proxy", "/tmp")),
    ):
        project.inside(service, "sh", "-c", f"touch {folder}/probe && rm {folder}/probe")
    for service in ("backend", "grafana"):
        done = project.compose("exec", "-T", service, "touch", "/run/butlr/token", check=False)
        assert done.returncode != 0


def test_prometheus_sees_each_replica(project: Project) -> None:
    def up() -> bool:
        found = json.loads(
            project.inside(
                "prometheus", "wget", "-q", "-O", "-", "http://127.0.0.1:9090/api/v1/query?query=sum(up)"
            )
        )
        result = found["data"]["result"]
        return bool(result) and result[0]["value"][1] == "4"

    until(up, "three replicas and that of rules in Prometheus")


def keys(project: Project) -> int:
    return int(project.inside("valkey", "valkey-cli", "dbsize"))


def answered_by_rules(project: Project) -> float:
    """How many requests for a day the backend of rules has answered."""
    [rules] = project.containers("rules")
    return float(docker("exec", rules.id, "python", "-c", ANSWERED))


ANSWERED = """
import re, urllib.request as u
token = open('/run/butlr/token').read()
asked = u.Request('http://127.0.0.1:8080/metrics', headers={'Authorization': 'Bearer ' + token})
text = u.urlopen(asked, timeout=60).read().decode()
form = r'^butlr_backend_requests_total[{].*target="heatmap-summary".*[}] (\\S+)$'
print(sum(map(float, re.findall(form, text, re.M))))
"""
DAYS = itertools.count()
LOOK = """
import json, re, sys, urllib.request as u
token = open('/run/butlr/token').read()
def get(path):
    asked = u.Request('http://127.0.0.1:8080' + path, headers={'Authorization': 'Bearer ' + token})
    return u.urlopen(asked, timeout=60).read().decode()
[row] = json.loads(get('/api/v1/heatmap-summary?format=rows&require=complete&' + sys.argv[1]))
assert row['hours'] == 24, row
print(re.search(r'butlr_backend_trouble[{]kind="shared"[}] (\\S+)', get('/metrics'))[1])
"""


def trouble(project: Project) -> list[float]:
    """Each replica is asked for a day; whether it goes on without the shared cache, as it says itself.

    A day that nobody has asked for, of a kind that the load does not ask for: nothing is kept of it.
    """
    start = datetime(2025, 12, 1, tzinfo=UTC) + timedelta(days=next(DAYS))
    arguments = (
        f"space=space_paris_1&resolution=0.25&from={start:%Y-%m-%d}&to={start + timedelta(days=1):%Y-%m-%d}"
    )
    requested = (
        docker("exec", each.id, "python", "-c", LOOK, arguments) for each in project.containers("backend")
    )
    return [float(text) for text in requested]


def until_trouble_is(project: Project, expected: float) -> None:
    until(lambda: trouble(project) == [expected] * 3, f"all replicas say {expected:.0f} of the shared cache")


def test_valkey_is_shared_and_may_go_away_refuse_and_come_back(project: Project) -> None:
    assert trouble(project) == [0, 0, 0]
    assert keys(project) > 0

    project.compose("stop", "valkey")
    until_trouble_is(project, 1)
    project.compose("start", "valkey")
    until_trouble_is(project, 0)
    assert trouble(project) == [0, 0, 0]
    assert keys(project) > 0

    project.inside("valkey", "valkey-cli", "config", "set", "requirepass", "secret")
    with_password = ("valkey-cli", "--no-auth-warning", "-a", "secret")
    project.inside("valkey", *with_password, "client", "kill", "type", "normal", "skipme", "yes")
    until_trouble_is(project, 1)
    project.inside("valkey", *with_password, "config", "set", "requirepass", "")
    until_trouble_is(project, 0)


@pytest.mark.parametrize("service", ["backend", "rules"])
def test_no_request_is_lost_when_a_replica_is_killed(project: Project, record: Record, service: str) -> None:
    whole(project)
    with project.load(PROXY, rate=RATE) as report:
        time.sleep(3)
        until(lambda: answered_by_rules(project) > 0, "the proxy sends it the requests of rules")
        docker("kill", project.containers(service)[0].id)
        time.sleep(8)
    record(f"one killed, {service}", of(report))
    assert_nothing_was_lost(report, least=10 * RATE)


def test_no_request_is_lost_when_a_replica_hangs(project: Project, record: Record) -> None:
    whole(project)
    hanging = project.containers("backend")[1].id
    try:
        with project.load(PROXY, rate=RATE) as report:
            time.sleep(3)
            docker("pause", hanging)
            until(lambda: replicas_requested(project) == 2, "the proxy has seen it")
            time.sleep(3)
    finally:
        docker("unpause", hanging)
    record("one of three paused", of(report))
    assert_nothing_was_lost(report, least=5 * RATE)


def test_no_request_is_lost_when_five_become_two(project: Project, record: Record) -> None:
    whole(project, replicas=5)
    with project.load(PROXY, rate=RATE) as report:
        time.sleep(3)
        whole(project, replicas=2)
    record("five become two", of(report))
    assert_nothing_was_lost(report, least=5 * RATE)
    assert len(project.containers("backend")) == 2


def test_no_request_is_lost_in_an_upgrade_three_times_in_a_row(project: Project, record: Record) -> None:
    whole(project)
    others = project.containers("grafana", "valkey", "prometheus", "proxy")
    for turn in range(3):
        before = {each.id for each in project.containers("backend", "rules")}
        source = project.folder / "backend/butlr_grafana/__init__.py"
        source.write_text(source.read_text("utf-8") + f"# {turn}\n", "utf-8")
        if turn == 1:
            (project.folder / "provisioning/haproxy/haproxy.cfg").touch()
        with project.load(PROXY, rate=RATE) as report:
            time.sleep(3)
            output = project.shell("make upgrade").stdout
            time.sleep(2)
        record(f"upgrade {turn + 1} of 3", of(report))
        assert_nothing_was_lost(report, least=15 * RATE)
        after = project.containers("backend", "rules")
        assert len(after) == 4
        assert not before & {each.id for each in after}
        assert ("proxy: has read its file anew" in output) == (turn >= 1)
        image = docker("image", "inspect", "--format", "{{.Id}}", "butlr-grafana")
        assert {inspect(each.id)["Image"] for each in project.containers("backend", "rules", "token")} == {
            image
        }
        with project.load(PROXY, rate=RATE):
            until(lambda: answered_by_rules(project) > 0, "the new one gets the requests of rules")
        # A first container that is made anew takes nobody along.
        assert project.containers("grafana", "valkey", "prometheus", "proxy") == others


def test_an_upgrade_that_cannot_start_changes_nothing(project: Project) -> None:
    whole(project)
    before = project.containers("backend", "grafana", "proxy")
    project.configure(**settings(), BACKEND_LOG_LEVEL="loud")
    done = project.shell("make upgrade", check=False)
    assert done.returncode != 0
    assert "BACKEND_LOG_LEVEL='loud'" in done.stdout + done.stderr
    assert project.containers("backend", "grafana", "proxy") == before
    project.configure(**settings())


def test_what_the_proxy_refuses_is_in_its_log(project: Project) -> None:
    project.compose("stop", "backend", "rules")
    with pytest.raises(AssertionError, match="503"):
        project.get("/api/v1/spaces?room=room_secret")
    lines = [json.loads(line) for line in project.logs("proxy") if line[:1] == "{"]
    assert [line for line in lines if line["status"] == 503 and line["message"] == "GET /api/v1/spaces"]
    assert "room_secret" not in "".join(project.logs("proxy"))
    project.compose("start", "backend", "rules")
    project.wait_healthy()


def test_each_is_stopped_within_its_grace(project: Project, record: Record) -> None:
    """137 would be SIGKILL, sent when the grace is over."""
    whole(project)
    project.compose("stop")
    codes = {each.name: inspect(each.id)["State"]["ExitCode"] for each in project.containers()}
    record("exit codes after stop", sorted(set(codes.values())))
    assert len(codes) == 9
    assert 137 not in codes.values(), codes


@pytest.mark.parametrize(
    ("profiles", "more"),
    [("operations", {"prometheus"}), ("scale", {"rules", "valkey", "proxy"})],
)
def test_a_profile_alone_starts_its_services_and_down_takes_them(
    project: Project, profiles: str, more: set[str]
) -> None:
    project.compose("down")
    alone = settings(profiles, replicas=1)
    if profiles == "operations":
        alone = {name: value for name, value in alone.items() if name not in SCALE}
    project.configure(**alone)
    project.up()
    assert project.running() == {"backend", "grafana", *more}
    project.compose("down")
    mine = f"label=com.docker.compose.project={project.name}"
    numbered = "label=com.docker.compose.container-number"
    assert docker("ps", "--all", "--quiet", "--filter", mine, "--filter", numbered) == ""
