"""What the tests share: a world with a clock that they move, and the truth, counted from its people."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NoReturn

import numpy as np
import pytest

from butlr_grafana.app import Application, create_app
from butlr_grafana.butlr.limits import Timing
from butlr_grafana.measure.verdict_store import VerdictStore, all_measured
from butlr_grafana.model.factor import Factor, Observation
from butlr_grafana.settings import Settings
from butlr_grafana.simulator import People, Simulator, default_office
from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.http_client import HttpClient

PARIS, PARIS_2, NEW_YORK = "space_paris_1", "space_paris_2", "space_newyork_1"
DETECTIONS, GRAPHQL, LOGIN = "/v3/detections", "/api/v3/graphql", "/api/v2/clients/login"
REPORTING, STATS = "/api/v3/reporting", "/api/v4/reporting/stats"

HANG_S = 120
"""What has not happened after so many seconds, on the most loaded machine, never will."""

PEOPLE = People(default_office(), seed=1)
"""Drawn once for all tests: days of people are kept, and are the same whoever asks."""

DETECTIONS_A_MINUTE = 110
"""Of each person, on the floors of the office that ships; `PEOPLE.detections` has a person once a minute."""

Ints = np.ndarray[Any, np.dtype[np.int64]]
Cells = dict[tuple[float, float], int]


def at(text: str) -> int:
    """Seconds since the epoch of an ISO time; UTC where none is said."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def truth(space: str, start_s: int, end_s: int, resolution_m: float) -> Cells:
    """Detections by cell centre, counted one cell at a time from the people, without the backend.

    Centres are rounded to a millimetre, so that they can be looked up.
    """
    _, x, y = PEOPLE.detections(space, start_s, end_s)
    origin_x, origin_y = PEOPLE.office.by_id[space].grid_origin_m
    ix, iy = np.floor((x - origin_x) / resolution_m), np.floor((y - origin_y) / resolution_m)
    pairs, counts = np.unique(ix + 1j * iy, return_counts=True)
    return {
        (
            round(origin_x + (float(pair.real) + 0.5) * resolution_m, 3),
            round(origin_y + (float(pair.imag) + 0.5) * resolution_m, 3),
        ): int(n) * DETECTIONS_A_MINUTE
        for pair, n in zip(pairs, counts, strict=True)
    }


ENTRANCE_ROOMS = {
    PARIS: "room_paris_1_open_space_south",
    PARIS_2: "room_paris_2_parcel_room",
    NEW_YORK: "room_newyork_1_store",
}
"""The room that the sensor over each floor's entrance names, in the office that ships."""


def through(space: str, place: str, start_s: int, end_s: int) -> tuple[Ints, Ints]:
    """When people came in, and went out, through the doors of a floor or room, counted from the people.

    A room's doors are its own, where a sensor watches it, and the entrance beside it. Copies of sensors
    change nothing: a door is one door.
    """
    t_s, room, direction = PEOPLE.crossings(space, start_s, end_s)
    floor = PEOPLE.office.by_id[space]
    doors = [-1] if place in (space, ENTRANCE_ROOMS[space]) else []
    if any(s.room_id == place and s.mode == "traffic" and not s.is_entrance for s in floor.sensors):
        doors.append([r.id for r in floor.rooms].index(place))
    here = np.isin(room, doors)
    return t_s[here & (direction == 1)], t_s[here & (direction == -1)]


def with_doors(space: str) -> set[str]:
    """The rooms of a floor that have a sensor over a door."""
    return {s.room_id for s in PEOPLE.office.by_id[space].sensors if s.mode == "traffic" and s.room_id}


def cells_of(frame: dict[str, Any]) -> Cells:
    """The non-empty cells of a heat-map frame as JSON; values as they are."""
    x, y, value = (field["values"] for field in frame["fields"])
    return {(round(a, 3), round(b, 3)): v for a, b, v in zip(x, y, value, strict=True) if v is not None}


def added(*parts: Cells) -> Cells:
    """Cell-by-cell sum."""
    whole: Cells = {}
    for part in parts:
        for cell, n in part.items():
            whole[cell] = whole.get(cell, 0) + n
    return whole


class FakeTime:
    """A clock that only moves when told to, or when somebody sleeps."""

    def __init__(self, now_s: float = 1_000.0) -> None:
        self.now_s = now_s
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """As `threading.Event.wait`, at once."""
        self.slept.append(seconds)
        self.now_s += seconds
        return event.is_set()


class Moving:
    """The wall clock of a world. Put forward, it lets so much time pass; put back, none."""

    def __get__(self, world: World, _: type | None = None) -> float:
        return world.wall_s

    def __set__(self, world: World, now_s: float) -> None:
        world.stopwatch_s += max(0.0, now_s - world.wall_s)
        world.wall_s = now_s


