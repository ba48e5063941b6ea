"""The board of free rooms in a wall's playlist."""

from __future__ import annotations

import json
from typing import Any

import pytest

from butlr_grafana.kiosk.board import Limits, dashboard_of, uid_of
from butlr_grafana.kiosk.documents import WallError
from tests.fake_grafana import FakeGrafana
from tests.kiosk.test_walls import (  # noqa: F401  # fixtures
    ROOT,
    Operator,
    butlr,
    grafana,
    operator,
    owner,
    walls_in,
)
from tests.support import NEW_YORK, PARIS, World

BOARD: dict[str, Any] = json.loads((ROOT / "grafana-dashboards/butlr-free-rooms.json").read_text("utf-8"))
LIMITS = ("floors", "least_capacity", "type")


@pytest.fixture
def with_board(grafana: FakeGrafana) -> FakeGrafana:  # noqa: F811  # a fixture
    grafana.provision(BOARD)
    return grafana


def items(of: FakeGrafana) -> dict[str, list[str]]:
    """By playlist, the uids of its dashboards."""
    return {p["name"]: [item["value"] for item in p["items"]] for p in of.playlists.values()}


def limits(of: FakeGrafana, name: str = "Butlr wall") -> dict[str, str]:
    """What the playlist's board is limited to: constants that nobody sees."""
    made = of.dashboards[uid_of(name)]
    assert made["meta"]["folderUid"] == "butlr-walls"
    found = {v["name"]: v for v in made["dashboard"]["templating"]["list"]}
    assert all((found[n]["type"], found[n]["hide"]) == ("constant", 2) for n in LIMITS)
    return {name: found[name]["current"]["value"] for name in LIMITS}


def zone_of(board: dict[str, Any]) -> str:
    """The constant that gives the board a clock while the backend is away."""
    [zone] = [v for v in board["templating"]["list"] if v["name"] == "zone"]
    return str(zone["current"]["value"])


def test_the_playlist_ends_with_the_board(with_board: FakeGrafana, operator: Operator) -> None:  # noqa: F811
    assert operator.wall(with_board.url)[0] == 0
    [shown] = items(with_board).values()
    assert shown[-1] == uid_of("Butlr wall")
    assert len(shown) == 4
    assert limits(with_board) == {"floors": "all", "least_capacity": "0", "type": "All"}
    made = with_board.dashboards[uid_of("Butlr wall")]["dashboard"]
    assert (made["title"], made["tags"]) == ("Free rooms: Butlr wall", ["butlr-wall"])
    # Paris and New York have no clock in common.
    assert made["timezone"] == BOARD["timezone"]
    assert zone_of(made) == ""
    assert made["panels"] == BOARD["panels"]


def test_a_board_is_limited_to_floors_sizes_and_types(
    with_board: FakeGrafana,
    operator: Operator,  # noqa: F811
) -> None:
    arguments = ["--floor", PARIS, "--least-capacity", "6", "--type", "meeting_room", "--type", "lounge"]
    assert operator.wall(with_board.url, *arguments, "--name", "Lobby")[0] == 0
    assert limits(with_board, "Lobby") == {
        "floors": PARIS,
        "least_capacity": "6",
        "type": "meeting_room,lounge",
    }
    assert with_board.dashboards[uid_of("Lobby")]["dashboard"]["timezone"] == "Europe/Paris"
    assert zone_of(with_board.dashboards[uid_of("Lobby")]["dashboard"]) == "Europe/Paris"
    # Each playlist has a board of its own, and runs again and again without another one.
    assert operator.wall(with_board.url, "--floor", NEW_YORK)[0] == 0
    assert limits(with_board)["floors"] == NEW_YORK
    assert limits(with_board, "Lobby")["floors"] == PARIS
    written = len(with_board.changes)
    operator.wall(with_board.url, "--floor", NEW_YORK)
    assert [method for method, _ in with_board.changes[written:]] == ["PUT"]


def test_what_the_board_asks_is_answered(world: World) -> None:
    """The constants are written as the dashboard's own variables would be."""
    floors = world.application.service.topology(None, deadline=world.application.service.deadline()).floors
    for own in (
        Limits(),
        Limits((floors[PARIS], floors[NEW_YORK]), 6, ("meeting_room", "lounge")),
    ):
        made = dashboard_of(BOARD, "x", own)
        constants = {
            v["name"]: v["current"]["value"] for v in made["templating"]["list"] if v["type"] == "constant"
        }
        assert constants.keys() == {*LIMITS, "zone"}
        arguments = {name: constants[name] for name in LIMITS if name != "floors"}
        arguments["space"] = constants["floors"]
        response = world.http.get("/api/v1/free-rooms", query_string={**arguments, "format": "rows"})
        rows = response.get_json()
        assert response.status_code == 200
        assert len({row["space"] for row in rows}) == (2 if own.floors else 3)
        assert not own.types or {row["type"] for row in rows} == {"meeting_room", "lounge"}


def test_it_may_be_left_out(with_board: FakeGrafana, operator: Operator) -> None:  # noqa: F811
    operator.wall(with_board.url, "--no-free-rooms")
    assert uid_of("Butlr wall") not in with_board.dashboards
    [shown] = items(with_board).values()
    assert len(shown) == 3


def test_where_the_page_is_not_provisioned_the_wall_does_without_and_says_so(
    grafana: FakeGrafana,  # noqa: F811
    operator: Operator,  # noqa: F811
) -> None:
    code, _, text = operator.wall(grafana.url)
    assert code == 0
    assert "left out   the dashboard of free rooms: butlr-free-rooms is not in this Grafana" in text


def test_a_room_type_that_no_floor_has_is_refused(with_board: FakeGrafana, operator: Operator) -> None:  # noqa: F811
    said = operator.refused(with_board.url, "--type", "meeting_rom")
    assert "--type: 'meeting_rom' is unknown; did you mean meeting_room?" in said


def test_screens_without_a_login_are_told_of_no_room(with_board: FakeGrafana, owner: Operator) -> None:  # noqa: F811
    code, _, text = owner.wall(with_board.url, "--anonymous")
    assert code == 0
    assert "left out   the dashboard of free rooms: it says which rooms are occupied now" in text
    [own] = with_board.others.values()
    assert uid_of("Butlr wall") not in {*own.dashboards, *with_board.dashboards}


@pytest.mark.parametrize("number", ["six", "-1", "1e3", "999999"])
def test_a_size_is_a_number_of_people(
    operator: Operator,  # noqa: F811
    number: str,
) -> None:
    with pytest.raises(SystemExit):
        operator.wall("http://grafana.test", "--least-capacity", number)


def test_a_page_of_another_version_is_refused() -> None:
    with pytest.raises(
        WallError, match="has no variable least_capacity, type: install the dashboards of this version"
    ):
        dashboard_of({"templating": {"list": [{"name": "floors"}]}}, "x", Limits())


def test_uids_are_grafanas_and_always_the_same() -> None:
    for name in ("Butlr wall", "x" * 500, "Foyer / é"):
        assert len(uid_of(name)) <= 40
    assert uid_of("Butlr wall") != uid_of("Lobby")
    assert walls_in(FakeGrafana()) == {}
