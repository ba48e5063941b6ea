"""The preview page `GET /` in a real Chromium.

Totals are counted from the simulator's people for the period that the page's JSON link says is covered.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Error

from butlr_grafana.base.access import BackendToken
from tests.browser.conftest import Visit
from tests.support import (
    DETECTIONS_A_MINUTE,
    NEW_YORK,
    PARIS,
    PARIS_2,
    PEOPLE,
    World,
    at,
    cells_of,
    truth,
)

pytestmark = pytest.mark.browser

NAMES = {
    PARIS: "Paris / Paris, 1st floor",
    PARIS_2: "Paris / Paris, 2nd floor",
    NEW_YORK: "New York / New York, ground floor",
}
VisitWorld = Callable[..., Visit]


def shown_total(visit: Visit) -> int:
    return int(visit.page.locator("#total").inner_text().replace(",", ""))


def frame_of(visit: Visit) -> dict[str, Any]:
    """What the page's JSON link answers."""
    response = visit.get("JSON")
    assert response.status == 200
    [frame] = response.json()
    return frame


def people_between(frame: dict[str, Any]) -> int:
    """All detections in the period that a frame says is covered."""
    custom = frame["meta"]["custom"]
    return DETECTIONS_A_MINUTE * len(
        PEOPLE.detections(custom["space"], at(custom["from"]), at(custom["to"]))[0]
    )


def picture_width(visit: Visit) -> int:
    """How many pixels wide the map is; 0: the browser could not read it."""
    width = visit.page.locator("img.map").evaluate("image => image.complete ? image.naturalWidth : 0")
    assert isinstance(width, int)
    return width


def choose(visit: Visit, *, typed: dict[str, str] | None = None, **options: str) -> None:
    """Fills in the form and sends it, as a person would."""
    for label, text in options.items():
        visit.page.get_by_role("combobox", name=label).select_option(label=text)
    for label, text in (typed or {}).items():
        visit.page.get_by_role("textbox", name=label).fill(text)
    with visit.page.expect_navigation(wait_until="load"):
        visit.page.get_by_role("button", name="Show").click()


def test_the_first_floor_is_shown_at_once(visit: VisitWorld, world: World) -> None:
    here = visit(world)
    assert here.open().status == 200
    assert "heat map" in here.page.title().lower()
    floors = here.page.get_by_role("combobox", name="Floor").locator("option")
    assert floors.all_inner_texts() == list(NAMES.values())
    assert here.page.locator("img.map").get_attribute("alt") == "Heat map of Paris, 1st floor"
    assert picture_width(here) > 0
    frame = frame_of(here)
    assert frame["meta"]["custom"]["space"] == PARIS
    assert shown_total(here) == people_between(frame) > 10_000
    assert here.page.locator(".notice, .fault").count() == 0
    assert here.problems == []


@pytest.mark.parametrize(("space", "period", "days"), [(PARIS_2, "24 hours", 1), (NEW_YORK, "30 days", 30)])
def test_the_form_chooses_floor_and_period(
    visit: VisitWorld, world: World, space: str, period: str, days: int
) -> None:
    here = visit(world)
    here.open()
    choose(here, Floor=NAMES[space], Last=period)
    name = NAMES[space].partition(" / ")[2]
    assert here.page.locator("img.map").get_attribute("alt") == f"Heat map of {name}"
    assert (
        here.page.get_by_role("combobox", name="Floor").locator("option:checked").inner_text() == NAMES[space]
    )
    assert here.page.get_by_role("combobox", name="Last").locator("option:checked").inner_text() == period
    assert picture_width(here) > 0

    frame = frame_of(here)
    custom = frame["meta"]["custom"]
    assert custom["space"] == space
    last_minute = world.now_s // 60 * 60
    requested_from = last_minute - days * 86_400
    assert at(custom["to"]) == last_minute
    assert requested_from - 3600 < at(custom["from"]) <= requested_from
    assert shown_total(here) == people_between(frame) > 1000
    zone = ZoneInfo(PEOPLE.office.by_id[space].timezone)
    covered = here.page.locator("dt:text-is('Covered') + dd").inner_text()
    for end in ("from", "to"):
        assert datetime.fromtimestamp(at(custom[end]), zone).strftime("%d %b %Y %H:%M") in covered
    assert zone.key in covered
    assert here.problems == []


