"""What a wall's token is told, on every route and with every word: not a room, not a tag, not a sensor.

It is in the hands of whoever stands before the screen. Pictures are left out: rooms' names are drawn on them,
for all to see.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import pytest
from werkzeug.test import TestResponse

from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.assets import runbooks
from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.targets.columns import COLUMNS
from butlr_grafana.targets.registry import TARGETS
from butlr_grafana.web.auth import WALL_PATHS
from tests.butlr.wire import respond
from tests.faults.trial import FrontedTrial, Trial
from tests.strangers.routes import HOUR, ROUTES, ApiRequest, Params
from tests.support import DETECTIONS, GRAPHQL, NEW_YORK, PARIS, PARIS_2, PEOPLE, REPORTING

NOW = "2026-06-17T12:34:56"
EVERYTHING = {"Authorization": "Bearer for-everything"}
WALLS = {"all floors": "for-all-walls", "one floor": "for-paris-wall"}
TOKENS = (
    BackendToken("for-everything"),
    BackendToken("for-all-walls", for_walls=True),
    BackendToken("for-paris-wall", frozenset({PARIS}), for_walls=True),
)
FLOORS = PEOPLE.office.by_id
ALLOWED = {text for floor in FLOORS.values() for text in (floor.id, floor.name)}
ROOMS = next(iter(FLOORS.values())).rooms


def private() -> set[str]:
    """Everything by which a thing on any floor is called."""
    names: set[str] = set()
    for floor in FLOORS.values():
        names |= {thing.id for thing in (*floor.rooms, *floor.zones, *floor.sensors)}
        names |= {thing.name for thing in (*floor.rooms, *floor.zones)}
        names |= {tag for room in floor.rooms for tag in room.tags}
    # Not what is in a floor's own name, or what a word or a column is called.
    common = (*ALLOWED, *PARAMETERS, *TARGETS, *COLUMNS)
    return {name for name in names if not any(name in text for text in common)}


PRIVATE = private()
RUNBOOKS = set(runbooks().values())
FOREIGN = {text for space in (PARIS_2, NEW_YORK) for text in (space, FLOORS[space].name)}


def leaks(response: TestResponse, names: set[str]) -> set[str]:
    if response.mimetype.startswith("image/"):
        return set()
    if response.mimetype == "text/plain" and response.get_data().decode() in RUNBOOKS:
        # As it is shipped, the same for everybody: "dashboard" is no room called "board".
        return set()
    head = f"{response.status}\n{response.headers}"
    body = response.get_data().decode("utf-8", "replace")
    return set(named_in(head, frozenset(names)) | named_in_body(body, frozenset(names)))


def named_in(text: str, names: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name in names if name in text)


named_in_body = lru_cache(maxsize=1024)(named_in)
"""Most bodies are errors, and many are the same."""


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    trial = Trial(NOW, tokens=TOKENS)
    yield trial
    trial.close()


ASKED: list[Params] = [
    {},
    {"space": PARIS},
    {"space": "all"},
    {"space": "zzz"},
    {"space": NEW_YORK},
    *({"space": PARIS, word: value} for word in PARAMETERS for value in ("zzz", "", "All", "all")),
    *(
        {"space": space, "level": "floor", word: "zzz"}
        for space in (PARIS, "all")
        for word in ("room", "tag")
    ),
    {"space": PARIS, "room": ["zzz", "All"], "level": "floor", "format": "rows"},
    {"space": PARIS, "tag": "zzz", "level": "floor", "format": "csv"},
    {"building": "zzz"},
]


def test_what_is_looked_for_is_told_to_who_may_see_it(trial: Trial) -> None:
    """Else the tests below could not fail."""
    assert len(PRIVATE) > 100
    unknown = ApiRequest("GET", "/api/v1/occupancy-now", {"space": PARIS, "level": "floor", "room": "zzz"})
    assert leaks(unknown.put(trial.http, **EVERYTHING), PRIVATE) >= {room.id for room in ROOMS[:12]}
    unknown = ApiRequest("GET", "/api/v1/occupancy-now", {"space": PARIS, "level": "floor", "tag": "zzz"})
    assert leaks(unknown.put(trial.http, **EVERYTHING), PRIVATE)


def in_some_forms(api_requests: Iterable[ApiRequest], turn: int) -> Iterator[ApiRequest]:
    """All requests; but to a target that no wall may request only one at a time, each time of another format
    or level: who refuses it does not look at these.
    """
    refused: dict[str, list[ApiRequest]] = {}
    for api_request in api_requests:
        if api_request.path.removeprefix("/api/v1/") in TARGETS and api_request.path not in WALL_PATHS:
            refused.setdefault(api_request.path, []).append(api_request)
        else:
            yield api_request
    for of_target in refused.values():
        yield of_target[turn % len(of_target)]


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_no_parameter_on_no_route_tells_of_rooms(trial: Trial, route: tuple[str, str], wall: str) -> None:
    headers = {"Authorization": f"Bearer {WALLS[wall]}"}
    hidden = PRIVATE | (FOREIGN if wall == "one floor" else set())
    answered = 0
    for turn, params in enumerate(ASKED):
        for api_request in in_some_forms(ROUTES[route](params), turn):
            response = api_request.put(trial.http, **headers)
            message = str(params)
            assert {name for name in leaks(response, hidden) if name not in message} == set(), api_request
            answered += response.status_code == 200
    known = ("/api/v1/<target>", "/healthz", "/readyz", "/runbooks/<name>")
    assert bool(answered) == (route[1] in known)


@pytest.mark.parametrize(
    "status", ["200 OK", "400 Bad Request", "500 Internal Server Error", "429 Too Many Requests"]
)
@pytest.mark.parametrize("path", [DETECTIONS, GRAPHQL, REPORTING])
def test_nor_do_butlrs_own_words(path: str, status: str) -> None:
    trial = FrontedTrial(NOW, tokens=TOKENS)
    try:
        if path != GRAPHQL:
            trial.http.get("/readyz")
        trial.responses[path] = respond(
            f'{{"message": "of {ROOMS[0].id} and {ROOMS[1].name}"}}'.encode(), status
        )
        headers = {"Authorization": f"Bearer {WALLS['all floors']}"}
        reported = []
        for require in ("any", "complete"):
            for api_request in (
                ApiRequest(
                    "GET", "/api/v1/heatmap", {**HOUR, "space": PARIS, "format": "png", "require": require}
                ),
                *(
                    ApiRequest(
                        "GET",
                        "/api/v1/occupancy-now",
                        {"space": space, "level": "floor", "format": form, "require": require},
                    )
                    for space in (PARIS, "all")
                    for form in ("rows", "csv")
                ),
            ):
                response = api_request.put(trial.http, **headers)
                assert leaks(response, PRIVATE) == set(), api_request
                reported.append(response)
        failed = [response for response in reported if response.status_code >= 500]
        assert failed
        assert all(response.get_json()["error"]["source"] == "upstream" for response in failed)
        # Who may see all reads Butlr's words.
        requested = ApiRequest("GET", "/api/v1/occupancy-now", {"space": PARIS, "require": "complete"})
        if path != DETECTIONS:
            assert ROOMS[0].id in requested.put(trial.http, **EVERYTHING).get_data(as_text=True)
    finally:
        trial.close()
