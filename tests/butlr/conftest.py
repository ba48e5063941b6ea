"""Servers to talk to, and clients to talk with."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

from butlr_grafana.butlr.client import Client
from butlr_grafana.butlr.config import ButlrConfig
from butlr_grafana.simulator import Simulator
from tests.butlr.wire import AtOnce, Clients, FakeTime, Hurried, HurriedClient, Wire
from tests.support import HANG_S, PEOPLE, at

# Property tests look at results, not at the clock.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(PEOPLE, clock=lambda: float(at("2025-06-11T12:00:00"))) as running:
        yield running


@pytest.fixture
def wire() -> Iterator[Wire]:
    server = Wire()
    yield server
    server.stop()


@pytest.fixture
def fake() -> FakeTime:
    return FakeTime()


@pytest.fixture
def hurried(fake: FakeTime) -> Iterator[Hurried]:
    """Makes clients that do not wait: `hurried(url, client_secret=…)`; with `real_clock` only sleeps pass."""
    made: list[HurriedClient] = []

    def make(url: str, *, real_clock: bool = False, **access: object) -> HurriedClient:
        params = {"client_id": "demo", "client_secret": "demo", "timeout_s": 10.0, **access}
        made.append(
            HurriedClient(ButlrConfig(url=url, **params), fake, time.monotonic if real_clock else None)
        )  # type: ignore[arg-type]
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def patient() -> Iterator[Clients]:
    """Makes clients as they run in production."""
    made: list[Client] = []

    def make(url: str, **access: object) -> Client:
        params = {"client_id": "demo", "client_secret": "demo", "timeout_s": 10.0, **access}
        made.append(Client(ButlrConfig(url=url, **params)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def at_once() -> AtOnce:
    """Runs a function in many threads that start together; what each returned or raised, in no order."""

    def run(work: Callable[[], object], threads: int) -> list[object]:
        barrier = threading.Barrier(threads)
        results: list[object] = []

        def one() -> None:
            barrier.wait(HANG_S)
            try:
                results.append(work())
            except Exception as error:  # noqa: BLE001 - the test looks at it
                results.append(error)

        started = [threading.Thread(target=one, daemon=True) for _ in range(threads)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join(HANG_S)
        assert len(results) == threads
        return results

    return run