def test_the_form_limits_hours_and_days(visit: VisitWorld, world: World) -> None:
    here = visit(world)
    here.open(f"/?space={NEW_YORK}")
    choose(here, typed={"Hours": "09:00-12:30", "Days": "mon,wed"})
    custom = frame_of(here)["meta"]["custom"]
    zone, expected, minutes = ZoneInfo("America/New_York"), 0, 0
    start, end = (datetime.fromtimestamp(at(custom[name]), zone) for name in ("from", "to"))
    for n in range(9):
        day = start.replace(hour=0, minute=0) + timedelta(days=n)
        opens, closes = max(start, day.replace(hour=9)), min(end, day.replace(hour=12, minute=30))
        if day.strftime("%a") in ("Mon", "Wed") and opens < closes:
            t_s, _, _ = PEOPLE.detections(NEW_YORK, int(opens.timestamp()), int(closes.timestamp()))
            expected += DETECTIONS_A_MINUTE * len(t_s)
            minutes += int((closes - opens).total_seconds()) // 60
    assert minutes > 400
    assert shown_total(here) == expected > 1000
    assert custom["hours"] == pytest.approx(minutes / 60, abs=1e-4)
    assert here.page.get_by_role("textbox", name="Hours").input_value() == "09:00-12:30"
    assert here.page.get_by_role("textbox", name="Days").input_value() == "mon,wed"
    assert picture_width(here) > 0
    assert here.problems == []


@pytest.mark.parametrize(
    ("word", "value", "status"),
    [
        ("hours", "25:00-26:00", 400),
        ("days", "mon-fun", 400),
        ("resolution", "3", 400),
        ("normalize", "twice", 400),
        ("space", "space_atlantis", 404),
        ("hours", "<img src=x onerror=alert(1)>", 400),
    ],
)
def test_a_bad_parameter_is_named_and_can_be_corrected(
    visit: VisitWorld, world: World, word: str, value: str, status: int
) -> None:
    here = visit(world)
    dialogs: list[str] = []
    here.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    assert here.open(f"/?{word}={quote(value)}").status == status
    text = here.page.get_by_role("alert").inner_text()
    assert text.startswith(f"{word}: ")
    assert value.removeprefix("mon-") in text
    assert re.search(r"allowed: |; use ", text, re.IGNORECASE)
    assert here.page.locator("img").count() == 0
    assert dialogs == []
    # All else that was said and loaded is in order: the fault is the page's own status only.
    assert [p for p in here.problems if f" {status} " not in p] == []

    choose(here, Floor=NAMES[PARIS_2], Cell="1.0", Values="none", typed={"Hours": "", "Days": ""})
    assert here.page.get_by_role("alert").count() == 0
    assert here.page.locator("img.map").get_attribute("alt") == "Heat map of Paris, 2nd floor"
    assert picture_width(here) > 0


def test_the_links_answer_what_the_page_shows(visit: VisitWorld, world: World) -> None:
    here = visit(world)
    here.open(f"/?space={PARIS_2}&period=1&resolution=1.0")
    custom = frame_of(here)["meta"]["custom"]
    expected = truth(PARIS_2, at(custom["from"]), at(custom["to"]), 1.0)
    csv = here.get("CSV")
    assert (csv.status, csv.headers["content-type"].partition(";")[0]) == (200, "text/csv")
    head, *lines = csv.text().splitlines()
    assert head == "x_m,y_m,detections"
    rows = [tuple(map(float, line.split(","))) for line in lines]
    assert {(round(x, 3), round(y, 3)): n for x, y, n in rows} == expected
    assert shown_total(here) == sum(expected.values())
    picture = here.get("Picture")
    assert (picture.status, picture.headers["content-type"]) == (200, "image/png")
    with Image.open(io.BytesIO(picture.body())) as image:
        assert image.format == "PNG"
        assert image.width == picture_width(here)
    assert here.get("API").json()["openapi"].startswith("3.")


def test_a_token_is_requested(visit: VisitWorld, make_world: Callable[..., World]) -> None:
    world = make_world(tokens=(BackendToken("open-sesame"),))
    nobody = visit(world)
    liar = visit(world, http_credentials={"username": "viewer", "password": "open-barley"})
    for stranger in (nobody, liar):
        refused = stranger.page.request.get(stranger.base, headers={"Accept": "text/html"})
        assert refused.status == 401
        assert refused.headers["www-authenticate"].startswith("Basic ")
        assert "Paris" not in refused.text()
        # Chromium asks for a password, which nobody types: it gives up, or shows the refusal.
        with contextlib.suppress(Error):
            assert stranger.open().status == 401
        assert stranger.page.locator("img, form, #total").count() == 0

    known = visit(world, http_credentials={"username": "viewer", "password": "open-sesame"})
    assert known.open().status == 200
    assert picture_width(known) > 0
    assert shown_total(known) == people_between(frame_of(known)) > 0
    assert known.get("CSV").status == 200


def test_a_token_for_one_floor_shows_no_other(visit: VisitWorld, make_world: Callable[..., World]) -> None:
    world = make_world(tokens=(BackendToken("new-york-only", frozenset({NEW_YORK})),))
    here = visit(world, http_credentials={"username": "viewer", "password": "new-york-only"})
    assert here.open().status == 200
    floors = here.page.get_by_role("combobox", name="Floor").locator("option")
    assert floors.all_inner_texts() == [NAMES[NEW_YORK]]
    assert here.page.locator("img.map").get_attribute("alt") == "Heat map of New York, ground floor"
    assert here.open(f"/?space={PARIS}").status == 404
    assert "Paris, 1st floor" not in here.page.content()
    assert here.page.locator("img.map").count() == 0


