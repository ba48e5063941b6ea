"""Pictures, playback and plan through the doors."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from butlr_grafana.present.images import heatmap_image
from tests.support import DETECTIONS, NEW_YORK, NO_RATE, PARIS, PARIS_2, PEOPLE, World, at, truth

DAY = {"from": "2026-06-09T22:00:00Z", "to": "2026-06-10T22:00:00Z"}


def get(world: World, target: str, **params: str) -> Any:
    period = {} if target == "floorplan" else DAY
    response = world.http.get(f"/api/v1/{target}", query_string={"space": PARIS, **period, **params})
    assert response.status_code == 200, response.get_data(as_text=True)
    return response


def picture(response: Any) -> Image.Image:
    image = Image.open(io.BytesIO(response.get_data()))
    image.load()
    return image


@pytest.mark.parametrize("target", ["heatmap", "compare", "floorplan"])
@pytest.mark.parametrize(("theme", "is_light"), [("light", True), ("dark", False)])
def test_pictures_have_the_width_and_theme_requested(
    world: World, target: str, theme: str, is_light: bool
) -> None:
    response = get(world, target, format="png", width="640", theme=theme)
    assert response.mimetype == "image/png"
    image = picture(response)
    assert image.width == 640
    corner = image.convert("L").getpixel((2, 2))
    assert (corner > 200) == is_light  # type: ignore[operator]


def test_a_picture_of_the_surface_is_the_gradient_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    head = heatmap_image.head
    monkeypatch.setattr(
        heatmap_image,
        "head",
        lambda found, *more: lines.extend(line.text for line in found) or head(found, *more),
    )
    surface = picture(get(world, "heatmap", format="png", width="800", style="surface"))
    assert "▲ The 3D surface is only in the dashboard. This picture shows a colour per cell." in lines
    lines.clear()
    gradient = picture(get(world, "heatmap", format="png", width="800"))
    assert not any("surface" in line for line in lines)
    more = surface.height - gradient.height
    assert more > 0
    body = gradient.height - 200
    same = [one.crop((0, one.height - body, 800, one.height)).tobytes() for one in (surface, gradient)]
    assert same[0] == same[1]
    film = get(world, "playback", format="webp", width="400", resolution="1.0", style="surface")
    assert film.mimetype == "image/webp"


@pytest.mark.parametrize(
    ("word", "value"),
    [("width", "10"), ("width", "wide"), ("width", "9" * 5000), ("theme", "blue"), ("format", "gif")],
)
def test_bad_parameters_are_named(world: World, word: str, value: str) -> None:
    query = {**DAY, "space": PARIS, "format": "png", word: value}
    response = world.http.get("/api/v1/heatmap", query_string=query)
    assert response.status_code == 400
    assert response.get_json()["message"].startswith(f"{word}: ")


def test_playback_is_the_period_in_equal_windows(world: World) -> None:
    rows = get(world, "playback", format="rows", resolution="1.0").get_json()
    start = at("2026-06-09T22:00")
    for hour in range(24):
        window = (start + hour * 3600, start + (hour + 1) * 3600)
        found = {
            (round(r["x"], 3), round(r["y"], 3)): r["detections"] for r in rows if at(r["time"]) == window[0]
        }
        assert found == truth(PARIS, *window, 1.0)
    assert world.calls == 24


def test_a_playback_frame_holds_its_rows_and_speaks_of_the_whole(world: World) -> None:
    params = {"resolution": "1.0", "every": "1h"}
    rows = get(world, "playback", format="rows", **params).get_json()
    [frame] = get(world, "playback", **params).get_json()
    time, x, y, value = frame["fields"]
    assert [(f["name"], f["type"]) for f in frame["fields"]] == [
        ("time", "time"),
        ("x", "number"),
        ("y", "number"),
        ("detections", "number"),
    ]
    assert [at(r["time"]) * 1000 for r in rows] == time["values"]
    assert [(r["x"], r["y"], r["detections"]) for r in rows] == list(
        zip(x["values"], y["values"], value["values"], strict=True)
    )
    start, custom = at(DAY["from"]), frame["meta"]["custom"]
    hours = [truth(PARIS, start + k * 3600, start + (k + 1) * 3600, 1.0) for k in range(24)]
    assert custom["max_value"] == max(max(hour.values(), default=0) for hour in hours)
    assert custom["total_detections"] == sum(sum(hour.values()) for hour in hours)
    assert (custom["windows"], custom["hours"], custom["segments"]["planned"]) == (24, 24, 24)
    assert (custom["from"], custom["to"], custom["as_of"]) == (DAY["from"], DAY["to"], DAY["to"])
    assert custom["complete"] is True
    assert frame["meta"]["notices"] == [NO_RATE]


def test_a_playback_of_a_silent_night_says_so_once(world: World) -> None:
    params = {"space": NEW_YORK, "from": "2026-06-14T03:00:00Z", "to": "2026-06-14T06:00:00Z"}
    [frame] = get(world, "playback", **params).get_json()
    assert [f["values"] for f in frame["fields"]] == [[], [], [], []]
    assert [n["text"] for n in frame["meta"]["notices"]] == [
        "No detections in this period.",
        NO_RATE["text"],
    ]


def test_an_animated_playback_has_a_frame_a_window(world: World) -> None:
    response = get(world, "playback", format="webp", width="400", space=NEW_YORK)
    assert response.mimetype == "image/webp"
    image = picture(response)
    assert (image.width, image.n_frames) == (400, 24)  # type: ignore[attr-defined]


def test_a_playback_without_one_of_its_windows_is_an_error(world: World) -> None:
    world.http.get("/readyz")
    world.simulator.faults.set(status=400, count=1, paths=(DETECTIONS,))
    response = world.http.get("/api/v1/playback", query_string={**DAY, "space": PARIS, "format": "webp"})
    assert response.status_code == 502


def test_the_plan_is_geojson_of_the_floor(world: World) -> None:
    plan = get(world, "floorplan", space=PARIS_2).get_json()
    assert plan["type"] == "FeatureCollection"
    ids = {f["properties"]["id"] for f in plan["features"]}
    floor = PEOPLE.office.by_id[PARIS_2]
    assert {r.id for r in floor.rooms if r.polygon} <= ids
    assert {z.id for z in floor.zones if z.polygon} <= ids
    assert not {r.id for r in floor.rooms if not r.polygon} & ids


def test_a_comparison_without_data_is_a_picture_that_says_so(world: World) -> None:
    response = get(
        world, "compare", format="png", space=NEW_YORK, baseline="2026-06-14T03:00Z/2026-06-14T03:10Z"
    )
    assert picture(response).width == 1200
