"""The commands as a person runs them. Those that serve are real processes, with real ports."""

from __future__ import annotations

import json
import re
import signal
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
import requests
from PIL import Image

from butlr_grafana.app import open_verdicts
from butlr_grafana.cli.check import Checkup
from butlr_grafana.measure.run import ORDER
from butlr_grafana.settings import Settings
from butlr_grafana.simulator import Simulator
from butlr_grafana.simulator.forms import Forms
from tests.processes import alive, called, children_of, run, running, started
from tests.redis_server import PASSWORD, RedisServer
from tests.support import (
    DETECTIONS,
    DETECTIONS_A_MINUTE,
    GRAPHQL,
    HANG_S,
    LOGIN,
    NEW_YORK,
    PARIS,
    PARIS_2,
    PEOPLE,
    REPORTING,
    STATS,
    World,
    at,
    truth,
    until,
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_answers_and_stops_cleanly(number: signal.Signals) -> None:
    with running("demo") as (process, url):
        assert requests.get(url, timeout=HANG_S).json()["demo"] is True
        arguments = {"space": PARIS, "from": "2026-06-01T00:00:00Z", "to": "2026-06-02T00:00:00Z"}
        response = requests.get(f"{url}/api/v1/heatmap", params=arguments, timeout=HANG_S)
        [frame] = response.json()
        assert frame["meta"]["custom"]["total_detections"] > 0
        assert any("Demo mode" in n["text"] for n in frame["meta"]["notices"])
        family = children_of(process.pid)
        assert len(family) == 2  # the server and the simulator
        process.send_signal(number)
        out, err = process.communicate(timeout=HANG_S)
        assert process.returncode == 0
        assert "Traceback" not in out + err
        assert not [pid for pid in family if alive(pid)]


def test_the_demo_shows_a_company_of_so_many_floors() -> None:
    with running("demo", "--floors", "30", "--rooms-per-floor", "4") as (_, url):
        rows = requests.get(f"{url}/api/v1/spaces", params={"format": "rows"}, timeout=HANG_S).json()
    assert sum(row["level"] == "floor" for row in rows) == 30
    assert sum(row["level"] == "room" for row in rows) == 120
    assert len({row["building"] for row in rows}) == 4


def test_every_line_is_json_from_the_first_to_the_last() -> None:
    """And nobody is told to open an address: collectors read these lines."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    with started("serve", BACKEND_LOG="json", BACKEND_PORT=port) as process:
        until(lambda: is_up(f"http://127.0.0.1:{port}/healthz"))
        assert (
            requests.get(f"http://127.0.0.1:{port}/api/v1/heatmap?space=x", timeout=HANG_S).status_code >= 400
        )
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=HANG_S)
    assert process.returncode == 0
    lines = [json.loads(line) for line in (out + err).splitlines()]
    [first] = [line for line in lines if line["message"] == "listening"]
    assert first["address"] == f"http://127.0.0.1:{port}/"
    assert "demo mode" in first["mode"]
    assert "browser" not in out + err
    assert len(lines) > 1


def is_up(url: str) -> bool:
    try:
        return requests.get(url, timeout=HANG_S).ok
    except requests.ConnectionError:
        return False


def test_only_an_address_on_this_machine_is_said_to_be_opened() -> None:
    text = {}
    for host in ("127.0.0.1", "0.0.0.0"):
        with running("serve", BACKEND_HOST=host, BACKEND_ALLOW_ANONYMOUS="1") as (process, url):
            until(lambda url=url: is_up(f"{url}/healthz"))  # type: ignore[misc]
            process.send_signal(signal.SIGTERM)
            assert process.stdout is not None
            text[host] = process.stdout.read()
            assert host in url
    assert "Open http://127.0.0.1:" in text["127.0.0.1"]
    assert "Open" not in text["0.0.0.0"]


@pytest.mark.parametrize("token", ["", "a-token-of-the-demo"])
def test_the_demo_says_what_its_page_asks_for(token: str) -> None:
    with running("demo", BACKEND_TOKEN=token) as (process, url):
        until(lambda: is_up(f"{url}/healthz"))
        auth = ("anybody", token) if token else None
        assert requests.get(f"{url}/", auth=auth, timeout=HANG_S).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        text = process.stdout.read()
    login = "Enter any user name, and BACKEND_TOKEN as the password. " if token else ""
    assert f"Open {url}/ in a browser. {login}Ctrl-C stops it." in text
    assert not token or token not in text


def test_the_simulator_does_not_outlive_a_killed_backend() -> None:
    with running("serve") as (process, _):
        family = children_of(process.pid)
        process.kill()
        process.wait(HANG_S)
        for _ in range(200):
            left = [pid for pid in family if alive(pid)]
            if not left:
                break
            signal.sigtimedwait([], 0.1)
        assert left == []


def test_a_taken_port_is_one_line_that_names_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("demo", BACKEND_PORT=port)
    assert done.returncode == 1
    assert done.stderr.strip().splitlines() == [
        f"butlr-grafana: BACKEND_PORT={port}: the port is in use; set another one"
    ]


def test_an_open_address_without_a_token_is_refused() -> None:
    done = called("serve", BACKEND_HOST="0.0.0.0")
    assert done.returncode == 1
    assert "BACKEND_TOKEN" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_reason_phrase_is_on_the_wire() -> None:
    with running("demo") as (_, url):
        response = requests.get(f"{url}/api/v1/heatmap?space=space_x&from=x&to=y", timeout=HANG_S)
        assert response.status_code == 400
        assert response.reason.startswith("from: 'x' is not a time")


APIS = {"heat maps": DETECTIONS, "metrics": REPORTING, "statistics": STATS}


Rows = dict[str, tuple[str, str]]


def checked(url: str, secret: str = "demo", **settings: str) -> tuple[int, Rows]:
    """The exit code, and state and words of each step; no row holds the secret."""
    code, rows, _ = checked_and_measured(url, secret, **settings)
    return code, rows


def checked_and_measured(
    url: str, secret: str = "demo", *options: str, **settings: str
) -> tuple[int, Rows, Rows]:
    """The same, and what was measured, by the number of the unknown. Not paced: the simulator is ours."""
    access = {"BUTLR_API_URL": url, "BUTLR_CLIENT_ID": "demo", "BUTLR_CLIENT_SECRET": secret}
    done = called("check", *options, BUTLR_RATE_LIMIT="100000", **access, **settings)
    rows, measured = {}, {}
    for line in done.stdout.splitlines():
        found = re.fullmatch(r"(\w+(?: \w+)*) +(ok|FAILED|skipped|assumed|DIFFERS) +(.+)", line)
        if found and re.match(r"U\d", found[1]):
            measured[found[1].split()[0]] = (found[2], found[3])
        elif found:
            rows[found[1]] = (found[2], found[3])
    shared = ["shared cache"] if "BACKEND_CACHE_URL" in settings else []
    scopes = ["scopes"] if rows["login"][0] == "ok" else []
    failed = [step for step in ("measuring",) if step in rows]
    report = ["report"] if options else []
    begin = ["settings", "exposure", *shared, "login", "topology", *scopes, *failed]
    assert list(rows) == [*begin, *APIS, "floor plan images", "stored", *report]
    assert secret == "demo" or secret not in done.stdout + done.stderr
    aside = ("measuring", "stored", "report")
    return done.returncode, {step: row for step, row in rows.items() if step not in aside}, measured


def test_check_says_what_works() -> None:
    done = run("check")
    assert done.returncode == 0, done.stdout + done.stderr
    for step in ("settings", "exposure", "login", "topology", *APIS, "floor plan images"):
        assert re.search(rf"^{step} +ok +\w", done.stdout, re.MULTILINE)
    for space in (PARIS, PARIS_2, NEW_YORK):
        assert re.search(rf"^serves +{space} ", done.stdout, re.MULTILINE)


def test_check_says_where_it_could_store_nothing(tmp_path: Path) -> None:
    """A file in the folder's place: no user may write there, not even root."""
    folder = tmp_path / "file"
    folder.write_text("")
    done = called("check", BACKEND_CACHE_DIR=str(folder))
    assert re.search(r"^stored +FAILED +BACKEND_CACHE_DIR cannot be written", done.stdout, re.MULTILINE)
    assert done.returncode == 1
    done = called("check", BACKEND_CACHE_DIR=str(tmp_path / "made"))
    assert re.search(r"^stored +ok +in BACKEND_CACHE_DIR", done.stdout, re.MULTILINE)


def test_check_says_of_which_hour_its_example_is_and_no_more_than_it_knows() -> None:
    """An hour a day ago by the floor's clock; a count that is not there has no reason in it."""
    hour = rf"on Tue 2026-06-16 from 13:00 to 14:00 \(Europe/Paris\) on {PARIS}"
    world = World("2026-06-17T12:34:56")
    try:
        settings = Settings(
            butlr_api_url=world.simulator.url, butlr_client_id="demo", butlr_client_secret="demo"
        )
        text = {r.step: r.result for r in Checkup(world.application, settings, address="").rows()}
    finally:
        world.close()
    first_s = int(datetime.fromisoformat("2026-06-16T11:00:00+00:00").timestamp())
    seen = len(PEOPLE.detections(PARIS, first_s, first_s + 3600)[0]) * DETECTIONS_A_MINUTE
    assert re.fullmatch(rf"\d+ cells, {seen} detections {hour}", text["heat maps"])
    assert re.fullmatch(rf"[\d.]+ people on average {hour}", text["metrics"])
    assert re.fullmatch(rf"a figure for \d+ of \d+ rooms {hour}", text["statistics"])
    assert "nobody" not in str(text)


def test_check_measures_what_is_not_known_about_butlr_in_at_most_60_calls() -> None:
    with Simulator(PEOPLE) as simulator:
        code, rows, measured = checked_and_measured(simulator.url)
        assert simulator.count() <= 60
        assert simulator.peak_in_flight == 1
        # A day of PARIS is asked for by each API at least, and one login suffices.
        assert simulator.count(LOGIN) == 1
        assert all(simulator.count(path) for path in (GRAPHQL, DETECTIONS, REPORTING, STATS))
    assert code == 0
    assert {state for state, _ in rows.values()} == {"ok"}
    assert rows["settings"][1].startswith(f"{simulator.url}; `check` asks Butlr itself; ")
    assert list(measured) == list(ORDER)
    assert not any(state in ("FAILED", "DIFFERS") for state, _ in measured.values())


def test_check_says_what_differs_and_serve_finds_it(tmp_path: Path) -> None:
    with Simulator(PEOPLE, forms=Forms(window_labels="start", heat_stop="inclusive")) as simulator:
        code, _, measured = checked_and_measured(simulator.url, BACKEND_CACHE_DIR=str(tmp_path))
        assert code == 0
        assert {u for u, (state, _) in measured.items() if state == "DIFFERS"} == {"U2", "U4"}
        text = measured["U4"][1]
        assert "assumed: a row's time is the end of its window" in text
        assert re.search(
            r"measured: of the rows of one hour, 0 are labelled with its end, \d+ with its start", text
        )
        assert "so: each row belongs to the window that begins at its label" in text
        settings = Settings(
            butlr_api_url=simulator.url,
            butlr_client_id="demo",
            butlr_client_secret="demo",
            cache_dir=str(tmp_path),
        )
        verdicts = open_verdicts(settings, demo=False, redis=None).current()
    assert (verdicts.labels, verdicts.stop) == ("start", "inclusive")
    assert verdicts.unmeasured == frozenset()


def test_check_ends_with_3_where_butlr_cannot_be_read_and_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    with Simulator(PEOPLE, forms=Forms(unreadable=frozenset({"stats"}))) as simulator:
        code, rows, measured = checked_and_measured(simulator.url, "demo", "--report", str(path))
        assert simulator.count() <= 60
    assert code == 3
    assert rows["statistics"][0] == "FAILED"
    state, text = measured["U17"]
    assert state == "DIFFERS"
    assert "Run `check --report FILE` and open an issue with that file" in text
    document = json.loads(path.read_bytes())
    assert [f["unknown"] for f in document["findings"] if not f["handled"]] == ["U17"]


def test_check_names_the_scope_that_a_credential_lacks() -> None:
    forms = Forms(missing_scopes=frozenset({"read:hives"}), without_scope="empty")
    with Simulator(PEOPLE, forms=forms) as simulator:
        code, rows = checked(simulator.url)
    assert code == 1
    assert rows["scopes"] == ("FAILED", "the credential lacks read:hives; ask Butlr's support to add it")


@pytest.mark.parametrize("step", APIS)
def test_check_names_the_api_that_fails_and_goes_on(step: str) -> None:
    with Simulator(PEOPLE) as simulator:
        simulator.faults.set(status=400, paths=(APIS[step],))
        code, rows, measured = checked_and_measured(simulator.url)
    assert code == 1
    assert "FAILED" in {state for state, _ in measured.values()}
    assert "ok" in {state for state, _ in measured.values()}
    assert rows.pop(step) == ("FAILED", f"Butlr answered 400 on {APIS[step]}: Bad Request; a simulated fault")
    assert {state for state, _ in rows.values()} == {"ok"}


def test_check_says_why_plans_have_no_picture_which_is_no_fault() -> None:
    with Simulator(PEOPLE) as simulator:
        code, rows = checked(simulator.url, BUTLR_PLAN_HOSTS="plans.example.com")
    assert code == 0
    state, text = rows["floor plan images"]
    assert state == "skipped"
    assert (
        f"from {simulator.url} are not allowed; BUTLR_PLAN_HOSTS allows https://plans.example.com:443" in text
    )


def test_check_says_that_butlr_refuses_the_credentials_without_knocking_again() -> None:
    with Simulator(PEOPLE) as simulator:
        code, rows = checked(simulator.url, "s3cret-value")
        assert simulator.count() == simulator.count(LOGIN) == 1
    assert code == 1
    refused = ("FAILED", "Butlr refused BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET")
    assert (rows["login"], rows["topology"]) == (refused, refused)
    assert {rows[step] for step in APIS} == {("skipped", "there is no floor to read")}


def test_check_asks_no_floor_for_anything_where_the_topology_fails() -> None:
    with Simulator(PEOPLE) as simulator:
        simulator.faults.set(status=400, paths=(GRAPHQL,))
        code, rows = checked(simulator.url)
        assert not any(simulator.count(path) for path in APIS.values())
    assert code == 1
    assert rows["login"][0] == "ok"
    assert rows["topology"][0] == "FAILED"
    assert {rows[step] for step in APIS} == {("skipped", "there is no floor to read")}


def test_check_has_a_row_for_a_setting_that_is_misspelt() -> None:
    """It does not fail: what works works."""
    done = run("check", BACKEND_PROT="8080")
    assert done.returncode == 0
    text = "BACKEND_PROT is not a setting and has no effect; did you mean BACKEND_PORT?"
    assert f"setting             warning {text}\n" in done.stdout
    assert "BACKEND_PROT" not in done.stderr


def test_check_has_a_row_for_the_cache_that_replicas_share(redis: RedisServer) -> None:
    with Simulator(PEOPLE) as simulator:
        code, rows = checked(simulator.url, BACKEND_CACHE_URL=redis.url)
    assert code == 0
    assert rows["shared cache"] == ("ok", "a written value can be read back")
    # It asks Butlr itself, whatever other replicas have.
    assert simulator.count(LOGIN) == 1
    # What it measured is for all of them.
    [name] = redis.names()
    assert name.endswith(":verdicts")


def test_check_says_what_is_wrong_with_the_shared_cache_but_no_password(redis: RedisServer) -> None:
    wrong = redis.url.replace(PASSWORD, "an0ther-secret")
    with Simulator(PEOPLE) as simulator:
        code, rows = checked(simulator.url, BACKEND_CACHE_URL=wrong)
    assert code == 1
    assert rows.pop("shared cache") == (
        "FAILED",
        "BACKEND_CACHE_URL: it cannot be used (it does not accept the user or the password)",
    )
    assert {state for state, _ in rows.values()} == {"ok"}
    assert "an0ther-secret" not in str(rows)


def test_warm_fills_what_replicas_share(redis: RedisServer) -> None:
    """Nothing on disk: a second run, an application of its own, finds all of it in Redis."""
    arguments = (
        "warm",
        "--space",
        NEW_YORK,
        "--from",
        "2026-05-04",
        "--to",
        "2026-06-01",
        "--resolution",
        "1.0",
    )
    with Simulator(PEOPLE) as simulator:
        access = {"BUTLR_API_URL": simulator.url, "BUTLR_CLIENT_ID": "demo", "BUTLR_CLIENT_SECRET": "demo"}
        everywhere = {**access, "BACKEND_CACHE_URL": redis.url, "BUTLR_RATE_LIMIT": "100000"}
        # Before anything is kept for good, it is measured.
        assert called("check", **everywhere).returncode == 0
        simulator.clear_calls()
        output = [called(*arguments, **everywhere).stdout for _ in range(2)]
    assert "4 segments, 4 fetched, 0 already in the cache" in output[0]
    assert "4 segments, 0 fetched, 4 already in the cache" in output[1]
    assert (simulator.count(DETECTIONS), simulator.count(LOGIN)) == (4, 1)


def test_check_fails_where_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    code, rows = checked(f"http://127.0.0.1:{port}", "s3cret-value")
    assert code == 1
    assert rows["login"][0] == rows["topology"][0] == "FAILED"
    assert rows["topology"][1].startswith("Butlr cannot be reached")


def test_check_names_a_floor_that_is_not_there() -> None:
    done = called("check", BUTLR_SPACES=f"{PARIS_2},space_atlantis")
    assert done.returncode == 1
    text = r"^topology +FAILED +BUTLR_SPACES: 'space_atlantis' is unknown; .*llowed: .*space_\w+"
    assert re.search(text, done.stdout, re.MULTILINE)
    assert re.search(rf"^heat maps +ok .* {PARIS_2}$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        ({"BUTLR_SPACES": "space_atlantis"}, "BUTLR_SPACES"),
        ({"BACKEND_TOKEN": "a-long-enough-token=space_atlantis"}, "BACKEND_TOKEN"),
    ],
)
def test_check_lists_the_floors_that_a_setting_may_name(settings: dict[str, str], setting: str) -> None:
    """`/readyz` sends the operator here, because it may not list them."""
    done = run("check", **settings)
    assert done.returncode == 1
    [line] = re.findall(r"^topology +FAILED +(.*)$", done.stdout, re.MULTILINE)
    assert line.startswith(f"{setting}: 'space_atlantis' is unknown")
    assert {PARIS, PARIS_2} <= set(re.findall(r"space_\w+", line))


