"""Offices that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.redis_server import RedisServer
from tests.replicas.replicas import Office

MakeOffice = Callable[..., Office]


@pytest.fixture
def make_office(redis: RedisServer) -> Iterator[MakeOffice]:
    made: list[Office] = []

    def make(**params: Any) -> Office:
        made.append(Office(redis, **params))
        return made[-1]

    yield make
    for office in made:
        office.close()


@pytest.fixture
def office(make_office: MakeOffice) -> Office:
    return make_office()
