"""One HTTP attempt at Butlr: a complete response within its limits of time and size, or an error.

An attempt ends `timeout_s` after it began: connecting, headers and body together. (The lookup of the host
name is not included: the system does it.)
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
import requests
import urllib3

from butlr_grafana.base.connection_faults import reason_of
from butlr_grafana.base.errors import UpstreamDown, UpstreamInvalid, UpstreamLate
from butlr_grafana.base.http_session import CONNECT_S, open_session
from butlr_grafana.base.request_id import HEADER, current_or_new
from butlr_grafana.base.response_body import CutOff, TooLarge, read_body
from butlr_grafana.butlr.clock import date_s
from butlr_grafana.butlr.limits import retry_after_s

MAX_BODY_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Reply:
    """`date_s`: Butlr's clock, if the response has it. `limits`: the headers about rate limits, by their
    names in lower case.
    """

    status: int
    retry_after_s: float | None
    body: bytes
    date_s: float | None = None
    limits: Mapping[str, str] = field(default_factory=dict)


def limits_in(headers: Mapping[str, str]) -> dict[str, str]:
    """`X-RateLimit-…`, `RateLimit-…`, `Retry-After`."""
    names = ("x-ratelimit", "ratelimit", "retry-after")
    return {name.lower(): value for name, value in headers.items() if name.lower().startswith(names)}


class Transport:
    """Thread-safe. Keeps connections open, up to `connections` of them; follows, stores and adds nothing."""

    def __init__(self, url: str, *, timeout_s: float, connections: int) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._session = open_session(connections)

    def close(self) -> None:
        """Closes idle connections; a call under way goes on."""
        self._session.close()

    def post(self, path: str, body: object, *, token: str | None) -> Reply:
        """Any answer, whatever its status. Raises `UpstreamDown`, `UpstreamLate`, `UpstreamInvalid`."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", HEADER: current_or_new()}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        try:
            with self._session.post(
                self._url + path,
                data=orjson.dumps(body),
                headers=headers,
                timeout=urllib3.Timeout(total=self._timeout_s, connect=min(CONNECT_S, self._timeout_s)),  # type: ignore[arg-type]  # requests passes it on
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._reply(path, response)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise UpstreamLate(f"Butlr sent no response on {path} within {self._timeout_s:g} s") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, zlib.error) as error:
            raise UpstreamDown(f"Butlr cannot be reached on {path} ({reason_of(error)})") from None

    def _reply(self, path: str, response: requests.Response) -> Reply:
        sent_at_s = date_s(response.headers.get("Date"))
        # A date to wait for is one of Butlr's clock.
        wait_s = retry_after_s(response.headers.get("Retry-After"), lambda: sent_at_s or time.time())
        try:
            return Reply(
                response.status_code,
                wait_s,
                _body(path, response),
                sent_at_s,
                limits_in(response.headers),
            )
        except urllib3.exceptions.TimeoutError:
            raise UpstreamLate(f"Butlr's response on {path} took longer than {self._timeout_s:g} s") from None


def _body(path: str, response: requests.Response) -> bytes:
    try:
        return read_body(response, MAX_BODY_BYTES)
    except TooLarge:
        raise UpstreamInvalid(
            f"Butlr's response on {path} is larger than {MAX_BODY_BYTES >> 20} MiB"
        ) from None
    except CutOff:
        raise UpstreamDown(f"Butlr's response on {path} was cut off") from None
