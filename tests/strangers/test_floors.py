"""A caller whose token is for one floor, at every door: of the others there is not a byte."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

import pytest
from werkzeug.test import TestResponse

from butlr_grafana.base.access import BackendToken
from butlr_grafana.simulator.world import Floor
from tests.butlr.wire import respond
from tests.faults.trial import FrontedTrial, Trial
from tests.strangers.routes import HOUR, ROUTES, ApiRequest, Params, api_requests, routes_of
from tests.support import DETECTIONS, GRAPHQL, NEW_YORK, PARIS, PARIS_2, PEOPLE, REPORTING, until

NOW = "2026-06-17T12:34:56"
EVERYTHING = {"Authorization": "Bearer for-everything"}
LIMITED = {"Authorization": "Bearer for-paris-only"}
TOKENS = (
    BackendToken("for-everything"),
    # One of its floors is not served here, whatever the token says.
    BackendToken("for-paris-only", frozenset({PARIS, "space_of_another_backend"})),
)
FLOORS = {floor.id: floor for floor in PEOPLE.office.floors}
each_route = pytest.mark.parametrize("route", ROUTES, ids=" ".join)


def names_on(floor: Floor) -> set[str]:
    """Everything by which a floor, or a thing on it, is called."""
    things = (floor, *floor.rooms, *floor.zones, *floor.sensors)
    buildings = [b for s in PEOPLE.office.sites for b in s.buildings if floor in b.floors]
    own = [name for thing in (*things, *buildings) for name in (thing.id, getattr(thing, "name", None))]
    return {name for name in own if name}


OWN = names_on(FLOORS[PARIS])
FOREIGN = {
    name
    for name in names_on(FLOORS[NEW_YORK]) | names_on(FLOORS[PARIS_2])
    if not any(name in own for own in OWN)  # 'Open space' is in 'Open space north'
}


ESCAPED = {name: html.escape(name) for name in FOREIGN}


def text_of(response: TestResponse) -> str:
    """All that an answer says but when: status line, headers and body, a picture's bytes as letters."""
    head = [f"{name}: {value}" for name, value in response.headers if name != "Date"]
    return "\n".join([response.status, *head, response.get_data().decode("utf-8", "replace")])


def leaks(response: TestResponse, *, sent: str = "") -> set[str]:
    """Names of other floors in an answer, those aside that the caller named."""
    text = text_of(response)
    return {
        name for name, escaped in ESCAPED.items() if name not in sent and (name in text or escaped in text)
    }


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """Everything has been asked for before by a caller who may: what is kept must not be told either."""
    trial = Trial(NOW, tokens=TOKENS, cache_dir=str(tmp_path_factory.mktemp("cache")))
    for params in ({"space": "all"}, {"space": NEW_YORK}, {"space": PARIS_2}):
        for api_request in api_requests(params):
            api_request.put(trial.http, **EVERYTHING)
    yield trial
    trial.close()


def test_every_route_is_looked_at(trial: Trial) -> None:
    assert set(ROUTES) == routes_of(trial.application.web)


def test_what_is_looked_for_is_told_to_who_may_see_it(trial: Trial) -> None:
    """Else the tests below could not fail."""
    spaces = ApiRequest("GET", "/api/v1/spaces", {"format": "rows"})
    assert len(FOREIGN) > 90
    things = {t.id for floor in FLOORS.values() for t in (floor, *floor.rooms, *floor.zones)}
    assert leaks(spaces.put(trial.http, **EVERYTHING)) >= FOREIGN & things
    events = ApiRequest("GET", "/api/v1/events", {"space": "all", "format": "rows", **HOUR})
    assert {row["space"] for row in events.put(trial.http, **EVERYTHING).get_json()} == set(FLOORS)
    assert {row["space"] for row in events.put(trial.http, **LIMITED).get_json()} == {PARIS}


