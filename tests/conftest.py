from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from flask import Flask
from hypothesis import settings

from butlr_grafana.pipeline import gather
from butlr_grafana.replicas import redis_connection
from butlr_grafana.service import floor_results, service
from tests.fast import alone
from tests.order import in_order
from tests.redis_server import RedisServer
from tests.support import HANG_S, World, logging_as_before
from tests.url_rules import RuleCompiledOnce

settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")
"""How long an example takes says how loaded the machine is, and nothing else."""

Flask.url_rule_class = RuleCompiledOnce


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in another order; tests stay together with their file, in its order."""
    files = [item.nodeid.partition("::")[0] for item in items]
    place = {file: number for number, file in enumerate(in_order(files))}
    items.sort(key=lambda item: place[item.nodeid.partition("::")[0]])


def pytest_collection_finish() -> None:
    """A full garbage collection looks at all modules and tests, each time: a tenth of the processor time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Around all of a test, its fixtures too."""
    with alone() if item.get_closest_marker("fast") else nullcontext():
        return (yield)


@pytest.fixture(autouse=True)
def logging_ends_with_the_test() -> Iterator[None]:
    with logging_as_before():
        yield


@pytest.fixture(autouse=True)
def what_comes_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it takes on a loaded machine. A test of what is late holds it back, and waits 0 seconds."""
    monkeypatch.setattr(gather, "PATIENCE_S", float(HANG_S))
    monkeypatch.setattr(floor_results, "PATIENCE_S", float(HANG_S))
    monkeypatch.setattr(service, "DRAWING_S", float(HANG_S))


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    """Makes worlds that end with the test."""
    worlds: list[World] = []

    def make(**settings: Any) -> World:
        worlds.append(World(**settings))
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


@pytest.fixture
def redis(redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """Empty and well. Who has lost it looks for it again soon.

    A loaded machine is not taken for a slow Redis; tests of slow ones set `SLOW_S` back.
    """
    monkeypatch.setattr(redis_connection, "REST_S", 0.05)
    monkeypatch.setattr(redis_connection, "SLOW_S", float(HANG_S))
    for patience in ("CONNECT_S", "RESPONSE_TIMEOUT_S"):
        monkeypatch.setattr(redis_connection, patience, 2.0)
    redis_server.client.flushall()
    yield redis_server
    redis_server.is_well_again()
