"""The wall's script in a real Chromium, refreshed for hours of the world's clock, against a real backend.

What Business Charts hands to the script is stood in for by a few lines; the pictures, the rows and the faults
are the backend's own.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, Route

from butlr_grafana.pipeline import gather
from butlr_grafana.service import floor_results
from tests.browser.stopped import stopped_page
from tests.faults.trial import Trial
from tests.live.world import live_world, pass_minutes
from tests.support import DETECTIONS, GRAPHQL, HANG_S, NEW_YORK, PARIS_2, PEOPLE, REPORTING, World, at

WALL = Path(__file__).resolve().parents[2] / "grafana-dashboards" / "butlr-wall.json"
PROXY = "/api/datasources/proxy/uid/butlr"
START = "2026-06-17T08:00:00"
AWAY_TEXT = "The backend cannot be reached"
MIDNIGHT = at("2026-06-16T22:00:00")
"""Of that day in Paris."""

STAND_IN = """
window.shown = null;
window.disposed = false;
const chart = {
  getWidth: () => WIDTH, getHeight: () => HEIGHT, isDisposed: () => window.disposed,
  setOption: (option) => { window.shown = option; },
};
window.refresh = async (code, from, to) => {
  const context = {
    panel: { chart, data: { timeRange: { from, to } } },
    grafana: {
      theme: { isDark: true },
      replaceVariables: (text) => text.replace('${space}', window.space ?? SPACE).replace('${ds}', 'butlr')
        .replace('${zone}', window.zone ?? ''),
    },
  };
  const option = await new Function('context', code)(context);
  chart.setOption(option);
};
window.seen = () => {
  const elements = window.shown.graphic.elements;
  const image = elements.find((e) => e.type === 'image')?.style.image;
  let colourful = 0;
  if (image) {
    const pixels = image.getContext('2d').getImageData(0, 0, image.width, image.height).data;
    for (let i = 0; i < pixels.length; i += 4) {
      colourful += Math.max(pixels[i], pixels[i+1], pixels[i+2])
        - Math.min(pixels[i], pixels[i+1], pixels[i+2]) > 60;
    }
  }
  return { picture: Boolean(image), colourful, lines: elements.filter((e) => e.type === 'text')
    .map((e) => e.style.text) };
};
"""


class Wall:
    """A screen with the page on it; the backend behind a proxy that can be gone."""

    def __init__(
        self, browser: Browser, world: World, space: str = PARIS_2, size: tuple[int, int] = (480, 300)
    ) -> None:
        self.world, self.backend_is_up, self.requested = world, True, 0
        self.grafana_is_up = True
        self.addresses: list[str] = []
        width, height = size
        self.script = STAND_IN.replace("SPACE", json.dumps(space))
        self.script = self.script.replace("WIDTH", str(width)).replace("HEIGHT", str(height))
        [panel] = json.loads(WALL.read_text("utf-8"))["panels"]
        self.code: str = panel["options"]["getOption"]
        # In another zone than the floor: what a wall says is the floor's time all the same.
        self.page: Page = stopped_page(browser, world.now_s)
        self.page.route("**/*", self._respond)
        self.page.goto("http://wall.test/")

    def _respond(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if not address.path.startswith(PROXY):
            route.fulfill(content_type="text/html", body=f"<script>{self.script}</script>")
            return
        self.requested += 1
        self.addresses.append(route.request.url)
        if not self.grafana_is_up:
            route.abort("connectionrefused")
            return
        if not self.backend_is_up:
            # As Grafana's proxy answers.
            route.fulfill(status=502, body="")
            return
        response = self.world.http.get(f"{address.path.removeprefix(PROXY)}?{address.query}")
        route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.get_data())

    def refresh(self) -> None:
        """As the page does: since the screen's midnight, and the script anew."""
        span_ms = [(MIDNIGHT - 15 * 3600) * 1000, int(self.world.now_s) * 1000]
        self.page.evaluate("([code, from, to]) => window.refresh(code, from, to)", [self.code, *span_ms])

    def seen(self) -> dict[str, Any]:
        found: dict[str, Any] = self.page.evaluate("window.seen()")
        return found

    def heap_mb(self) -> float:
        session = self.page.context.new_cdp_session(self.page)
        session.send("HeapProfiler.collectGarbage")
        used = session.send("Runtime.getHeapUsage")
        session.detach()
        return float(used["usedSize"] + used.get("backingStorageSize", 0)) / 2**20


@pytest.fixture
def wall(chromium: Browser) -> Iterator[Wall]:
    world = Trial(START)
    shown = Wall(chromium, world)
    yield shown
    shown.page.close()
    world.close()


def people(seen: dict[str, Any]) -> int:
    """The number in large letters."""
    return int(next(line for line in seen["lines"] if re.fullmatch(r"\d+", line)))


