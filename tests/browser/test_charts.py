"""The scripts of the pages' charts in a real Chromium, on the backend's own answers.

What Business Charts hands to a script is stood in for by a few lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.dashboards.conftest import FOLDER
from tests.dashboards.grafana import fill
from tests.dashboards.test_queries import frames, start_values
from tests.support import NEW_YORK, PARIS, PARIS_2, PER_PERSON, World, at, know_rate

pytestmark = pytest.mark.browser

Json = dict[str, Any]
PROXY = "/api/datasources/proxy/uid/butlr"

STAND_IN = """
<base href="/"><div id="chart" style="position: relative; width: 640px; height: 400px"></div>
<script>
const dom = document.getElementById('chart');
const chart = { getWidth: () => 640, getHeight: () => 400, getDom: () => dom, isDisposed: () => false };
window.zones = [];
window.run = async (code, series, values, from, to, isDark) => {
  const context = {
    panel: { chart, data: { series, timeRange: { from, to } } },
    grafana: {
      theme: { isDark },
      locationService: { partial: (values, replaces) => window.zones.push([values, replaces]) },
      replaceVariables: (text) =>
        text.replace(/\\$\\{(\\w+)(?::\\w+)?\\}/g, (all, name) => values[name] ?? all),
    },
  };
  window.option = await new Function('context', code)(context);
};
window.pixels = (of) => {
  const source = dom.querySelector(of);
  const canvas = document.createElement('canvas');
  canvas.width = source.naturalWidth || source.width;
  canvas.height = source.naturalHeight || source.height;
  canvas.getContext('2d').drawImage(source, 0, 0);
  return Array.from(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)
    .reduce((sum, one, i) => (sum * 31 + one * ((i % 997) + 1)) % 1000000007, 7);
};
</script>
"""


class Chart:
    """A panel of a page in a tab; `requested`: what its script asked the backend for."""

    def __init__(self, page: Page, world: World, uid: str, title: str) -> None:
        document = json.loads((FOLDER / f"{uid}.json").read_text("utf-8"))
        [self.panel] = [panel for panel in document["panels"] if panel["title"].startswith(title)]
        self.page, self.world, self.requested = page, world, []
        self.values = start_values(document)
        page.route("**/*", self._respond)
        page.goto("http://page.test/")

    def _respond(self, route: Route) -> None:
        address = urlsplit(route.request.url)
        if not address.path.startswith(PROXY):
            route.fulfill(content_type="text/html", body=STAND_IN)
            return
        self.requested.append({name: own[0] for name, own in parse_qs(address.query).items()})
        response = self.world.http.get(f"{address.path.removeprefix(PROXY)}?{address.query}")
        route.fulfill(status=response.status_code, headers=dict(response.headers), body=response.get_data())

    def run(self, *, dark: bool = True, **values: str) -> Json:
        """As Business Charts does when the panel's queries are answered."""
        chosen = self.values | values
        series = [f for t in self.panel["targets"] for f in frames(self.world, t, self.values | values)]
        plain = {name: fill(f"${{{name}:csv}}", chosen) for name in chosen if not name.startswith("__")}
        period = [int(str(chosen[edge])) for edge in ("__from", "__to")]
        code = self.panel["options"]["getOption"]
        given = [code, series, plain, *period, dark]
        self.page.evaluate("(given) => window.run(...given)", given)
        found: Json = self.page.evaluate("JSON.parse(JSON.stringify(window.option ?? {}))")
        return found


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    yield page
    page.close()


@pytest.mark.parametrize(
    ("uid", "title"), [("butlr-floor", "Heat on the plan"), ("butlr-compare", "Change on the plan")]
)
def test_a_picture_follows_the_theme_and_fills_the_panel(
    tab: Page, world: World, uid: str, title: str
) -> None:
    chart, seen = Chart(tab, world, uid, title), []
    for dark in (True, False):
        chart.run(dark=dark)
        tab.wait_for_function("document.querySelector('img')?.naturalWidth === 700")
        seen.append(tab.evaluate("window.pixels('img')"))
    assert [one["theme"] for one in chart.requested] == ["dark", "light"]
    assert seen[0] != seen[1]
    assert tab.locator("img").count() == 1


