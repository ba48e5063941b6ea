"""Runbooks in a browser: what the Markdown says, without a script, with links that lead somewhere."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin

import pytest

from butlr_grafana.web.runbooks import page_of
from tests.support import World

FOLDER = Path(__file__).resolve().parents[2] / "docs/runbooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.md"))
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
BASES = (
    "http://127.0.0.1:8080/runbooks/",
    "https://example.com/grafana/api/datasources/proxy/uid/butlr/runbooks/",
)


class Seen(HTMLParser):
    """What a page holds: its tags, its links, its headings, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def page(world: World, name: str) -> Seen:
    answer = world.http.get(f"/runbooks/{name}", headers=BROWSER)
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    return Seen(answer.text)


@pytest.mark.parametrize("name", NAMES)
def test_a_browser_gets_the_text_as_a_page(world: World, name: str) -> None:
    seen, text = page(world, name), (FOLDER / f"{name}.md").read_text("utf-8")
    assert seen.tags.count("h1") == 1
    assert seen.tags.count("h2") == len(re.findall(r"^## ", text, re.MULTILINE)) == 4
    assert seen.tags.count("li") == len(re.findall(r"^(?:\d+\.|-) ", text, re.MULTILINE))
    assert not re.search(r"\]\(|^#|\*\*|`", seen.text.partition("<main>")[2], re.MULTILINE)
    words = re.findall(r"[A-Za-z]{4,}", re.sub(r"\]\([^)]*\)", "", text))
    assert all(word in seen.text for word in words)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("base", BASES)
def test_each_link_leads_to_a_runbook_that_is_there(world: World, name: str, base: str) -> None:
    for link in page(world, name).links:
        address = urljoin(base + name, link)
        assert address.startswith(base)
        assert world.http.get(f"/runbooks/{address.removeprefix(base)}").status_code == 200


def test_links_between_runbooks_are_links_and_those_to_other_documents_say_where_they_are(
    world: World,
) -> None:
    assert page(world, "rules-starved").links == ["unreachable"]
    seen = page(world, "hot-zone")
    assert seen.links == []
    assert "heat in people: docs/numbers.md" in seen.text
    assert "see alerting: docs/alerting.md" in seen.text


def test_a_page_runs_no_script_and_needs_no_second_address(world: World) -> None:
    answer = world.http.get("/runbooks/hot-zone", headers=BROWSER)
    seen = Seen(answer.text)
    assert {"script", "link", "img", "iframe", "object", "form"}.isdisjoint(seen.tags)
    assert "style" not in seen.attributes
    [style] = re.findall(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert answer.headers["Content-Security-Policy"] == (
        f"default-src 'none'; img-src 'self'; style-src 'sha256-{digest}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'"
    )
    assert "prefers-color-scheme: dark" in style


def test_other_clients_get_the_markdown(world: World) -> None:
    text = (FOLDER / "hot-zone.md").read_text("utf-8")
    for path, headers in (
        ("/runbooks/hot-zone", {}),
        ("/runbooks/hot-zone", {"Accept": "*/*"}),
        ("/runbooks/hot-zone", {"Accept": "text/markdown"}),
        ("/runbooks/hot-zone?format=md", BROWSER),
    ):
        answer = world.http.get(path, headers=headers)
        assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
        assert answer.text == text
        assert "Accept" in answer.headers["Vary"]


def test_nothing_of_the_text_becomes_markup_or_a_script() -> None:
    text = (
        "# <b>Hot</b>\n\n<script>alert(1)</script> [a](javascript:alert(1)) [b](//evil.example/x) [c](/d)\n"
    )
    title, body = page_of(text, ("hot-zone",))
    assert title == "<b>Hot</b>"
    seen = Seen(body)
    assert set(seen.tags) <= {"h1", "p"}
    assert seen.links == []
