"""The board of free rooms in a real Chromium, against a real backend and the simulator's people.

What Business Charts hands to the script is stood in for by a few lines; rows and faults are the backend's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.stopped import stopped_page
from tests.dashboards.free_rooms import expected
from tests.dashboards.people import View
from tests.support import NEW_YORK, PARIS, REPORTING, World, at

BOARD = Path(__file__).resolve().parents[2] / "grafana-dashboards" / "butlr-free-rooms.json"
PROXY = "/api/datasources/proxy/uid/butlr"
NOW = "2026-06-17T12:34:56"

STAND_IN = """
window.shown = null;
const chart = {
  getWidth: () => WIDTH, getHeight: () => HEIGHT, isDisposed: () => false,
  setOption: (option) => { window.shown = option; },
};
window.refresh = async (code) => {
  const context = {
    panel: { chart, data: {} },
    grafana: {
      theme: { isDark: DARK },
      replaceVariables: (text) => text.replace(/\\$\\{(\\w+)(:csv)?\\}/g, (_, name) => (VALUES)[name]),
    },
  };
  chart.setOption(await new Function('context', code)(context));
};
window.written = () => window.shown.graphic.elements.map((e) => {
  if (e.type === 'rect') {
    return { id: e.id, fill: e.style.fill, ...e.shape };
  }
  const ruler = document.createElement('canvas').getContext('2d');
  ruler.font = e.style.font;
  const width = ruler.measureText(e.style.text).width;
  const letters = Number(/(\\d+)px/.exec(e.style.font)[1]);
  const left = { right: e.x - width, center: e.x - width / 2 }[e.style.align] ?? e.x;
  return {
    id: e.id, text: e.style.text, fill: e.style.fill, letters,
    x: left, y: e.y - letters / 2, width, height: letters,
  };
});
"""
LANDSCAPE = (1920, 1080)
SIZES = [(1366, 768), LANDSCAPE, (3840, 2160), (1080, 1920)]


@dataclass
class Board:
    """A screen with the page on it; the backend behind a proxy that can be gone."""

    browser: Browser
    world: World
    size: tuple[int, int] = LANDSCAPE
    dark: bool = True
    space: str = "all"
    least_capacity: str = "0"
    type: str = "All"
    zone: str = ""

    def __post_init__(self) -> None:
        self.backend_is_up = True
        self.requested: list[dict[str, list[str]]] = []
        values = {name: getattr(self, name) for name in ("least_capacity", "type", "zone")}
        values["floors"] = self.space
        width, height = self.size
        self.script = (
            STAND_IN.replace("WIDTH", str(width))
            .replace("HEIGHT", str(height))
            .replace("DARK", json.dumps(self.dark))
            .replace("VALUES", json.dumps({**values, "ds": "butlr"}))
        )
        [panel] = json.loads(BOARD.read_text("utf-8"))["panels"]
        self.code: str = panel["options"]["getOption"]
        self.page: Page = stopped_page(self.browser, self.world.now_s)
        self.page.route("**/*", self._respond)
        self.page.goto("http://board.test/")

    def _respond(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if not address.path.startswith(PROXY):
            route.fulfill(content_type="text/html", body=f"<script>{self.script}</script>")
            return
        self.requested.append(parse_qs(address.query))
        if not self.backend_is_up:
            # As Grafana's proxy answers.
            route.fulfill(status=502, body="")
            return
        response = self.world.http.get(f"{address.path.removeprefix(PROXY)}?{address.query}")
        route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.get_data())

    def refresh(self) -> None:
        self.page.evaluate("(code) => window.refresh(code)", self.code)

    def passes(self, seconds: int) -> None:
        self.world.now_s += seconds
        self.page.clock.run_for(seconds * 1000)

    @property
    def elements(self) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in self.page.evaluate("window.written()")}

    @property
    def headline(self) -> str:
        return str(self.elements["headline"]["text"])

    def cards(self) -> list[dict[str, str]]:
        """Of each room that is shown: its state, colour, name, what stands below, and its places."""
        found = self.elements
        numbers = sorted(int(m[1]) for key in found if (m := re.fullmatch(r"room(\d+)box", key)))
        assert numbers == list(range(len(numbers)))
        return [
            {
                "fill": found[f"room{n}box"]["fill"],
                **{
                    part: found[key]["text"] if (key := f"room{n}{part}") in found else ""
                    for part in ("state", "name", "detail", "seats")
                },
            }
            for n in numbers
        ]


Show = Callable[..., Board]


@pytest.fixture
def show(chromium: Browser, make_world: Callable[..., World]) -> Iterator[Show]:
    boards: list[Board] = []

    def make(now: str = NOW, **params: Any) -> Board:
        boards.append(Board(chromium, make_world(now=now), **params))
        boards[-1].refresh()
        return boards[-1]

    yield make
    for board in boards:
        board.page.close()


def wanted(board: Board) -> list[dict[str, Any]]:
    """The rooms as they must be listed, from the people."""
    params = {"space": board.space, "least_capacity": board.least_capacity, "type": board.type}
    return expected(View(params, 0, 0, int(board.world.now_s)))


WORDS = {"free": "Free", "occupied": "Occupied", "unknown": "Unknown"}


def test_each_room_has_its_state_as_a_word_and_a_colour(show: Show) -> None:
    board = show(type="meeting_room")
    rows, cards = wanted(board), board.cards()
    assert [(card["state"], card["name"], card["seats"]) for card in cards] == [
        (WORDS[row["state"]], row["room"], str(row["capacity"])) for row in rows[: len(cards)]
    ]
    assert len(cards) == min(len(rows), 12)
    colours = {card["state"]: card["fill"] for card in cards}
    assert len(set(colours.values())) == len(colours) >= 2
    free = sum(row["state"] == "free" for row in rows)
    assert board.headline == f"{free} rooms are free"
    taken = sum(row["state"] == "occupied" for row in rows)
    assert board.elements["summary"]["text"] == f"meeting room · {taken} occupied"
    for card, row in zip(cards, rows, strict=False):
        assert card["detail"].startswith(row["floor"])
        assert card["detail"].endswith("for 10+ min") == (row["state"] == "free")
    assert board.requested == [
        {
            "space": ["all"],
            "least_capacity": ["0"],
            "type": ["meeting_room"],
            "format": ["rows"],
            "for": ["wall"],
        }
    ]


@pytest.mark.parametrize("size", [(1366, 768), (600, 600)])
def test_free_rooms_that_do_not_fit_come_page_by_page(show: Show, size: tuple[int, int]) -> None:
    board = show(size=size)
    free = [row for row in wanted(board) if row["state"] == "free"]
    places = len(board.cards())
    assert len(free) > places
    seen: dict[str, list[str]] = {}
    for _ in range(16):
        board.passes(5)
        seen[board.elements["more"]["text"]] = [card["name"] for card in board.cards()]
    pages = -(-len(free) // places)
    left = len(wanted(board)) - pages * places
    assert left > 0
    *before, last = sorted(seen)
    assert before == [f"page {n + 1} of {pages}" for n in range(pages - 1)]
    # The last page says how many are not free and do not fit either.
    assert last == f"page {pages} of {pages} · and {left} more that are not free"
    listed = [name for _, names in sorted(seen.items()) for name in names]
    assert listed[: len(free)] == [row["room"] for row in free]
    # The last page has room for others.
    assert len(listed) == pages * places


def test_times_are_the_rooms_own(show: Show) -> None:
    """The screen stands in Los Angeles."""
    assert show(space=NEW_YORK).elements["age"]["text"] == "as of 08:34"
    paris = show(space=PARIS)
    assert paris.elements["clock"]["text"] == "14:34"
    assert "clock1" not in paris.elements
    # All are on one floor: its name would tell nothing.
    assert paris.cards()[0]["detail"] == "for 10+ min"


def test_without_a_free_room_it_says_so(show: Show) -> None:
    board = show(least_capacity="30", now="2026-06-17T12:34:56")
    assert {row["state"] for row in wanted(board)} == {"occupied"}
    assert board.headline == "No room is free"
    assert board.elements["summary"]["text"] == "rooms for 30 or more · 2 occupied"
    assert show(least_capacity="500").headline == "No room matches"


@pytest.mark.parametrize("what", ["the backend", "Butlr"])
def test_what_was_free_three_minutes_ago_is_not_shown_as_free(show: Show, what: str) -> None:
    board = show(type="meeting_room")
    good = board.cards()

    def is_there(there: bool) -> None:
        if what == "the backend":
            board.backend_is_up = there
        elif there:
            board.world.simulator.faults.clear()
        else:
            board.world.simulator.faults.set(status=503, paths=(REPORTING,))

    is_there(False)
    board.passes(60)
    board.refresh()
    assert board.cards() == good
    assert "no answer for less than 1 min" in board.elements["age"]["text"]
    for _ in range(3):
        board.passes(60)
        board.refresh()
    assert board.cards() == []
    assert board.headline == "Not known which rooms are free"
    assert board.elements["summary"]["text"].startswith("No response for 3 min: ")
    is_there(True)
    board.passes(600)
    board.refresh()
    assert [card["name"] for card in board.cards()][:1] == [wanted(board)[0]["room"]]
    assert "no answer" not in board.elements["age"]["text"]


def test_floors_in_two_zones_have_two_clocks_and_ages(show: Show) -> None:
    board = show()
    assert {row["timezone"] for row in wanted(board)} == {"Europe/Paris", "America/New_York"}
    shown = {one["text"] for key, one in board.elements.items() if key.startswith("clock")}
    assert shown == {"14:34 Paris", "08:34 New York"}
    board.passes(170)
    # Known up to the end of a minute, at most one before now.
    assert board.elements["age"]["text"] in {"as of 3 min ago", "as of 4 min ago"}


def test_a_screen_that_never_had_an_answer_says_why_and_shows_no_time(
    chromium: Browser, world: World
) -> None:
    board = Board(chromium, world)
    board.backend_is_up = False
    board.refresh()
    assert board.headline == "Not known which rooms are free"
    summary = board.elements["summary"]["text"]
    assert summary == "No response for less than 1 min: The backend cannot be reached (HTTP 502)"
    assert not any(re.search(r"\d:\d\d", one.get("text", "")) for one in board.elements.values())
    board.page.close()


def test_a_board_that_knows_its_zone_shows_it_without_the_backend(chromium: Browser, world: World) -> None:
    """`butlr-grafana wall` writes the zone into its copies."""
    board = Board(chromium, world, zone="Europe/Paris")
    board.backend_is_up = False
    board.refresh()
    assert board.elements["clock"]["text"] == "14:34"
    assert board.elements["summary"]["text"].startswith("No response since 14:34: ")
    board.page.close()


def test_a_page_that_nothing_refreshes_any_more_loses_its_rooms_by_itself(show: Show) -> None:
    """Where Grafana is gone the script is not run; its clock goes on."""
    board = show(type="meeting_room")
    board.passes(170)
    assert board.cards()
    board.passes(60)
    assert board.cards() == []
    assert "The page is not refreshed" in board.elements["summary"]["text"]
    board.refresh()
    assert board.cards()


def overlap(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return bool(
        a["x"] < b["x"] + b["width"] - 1
        and b["x"] < a["x"] + a["width"] - 1
        and a["y"] < b["y"] + b["height"] - 1
        and b["y"] < a["y"] + a["height"] - 1
    )


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(a: str, b: str) -> float:
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PAPER = {True: "#111217", False: "#f4f5f5"}
"""Behind the panel, in Grafana's dark and light theme."""


