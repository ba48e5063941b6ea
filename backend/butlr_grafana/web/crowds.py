"""Crowds in the embedded simulator, through its own endpoint."""

from __future__ import annotations

from typing import Any

import orjson
import requests

from butlr_grafana.base.connection_faults import reason_of
from butlr_grafana.base.errors import BadParameter, UpstreamDown

TIMEOUT_S = 20.0
PATH = "/_simulator/crowd"


def request_crowds(url: str, method: str, body: object = None) -> Any:
    """The crowds after the request. Raises `BadParameter` with the simulator's message, or `UpstreamDown`."""
    try:
        response = requests.request(
            method, url + PATH, data=None if body is None else orjson.dumps(body), timeout=TIMEOUT_S
        )
    except requests.RequestException as error:
        raise UpstreamDown(f"the simulator cannot be reached ({reason_of(error)})") from None
    document = response.json()
    if response.status_code != 200:
        name, _, problem = str(document["details"]).partition(": ")
        raise BadParameter(name, problem)
    return document