class World:
    """A simulator, a backend that asks it, and one wall clock for both; `stopwatch_s`: how much time has
    passed since whenever, however that clock was put back. `time`: the clock of tokens, pauses and rests.
    """

    wall_s = 0.0
    is_demo = False
    """Whether the backend knows that its Butlr is the simulator."""

    now_s = Moving()

    def __init__(self, now: str = "2026-06-17T12:34:56", *, people: People = PEOPLE, **settings: Any) -> None:
        self.stopwatch_s = 0.0
        self.now_s = at(now)
        self.time = FakeTime()
        self.simulator = Simulator(people, clock=lambda: self.now_s)
        # The world's clock jumps by days while a token's life is real time.
        self.simulator.token_lifetime_s = 1e9
        self.simulator.start()
        self._settings = settings
        self.restart()

    def restart(self) -> None:
        """A new backend process, as far as memory goes; the one before has ended."""
        if hasattr(self, "application"):
            self.application.close()
        reached = {
            "butlr_api_url": self.simulator.url,
            "butlr_client_id": "demo",
            "butlr_client_secret": "demo",
            # Seconds of the real clock: on a loaded machine too whatever comes is waited for.
            "deadline_s": float(HANG_S),
        }
        settings = Settings(**{**reached, **self._settings})
        self.application: Application = create_app(
            settings, demo=self.is_demo, verdict_store=self.verdict_store(settings), **self.clocks()
        )
        self.application.web.test_client_class = HttpClient
        self.http = self.application.web.test_client()

    def verdict_store(self, settings: Settings) -> VerdictStore | None:
        """What is known about Butlr: all that changes numbers, so that nothing has to be measured first."""
        return all_measured(settings.fixed_verdicts)

    def clocks(self) -> dict[str, Any]:
        """Time as the backend takes it; its pauses, as between two tries, pass at once."""
        return {
            "now": lambda: self.now_s,
            "stopwatch": lambda: self.stopwatch_s,
            "pace": Timing(self.time, self.time.wait),
        }

    def close(self) -> None:
        self.application.close()
        self.simulator.stop()
        # All worlds have the same people.
        self.simulator.clear_outages()

    @property
    def calls(self) -> int:
        """Heat-map calls that Butlr has seen."""
        return sum(call.path == DETECTIONS for call in self.simulator.calls)

    def spent(self, work: Callable[[], object]) -> int:
        """How many heat-map calls `work` costs."""
        before = self.calls
        work()
        return self.calls - before

    def heat_map(self, space: str, start: str | int, end: str | int, **params: str) -> dict[str, Any]:
        """The frame of `GET /api/v1/heatmap`."""
        start, end = (str(t * 1000) if isinstance(t, int) else t for t in (start, end))
        response = self.http.get(
            "/api/v1/heatmap", query_string={"space": space, "from": start, "to": end, **params}
        )
        assert response.status_code == 200, response.get_data(as_text=True)
        [frame] = response.get_json()
        return frame


PER_PERSON = DETECTIONS_A_MINUTE
"""Detections that a person of the simulator's gives in a minute."""


def know_rate(world: World, space: str, per_person_minute: float) -> None:
    """From now on the backend takes this for what a person gives on a floor, whatever it sees itself."""
    factor_store, today = world.application.service.factors, datetime.fromtimestamp(world.now_s, UTC).date()
    for back in range(-1, 15):
        day = (today - timedelta(days=back)).isoformat()
        known = factor_store.on(space, day)
        minutes = 2 * known.person_minutes if known else 1e9  # of a day the most people count
        factor_store.note(space, Observation(day, 25.0, minutes * per_person_minute, minutes))


def version_of(world: World, space: str) -> str:
    """The name of the factor that a floor has now."""
    factor = world.application.service.factors.of(space)
    assert isinstance(factor, Factor)
    return factor.version


NO_RATE = {
    "severity": "info",
    "text": "Heat is in detections, because the number of detections per person on this floor is not known: "
    "it has not been measured yet.",
}
"""What every map in detections says as long as nothing has been measured."""


def replace_endpoint(world: World, path: str, how: Callable[[Endpoint, Request], Result]) -> None:
    """Faults are of a whole path; to tell floors apart an endpoint of the simulator is wrapped."""
    endpoints = world.simulator._endpoints
    endpoints[path] = {"POST": partial(how, endpoints[path]["POST"])}


@contextlib.contextmanager
def logging_as_before() -> Iterator[None]:
    """What is set within about our log lines ends here.

    A command that a test runs in this process writes to what is standard error during that test; whoever logs
    after it would write to a closed file.
    """
    loggers = [logging.getLogger(name) for name in ("butlr_grafana", "py.warnings")]
    before = [(each.handlers[:], each.level, each.propagate) for each in loggers]
    try:
        yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate


def until(condition: Callable[[], bool]) -> None:
    """Waits for something that will be true; how long it takes is never tested, only that it comes at all."""
    give_up_at = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.005)  # noqa: TID251  # between two looks at the event itself


def floors_are_loaded() -> None:
    """Waits until no backend of this process is loading its floors, also one that another test has closed."""
    until(lambda: "topology" not in {thread.name for thread in threading.enumerate()})


def cannot_run(what: str, reason: str) -> NoReturn:
    """A skip that says what is not tested and why; in CI a failure, for there the test is the proof."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"CI must run this: {reason}", pytrace=False)
    pytest.skip(f"NOT TESTED {what}: {reason}")


_HOMES = {part.id: floor.id for floor in PEOPLE.office.floors for part in (floor, *floor.rooms, *floor.zones)}


def floors_of(body: Any) -> set[str]:
    """The floors of the demo's that a call of detections or reporting is about."""
    limits = body["filter"]
    kind = next((kind for kind in ("spaces", "rooms", "zones") if kind in limits), "")
    return {str(limits["space_id"])} if not kind else {_HOMES[one] for one in limits[kind]["eq"]}
