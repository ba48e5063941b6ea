"""Who may ask: a token as Bearer or as the Basic password. No token set: everybody.

A wall's token is in the hands of whoever stands before the screen: Grafana sends any path for an anonymous
viewer. So it opens what a wall shows, and that of today only.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace

from flask import Flask, g, request

from butlr_grafana.errors import (
    BackendError,
    Incomplete,
    NotForWalls,
    Unauthorized,
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.model import DAY_S, HOUR_S
from butlr_grafana.query import Asked
from butlr_grafana.service import Visible
from butlr_grafana.settings import BackendToken

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
WALL_PATHS = frozenset({"/api/v1/heatmap", "/api/v1/occupancy-now"})

LONGEST_TODAY_S = DAY_S + HOUR_S + HOUR_S / 12
"""From midnight to midnight where clocks go back, and five minutes for a screen whose clock is behind."""


def guard(app: Flask, tokens: tuple[BackendToken, ...]) -> None:
    """Refuses every request without a known token, unknown paths included."""

    @app.before_request
    def check() -> None:
        g.visible, g.for_walls = None, False
        if not tokens or request.path in OPEN_PATHS:
            return
        token = known(_sent(), tokens)
        if token.for_walls and request.path not in WALL_PATHS:
            raise NotForWalls("this token is for walls, which ask for heatmap and occupancy-now only")
        g.visible, g.for_walls = token.floors, token.for_walls


def visible() -> Visible:
    """The floors that the present caller may see."""
    floors: Visible = g.visible
    return floors


def check_words(asked: Asked, now_s: float) -> None:
    """Refuses what no wall asks, where the present caller is one."""
    if g.for_walls and not is_of_wall(asked, now_s):
        raise NotForWalls(
            "this token is for walls, which ask for today's heatmap with format=png, and for occupancy-now "
            "with level=floor and format=rows or csv; without room and tag"
        )


def as_asked_by(asked: Asked) -> Asked:
    """The question of the present caller: one with a wall's token asks for a wall, whatever it says."""
    return replace(asked, asker="wall") if g.for_walls else asked


PLAIN: Mapping[type[UpstreamError], str] = {
    UpstreamDown: "Butlr cannot be reached",
    UpstreamLate: "Butlr has not answered in time",
    UpstreamLimited: "Butlr limits the calls",
    UpstreamRefused: "Butlr does not take the question",
    UpstreamInvalid: "Butlr's answer cannot be used",
    Incomplete: "a part of the answer is missing or old",
}
"""What a wall is told of Butlr's faults: their own words may name rooms."""


def to_be_told(fault: BackendError) -> BackendError:
    """The error as the present caller may see it."""
    if g.get("for_walls") and isinstance(fault, UpstreamError):
        return type(fault)(PLAIN.get(type(fault), "Butlr does not answer"))
    return fault


def is_of_wall(asked: Asked, now_s: float) -> bool:
    """Whether a wall asks so: a picture of the floor today, or how many people are on it.

    Of rooms nothing is asked: an error about one would name the others. Nor are frames, whose notices may
    quote Butlr.
    """
    if asked.room or asked.tag:
        return False
    if asked.target == "occupancy-now":
        return asked.level == "floor" and asked.format in ("rows", "csv")
    is_picture = asked.target == "heatmap" and asked.format == "png"
    return is_picture and asked.start_s is not None and asked.start_s >= now_s - LONGEST_TODAY_S


def known(sent: str | None, tokens: tuple[BackendToken, ...]) -> BackendToken:
    """Compares with every token in constant time, so that neither length nor place shows."""
    found: BackendToken | None = None
    for token in tokens:
        if hmac.compare_digest((sent or "").encode(), token.text.encode()):
            found = token
    if found is None:
        said = "no token was sent" if sent is None else "the token is not known"
        raise Unauthorized(f"Authorization: {said}; send BACKEND_TOKEN as Bearer, or as the Basic password")
    return found


def _sent() -> str | None:
    """The token as it was sent, to the last `=`: of a Bearer all that stands behind the word."""
    kind, _, rest = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip() or None
    auth = request.authorization
    return None if auth is None else auth.password