def there(world: World) -> int:
    minute = int(world.now_s) // 60 * 60
    return int(PEOPLE.occupancy(PARIS_2, None, minute - 60, minute)[0])


def test_a_wall_shows_the_map_and_who_is_there(wall: Wall) -> None:
    wall.world.now_s = at("2026-06-17T09:30:20")
    wall.refresh()
    seen = wall.seen()
    assert seen["colourful"] > 100
    assert there(wall.world) <= people(seen) <= there(wall.world) + 2
    assert "Paris, 2nd floor" in seen["lines"]
    assert any(line.startswith("as of ") for line in seen["lines"])
    assert not any(AWAY_TEXT in line for line in seen["lines"])


def test_a_wall_asks_when_its_floor_is_known(wall: Wall) -> None:
    """A page runs the script before its variables have values, and again only a minute later."""
    wall.world.now_s = at("2026-06-17T09:30:20")
    wall.page.evaluate("window.space = ''")
    span_ms = [(MIDNIGHT - 15 * 3600) * 1000, int(wall.world.now_s) * 1000]
    begin = "([code, from, to]) => { window.run = window.refresh(code, from, to); }"
    wall.page.evaluate(begin, [wall.code, *span_ms])
    wall.page.clock.run_for(1750)
    assert wall.requested == 0
    wall.page.evaluate("delete window.space")
    wall.page.clock.run_for(1000)
    wall.page.evaluate("window.run")
    assert wall.seen()["colourful"] > 100
    assert all(f"space={PARIS_2}" in address for address in wall.addresses)


def test_today_and_all_times_are_the_floors(wall: Wall) -> None:
    """The screen stands in Los Angeles, the floor in Paris."""
    wall.world.now_s = at("2026-06-17T09:30:20")
    wall.refresh()
    [picture] = [parse_qs(urlsplit(url).query) for url in wall.addresses if "/heatmap?" in url]
    assert int(picture["from"][0]) == MIDNIGHT * 1000
    assert "as of 11:30" in wall.seen()["lines"]
    assert "10:00" in wall.seen()["lines"]


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        # The nights in which Paris' clocks change, and the day after.
        ("2026-03-29T10:00:00", "2026-03-28T23:00:00"),
        ("2026-10-25T10:00:00", "2026-10-24T22:00:00"),
        ("2026-10-26T10:00:00", "2026-10-25T23:00:00"),
        ("2026-06-16T22:00:30", "2026-06-16T22:00:00"),
    ],
)
def test_today_begins_at_midnight_also_when_the_clocks_change(wall: Wall, now: str, midnight: str) -> None:
    wall.world.now_s = at(now)
    wall.refresh()
    [picture] = [parse_qs(urlsplit(url).query) for url in wall.addresses if "/heatmap?" in url]
    assert int(picture["from"][0]) == at(midnight) * 1000


def test_without_the_backend_the_last_good_picture_stays_grey_and_comes_back(wall: Wall) -> None:
    wall.world.now_s = at("2026-06-17T09:30:20")
    wall.refresh()
    good = wall.seen()
    wall.backend_is_up = False
    wall.world.now_s += 60
    wall.refresh()
    gone = wall.seen()
    assert gone["picture"]
    assert gone["colourful"] == 0
    assert people(gone) == people(good)
    assert any(AWAY_TEXT in line for line in gone["lines"])
    assert next(x for x in gone["lines"] if x.startswith("as of")) in good["lines"]
    wall.backend_is_up = True
    wall.refresh()
    back = wall.seen()
    assert back["colourful"] > 100
    assert not any(AWAY_TEXT in line for line in back["lines"])


def test_without_butlr_it_is_grey_too_with_the_time_of_what_is_known(wall: Wall) -> None:
    wall.world.now_s = at("2026-06-17T09:30:20")
    wall.refresh()
    good = wall.seen()
    wall.world.simulator.faults.set(status=400)
    wall.world.now_s += 600
    wall.refresh()
    old = wall.seen()
    assert (old["picture"], old["colourful"]) == (True, 0)
    assert next(x for x in old["lines"] if x.startswith("as of")) in good["lines"]
    wall.world.simulator.faults.clear()
    wall.world.now_s += 600
    wall.refresh()
    assert wall.seen()["colourful"] > 100


def test_a_map_that_is_minutes_older_than_the_people_says_so(wall: Wall) -> None:
    """On a large account a map comes every few minutes; after ten it is no map of now."""
    wall.world.now_s = at("2026-06-17T09:30:20")
    wall.refresh()
    assert not any(line.startswith("heat as of") for line in wall.seen()["lines"])
    wall.world.simulator.faults.set(status=503, paths=(DETECTIONS,))
    wall.world.now_s += 5 * 60
    wall.refresh()
    lines = wall.seen()["lines"]
    assert {"as of 11:35", "heat as of 11:30"} <= set(lines)
    assert wall.seen()["colourful"] > 100
    wall.world.now_s += 6 * 60
    wall.refresh()
    assert wall.seen()["colourful"] == 0