def test_warm_fills_the_disk_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    arguments = ("warm", "--space", PARIS, "--from", "2026-04-06T00:00Z", "--to", "2026-05-04T00:00Z")
    first = run(*arguments, BACKEND_CACHE_DIR=str(tmp_path))
    assert first.returncode == 0, first.stderr
    assert "4 segments, 4 fetched, 0 already in the cache" in first.stdout
    assert "100% 4/4" in first.stderr
    longer = (*arguments[:-1], "2026-05-11T00:00Z")
    assert (
        "5 segments, 1 fetched, 4 already in the cache"
        in run(*longer, BACKEND_CACHE_DIR=str(tmp_path)).stdout
    )


def test_warm_without_a_disk_cache_names_the_setting() -> None:
    done = called("warm", "--from", "2026-04-06", "--to", "2026-05-04")
    assert done.returncode == 1
    assert "BACKEND_CACHE_DIR" in done.stderr


def test_warm_with_a_bad_parameter_names_it(tmp_path: Path) -> None:
    done = called("warm", "--from", "soon", "--to", "2026-05-04", BACKEND_CACHE_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "from: 'soon' is not a time" in done.stderr


@pytest.fixture(scope="module")
def butlr() -> Iterator[dict[str, str]]:
    """The settings for a Butlr with the people of all tests."""
    with Simulator(PEOPLE) as simulator:
        yield {
            "BUTLR_API_URL": simulator.url,
            "BUTLR_CLIENT_ID": "demo",
            "BUTLR_CLIENT_SECRET": "demo",
        }


@pytest.mark.parametrize(
    ("name", "target", "kind"),
    [("map.png", "heatmap", "PNG"), ("day.webp", "playback", "WEBP"), ("change.png", "compare", "PNG")],
)
def test_render_writes_a_picture(
    tmp_path: Path, butlr: dict[str, str], name: str, target: str, kind: str
) -> None:
    arguments = [f"space={PARIS}", "from=2026-06-09T00:00Z", "to=2026-06-10T00:00Z", "width=400"]
    done = called("render", str(tmp_path / name), *arguments, "--target", target, **butlr)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.width) == (kind, 400)
    assert "100%" in done.stderr