@each_route
@pytest.mark.parametrize(
    "params",
    [{}, {"space": "all"}, {"space": PARIS}, {"space": "*"}, {"space": [PARIS, "all"]}, {"space": "$__all"}],
    ids=str,
)
def test_no_route_tells_of_a_foreign_floor(trial: Trial, route: tuple[str, str], params: Params) -> None:
    for api_request in ROUTES[route](params):
        assert leaks(api_request.put(trial.http, **LIMITED)) == set(), api_request


@each_route
def test_of_its_own_floor_it_is_told_what_everybody_is(trial: Trial, route: tuple[str, str]) -> None:
    """And pictures, whose letters cannot be looked through, are the same to the bit."""
    for api_request in ROUTES[route]({"space": PARIS}):
        if api_request.path in ("/", "/metric-payload-options", "/tag-values", "/metrics"):
            continue  # these list floors, or what is on all of them; or they count requests
        for who in (LIMITED, EVERYTHING) * 2:  # else one would say "fetched", the other "kept"
            api_request.put(trial.http, **who)
        limited, whole = (api_request.put(trial.http, **who, **SAME_ID) for who in (LIMITED, EVERYTHING))
        assert text_of(limited) == text_of(whole), api_request


SAME_ID = {"X-Request-Id": "the-same-of-both"}
ROOM = next(room for room in FLOORS[NEW_YORK].rooms if room.name in FOREIGN)
BUILDING = next(b for s in PEOPLE.office.sites for b in s.buildings if FLOORS[NEW_YORK] in b.floors)


OWN_BY_KIND = (
    [PARIS],
    [room.id for room in FLOORS[PARIS].rooms],
    sorted({tag for room in FLOORS[PARIS].rooms for tag in room.tags}),
    [b.id for s in PEOPLE.office.sites for b in s.buildings if FLOORS[PARIS] in b.floors],
)


@lru_cache
def like(name: str) -> str:
    """A name that does not exist. One letter differs; it is as near to the caller's names as the real one."""

    def nearest(of: str) -> list[list[str]]:
        return [get_close_matches(of, own, 1) for own in OWN_BY_KIND]

    for place in reversed(range(len(name))):
        changed = f"{name[:place]}q{name[place + 1 :]}"
        if changed not in FOREIGN | OWN | {name} and nearest(changed) == nearest(name):
            return changed
    raise AssertionError(f"nothing is like {name}")


@each_route
@pytest.mark.parametrize(
    "words_of",
    [
        lambda n: ({"space": n(NEW_YORK)}, NEW_YORK),
        lambda n: ({"space": n(PARIS_2)}, PARIS_2),
        lambda n: ({"space": [PARIS, n(NEW_YORK)]}, NEW_YORK),
        lambda n: ({"space": f"{{{PARIS},{n(NEW_YORK)}}}"}, NEW_YORK),
        lambda n: ({"space": n(NEW_YORK), "room": ROOM.id}, NEW_YORK),
        lambda n: ({"space": PARIS, "room": n(ROOM.id)}, ROOM.id),
        lambda n: ({"space": "all", "room": n(ROOM.id)}, ROOM.id),
        lambda n: ({"space": PARIS, "tag": n(ROOM.name)}, ROOM.name),
        lambda n: ({"building": n(BUILDING.id)}, BUILDING.id),
        lambda n: ({"space": n(BUILDING.name)}, BUILDING.name),
    ],
    ids=["id", "sister", "list", "glob", "with room", "room", "room of all", "tag", "building", "name"],
)
def test_foreign_and_unknown_are_answered_alike_to_the_byte(
    trial: Trial, route: tuple[str, str], words_of: Callable[..., tuple[Params, str]]
) -> None:
    """Apart from the name itself, where it is repeated; and a refusal is free, so that no clock tells."""
    foreign, name = words_of(lambda real: real)
    unknown, _ = words_of(like)
    for one, other in zip(ROUTES[route](foreign), ROUTES[route](unknown), strict=True):
        if route == ("GET", "/metrics"):
            continue  # counts requests; holds no names, as the test above shows
        before = trial.simulator.count()
        found = one.put(trial.http, **LIMITED, **SAME_ID)
        assert found.status_code == 200 or trial.simulator.count() == before, one
        found = one.put(trial.http, **LIMITED, **SAME_ID)  # again: now what is its own is kept
        wanted = other.put(trial.http, **LIMITED, **SAME_ID)
        assert text_of(found).replace(name, like(name)) == text_of(wanted), one
        assert leaks(found, sent=str(foreign)) == set(), one


