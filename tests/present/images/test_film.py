"""Playbacks, read back frame by frame."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from butlr_grafana.model.floor import Bounds
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.present.images import film, lettering
from butlr_grafana.present.images.film import DASH, MOST_FRAMES, clock, webp
from butlr_grafana.present.images.theme import DARK, LIGHT, Sizes
from tests.present.floors import HOUR, MONDAY_8H, DrawnMap, Pixels, box, floor, has, heat_map, room

HALL = floor(room("Hall", box(0, 0, 8, 5)))
WALLS = Bounds(0, 0, 8, 5)


def windows(*cells: dict[tuple[int, int], float], **more: Any) -> list[HeatMap]:
    return [heat_map(HALL, c, start_s=MONDAY_8H + i * HOUR, **more) for i, c in enumerate(cells)]


def read(data: bytes) -> tuple[list[Pixels], list[int]]:
    """The frames' pixels and durations in milliseconds."""
    frames, durations = [], []
    with Image.open(io.BytesIO(data)) as film:
        assert film.format == "WEBP"
        for index in range(getattr(film, "n_frames", 1)):
            film.seek(index)
            frames.append(np.asarray(film.convert("RGB")))
            durations.append(int(film.info.get("duration", 0)))
    return frames, durations


def test_every_window_is_a_frame_of_the_same_length() -> None:
    same = {(1, 1): 5.0}
    frames, durations = read(webp(windows(same, same, {}, same), milliseconds=350, width=640))
    assert len(frames) == 4, "also where nothing changed"
    assert durations == [350] * 4
    assert {f.shape[1] for f in frames} == {640}
    with Image.open(io.BytesIO(webp(windows(same, same), width=320))) as film:
        assert film.info["loop"] == 0, "for ever"


def test_one_colour_scale_over_all_windows() -> None:
    film = webp(windows({(1, 1): 25.0}, {(1, 1): 100.0, (6, 3): 25.0}), width=800)
    with Image.open(io.BytesIO(film)) as image:
        drawn_map = []
        for index in range(2):
            image.seek(index)
            png = io.BytesIO()
            image.convert("RGB").save(png, "PNG")
            drawn_map.append(DrawnMap.of(png.getvalue(), WALLS, LIGHT))
    assert drawn_map[1].at(1.5, 1.5) == LIGHT.gradient[-1]
    assert drawn_map[0].at(1.5, 1.5) == drawn_map[1].at(6.5, 3.5) != LIGHT.gradient[-1]
    assert drawn_map[0].at(6.5, 3.5) == LIGHT.floor


def test_nothing_flickers() -> None:
    """But for the words and the bar above, only pixels of cells that changed are different."""
    frames, _ = read(webp(windows({(1, 1): 9.0}, {(6, 3): 4.0}, {}), width=900))
    wall = has(frames[0], LIGHT.wall)
    rows = np.flatnonzero(wall.sum(axis=1) > 100)
    for other in frames[1:]:
        changed = (frames[0] != other).any(axis=-1)[rows[0] :]
        assert 0 < changed.sum() < 0.06 * changed.size
        assert not changed[rows[-1] - rows[0] :].any(), "legend and scale stand still"


def test_the_bar_grows_to_its_end() -> None:
    frames, _ = read(webp(windows(*[{(1, 1): 5.0}] * 5), width=600, theme="dark"))
    track = []
    for frame in frames:
        above = frame[: int(np.flatnonzero(has(frame, DARK.wall).sum(axis=1) > 100)[0])]
        track.append(int(has(above, DARK.foreground).sum(axis=1).max()))
    content = track[-1]
    assert content > 550
    assert track == pytest.approx([content * n / 5 for n in range(1, 6)], abs=2)


def test_a_day_at_800_pixels_is_light() -> None:
    """Even where every cell of an open floor changes every hour."""
    hall = floor(room("Hall", box(0, 0, 48, 30)))
    random = np.random.default_rng(1)
    frames = []
    for hour in range(24):
        counts = random.poisson(3.0, (96, 60))
        cells = {(int(x), int(y)): float(counts[x, y]) for x, y in zip(*np.nonzero(counts), strict=True)}
        frames.append(heat_map(hall, cells, resolution_m=0.5, start_s=MONDAY_8H + hour * HOUR))
    data = webp(frames)
    assert len(data) < 3_000_000
    assert len(read(data)[0]) == 24