@pytest.mark.parametrize("space", [PARIS, PARIS_2, NEW_YORK])
def test_the_picture_is_neither_mirrored_nor_upside_down(visit: VisitWorld, world: World, space: str) -> None:
    """Each cell of the JSON answer has its colour in its place on the screen, each empty one has none.

    x grows to the right, y upwards. The map's place in the picture is found by its colours: paper, floor,
    outlines and letters are grey, and below the map the last thing with colour is the legend.
    """
    here = visit(world)
    here.open(f"/?space={space}&period=1")
    assert here.page.locator(".notice.warning").count() == 0
    frame = frame_of(here)
    cells = cells_of(frame)
    res = frame["meta"]["custom"]["resolution"]
    xs = np.arange(min(x for x, _ in cells), max(x for x, _ in cells) + res / 2, res)
    ys = np.arange(min(y for _, y in cells), max(y for _, y in cells) + res / 2, res)
    value = np.array([[cells.get((round(x, 3), round(y, 3)), 0) for y in ys] for x in xs])
    assert (value > 0).sum() == len(cells)
    for other in (value[::-1], value[:, ::-1], value[::-1, ::-1]):
        assert ((value > 0) != (other > 0)).sum() > 100, "this floor would not show the difference"

    pixels = screenshot(here)
    seen, written_over = sampled(pixels, len(xs), len(ys))
    assert (written_over & (value > 0)).sum() < 0.15 * len(cells), "letters and walls hide few cells"
    assert ((is_coloured(seen) == (value > 0)) | written_over).all()
    # The darker the more, on white: in the order of the values no cell is lighter than one with less, but
    # for the rounding of colours.
    dark = 255 - seen.astype(float) @ (0.299, 0.587, 0.114)
    order = np.argsort(value, axis=None, kind="stable")[-len(cells) :]
    order = order[~written_over.ravel()[order]]
    ascending = dark.ravel()[order]
    assert (np.maximum.accumulate(ascending) - ascending).max() <= 2
    assert ascending[-1] > ascending[0] + 100


def screenshot(visit: Visit) -> NDArray[np.uint8]:
    """The map as it is on the screen: uint8[height, width, 3]."""
    with Image.open(io.BytesIO(visit.page.locator("img.map").screenshot())) as image:
        return np.asarray(image.convert("RGB"))


def is_coloured(rgb: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Colour rather than a grey; the darkest of the scale, a dark violet, counts."""
    channels = rgb.astype(int)
    return channels.max(axis=-1) - channels.min(axis=-1) > 30


def sampled(
    pixels: NDArray[np.uint8], columns: int, rows: int
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """uint8[columns, rows, 3] of a map's cells, x to the right and y upwards: the median colour within each.

    And bool[columns, rows]: which are not of one colour, for walls and rooms' names are drawn over cells.
    """
    coloured = is_coloured(pixels)
    stripes = [
        [y for y, _ in g] for any_, g in groupby(enumerate(coloured.any(axis=1)), lambda p: p[1]) if any_
    ]
    high = [y for stripe in stripes[:-1] for y in stripe]  # the last is the legend
    top, bottom = high[0], high[-1] + 1
    across = np.flatnonzero(coloured[top:bottom].any(axis=0))
    left, right = int(across[0]), int(across[-1]) + 1
    assert (right - left) / columns == pytest.approx((bottom - top) / rows, rel=0.01), "cells are square"
    within = (np.arange(5) + 1) / 6
    across_px = left + (np.arange(columns)[:, None] + within) * (right - left) / columns
    down_px = bottom - (np.arange(rows)[:, None] + within) * (bottom - top) / rows
    samples = pixels[down_px.astype(int)[None, :, None, :], across_px.astype(int)[:, None, :, None]]
    spread = np.ptp(samples.astype(int), axis=(2, 3)).max(axis=-1)
    return np.median(samples, axis=(2, 3)).astype(np.uint8), spread > 24


def test_the_demo_as_it_is_started(visit_url: VisitWorld) -> None:
    """`butlr-grafana demo`: the production server, the simulator as its child, the clock of this machine."""
    command = [str(Path(sys.executable).with_name("butlr-grafana")), "demo"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("BUTLR_", "BACKEND_"))}
    with subprocess.Popen(
        command,
        env={**environment, "BACKEND_PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        try:
            found = re.search(r"http://\S+?(?=/ )", demo.stdout.readline())
            assert found is not None
            here = visit_url(found[0])
            assert here.open().status == 200
            assert "simulated" in here.page.locator(".demo").inner_text()
            assert picture_width(here) > 0
            assert here.page.locator("img.map").get_attribute("alt") == "Heat map of Paris, 1st floor"
            frame = frame_of(here)
            assert frame["meta"]["custom"]["total_detections"] == people_between(frame) > 10_000
            assert here.problems == []
        finally:
            demo.send_signal(signal.SIGINT)
    assert demo.returncode == 0
