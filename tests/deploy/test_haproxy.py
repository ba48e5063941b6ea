"""The real HAProxy with compose's own file, before real backends that a name server tells it of."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
import yaml

from butlr_grafana.simulator import Simulator
from tests.alerting.grafana import rules
from tests.deploy.names import Names
from tests.deploy.proxies import FILE, free_port, proxy, status
from tests.deploy.replicas import Replica
from tests.processes import measured, running
from tests.redis_server import RedisServer
from tests.support import DETECTIONS, HANG_S, LOGIN, NEW_YORK, PEOPLE, at, cannot_run, cells_of, truth, until

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))

NOW = "2026-06-17T16:34:56"
MAY = {"from": "2026-05-04T00:00:00Z", "to": "2026-06-01T00:00:00Z"}
MAY_SEGMENTS = 4


@pytest.fixture(scope="module")
def haproxy() -> str:
    path = shutil.which("haproxy")
    if path is None:
        cannot_run("WITH HAPROXY", "haproxy is not installed (Debian: apt-get install haproxy)")
    return path


def test_compose_mounts_the_file_where_the_image_looks_for_it() -> None:
    [mount] = COMPOSE["services"]["proxy"]["volumes"]
    source, target, mode = mount.split(":")
    assert (ROOT / source / "haproxy.cfg").samefile(FILE)
    assert (target, mode) == ("/usr/local/etc/haproxy", "ro")


def test_the_file_is_accepted_as_it_is_without_a_warning(haproxy: str) -> None:
    checked = subprocess.run([haproxy, "-c", "-f", str(FILE)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    warnings = [line for line in checked.stderr.splitlines() if "[WARNING]" in line]
    # That name is known in compose's network only.
    assert [line for line in warnings if "could not resolve address 'backend'" not in line] == []


def test_it_asks_compose_s_backends_and_waits_longer_than_they_do() -> None:
    text = FILE.read_text("utf-8")
    port = COMPOSE["services"]["backend"]["environment"]["BACKEND_PORT"]
    assert re.search(rf"server-template \w+ \d+ backend:{port}$", text, re.MULTILINE)
    assert re.search(rf"server rules rules:{port} backup init-addr none$", text, re.MULTILINE)
    assert re.search(r"nameserver \w+ 127\.0\.0\.11:53$", text, re.MULTILINE)
    [server_s] = re.findall(r"timeout server (\d+)s", text)
    assert int(server_s) > 25


def test_what_it_refuses_itself_is_in_our_own_form(haproxy: str, tmp_path: Path) -> None:
    """No backend is there. A URL that is too long for one is nothing that it refuses itself."""
    with ExitStack() as stack:
        names = stack.enter_context(contextlib.closing(Names()))
        url = stack.enter_context(proxy(haproxy, tmp_path, names, free_port()))
        until(lambda: status(url) == 503)
        for path in ("/api/v1/spaces", "/api/v1/spaces?room=" + "a" * 25_000):
            response = requests.get(url + path, timeout=HANG_S)
            assert (response.status_code, response.headers["Content-Type"]) == (503, "application/json")
            assert response.json()["error"]["source"] == "backend"


def test_each_error_of_its_own_is_json() -> None:
    form = r"http-error status (\d+) content-type application/json string '(.+)'"
    found = re.findall(form, FILE.read_text("utf-8"))
    assert [int(code) for code, _ in found] == [502, 503, 504]
    for _, text in found:
        document = json.loads(text)
        assert set(document) == {"message", "error"}
        assert document["error"]["message"] == document["message"]
        assert set(document["error"]) == {"code", "message", "source"}


def heat_map(url: str) -> requests.Response:
    """On a connection of its own, so that each may reach another backend."""
    requested = {"space": NEW_YORK, "resolution": "1.0", **MAY}
    return requests.get(f"{url}/api/v1/heatmap", requested, headers={"Connection": "close"}, timeout=60)


def assert_whole(response: requests.Response) -> None:
    assert response.status_code == 200, response.text
    [frame] = response.json()
    assert frame["meta"]["custom"]["complete"] is True
    assert cells_of(frame) == truth(NEW_YORK, at(MAY["from"]), at(MAY["to"]), 1.0)


def answered(url: str) -> float:
    """How many heat maps this backend has answered, as it says itself."""
    text = requests.get(f"{url}/metrics", timeout=HANG_S).text
    return sum(
        float(n)
        for n in re.findall(r'^butlr_backend_requests_total\{.*target="heatmap".*\} (\S+)$', text, re.M)
    )


def test_every_rule_of_ours_says_that_it_is_one() -> None:
    """By URL, where the proxy sees it; what asks for the status is sent there too."""
    for rule in rules().values():
        for query in rule["data"]:
            url = query["model"].get("url")
            if url and url != "/api/v1/status":
                sent = {one["key"]: one["value"] for one in query["model"]["url_options"]["params"]}
                assert sent["for"] == "rule", rule["uid"]


def test_two_backends_behind_it_are_as_one(haproxy: str, redis: RedisServer, tmp_path: Path) -> None:
    """One login, each segment asked once; one ends and nobody notices; the name server tells of another."""
    port, names = free_port(), Names("127.0.0.1", "127.0.0.2")
    with Simulator(PEOPLE, clock=lambda: float(at(NOW))) as butlr, ExitStack() as stack:
        butlr.token_lifetime_s = 1e9
        started = {}
        stack.callback(names.close)

        def start(address: str) -> None:
            started[address] = stack.enter_context(
                running(
                    "serve",
                    **measured(
                        BUTLR_API_URL=butlr.url,
                        BUTLR_CLIENT_ID="demo",
                        BUTLR_CLIENT_SECRET="demo",
                        BACKEND_HOST=address,
                        BACKEND_PORT=str(port),
                        BACKEND_CACHE_URL=redis.url,
                    ),
                )
            )

        start("127.0.0.1")
        start("127.0.0.2")
        url = stack.enter_context(proxy(haproxy, tmp_path, names, port))
        until(lambda: status(url) == 200)
        backends = [f"http://{address}:{port}" for address in started]

        def both_have_answered() -> bool:
            assert_whole(heat_map(url))
            return all(answered(backend) > 0 for backend in backends)

        until(both_have_answered)
        assert butlr.count(LOGIN) == 1
        assert butlr.count(DETECTIONS) == MAY_SEGMENTS

        started["127.0.0.1"][0].send_signal(signal.SIGTERM)
        for _ in range(20):
            assert_whole(heat_map(url))
        started["127.0.0.1"][0].wait(HANG_S)
        for _ in range(20):
            assert_whole(heat_map(url))

        names.addresses[0] = "127.0.0.3"
        start("127.0.0.3")
        third = f"http://127.0.0.3:{port}"

        def the_third_has_answered() -> bool:
            assert_whole(heat_map(url))
            return answered(third) > 0

        until(the_third_has_answered)
        assert butlr.count(DETECTIONS) == MAY_SEGMENTS
        assert butlr.count(LOGIN) == 1


@contextmanager
def replicas(
    program: str, folder: Path, count: int, *, with_rules: bool = False
) -> Iterator[tuple[str, list[Replica]]]:
    """So many behind a proxy that has found them all; `with_rules`: the last one is the service `rules`."""
    port = free_port()
    addresses = [f"127.0.0.{n}" for n in range(1, count + 1)]
    names = Names(*addresses[:-1], rules=addresses[-1]) if with_rules else Names(*addresses)
    with ExitStack() as stack:
        stack.callback(names.close)
        started = [Replica(address, port) for address in addresses]
        url = stack.enter_context(proxy(program, folder, names, port))
        until(lambda: all_requested(url, started))
        yield url, started
        for replica in started:
            replica.goes_on.set()


VIEWER = "/api/v1/spaces"
OF_VIEWERS = (VIEWER, "/api/v1/heatmap?require=complete&for=wall", "/api/v1/status/for=rule")
OF_RULES = (
    "/api/v1/unusual?max_age=5m&for=rule",
    "/api/v1/heatmap?require=complete",
    "/api/v1/heatmap?for=&require=complete",
    "/api/v1/status",
)


def all_requested(url: str, started: list[Replica]) -> bool:
    for path in (VIEWER, OF_RULES[0]):
        send_request(url, path=path)
    return all(replica.requested for replica in started)


def send_request(url: str, body: bytes | None = None, path: str = VIEWER) -> int:
    try:
        response = requests.request("POST" if body else "GET", url + path, data=body, timeout=HANG_S)
    except requests.RequestException:
        return 0
    assert response.status_code != 200 or response.content == (body or b"")
    return response.status_code


def send_requests(
    url: str, times: int, body: bytes | None = None, *, paths: Sequence[str] = (VIEWER,)
) -> list[int]:
    """The statuses, sixteen requests at a time; each of these paths in turn."""
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda n: send_request(url, body, paths[n % len(paths)]), range(times)))


def test_all_our_rules_have_a_backend_of_their_own(haproxy: str, tmp_path: Path) -> None:
    with replicas(haproxy, tmp_path, 3, with_rules=True) as (url, started):
        # Before all were known, a request may have reached any.
        for replica in started:
            replica.requested.clear()
        paths = (*OF_VIEWERS, *OF_RULES)
        assert send_requests(url, 50 * len(paths), paths=paths) == [200] * 50 * len(paths)
        first, second, of_rules = started
        assert set(of_rules.requested) == set(OF_RULES)
        assert set(first.requested + second.requested) == set(OF_VIEWERS)
        assert first.requested
        assert second.requested

        # Where it is gone, rules use the others.
        of_rules.leave()
        assert send_requests(url, 90, paths=OF_RULES) == [200] * 90
        assert set(first.requested + second.requested) == set(paths)


def test_viewers_use_the_backend_of_rules_where_no_other_is_left(haproxy: str, tmp_path: Path) -> None:
    with replicas(haproxy, tmp_path, 3, with_rules=True) as (url, started):
        for other in started[:2]:
            other.leave()
        assert send_requests(url, 100) == [200] * 100
        assert started[2].requested.count(VIEWER) >= 100


def test_no_request_is_lost_when_several_leave_together(haproxy: str, tmp_path: Path) -> None:
    """The name server goes on naming them, as Docker's does for a while."""
    with replicas(haproxy, tmp_path, 5) as (url, started):
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(send_requests, url, 600)
            for gone in started[:3]:
                gone.leave()
            statuses = asking.result()
        assert statuses == [200] * 600