def test_few_many_and_wrong_windows() -> None:
    one = windows({(1, 1): 1.0})
    assert len(read(webp(one, width=320))[0]) == 1
    for count in (0, MOST_FRAMES + 1):
        with pytest.raises(ValueError, match=f"1 to {MOST_FRAMES} windows, not {count}"):
            webp(one * count)
    other = heat_map(replace(HALL, id="elsewhere"), {})
    with pytest.raises(ValueError, match="one floor"):
        webp([*one, other])
    with pytest.raises(ValueError, match="width"):
        webp(one, width=5000)
    with pytest.raises(ValueError, match="milliseconds"):
        webp(one, milliseconds=0)


def test_the_most_windows_there_may_be() -> None:
    assert len(read(webp(windows({(1, 1): 1.0}) * MOST_FRAMES, width=320))[0]) == MOST_FRAMES


def test_windows_without_anything_and_incomplete_ones() -> None:
    frames, _ = read(webp(windows({}, {}), width=400))
    assert len(frames) == 2
    lost = {"missing": 1, "fetched": 0}
    film = [*windows({(1, 1): 4.0}), heat_map(HALL, {}, start_s=MONDAY_8H + HOUR, coverage=lost)]
    whole, partial = read(webp(film, width=600))[0]
    assert not has(whole, LIGHT.warning).any()
    assert has(partial, LIGHT.warning).any()


def test_all_windows_have_room_on_the_plan() -> None:
    """Cells beyond the plan in one window do not move the others."""
    frames, _ = read(webp(windows({(1, 1): 4.0}, {(12, 1): 4.0}), width=600))
    walls = [np.argwhere(has(f, LIGHT.wall)) for f in frames]
    assert (walls[0].min(axis=0) == walls[1].min(axis=0)).all()
    assert (walls[0].max(axis=0) == walls[1].max(axis=0)).all()
    beyond = frames[1][:, walls[0][:, 1].max() + 5 :]
    assert has(beyond[: walls[0][:, 0].max()], LIGHT.gradient[-1]).any()


@pytest.mark.parametrize(
    ("start_s", "length_s", "message"),
    [
        (MONDAY_8H, HOUR, ("08:00-09:00", "Mon 15 Jun 2026")),
        (MONDAY_8H + 15 * HOUR, HOUR, ("23:00-24:00", "Mon 15 Jun 2026")),
        (MONDAY_8H - 8 * HOUR, 24 * HOUR, ("Mon 15 Jun", "2026")),
        (MONDAY_8H + 4 * HOUR, 12 * HOUR, ("Mon 15 Jun", "2026, from 12:00")),
        (MONDAY_8H - 8 * HOUR, 9 * HOUR, ("Mon 15 Jun", "2026, until 09:00")),
        (MONDAY_8H - 8 * HOUR, 7 * 24 * HOUR, ("15 Jun - 21 Jun", "2026")),
        (MONDAY_8H + 14 * HOUR, 4 * HOUR, ("Mon 22:00 - Tue 02:00", "15 Jun - 16 Jun 2026")),
    ],
)
def test_windows_are_named_in_local_time(start_s: int, length_s: int, message: tuple[str, str]) -> None:
    big, small = clock(heat_map(HALL, {}, start_s=start_s, length_s=length_s))
    assert (big.replace(film.DASH, "-"), small.replace(film.DASH, "-")) == message


def test_smooth_dark_and_opaque_films() -> None:
    for more in ({"style": "smooth"}, {"theme": "dark"}, {"style": "opacity"}, {"demo": True}):
        frames, _ = read(webp(windows({(1, 1): 4.0}, {(2, 2): 1.0}), width=400, **more))
        assert len(frames) == 2


@pytest.mark.parametrize("width", [100, 130, 180, 240, 320, 1000])
@pytest.mark.parametrize(
    "params",
    [
        (f"20:00{DASH}24:00", "Tue 17 Nov 2026"),
        ("Sun 22 Nov", "2026"),
        (f"Mon 23:00 {DASH} Tue 01:00", f"16 Jun {DASH} 17 Jun 2026"),
    ],
)
def test_the_clock_is_never_cut(width: int, params: tuple[str, str]) -> None:
    sizes = Sizes(width)
    size, is_beside = film._clock([params], sizes)
    across = lettering.width(params[0], size, medium=True)
    date = lettering.width(params[1], sizes.text)
    assert size >= 9
    assert across + (date if is_beside else 0) <= sizes.content or (width == 100 and size == 9)
    assert is_beside or width <= 320
