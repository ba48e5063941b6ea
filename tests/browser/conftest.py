"""Debian's Chromium, and the backend on a port of this machine for it to open."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import APIResponse, Browser, Page, Request, Response, sync_playwright
from werkzeug.serving import make_server

from tests.support import HANG_S, World, cannot_run

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--force-color-profile=srgb",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        cannot_run("IN A BROWSER", "chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Visit:
    """A tab of a fresh profile, and what went wrong in it."""

    base: str
    page: Page
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", lambda m: m.type in ("error", "warning") and self._note("console", m.text))
        self.page.on("pageerror", lambda error: self._note("script", error))
        self.page.on("requestfailed", self._failed)
        self.page.on("response", self._note_response)

    def open(self, path: str = "/") -> Response:
        """The page's own answer, once all that it loads is there."""
        response = self.page.goto(self.base + path, wait_until="load")
        assert response is not None
        return response

    def get(self, link: str) -> APIResponse:
        """What the link with this text answers, asked with this profile's credentials."""
        href = self.page.get_by_role("link", name=link, exact=True).get_attribute("href")
        assert href is not None
        assert not href.startswith(("/", "http")), "the page works behind any host and prefix"
        return self.page.request.get(urljoin(self.page.url, href))

    def _note(self, kind: str, what: object) -> None:
        self.problems.append(f"{kind}: {what}")

    def _failed(self, request: Request) -> None:
        self._note("request", f"{request.url} {request.failure}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self._note("status", f"{response.status} {response.url}")
        if not response.url.startswith((self.base, "data:")):
            self._note("foreign host", response.url)


@pytest.fixture
def visit_url(chromium: Browser) -> Iterator[Callable[..., Visit]]:
    """Tabs that end with the test; keywords are those of a Playwright context."""
    with ExitStack() as ending:

        def visit(base: str, **profile: Any) -> Visit:
            context = chromium.new_context(viewport={"width": 1300, "height": 900}, **profile)
            ending.callback(context.close)
            context.set_default_timeout(HANG_S * 1000)
            return Visit(base, context.new_page())

        yield visit


@pytest.fixture
def visit(visit_url: Callable[..., Visit]) -> Iterator[Callable[..., Visit]]:
    """The same for a world's backend, served from here over HTTP."""
    with ExitStack() as ending:

        def visit_world(world: World, **profile: Any) -> Visit:
            server = make_server("127.0.0.1", 0, world.application.web, threaded=True)
            serving = threading.Thread(target=server.serve_forever, name="backend")
            serving.start()
            ending.callback(server.server_close)
            ending.callback(serving.join)
            ending.callback(server.shutdown)
            return visit_url(f"http://127.0.0.1:{server.server_port}", **profile)

        yield visit_world
