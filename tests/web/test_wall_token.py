"""What can be asked with a wall's token, which is in the hands of whoever stands before the screen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from butlr_grafana.base.access import BackendToken, SettingError
from butlr_grafana.settings import Settings, read
from butlr_grafana.targets.registry import TARGETS
from tests.support import NEW_YORK, PARIS, World, at

ROOT = Path(__file__).resolve().parents[2]
TOKENS = (
    BackendToken("everything"),
    BackendToken("walls-only", for_walls=True),
    BackendToken("paris-wall", frozenset({PARIS}), for_walls=True),
)
NOW = "2026-06-17T12:34:56"
MIDNIGHT = at("2026-06-16T22:00:00")
"""Of that day in Paris."""

TODAY = {"space": PARIS, "from": str(MIDNIGHT * 1000), "to": str(at(NOW) * 1000)}
MAP = {**TODAY, "format": "png"}
PEOPLE_NOW = {"space": PARIS, "level": "floor", "format": "rows"}


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(now=NOW, tokens=TOKENS)


def send_query(world: World, target: str, params: dict[str, str], token: str = "walls-only") -> Any:
    """By URL; by POST the answer is the same."""
    headers = {"Authorization": f"Bearer {token}"}
    response = world.http.get(f"/api/v1/{target}", query_string=params, headers=headers)
    by_body = world.http.post(f"/api/v1/{target}", json=params, headers=headers)
    assert by_body.status_code == response.status_code
    return response


def test_a_wall_gets_what_it_shows(world: World) -> None:
    assert send_query(world, "heatmap", {**MAP, "width": "1400", "theme": "dark"}).mimetype == "image/png"
    [row] = send_query(world, "occupancy-now", PEOPLE_NOW).get_json()
    assert row["people"] > 0


def test_the_walls_script_asks_for_nothing_else() -> None:
    [panel] = json.loads((ROOT / "grafana-dashboards/butlr-wall.json").read_text("utf-8"))["panels"]
    requested = re.findall(r"fetched\('([\w-]+)', \{(.*?)\}\)", panel["options"]["getOption"])
    assert dict(requested).keys() == {"heatmap", "occupancy-now"}
    assert "level: 'floor'" in dict(requested)["occupancy-now"]
    assert "format: 'png'" in panel["options"]["getOption"]


@pytest.mark.parametrize("target", sorted(set(TARGETS) - {"heatmap", "occupancy-now"}))
def test_no_other_target_is_answered(world: World, target: str) -> None:
    response = send_query(world, target, TODAY)
    assert response.status_code == 403
    assert response.get_json()["error"]["code"] == "not_for_walls"


@pytest.mark.parametrize(
    ("target", "params"),
    [
        ("heatmap", {**MAP, "format": "csv"}),
        ("heatmap", {**MAP, "format": "frames"}),
        ("heatmap", TODAY),
        ("heatmap", {**MAP, "from": str((MIDNIGHT - 86_400) * 1000)}),
        ("heatmap", {**MAP, "from": "2026-06-01", "to": "2026-06-02"}),
        ("heatmap", {**MAP, "room": "room_paris_1_kitchen"}),
        ("occupancy-now", {**PEOPLE_NOW, "level": "room"}),
        ("occupancy-now", {"space": PARIS}),
        ("occupancy-now", {**PEOPLE_NOW, "room": "room_paris_1_kitchen"}),
        ("occupancy-now", {**PEOPLE_NOW, "tag": "quiet"}),
        ("occupancy-now", {**PEOPLE_NOW, "format": "frames"}),
    ],
)
def test_nor_is_anything_but_a_picture_of_today(world: World, target: str, params: dict[str, str]) -> None:
    assert send_query(world, target, params).status_code == 403
    assert send_query(world, target, params, "everything").status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in ("/", "/metrics", "/api/v1/openapi.json", "/static/preview.css", "/no")),
        *(("POST", path) for path in ("/query", "/variable", "/annotations", "/metrics", "/tag-values")),
    ],
)
def test_no_other_door_opens(world: World, method: str, path: str) -> None:
    headers = {"Authorization": "Bearer walls-only"}
    assert world.http.open(path, method=method, json={}, headers=headers).status_code == 403


def test_a_day_may_be_of_25_hours(make_world: Callable[..., World]) -> None:
    """Paris, 25 October: from 00:00 to 24:00 it is 25 hours."""
    world = make_world(now="2026-10-25T22:59:30", tokens=TOKENS)
    since = str(at("2026-10-24T22:00:00") * 1000)
    assert (
        send_query(world, "heatmap", {**MAP, "from": since, "to": str(int(world.now_s) * 1000)}).status_code
        == 200
    )


def test_floors_limit_a_walls_token_too(world: World) -> None:
    assert send_query(world, "heatmap", MAP, "paris-wall").status_code == 200
    assert send_query(world, "heatmap", {**MAP, "space": NEW_YORK}, "paris-wall").status_code == 404


def test_a_walls_token_alone_is_refused() -> None:
    tokens = read({"BACKEND_WALL_TOKEN": f"walls-only,paris-wall={PARIS}"}).wall_tokens
    assert tokens == TOKENS[1:]
    with pytest.raises(SettingError, match="without BACKEND_TOKEN"):
        Settings(wall_tokens=tokens).check_exposure()
    assert "walls-only" not in repr(Settings(wall_tokens=tokens))


def test_a_token_that_is_both_is_a_walls(make_world: Callable[..., World]) -> None:
    world = make_world(
        tokens=(BackendToken("the-same"),), wall_tokens=(BackendToken("the-same", for_walls=True),)
    )
    assert send_query(world, "spaces", {}, "the-same").status_code == 403
