"""`butlr-grafana crowd ROOM=30 --for 20m`: puts more people into a room of the running demo."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import requests

from butlr_grafana.base.connection_faults import reason_of
from butlr_grafana.base.errors import ServiceError
from butlr_grafana.base.urls import address_of
from butlr_grafana.cli.upstream import settings_from_environment
from butlr_grafana.settings import Settings

TIMEOUT_S = 30.0
UNAUTHORIZED = 401
MINUTES = {"m": 1, "h": 60}


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "crowds",
        nargs="*",
        type=_crowd,
        metavar="ROOM=PEOPLE",
        help="a room's id or name, and how many people to add; a second call adds more",
    )
    parser.add_argument(
        "--for",
        dest="minutes",
        type=_minutes,
        default=20,
        metavar="20m",
        help="how long they stay: 20m, 2h (default: 20m)",
    )
    parser.add_argument(
        "--clear", action="store_true", help="removes all added people, also from the past minutes"
    )
    parser.add_argument(
        "--backend",
        type=_url,
        metavar="URL",
        help="the demo's address (default: http://127.0.0.1:BACKEND_PORT)",
    )
    parser.set_defaults(command=lambda options: crowd(options, settings_from_environment()))


def crowd(options: argparse.Namespace, settings: Settings) -> int:
    url = options.backend or f"http://127.0.0.1:{settings.port}"
    headers = {"Authorization": f"Bearer {settings.tokens[0].text}"} if settings.tokens else {}
    if options.clear:
        before = _send("GET", url, headers)
        _send("DELETE", url, headers)
        for line in cleared(before):
            print(line)
        if not options.crowds:
            return 0
    for room, people in options.crowds:
        _send("PUT", url, headers, {"room": room, "people": people, "minutes": options.minutes})
    for line in lines_of(_send("GET", url, headers), now=datetime.now(UTC)):
        print(line)
    return 0


def cleared(crowds: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """How many people were removed from each room, those included who had gone."""
    removed: Counter[tuple[str, str]] = Counter()
    for one in crowds:
        removed[one["room"], one["floor"]] += one["people"]
    for (room, floor), people in removed.items():
        yield f"{people} people removed from {room} ({floor})"
    if not removed:
        yield "there were no added people"


def lines_of(crowds: Sequence[Mapping[str, Any]], *, now: datetime) -> Iterator[str]:
    """The crowds that have not gone yet, and their sum where a room has several."""
    there = [one for one in crowds if datetime.fromisoformat(one["stop"]) > now]
    in_all: Counter[tuple[str, str]] = Counter()
    for one in there:
        place = (one["room"], one["floor"])
        in_all[place] += one["people"]
        yield f"{one['people']} more people in {one['room']} ({one['floor']}) until {one['stop']}"
    several = Counter((one["room"], one["floor"]) for one in there)
    for (room, floor), people in in_all.items():
        if several[room, floor] > 1:
            yield (
                f"{people} more people in all in {room} ({floor}): each call adds people; --clear removes all"
            )
    if not there:
        yield "no people are added"


def _send(method: str, url: str, headers: dict[str, str], body: object = None) -> Any:
    try:
        response = requests.request(
            method,
            f"{url}/demo/crowd",
            headers=headers,
            data=None if body is None else orjson.dumps(body),
            timeout=TIMEOUT_S,
        )
    except requests.RequestException as error:
        raise ServiceError(
            f"the backend at {url} cannot be reached ({reason_of(error)}): if the demo runs on another port, "
            "set BACKEND_PORT or give --backend URL"
        ) from None
    if response.status_code == 404:
        raise ServiceError(f"the backend at {url} is not a demo: its people are real, so none can be added")
    if response.status_code == UNAUTHORIZED:
        problem = "does not know this token" if headers else "needs its token"
        raise ServiceError(f"the backend at {url} {problem}: set BACKEND_TOKEN or BACKEND_TOKEN_FILE")
    try:
        document = response.json()
    except ValueError:
        raise ServiceError(
            f"what answers at {url} is not the backend: set BACKEND_PORT or give --backend URL"
        ) from None
    if response.status_code != 200:
        raise ServiceError(document["message"])
    return document


def _crowd(text: str) -> tuple[str, int]:
    room, _, people = text.rpartition("=")
    if not room or not people.isdecimal() or int(people) < 1:
        raise argparse.ArgumentTypeError("give a room and a number, for example Boardroom=30")
    return room, int(people)


def _minutes(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,3})([mh])", text)
    if not found:
        raise argparse.ArgumentTypeError("give a time such as 20m or 2h")
    return int(found[1]) * MINUTES[found[2]]


def _url(text: str) -> str:
    try:
        address_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text.rstrip("/")