@pytest.mark.parametrize(
    ("uid", "title"),
    [
        ("butlr-floor", "Heat on the plan"),
        ("butlr-compare", "Change on the plan"),
        ("butlr-patterns", "Playback"),
    ],
)
def test_nothing_is_requested_before_the_variables_have_values(
    tab: Page, world: World, uid: str, title: str
) -> None:
    chart = Chart(tab, world, uid, title)
    code, period = chart.panel["options"]["getOption"], [at("2026-06-10") * 1000, at("2026-06-17") * 1000]
    for values in ({}, {"space": "", "room": "", "hours": "", "days": ""}):
        tab.evaluate("(given) => window.run(...given)", [code, [], values, *period, True])
        assert tab.evaluate("window.option.title.text") == "Loading …"
    assert chart.requested == []


def test_a_fault_is_said_in_the_pictures_place(tab: Page, world: World) -> None:
    chart = Chart(tab, world, "butlr-compare", "Change on the plan")
    chart.run()
    code, period = chart.panel["options"]["getOption"], [at("2026-06-10") * 1000, at("2026-06-17") * 1000]
    values = {
        "ds": "butlr",
        "space": PARIS,
        "room": "All",
        "type": "All",
        "hours": "later",
        "days": "mon-sun",
        "baseline": "previous",
    }
    tab.evaluate("(given) => window.run(...given)", [code, [], values, *period, True])
    tab.wait_for_function("!window.option.title.text.startsWith('Loading')")
    assert tab.evaluate("window.option.title.text").startswith("hours: 'later' is not a range of hours")
    assert tab.locator("img").count() == 0


def test_the_looks_are_one_choice_away_and_differ(tab: Page, world: World) -> None:
    chart, seen = Chart(tab, world, "butlr-floor", "Heat on the plan"), set()
    for look in ("gradient", "opacity", "smooth"):
        chart.run(look=look)
        tab.wait_for_function("document.querySelector('img')?.complete")
        seen.add(tab.evaluate("window.pixels('img')"))
    assert len(seen) == 3
    requested = len(chart.requested)
    option = chart.run(look="surface")
    assert option["series"][0]["type"] == "surface"
    assert option["visualMap"]["text"][0]  # its legend
    assert len(chart.requested) == requested
    assert tab.locator("img").count() == 0


@pytest.mark.parametrize("resolution", ["0.25", "0.5", "1.0"])
@pytest.mark.parametrize("unit", ["auto", "detections"])
def test_a_landscape_of_any_cells_is_that_of_square_metres(
    tab: Page, world: World, resolution: str, unit: str
) -> None:
    know_rate(world, PARIS, PER_PERSON)
    chart = Chart(tab, world, "butlr-floor", "Heat on the plan")
    [series] = chart.run(look="surface", resolution=resolution, unit=unit)["series"]
    [frame] = frames(world, chart.panel["targets"][-1], chart.values | {"resolution": "1.0", "unit": unit})
    x, y, value = (field["values"] for field in frame["fields"][:3])
    right = {(a, b): v for a, b, v in zip(x, y, value, strict=True) if v}
    found = {(a, b): v for a, b, v in series["data"] if v}
    assert (frame["fields"][2]["name"] == "people_per_m2") is (unit == "auto")
    assert right
    assert found == pytest.approx(right)
    assert series["dataShape"][0] * series["dataShape"][1] == len(series["data"])


