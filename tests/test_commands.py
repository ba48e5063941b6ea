"""The commands as a person runs them: real processes, real ports."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from PIL import Image

from tests.support import PARIS, at, truth

COMMAND = [sys.executable, "-m", "butlr_grafana.cli"]


def environment(**settings: str) -> dict[str, str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUTLR_", "BACKEND_"))}
    return {**clean, "BACKEND_PORT": "0", **settings}


def run(*words: str, timeout_s: float = 60, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextmanager
def running(*words: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A serving command and its URL, as it says itself."""
    process = subprocess.Popen(
        [*COMMAND, *words],
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + (process.stderr.read() if process.stderr and process.poll() else "")
        yield process, found.group().rstrip("/")
    finally:
        process.kill()
        process.communicate()


def children_of(pid: int) -> set[int]:
    """The process and all below it."""
    table = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    parents = {int(p): int(q) for p, q in (line.split() for line in table.stdout.splitlines()[1:])}
    family = {pid}
    while grown := {p for p, q in parents.items() if q in family} - family:
        family |= grown
    return family


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_answers_and_stops_cleanly(number: signal.Signals) -> None:
    with running("demo") as (process, url):
        assert requests.get(url, timeout=20).json()["demo"] is True
        words = {"space": PARIS, "from": "2026-06-01T00:00:00Z", "to": "2026-06-02T00:00:00Z"}
        answer = requests.get(f"{url}/api/v1/heatmap", params=words, timeout=20)
        [frame] = answer.json()
        assert frame["meta"]["custom"]["total_detections"] > 0
        assert any("Demo mode" in n["text"] for n in frame["meta"]["notices"])
        family = children_of(process.pid)
        assert len(family) >= 3  # the server, its worker, the simulator
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert "Traceback" not in out + err
        assert not [pid for pid in family if alive(pid)]


def test_the_simulator_does_not_outlive_a_killed_backend() -> None:
    with running("serve") as (process, _):
        family = children_of(process.pid)
        process.kill()
        process.wait(20)
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
        f"butlr-grafana: BACKEND_PORT={port}: the port is taken; set another one"
    ]


def test_an_open_address_without_a_token_is_refused() -> None:
    done = run("serve", BACKEND_HOST="0.0.0.0")
    assert done.returncode == 1
    assert "BACKEND_TOKEN" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_the_reason_phrase_is_on_the_wire() -> None:
    with running("demo") as (_, url):
        answer = requests.get(f"{url}/api/v1/heatmap?space=space_x&from=x&to=y", timeout=20)
        assert answer.status_code == 400
        assert answer.reason.startswith("from: 'x' is not a time")


def test_check_says_what_works() -> None:
    done = run("check")
    assert done.returncode == 0, done.stdout + done.stderr
    for step in ("settings", "topology", "heat maps"):
        assert re.search(rf"^{step}\s+ok ", done.stdout, re.MULTILINE)
    assert PARIS in done.stdout


def test_check_fails_where_a_step_fails() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    done = run(
        "check",
        BUTLR_API_URL=f"http://127.0.0.1:{port}",
        BUTLR_CLIENT_ID="id",
        BUTLR_CLIENT_SECRET="s3cret-value",
    )
    assert done.returncode == 1
    assert re.search(r"^topology\s+FAILED\s+Butlr cannot be reached", done.stdout, re.MULTILINE)
    assert "s3cret-value" not in done.stdout + done.stderr


def test_warm_fills_the_disk_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    words = ("warm", "--space", PARIS, "--from", "2026-04-06T00:00Z", "--to", "2026-05-04T00:00Z")
    first = run(*words, BACKEND_CACHE_DIR=str(tmp_path))
    assert first.returncode == 0, first.stderr
    assert "4 segments, 4 fetched, 0 were there already" in first.stdout
    assert "100% 4/4" in first.stderr
    longer = (*words[:-1], "2026-05-11T00:00Z")
    assert (
        "5 segments, 1 fetched, 4 were there already" in run(*longer, BACKEND_CACHE_DIR=str(tmp_path)).stdout
    )


def test_warm_without_a_disk_cache_names_the_setting() -> None:
    done = run("warm", "--from", "2026-04-06", "--to", "2026-05-04")
    assert done.returncode == 1
    assert "BACKEND_CACHE_DIR" in done.stderr


def test_warm_with_a_bad_word_names_it(tmp_path: Path) -> None:
    done = run("warm", "--from", "soon", "--to", "2026-05-04", BACKEND_CACHE_DIR=str(tmp_path))
    assert done.returncode == 1
    assert "from: 'soon' is not a time" in done.stderr


@pytest.mark.parametrize(
    ("name", "target", "kind"),
    [("map.png", "heatmap", "PNG"), ("day.webp", "playback", "WEBP"), ("change.png", "compare", "PNG")],
)
def test_render_writes_a_picture(tmp_path: Path, name: str, target: str, kind: str) -> None:
    words = [f"space={PARIS}", "from=2026-06-09T00:00Z", "to=2026-06-10T00:00Z", "width=400"]
    done = run("render", str(tmp_path / name), *words, "--target", target)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / name) as image:
        assert (image.format, image.width) == (kind, 400)
    assert "100%" in done.stderr


def test_render_writes_the_cells_as_csv(tmp_path: Path) -> None:
    words = [f"space={PARIS}", "from=2026-06-09T00:00Z", "to=2026-06-10T00:00Z", "resolution=1.0"]
    path = tmp_path / "map.csv"
    assert run("render", str(path), *words).returncode == 0
    lines = path.read_text().split()[1:]
    found = {(float(x), float(y)): float(n) for x, y, n in (line.split(",") for line in lines)}
    assert found == truth(PARIS, at("2026-06-09"), at("2026-06-10"), 1.0)


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("map.gif", ["from=2026-06-09", "to=2026-06-10"], "format: 'gif' is not known"),
        ("map.png", ["from=2026-06-10", "to=2026-06-09"], "from: "),
        ("map.png", ["yesterday"], "name=value"),
    ],
)
def test_render_names_what_is_wrong_and_writes_nothing(
    tmp_path: Path, name: str, words: list[str], said: str
) -> None:
    done = run("render", str(tmp_path / name), f"space={PARIS}", *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert list(tmp_path.iterdir()) == []
