"""One set of people for all tests, and a fresh server on them for each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
import requests

from butlr_grafana.simulator import People, Simulator, default_office

NOW = dt.datetime(2025, 6, 11, 12, 0, tzinfo=dt.UTC)  # a Wednesday


@pytest.fixture(scope="session")
def people() -> People:
    return People(default_office())


@pytest.fixture
def simulator(people: People) -> Iterator[Simulator]:
    with Simulator(people, clock=NOW.timestamp) as running:
        yield running


@pytest.fixture
def client(simulator: Simulator) -> Iterator[requests.Session]:
    """A session that is logged in; the login is not in `simulator.calls`."""
    login = {
        "client_id": "demo",
        "client_secret": "demo",
        "audience": "https://butlrauth/",
        "grant_type": "client_credentials",
    }
    with requests.Session() as session:
        answer = session.post(f"{simulator.url}/api/v2/clients/login", json=login, timeout=10)
        session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        simulator.clear_calls()
        yield session
