"""All pages under `/grafana/` of a host, in a real Chromium: nothing that they show or lead to is outside.

Grafana is stood in for by a page with its `<base>`, on which a dashboard's panels have their addresses where
Grafana puts them; everything behind them is the backend's own.
"""

from __future__ import annotations

import html
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.serving import make_server

from tests.browser.conftest import Visit
from tests.browser.test_wall import STAND_IN
from tests.dashboards.conftest import FILES
from tests.dashboards.grafana import drawn, fill
from tests.dashboards.test_queries import start_values
from tests.support import PARIS, World, at

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

pytestmark = pytest.mark.browser

ROOT = "/grafana/"
PROXY = re.compile(rf"{ROOT}api/datasources/proxy/uid/butlr(-json)?/(.*)")
BACKEND = f"{ROOT}backend/"
PAGES = {path.stem: json.loads(path.read_text("utf-8")) for path in FILES}
ASKING = [uid for uid in PAGES if uid not in ("butlr-operations", "butlr-wall", "butlr-free-rooms")]
START, END = "2026-06-16T00:00:00Z", "2026-06-17T12:00:00Z"
Json = dict[str, Any]


class SubPath:
    """A host that serves Grafana, and the backend behind its proxy and at a path of its own, under one prefix
    that neither sees. `astray`: what was asked for beside it.
    """

    def __init__(self, world: World) -> None:
        self._backend = world.application.web.wsgi_app
        self.astray: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        proxied = PROXY.fullmatch(path)
        if proxied or path.startswith(BACKEND):
            inner = "/" + (proxied[2] if proxied else path.removeprefix(BACKEND))
            return self._backend(
                {**environ, "PATH_INFO": inner, "RAW_URI": inner, "REQUEST_URI": inner}, start_response
            )
        page = (
            PAGES.get(path.removeprefix(f"{ROOT}d/").split("/")[0]) if path.startswith(f"{ROOT}d/") else None
        )
        if page is None:
            self.astray.append(path)
        start_response(
            "404 Not Found" if page is None else "200 OK", [("Content-Type", "text/html; charset=utf-8")]
        )
        return [] if page is None else [page_of(page).encode()]


def page_of(dashboard: Json) -> str:
    values = start_values(dashboard) | {"__from": str(at(START) * 1000), "__to": str(at(END) * 1000)}
    values |= {"__url_time_range": "from=now-7d&to=now"}
    parts = [f'<!doctype html><html><head><base href="{ROOT}"><link rel="icon" href="data:,"></head><body>']
    for panel in dashboard["panels"]:
        for address in drawn(panel):
            # A script asks for it by the page's base.
            source = fill(address, values) + f"&from={values['__from']}&to={values['__to']}"
            parts.append(f'<img src="{html.escape(source)}">')
        for url in (link["url"] for link in panel["links"]):
            kind = "page" if url.startswith("d/") else "file"
            parts.append(f'<a class="{kind}" href="{html.escape(fill(url, values))}">{kind}</a>')
        rows = re.findall(r'"url": "(d/[^"]+)"', json.dumps(panel["fieldConfig"]))
        parts += [f'<a class="page" href="{html.escape(fill_row(url, values))}">page</a>' for url in rows]
    script = STAND_IN.replace("SPACE", json.dumps(PARIS)).replace("WIDTH", "480").replace("HEIGHT", "300")
    return "".join([*parts, f"<script>{script}</script></body></html>"])


def fill_row(url: str, values: Any) -> str:
    """A row's link, with the row's own fields."""
    return fill(re.sub(r"\$\{__data\.fields\.\w+\}", "x", url), values)


@pytest.fixture
def host(visit_url: Callable[..., Visit], world: World) -> Iterator[tuple[SubPath, Visit]]:
    with ExitStack() as ending:
        app = SubPath(world)
        server = make_server("127.0.0.1", 0, app, threaded=True)
        serving = threading.Thread(target=server.serve_forever, name="host")
        serving.start()
        ending.callback(server.server_close)
        ending.callback(serving.join)
        ending.callback(server.shutdown)
        yield app, visit_url(f"http://127.0.0.1:{server.server_port}")


@pytest.mark.parametrize("uid", ASKING)
def test_what_a_dashboard_shows_and_leads_to(host: tuple[SubPath, Visit], uid: str) -> None:
    app, here = host
    assert here.open(f"{ROOT}d/{uid}/its-title").status == 200
    widths = here.page.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert len(widths) == sum(len(drawn(panel)) for panel in PAGES[uid]["panels"])
    assert all(width >= 1000 for width in widths)
    hrefs = here.page.locator("a").evaluate_all("all => all.map(one => [one.className, one.href])")
    kinds = {kind for kind, _ in hrefs}
    assert "file" in kinds
    for kind, href in hrefs:
        assert href.startswith(f"{here.base}{ROOT}"), href
        response = here.page.request.get(href)
        assert response.status == 200, href
        assert response.headers["content-type"].startswith("text/html") == (kind == "page")
    assert app.astray == []
    assert here.problems == []


def test_there_are_pictures_and_ways_to_other_pages() -> None:
    """Else the test above could not fail."""
    panels = [panel for page in PAGES.values() for panel in page["panels"]]
    assert sum(len(drawn(panel)) for panel in panels) >= 3
    assert len(re.findall(r'"url": "d/', json.dumps(panels))) > 5


def test_the_wall(host: tuple[SubPath, Visit]) -> None:
    app, here = host
    here.open(f"{ROOT}d/butlr-wall/wall?kiosk")
    [panel] = PAGES["butlr-wall"]["panels"]
    span_ms = [at("2026-06-16T22:00:00") * 1000, at("2026-06-17T12:34:00") * 1000]
    code = [panel["options"]["getOption"], *span_ms]
    here.page.evaluate("([code, from, to]) => window.refresh(code, from, to)", code)
    seen = here.page.evaluate("window.seen()")
    assert seen["picture"]
    assert not any("no answer" in line for line in seen["lines"])
    assert app.astray == []
    assert here.problems == []


def test_the_preview_page(host: tuple[SubPath, Visit]) -> None:
    app, here = host
    assert here.open(BACKEND).status == 200
    for _ in range(2):  # as it is opened, and as its form sends it
        page = here.page
        assert page.locator("img.map").evaluate("image => image.naturalWidth") > 0
        assert page.locator("body").evaluate("body => getComputedStyle(body).margin") != "8px", (
            "its style sheet"
        )
        hrefs = page.locator("a, link").evaluate_all("all => all.map(one => one.href)")
        own = [href for href in hrefs if not href.startswith("http://localhost:3000/")]
        assert len(hrefs) - len(own) == 1  # to Grafana, wherever that is
        for href in own:
            assert href.startswith(f"{here.base}{BACKEND}")
            assert page.request.get(href).status == 200
        with page.expect_navigation(wait_until="load"):
            page.get_by_role("button", name="Show").click()
        assert page.url.startswith(f"{here.base}{BACKEND}?space=")
    assert app.astray == []
    assert here.problems == []


def test_openapi_tells_where_it_is_served(host: tuple[SubPath, Visit]) -> None:
    _, here = host
    address = f"{here.base}{BACKEND}api/v1/openapi.json"
    [server] = here.page.request.get(address).json()["servers"]
    here.open(BACKEND)
    found = here.page.evaluate("([url, base]) => new URL(url, base).href", [server["url"], address])
    assert found == f"{here.base}{BACKEND}"