def test_a_film_can_be_stopped_and_stepped_through(tab: Page, world: World) -> None:
    chart = Chart(tab, world, "butlr-patterns", "Playback")
    chart.run()
    windows = 8  # days of the range, by the clock in Paris
    label = tab.locator("[data-butlr] span")
    label.filter(has_text=f"/ {windows}").wait_for()
    tab.get_by_text("Pause", exact=True).click()
    stopped = label.inner_text()
    tab.locator("input[type=range]").evaluate("one => { one.value = 0; one.oninput(); }")
    assert label.inner_text() == f"1 / {windows}"
    drawn = f"document.querySelector('canvas').dataset.drawn === '{{}} / {windows}'"
    pictures = []
    for window in range(1, windows + 1):
        tab.wait_for_function(drawn.format(window))
        pictures.append(tab.evaluate("window.pixels('canvas')"))
        tab.get_by_title("Next window").click()
    assert len(set(pictures)) == windows
    assert label.inner_text() == f"1 / {windows}"
    tab.get_by_title("Previous window").click()
    tab.wait_for_function(drawn.format(windows))
    assert tab.evaluate("window.pixels('canvas')") == pictures[-1]
    assert stopped


def test_an_hour_of_the_week_is_named_by_both_its_ends(tab: Page, world: World) -> None:
    chart = Chart(tab, world, "butlr-patterns", "People, hour by hour")
    option = chart.run(hours="08:00-18:00", days="mon-fri")
    assert option["xAxis"]["data"] == [f"{hour}\u2013{hour + 1}" for hour in range(8, 18)]
    assert option["title"]["text"].startswith("Busiest: ")
    cells = [one["value"] for one in option["series"][0]["data"]]
    day, hour, value = next(one for one in cells if one[:2] == [3, 1])
    reported = tab.evaluate(f"window.option.tooltip.formatter({{ value: [{hour}, {day}, {value}] }})")
    assert reported.split(": ")[0] == f"{option['yAxis']['data'][day]} {8 + hour}\u2013{9 + hour}"
    assert option["series"][0]["label"]["show"] is True


def test_a_page_about_a_floor_takes_its_zone(tab: Page, world: World) -> None:
    for uid, title in (
        ("butlr-floor", "Heat on the plan"),
        ("butlr-compare", "Change on the plan"),
        ("butlr-rooms", "Presence by day"),
        ("butlr-patterns", "People, hour by hour"),
        ("butlr-patterns", "Playback"),
    ):
        Chart(tab, world, uid, title).run(space=NEW_YORK, floors=NEW_YORK)
        assert tab.evaluate("window.zones") == [[{"timezone": "America/New_York"}, True]], title


def test_days_are_those_of_each_floor(tab: Page, world: World) -> None:
    """Whatever the viewer's zone: midnight in Paris is the day before in New York."""
    chart = Chart(tab, world, "butlr-portfolio", "People who came in")
    option = chart.run()
    found = {
        one["name"]: dict(zip(option["xAxis"]["data"], one["data"], strict=True)) for one in option["series"]
    }
    target = chart.panel["targets"][0]
    for space in (PARIS, PARIS_2, NEW_YORK):
        [frame] = [f for f in frames(world, target, chart.values) if f["meta"]["custom"]["space"] == space]
        zone, own = ZoneInfo(frame["meta"]["custom"]["timezone"]), {}
        times, came = frame["fields"][0]["values"], frame["fields"][1]["values"]
        for t, value in zip(times, came, strict=True):
            local = datetime.fromtimestamp(t / 1000, zone)
            assert (local.hour, local.minute) == (0, 0)
            own[f"{local:%a} {local.day} {local:%b}"] = value
        assert {day: n for day, n in found[frame["name"]].items() if n is not None} == own


def test_presence_by_day_is_by_the_floors_calendar(tab: Page, world: World) -> None:
    chart = Chart(tab, world, "butlr-rooms", "Presence by day")
    option = chart.run(floors=NEW_YORK)
    found = frames(world, chart.panel["targets"][0], chart.values | {"floors": NEW_YORK})
    zone = ZoneInfo("America/New_York")
    days = [datetime.fromtimestamp(t / 1000, zone) for t in found[0]["fields"][0]["values"]]
    assert option["xAxis"]["data"] == [f"{day:%a} {day.day} {day:%b}" for day in days]
    assert option["yAxis"]["data"] == [frame["name"] for frame in found]
    seconds = [frame["fields"][1]["values"] for frame in found]
    reported = {(x, y): 3600 * hours for x, y, hours in option["series"][0]["data"]}
    for (x, y), value in reported.items():
        assert value == pytest.approx(seconds[y][x])
    assert len(reported) == sum(value is not None for own in seconds for value in own)


