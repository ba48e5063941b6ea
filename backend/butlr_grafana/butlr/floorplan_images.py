"""Images of floor plans: fetched only from the hosts that are allowed by name.

The addresses come from Butlr's topology, never from a caller. Even so, no other host is called, no redirect
is followed, no cookie is stored, and only Butlr gets Butlr's token. An attempt ends after `TIMEOUT_S`, a
response after `MAX_BYTES`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from http import HTTPStatus

import requests
import urllib3

from butlr_grafana.base.connection_faults import reason_of
from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamRefused,
)
from butlr_grafana.base.http_session import open_session
from butlr_grafana.base.request_id import HEADER, current_or_new
from butlr_grafana.base.response_body import TooLarge, read_body
from butlr_grafana.base.urls import Address, address_of
from butlr_grafana.butlr.line_art import LineArt, line_art_of

MAX_BYTES = 8 * 2**20
TIMEOUT_S = 10.0
CONNECT_S = 5.0

PATH = "plan picture"
"""Stands for the path in what is told of calls: addresses may hold signatures."""

Observer = Callable[[str, str, float], None]


class FloorPlanImageClient:
    """Thread-safe. `origins`: those allowed; `own`: Butlr's, where `bearer` gives the token to send."""

    def __init__(
        self,
        *,
        origins: frozenset[str],
        own: str,
        bearer: Callable[[], str],
        observe: Observer,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._origins = origins
        self._own = own
        self._bearer = bearer
        self._observe = observe
        self._timeout_s = timeout_s
        self._session = open_session(connections=2)
        self._unpacking = threading.Lock()  # one at a time: it takes some hundred megabytes at the most

    def close(self) -> None:
        self._session.close()

    def check(self, url: str) -> Address:
        """The address, if its host is allowed; raises `UpstreamRefused`, which names the host only."""
        try:
            address = address_of(url)
        except ValueError as error:
            raise UpstreamRefused(f"the address of the floor-plan image cannot be used: {error}") from None
        if address.origin not in self._origins:
            allowed = ", ".join(sorted(self._origins)) or "none"
            raise UpstreamRefused(
                f"floor-plan images from {address.origin} are not allowed; BUTLR_PLAN_HOSTS allows {allowed}"
            )
        return address

    def fetch(self, url: str) -> LineArt:
        """Raises `UpstreamError`; no message holds more of the address than its host."""
        address = self.check(url)
        started, outcome = time.monotonic(), "failed"
        try:
            body = self._body(address)
            with self._unpacking:
                line_art = line_art_of(body)
            outcome = "200"
        except UpstreamError as error:
            outcome = error.code
            raise
        else:
            return line_art
        finally:
            self._observe(PATH, outcome, time.monotonic() - started)

    def _body(self, address: Address) -> bytes:
        # Not packed: a small body must not become a large one on the way.
        headers = {"Accept": "image/png, image/jpeg, image/webp", "Accept-Encoding": "identity"}
        if address.origin == self._own:
            headers |= {"Authorization": f"Bearer {self._bearer()}", HEADER: current_or_new()}
        limit = urllib3.Timeout(total=self._timeout_s, connect=min(CONNECT_S, self._timeout_s))
        try:
            with self._session.get(
                # Put together anew, so that nobody else reads the address in another way.
                address.origin + address.target,
                headers=headers,
                timeout=limit,  # type: ignore[arg-type]  # requests passes it on
                allow_redirects=False,
                stream=True,
            ) as response:
                return _read(response, address)
        except (requests.Timeout, urllib3.exceptions.TimeoutError):
            raise UpstreamLate(f"{address.origin} sent no image within {self._timeout_s:g} s") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise UpstreamDown(f"{address.origin} cannot be reached ({reason_of(error)})") from None


def _read(response: requests.Response, address: Address) -> bytes:
    status = response.status_code
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        raise UpstreamRefused(f"{address.origin} answered {status}; redirects are not followed")
    if status != HTTPStatus.OK:
        kind = UpstreamDown if status >= HTTPStatus.INTERNAL_SERVER_ERROR else UpstreamRefused
        raise kind(f"{address.origin} answered {status} instead of an image")
    if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise UpstreamInvalid(
            f"{address.origin} sent a compressed response; an uncompressed one was requested"
        )
    try:
        return read_body(response, MAX_BYTES)
    except TooLarge:
        raise UpstreamInvalid(
            f"the image from {address.origin} is larger than {MAX_BYTES >> 20} MiB"
        ) from None
