"""Crowds on request: in the running demo by a command, in the simulator by an option; and an alert rings."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from butlr_grafana.cli.crowd import cleared, lines_of
from tests.alerting.grafana import ALERTING, Watcher, rules
from tests.processes import run, running
from tests.support import PARIS, World

WEST = "room_paris_1_open_space_west"
BUSY = "2026-06-17T12:30:00"


class Demo(World):
    """A world whose backend knows that its Butlr is the simulator."""

    is_demo = True


@pytest.fixture
def demo() -> Iterator[Demo]:
    world = Demo(BUSY)
    yield world
    world.simulator.clear_crowds()
    world.close()


def people(world: World) -> int:
    [row] = world.http.get(f"/api/v1/occupancy-now?space={PARIS}&room={WEST}&format=rows").get_json()
    found: int = row["people"]
    return found


def put(world: World, body: dict[str, Any]) -> Any:
    return world.http.put("/demo/crowd", json=body)


@pytest.mark.parametrize("room", [WEST, "Open space West"])
def test_so_many_more_are_seen_in_the_room(demo: Demo, room: str) -> None:
    """By its id or its name, five minutes later, which is what `occupancy-now` is the median of."""
    demo.now_s += 600
    usual = people(demo)
    demo.now_s -= 600
    demo.restart()
    [there] = put(demo, {"room": room, "people": 30, "minutes": 20}).get_json()
    assert (there["floor"], there["room"], there["people"]) == (PARIS, WEST, 30)
    demo.now_s += 600
    assert people(demo) == usual + 30
    assert demo.http.get("/demo/crowd").get_json() == [there]
    assert demo.http.delete("/demo/crowd").get_json() == []


def test_an_alert_rings_and_ends(demo: Demo) -> None:
    watch = Watcher(rules()["butlr-over-capacity"])
    watch.evaluate(demo)
    assert watch.alerting("room_id") == set()
    put(demo, {"room": "Open space West", "people": 60, "minutes": 20})
    minutes = next(m for m in range(1, 30) if rings_after_a_minute(watch, demo))
    assert watch.alerting("room_id") == {WEST}
    # As docs/alerting.md says.
    assert 5 <= minutes <= 15
    watch.run(demo, 40)
    assert not [state for state in watch.states.values() if state.name == ALERTING]


def rings_after_a_minute(watch: Watcher, demo: Demo) -> bool:
    watch.run(demo, 1)
    return bool(watch.alerting("room_id"))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"room": "Nowhere", "people": 30, "minutes": 20}, "room 'Nowhere' is unknown; allowed "),
        # Each floor has one.
        (
            {"room": "Kitchen", "people": 30, "minutes": 20},
            "use one of the ids room_paris_1_kitchen, room_paris_2",
        ),
        (
            {"room": "Open space West", "people": 0, "minutes": 20},
            "people is not a whole number from 1 to 1000",
        ),
        ({"room": "Open space West", "people": 3}, "minutes is not a whole number"),
    ],
)
def test_a_wrong_crowd_is_refused_in_words(demo: Demo, body: dict[str, Any], message: str) -> None:
    response = put(demo, body)
    assert response.status_code == 400
    assert message in response.get_json()["message"].replace(": ", " ")
    assert demo.http.get("/demo/crowd").get_json() == []


def test_a_backend_with_a_butlr_of_its_own_has_no_crowds(world: World) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert world.http.open("/demo/crowd", method=method).status_code == 404


def test_the_command_asks_the_running_demo() -> None:
    with running("demo", BACKEND_PORT="0", BACKEND_TOKEN="a-token-of-the-demo") as (_, url):
        output = run(
            "crowd",
            "Open space West=30",
            "--for",
            "2h",
            "--backend",
            url,
            BACKEND_TOKEN="a-token-of-the-demo",
        )
        assert output.stdout.startswith(f"30 more people in {WEST} ({PARIS}) until "), output.stderr
        more = run("crowd", f"{WEST}=5", "--backend", url, BACKEND_TOKEN="a-token-of-the-demo")
        assert more.stdout.splitlines()[-1] == (
            f"35 more people in all in {WEST} ({PARIS}): each call adds people; --clear removes all"
        )
        again = run("crowd", "--clear", "--backend", url, BACKEND_TOKEN="a-token-of-the-demo")
        assert again.stdout == f"35 people removed from {WEST} ({PARIS})\n"
        none = run("crowd", "--clear", "--backend", url, BACKEND_TOKEN="a-token-of-the-demo")
        assert none.stdout == "there were no added people\n"
        refused = run("crowd", "Nowhere=30", "--backend", url, BACKEND_TOKEN="a-token-of-the-demo")
        assert refused.returncode == 1
        assert "room" in refused.stderr
        for token, problem in {"": "needs its token", "another-token": "does not know this token"}.items():
            stranger = run("crowd", "Open space West=30", "--backend", url, BACKEND_TOKEN=token)
            assert f"{url} {problem}: set BACKEND_TOKEN or BACKEND_TOKEN_FILE" in stranger.stderr


def test_the_command_says_what_to_set_if_nothing_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    output = run("crowd", "Open space West=30", BACKEND_PORT=port)
    assert output.returncode == 1
    assert (
        f"http://127.0.0.1:{port} cannot be reached (connection refused): if the demo runs on another port, "
        "set BACKEND_PORT or give --backend URL"
    ) in output.stderr


def test_the_command_counts_whom_it_removed() -> None:
    """In each room, also if they were added by several calls."""
    crowds = [
        {"room": room, "floor": PARIS, "people": people, "stop": "2026-06-17T12:00:00+00:00"}
        for room, people in ((WEST, 30), ("room_2", 4), (WEST, 30))
    ]
    assert list(cleared(crowds)) == [
        f"60 people removed from {WEST} ({PARIS})",
        f"4 people removed from room_2 ({PARIS})",
    ]


def test_the_command_counts_who_is_there_now() -> None:
    """Not those that have gone, and a sum only where there are several crowds."""
    crowds = [
        {"room": room, "floor": PARIS, "people": people, "stop": f"2026-06-17T{hour}:00:00+00:00"}
        for room, people, hour in ((WEST, 30, 11), (WEST, 20, 13), ("room_2", 4, 14), (WEST, 5, 15))
    ]
    lines = list(lines_of(crowds, now=datetime(2026, 6, 17, 12, tzinfo=UTC)))
    assert lines == [
        f"20 more people in {WEST} ({PARIS}) until 2026-06-17T13:00:00+00:00",
        f"4 more people in room_2 ({PARIS}) until 2026-06-17T14:00:00+00:00",
        f"5 more people in {WEST} ({PARIS}) until 2026-06-17T15:00:00+00:00",
        f"25 more people in all in {WEST} ({PARIS}): each call adds people; --clear removes all",
    ]
    assert list(lines_of(crowds[:1], now=datetime(2026, 6, 17, 12, tzinfo=UTC))) == ["no people are added"]


def test_the_command_says_that_it_is_no_demo(world: World) -> None:
    with running(
        "serve",
        BACKEND_PORT="0",
        BUTLR_API_URL=world.simulator.url,
        BUTLR_CLIENT_ID="demo",
        BUTLR_CLIENT_SECRET="demo",
    ) as (_, url):
        output = run("crowd", "Open space West=30", "--backend", url)
    assert (output.returncode, output.stdout) == (1, "")
    assert "is not a demo" in output.stderr


def test_the_simulator_alone_begins_with_devices_that_are_offline() -> None:
    devices = ("hive_paris_1_1", "sensor_newyork_1_kitchen_heat")
    requested = [word for device in devices for word in ("--offline", device)]
    with running("simulate", "--port", "0", *requested) as (_, url):
        there = requests.get(f"{url}/_simulator/outages", timeout=60).json()
    assert tuple(one["device"] for one in there) == devices
    refused = run("simulate", "--port", "0", "--offline", "hive_x")
    assert refused.returncode == 2
    assert "--offline device: is missing or unknown" in refused.stderr


def test_the_simulator_alone_begins_with_a_crowd() -> None:
    with running("simulate", "--port", "0", "--crowd", "Open space West=30") as (_, url):
        [there] = requests.get(f"{url}/_simulator/crowd", timeout=60).json()
    assert (there["room"], there["people"]) == (WEST, 30)
    refused = run("simulate", "--port", "0", "--crowd", "Nowhere=30")
    assert refused.returncode == 2
    assert "--crowd room: 'Nowhere' is unknown" in refused.stderr