def is_time(line: str) -> bool:
    return bool(re.search(r"\d:\d\d|\bday\b|day ", line))


def test_a_screen_that_never_had_an_answer_says_why_and_shows_no_time(wall: Wall) -> None:
    """The screen's own time would be wrong by nine hours."""
    wall.backend_is_up = False
    wall.refresh()
    seen = wall.seen()
    assert not seen["picture"]
    assert "The backend cannot be reached (HTTP 502)" in seen["lines"]
    assert not any(map(is_time, seen["lines"]))
    wall.backend_is_up, wall.grafana_is_up = True, False
    wall.refresh()
    assert "Grafana cannot be reached" in wall.seen()["lines"]


def test_a_wall_that_knows_its_zone_shows_the_floors_time_without_the_backend(wall: Wall) -> None:
    """`butlr-grafana wall` writes the zone into its copies."""
    wall.page.evaluate("window.zone = 'Asia/Tokyo'")
    wall.backend_is_up = False
    wall.refresh()
    assert {"17:00", "since 17:00"} <= set(wall.seen()["lines"])


def begin(wall: Wall) -> None:
    """Runs the script without waiting for its end."""
    code = "([code, from, to]) => { window.run = window.refresh(code, from, to); }"
    wall.page.evaluate(code, [wall.code, 0, int(wall.world.now_s) * 1000])


@pytest.mark.parametrize("cause", ["the backend is away", "settings name no known floor"])
def test_a_page_without_a_floor_says_why(wall: Wall, cause: str) -> None:
    """The list of floors comes from the backend too, so the variable has no value."""
    wall.page.evaluate("window.space = ''")
    if cause == "the backend is away":
        wall.backend_is_up = False
    else:
        wall.world._settings["butlr_spaces"] = ("space_atlantis",)
        wall.world.restart()
    begin(wall)
    with wall.page.expect_response("**/readyz"):
        wall.page.clock.run_for(2500)
    wall.page.wait_for_function("window.shown !== null")
    # Each refresh of the page runs the script again; only the newest one asks.
    for _ in range(3):
        begin(wall)
    before = wall.requested
    with wall.page.expect_response("**/readyz"):
        wall.page.clock.run_for(2500)
    assert wall.requested == before + 1
    lines = wall.seen()["lines"]
    wanted = AWAY_TEXT if cause == "the backend is away" else "BUTLR_SPACES names only floors"
    assert any(line.startswith(wanted) for line in lines)
    assert not any(map(is_time, lines))


def test_a_page_that_nothing_refreshes_any_more_turns_grey_by_itself(wall: Wall) -> None:
    """Where Grafana is gone the script is not run; its clock goes on."""
    wall.world.now_s = at("2026-06-17T09:30:20")
    wall.refresh()
    wall.page.clock.run_for(120_000)
    assert wall.seen()["colourful"] > 100
    wall.page.clock.run_for(120_000)
    wall.page.wait_for_function("window.seen().colourful === 0")
    gone = wall.seen()
    assert gone["picture"]
    assert any("not refreshed" in line for line in gone["lines"])
    wall.refresh()
    assert wall.seen()["colourful"] > 100
    assert not any("not refreshed" in line for line in wall.seen()["lines"])


def test_people_that_are_pushed_are_shown_within_ten_seconds(chromium: Browser) -> None:
    """Between two refreshes of the page, without the map being drawn anew."""
    world = live_world(Trial, "09:20:02")
    pass_minutes(world, 8)
    wall = Wall(chromium, world)
    wall.refresh()
    requested = Counter(urlsplit(url).path.rpartition("/")[2] for url in wall.addresses)
    pass_minutes(world, 1)
    wall.page.clock.run_for(11_000)
    minute = datetime.fromtimestamp(world.now_s // 60 * 60, ZoneInfo("Europe/Paris"))
    wall.page.wait_for_function(f"window.seen().lines.includes('as of {minute:%H:%M}')")
    again = Counter(urlsplit(url).path.rpartition("/")[2] for url in wall.addresses)
    assert again["heatmap"] == requested["heatmap"]
    assert again["occupancy-now"] > requested["occupancy-now"]
    # Where Butlr has to be asked, nothing is asked for between two refreshes.
    world.now_s += 600
    wall.refresh()
    before = len(wall.addresses)
    wall.page.clock.run_for(30_000)
    assert len(wall.addresses) == before
    wall.page.close()
    world.close()


TEXTS = """() => window.shown.graphic.elements.filter((e) => e.type === 'text').map((e) => {
  const box = document.createElement('div');
  box.style = `position: absolute; width: ${e.style.width}px; font: ${e.style.font}`;
  box.style.lineHeight = e.style.lineHeight + 'px';
  box.innerText = e.style.text;
  document.body.append(box);
  const height = box.offsetHeight;
  return { text: e.style.text, top: e.y, height, lines: height / e.style.lineHeight };
})"""
"""What is written, where, and how high it is as the browser itself breaks it into lines."""


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (3840, 2160), (1080, 1920)])
@pytest.mark.parametrize("backend_is_up", [True, False])
def test_what_takes_two_lines_covers_nothing(
    chromium: Browser, world: World, size: tuple[int, int], backend_is_up: bool
) -> None:
    wall = Wall(chromium, world, NEW_YORK, size)
    wall.refresh()
    wall.backend_is_up = backend_is_up
    wall.refresh()
    texts = wall.page.evaluate(TEXTS)
    wall.page.close()
    assert any(text["lines"] >= 2 for text in texts)
    for above, below in pairwise(texts):
        assert above["top"] + above["height"] <= below["top"] + 1, (above, below)
    assert texts[-1]["top"] + texts[-1]["height"] <= size[1]