@pytest.mark.parametrize("body", [None, b"x" * 40_000], ids=["GET", "POST"])
def test_who_waits_for_one_that_hangs_is_answered_by_another(
    haproxy: str, tmp_path: Path, body: bytes | None
) -> None:
    with replicas(haproxy, tmp_path, 3) as (url, started):
        before = len(started[1].requested)
        started[1].hang()
        assert send_requests(url, 200, body) == [200] * 200
        assert len(started[1].requested) > before


def test_what_it_refuses_itself_is_logged_with_the_path_and_without_the_query(
    haproxy: str, tmp_path: Path
) -> None:
    names = Names()
    try:
        with proxy(haproxy, tmp_path, names, free_port()) as url:
            until(lambda: status(url) == 503)
            assert requests.get(f"{url}/api/v1/heatmap?space=space_secret", timeout=HANG_S).status_code == 503
            log = tmp_path / "log"
            until(lambda: "heatmap" in log.read_text("utf-8"))
            lines = [json.loads(line) for line in log.read_text("utf-8").splitlines() if line[:1] == "{"]
            assert {"GET /api/v1/heatmap"} == {
                line["message"] for line in lines if line["status"] == 503 and "heatmap" in line["message"]
            }
            assert "space_secret" not in log.read_text("utf-8")
    finally:
        names.close()