def test_a_backend_of_one_floor_knows_no_other(make_trial: Callable[..., Trial]) -> None:
    """`BUTLR_SPACES`, whoever asks; a token for more than is served adds nothing."""
    tokens = (*TOKENS, BackendToken("for-new-york-1", frozenset({NEW_YORK})))
    trial = make_trial(tokens=tokens, butlr_spaces=(PARIS,))
    for params in ({}, {"space": "all"}, {"space": PARIS}, {"space": NEW_YORK}):
        for api_request in api_requests(params):
            response = api_request.put(trial.http, **EVERYTHING)
            assert leaks(response, sent=str(params)) == set(), api_request
    requested = {str(call.body) for call in trial.simulator.calls if call.path in (DETECTIONS, REPORTING)}
    assert requested
    assert not any(name in body for body in requested for name in (NEW_YORK, PARIS_2))
    nothing = ApiRequest("GET", "/api/v1/spaces", {"format": "rows"})
    response = nothing.put(trial.http, Authorization="Bearer for-new-york-1")
    assert (response.status_code, leaks(response)) == (503, set())


@pytest.fixture
def make_trial() -> Iterator[Callable[..., Trial]]:
    trials: list[Trial] = []

    def make(kind: type[Trial] = Trial, **settings: Any) -> Trial:
        trials.append(kind(NOW, **settings))
        return trials[-1]

    yield make
    for trial in trials:
        trial.close()


GOSSIP = f"{{'floor': '{NEW_YORK}', 'name': '{FLOORS[NEW_YORK].name}', 'room': '{ROOM.id}'"


@pytest.mark.parametrize("status", ["200 OK", "400 Bad Request", "500 Internal Server Error"])
@pytest.mark.parametrize("path", [DETECTIONS, GRAPHQL, REPORTING])
@pytest.mark.parametrize("body", [GOSSIP, f'{{"message": "{GOSSIP}"}}', f'{{"data": "{GOSSIP}"}}'])
def test_what_butlr_says_in_its_faults_is_no_way_around(
    make_trial: Callable[..., FrontedTrial], path: str, status: str, body: str
) -> None:
    """Who may see all asks for another floor, and Butlr's error names it; probes ask without a token."""
    trial = make_trial(FrontedTrial, tokens=TOKENS)
    if path != GRAPHQL:
        trial.http.get("/readyz")
    trial.responses[path] = respond(body.encode(), status)
    for target in ("heatmap", "occupancy", "occupancy-now"):
        ApiRequest("GET", f"/api/v1/{target}", {**HOUR, "space": NEW_YORK}).put(trial.http, **EVERYTHING)
    until(lambda: trial.application.service.pipeline.gatherer.in_flight.under_way == 0)
    for api_request in (
        ApiRequest("GET", "/api/v1/status", {"format": "rows"}),
        ApiRequest("GET", "/api/v1/freshness", {"space": "all"}),
        ApiRequest("GET", "/api/v1/spaces"),
        ApiRequest("POST", "/variable", body={"payload": {"target": "floors"}}),
        ApiRequest("GET", "/", headers={"Accept": "text/html"}),
    ):
        # What Butlr answers to a question about its own floor may be quoted.
        if path == GRAPHQL or api_request.path not in ("/", "/api/v1/freshness"):
            assert leaks(api_request.put(trial.http, **LIMITED)) == set(), api_request
    for probe in ("/readyz", "/healthz"):
        assert leaks(trial.http.get(probe)) == set()