PAGE_VIEWS = 480
DOWN, SLOW, AWAY = range(100, 150), range(200, 250), range(300, 350)
"""Of the looks: Butlr is not there; answers later than a viewer waits; the backend is not there."""


def test_hundreds_of_refreshes_cost_what_the_minutes_cost(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight hours of a screen through all that can happen: memory flat, calls as few as minutes, and whenever
    all is well again so is the picture."""
    world = wall.world
    world.now_s = at("2026-06-17T06:00:20")
    before_mb, grey = 0.0, set()
    for view in range(PAGE_VIEWS):
        if view == 20:
            before_mb = wall.heap_mb()
            world.simulator.clear_calls()
        if view in (DOWN.start, DOWN.stop):
            (world.simulator.stop if view in DOWN else world.simulator.start)()
        if view in (SLOW.start, SLOW.stop):
            world.simulator.faults.set(latency_s=0.5 if view in SLOW else 0.0)
            for module in (gather, floor_results):
                monkeypatch.setattr(module, "PATIENCE_S", 0.1 if view in SLOW else float(HANG_S))
        wall.backend_is_up = view not in AWAY
        wall.refresh()
        seen = wall.seen()
        assert seen["picture"]
        grey |= set() if seen["colourful"] else {view}
        world.passes(60)
    troubled = {*DOWN, *SLOW, *AWAY}
    # What Butlr was asked for in trouble may rest a moment after it; in it, what is kept may be whole once.
    # Of a Butlr that is slow, the map of a minute before is there, and counts.
    assert grey <= {view + late for view in troubled for late in (0, 1)}
    assert len(troubled - grey - {*SLOW}) <= 3
    assert wall.heap_mb() < before_mb + 8
    spent = Counter(call.path for call in world.simulator.calls)
    views = PAGE_VIEWS - 20 - len(DOWN) - len(AWAY)
    assert spent.total() == spent[DETECTIONS] + spent[REPORTING] + spent[GRAPHQL]
    # Who is seen and who went through doors; and each hour which rooms could be seen, twice where Butlr is in
    # trouble then.
    assert spent[REPORTING] <= 2 * views + 2 * 8
    # Each hour what is settled by then is asked for once more, for good.
    assert spent[DETECTIONS] <= views + 8
    # The words of the schema, floors and sensors, every five minutes.
    assert spent[GRAPHQL] <= 3 * (views // 5 + 2)


def test_many_walls_cost_butlr_what_one_costs(make_world: Callable[..., World]) -> None:
    """Fifty screens of four sizes and both looks, each with a second of its own, for three minutes."""

    def spent(screens: int) -> Counter[str]:
        world = make_world(now="2026-06-17T12:34:00")
        start_s = int(world.now_s)
        for minute in range(3):
            for screen in range(screens):
                world.now_s = start_s + 60 * minute + screen
                period = {"from": str(MIDNIGHT * 1000), "to": str(int(world.now_s * 1000) + screen)}
                view = {"width": str(320 + 80 * (screen % 4)), "theme": ("dark", "light")[screen % 2]}
                for target, params in (
                    ("heatmap", {**period, **view, "format": "png"}),
                    ("occupancy-now", {"level": "floor", "format": "rows"}),
                ):
                    query = {"space": PARIS_2, **params}
                    assert world.http.get(f"/api/v1/{target}", query_string=query).status_code == 200
        return Counter(call.path for call in world.simulator.calls)

    one, fifty = spent(1), spent(50)
    assert fifty == one
    # Who is seen and who went through doors, each minute; which rooms could be seen, once an hour.
    assert one[REPORTING] == 2 * 3 + 1