@pytest.mark.parametrize("dark", [True, False])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("backend_is_up", [True, False])
def test_it_is_read_from_four_metres(
    show: Show, size: tuple[int, int], dark: bool, backend_is_up: bool
) -> None:
    """On a screen of 43 inches, which is 53 cm high: states and names in letters of 2.5 cm, the rest of 1.4.

    Nothing stands on anything else or leaves the screen, and all has the contrast that WCAG asks of texts.
    """
    board = show(size=size, dark=dark)
    board.backend_is_up = backend_is_up
    board.refresh()
    width, height = size
    texts = {key: one for key, one in board.elements.items() if one.get("text")}
    short = min(height, width * 0.75)
    for key, one in texts.items():
        large = key.endswith(("state", "name")) or key in ("headline", "clock")
        assert one["letters"] >= short * (0.039 if large else 0.023), (key, one)
        assert 0 <= one["x"] <= one["x"] + one["width"] <= width, (key, one)
        assert 0 <= one["y"] <= one["y"] + one["height"] <= height, (key, one)
        box = board.elements.get(key.removesuffix("state") + "box")
        paper = box["fill"] if box and key.endswith("state") else PAPER[dark]
        assert contrast(one["fill"], paper) >= 4.5, (key, one["fill"], paper)
    for (a, one), (b, other) in combinations(texts.items(), 2):
        assert not overlap(one, other), (a, b)
    boxes = [one for one in board.elements.values() if "text" not in one]
    assert bool(boxes)
    for one, other in combinations(boxes, 2):
        assert not overlap(one, other)


def test_it_costs_butlr_what_a_look_at_the_people_costs(show: Show) -> None:
    board = show()
    assert sum(call.path == REPORTING for call in board.world.simulator.calls) == 6
    assert at(NOW) == int(board.world.now_s)
