"""The runbooks of the alert rules, at the addresses in the alerts.

They need no token, because they contain no data. Everybody who can read the alert can read them through
Grafana's proxy, with any host and path prefix. A browser gets a page; other clients, and `?format=md`, get
the Markdown.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from flask import Blueprint, Response, render_template, request
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from butlr_grafana.base.assets import runbooks
from butlr_grafana.web.security_headers import CONTENT_SECURITY, SECURITY_HEADERS

FOLDER = "docs/runbooks"
"""Where they are in the repository: from there their links lead on."""

STYLE = Path(__file__).with_name("templates").joinpath("runbook.css").read_text("utf-8")
"""In the page itself: through Grafana's proxy (12.3), which puts each page into a sandbox without Grafana's
login, no second address would be answered.
"""


def paths() -> frozenset[str]:
    """The paths of all runbooks."""
    return frozenset(f"/runbooks/{name}" for name in runbooks())


def blueprint() -> Blueprint:
    texts = runbooks()
    pages = Blueprint("runbooks", __name__, template_folder="templates")

    @pages.get("/runbooks/<name>")
    def runbook(name: str) -> Response:
        if name not in texts:
            raise NotFound
        if request.args.get("format") == "md" or "text/html" not in request.headers.get("Accept", ""):
            return _with_vary(Response(texts[name], content_type="text/plain; charset=utf-8"))
        title, body = page_of(texts[name], texts)
        shown = render_template("runbook.html", title=title, body=Markup(body), style=Markup(STYLE))  # noqa: S704  # ours
        response = _with_vary(Response(shown, content_type="text/html; charset=utf-8"))
        response.headers[CONTENT_SECURITY] = _policy()
        return response

    return pages


def page_of(text: str, served: Collection[str]) -> tuple[str, str]:
    """A runbook's title, and its text as HTML. `served`: the names of all runbooks."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(text)
    for token in tokens:
        if token.children:
            token.children = list(_linked(token.children, served))
    title = next((token.content for token in tokens if token.type == "inline"), "")
    return title, str(markdown.renderer.render(tokens, markdown.options, {}))


def _linked(tokens: Sequence[Token], served: Collection[str]) -> Iterator[Token]:
    """Links to other runbooks as they lie beside each other here. What the backend does not serve is a text
    that says where it is in the repository.
    """
    behind = ""
    for token in tokens:
        if token.type == "link_open":
            address = str(token.attrGet("href"))
            name, _, _ = address.removesuffix(".md").partition("#")
            behind = "" if name in served or address.startswith("https://") else _place(address)
            if name in served:
                token.attrSet("href", name)
            if behind:
                continue
        elif token.type == "link_close" and behind:
            yield Token("text", "", 0, content=f": {behind}")
            behind = ""
            continue
        yield token


def _place(address: str) -> str:
    """Of a file in the repository."""
    return posixpath.normpath(posixpath.join(FOLDER, address.partition("#")[0]))


def _policy() -> str:
    """As on all pages, and with the page's own style."""
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    return SECURITY_HEADERS[CONTENT_SECURITY].replace("style-src 'self'", f"style-src 'sha256-{style}'")


def _with_vary(response: Response) -> Response:
    response.headers["Vary"] = "Accept"
    return response
