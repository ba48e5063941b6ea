"""One set of people for all tests, and a fresh server on them for each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from butlr_grafana.simulator import People, Simulator, default_office
from tests.support import HANG_S

NOW = dt.datetime(2025, 6, 11, 12, 0, tzinfo=dt.UTC)  # a Wednesday


@pytest.fixture(scope="session")
def people() -> People:
    return People(default_office())


@pytest.fixture
def simulator(people: People) -> Iterator[Simulator]:
    with Simulator(people, clock=NOW.timestamp) as running:
        yield running
    people.clear_crowds()
    people.clear_outages()


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
        response = session.post(f"{simulator.url}/api/v2/clients/login", json=login, timeout=HANG_S)
        session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"
        simulator.clear_calls()
        yield session


@pytest.fixture
def report(client: requests.Session, simulator: Simulator) -> Callable[..., Any]:
    """Asks for a report in a few words; see `body` for them."""

    def send_query(measurement: str, status: int = 200, **params: Any) -> Any:
        response = client.post(
            f"{simulator.url}/api/v3/reporting", json=body(measurement, **params), timeout=HANG_S
        )
        assert response.status_code == status, response.text
        return response.json()

    def body(
        measurement: str,
        *,
        start: str = "2025-06-10T00:00:00Z",
        stop: str = "2025-06-11T00:00:00Z",
        every: str = "1h",
        function: str = "mean",
        timezone: str = "Europe/Paris",
        create_empty: bool = False,
        group_by: dict[str, Any] | None = None,
        paginate: dict[str, int] | None = None,
        **filters: Any,
    ) -> dict[str, Any]:
        only = {name: {"eq": ids} if isinstance(ids, list) else ids for name, ids in filters.items()}
        more = {"group_by": group_by, "paginate": paginate}
        return {
            "window": {
                "every": every,
                "function": function,
                "timezone": timezone,
                "create_empty": create_empty,
            },
            "filter": {"start": start, "stop": stop, "measurements": [measurement], **only},
            "options": {"format": "json", "timestamp": "RFC3339"},
            **{name: value for name, value in more.items() if value is not None},
        }

    return send_query