def test_render_writes_the_cells_as_csv(tmp_path: Path, butlr: dict[str, str]) -> None:
    arguments = [f"space={PARIS}", "from=2026-06-09T00:00Z", "to=2026-06-10T00:00Z", "resolution=1.0"]
    path = tmp_path / "map.csv"
    assert called("render", str(path), *arguments, **butlr).returncode == 0
    lines = path.read_text().split()[1:]
    found = {(float(x), float(y)): float(n) for x, y, n in (line.split(",") for line in lines)}
    assert found == truth(PARIS, at("2026-06-09"), at("2026-06-10"), 1.0)


def test_render_writes_the_plan_as_geojson(tmp_path: Path) -> None:
    path = tmp_path / "plan.geojson"
    done = called("render", str(path), f"space={PARIS}", "--target", "floorplan")
    assert done.returncode == 0, done.stderr
    plan = json.loads(path.read_text())
    drawn = {room.id for room in PEOPLE.office.by_id[PARIS].rooms if room.polygon}
    rooms = [f for f in plan["features"] if f["properties"]["level"] == "room"]
    assert {feature["properties"]["id"] for feature in rooms} == drawn


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("map.geojson", ["from=2026-06-09", "to=2026-06-10"], "format: 'geojson' is unknown"),
        ("map.gif", ["from=2026-06-09", "to=2026-06-10"], "format: 'gif' is unknown"),
        ("none/map.png", ["from=2026-06-09", "to=2026-06-10"], "none is not a folder"),
        ("map.png", ["from=2026-06-10", "to=2026-06-09"], "from: "),
        ("map.png", ["yesterday"], "name=value"),
    ],
)
def test_render_names_what_is_wrong_and_writes_nothing(
    tmp_path: Path, butlr: dict[str, str], name: str, arguments: list[str], message: str
) -> None:
    done = called("render", str(tmp_path / name), f"space={PARIS}", *arguments, **butlr)
    assert done.returncode == 1
    assert message in done.stderr
    assert list(tmp_path.iterdir()) == []