def test_presence_by_room_is_in_windows_of_the_floors_clock(tab: Page, world: World) -> None:
    """In minutes an hour, without the hours and days that do not count; the scale says what a colour is."""
    chosen = {"space": NEW_YORK, "hours": "08:00-18:00", "days": "mon-fri"}
    chart = Chart(tab, world, "butlr-floor", "Presence by room")
    option = chart.run(**chosen)
    found = frames(world, chart.panel["targets"][0], chart.values | chosen)
    zone = ZoneInfo("America/New_York")
    times = [datetime.fromtimestamp(t / 1000, zone) for t in found[0]["fields"][0]["values"]]
    counted = [k for k, t in enumerate(times) if t.weekday() < 5 and 8 <= t.hour < 18]
    assert option["xAxis"]["data"] == [
        f"{times[k]:%a} {times[k].day} {times[k]:%b}, {times[k]:%H:%M}" for k in counted
    ]
    seconds = [frame["fields"][1]["values"] for frame in found]
    reported = {(x, y): 60 * minutes for x, y, minutes in option["series"][0]["data"]}
    expected = {
        (x, y): own[k] for y, own in enumerate(seconds) for x, k in enumerate(counted) if own[k] is not None
    }
    assert reported == pytest.approx(expected)
    assert option["visualMap"]["text"] == ["60 min", "0 min"]


INFERNO = ["000004", "1b0c41", "4a0c6b", "781c6d", "a52c60", "cf4446", "ed6925", "fb9b06", "f7d13d", "fcffa4"]


def lightness(colour: str) -> float:
    """Relative luminance, as the contrast ratio of WCAG 2 takes it; `colour`: six hexadecimal digits."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(lightness, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [True, False])
def test_numbers_stand_out_from_their_cells(tab: Page, world: World, dark: bool) -> None:
    """By at least 4.5 to 1, on pale and on deep cells, in each theme."""
    option = Chart(tab, world, "butlr-patterns", "People, hour by hour").run(dark=dark)
    scale = [colour.removeprefix("#") for colour in option["visualMap"]["inRange"]["color"]]
    assert set(scale) <= set(INFERNO)
    largest = option["visualMap"]["max"]
    cells = option["series"][0]["data"]
    assert len({cell["label"]["color"] for cell in cells}) == 2
    for cell in cells:
        at_scale = cell["value"][2] / largest * (len(scale) - 1)
        low, part = int(at_scale), at_scale % 1
        ends = [
            [int(scale[min(i, len(scale) - 1)][k : k + 2], 16) for k in (0, 2, 4)] for i in (low, low + 1)
        ]
        mixed = "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(*ends, strict=True))
        assert contrast(mixed, cell["label"]["color"].removeprefix("#")) >= 4.5, cell


def test_days_of_floors_in_several_zones_stand_by_their_dates(tab: Page, world: World) -> None:
    """Each room's days are its own floor's; and no floor's zone is taken for the page."""
    chart = Chart(tab, world, "butlr-rooms", "Presence by day")
    option = chart.run(floors="all")
    assert tab.evaluate("window.zones") == []
    found = frames(world, chart.panel["targets"][0], chart.values | {"floors": "all"})
    assert len({frame["meta"]["custom"]["timezone"] for frame in found}) == 2
    reported = {
        (option["yAxis"]["data"][y], option["xAxis"]["data"][x]): 3600 * hours
        for x, y, hours in option["series"][0]["data"]
    }
    expected = {}
    for frame in found:
        zone = ZoneInfo(frame["meta"]["custom"]["timezone"])
        for t, value in zip(*(field["values"] for field in frame["fields"][:2]), strict=True):
            local = datetime.fromtimestamp(t / 1000, zone)
            if value is not None:
                expected[frame["name"], f"{local:%a} {local.day} {local:%b}"] = value
    assert reported == pytest.approx(expected)
