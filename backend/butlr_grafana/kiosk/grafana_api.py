"""The part of Grafana's HTTP API that our commands need: one attempt per call, and errors as texts.

A wrong password is tried only once: after five, Grafana locks the user for five minutes. Redirects are not
followed, so no other host gets the credentials.
"""

from __future__ import annotations

import base64
import ssl
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import requests
import urllib3

from butlr_grafana.base.access import CommandError, SettingError
from butlr_grafana.base.connection_faults import causes, reason_of
from butlr_grafana.base.response_body import BodyError, read_body
from butlr_grafana.base.urls import address_of

OK = 200
UNKNOWN_TOKEN = (400, 401)
"""What the backend answers to a token that it does not know: Grafana's proxy hands a 401 on as 400."""

HEALTH = "/api/health"
"""Grafana answers there without a login: the state of its `database`, and mostly its version."""

TIMEOUT_S = 30.0
CONNECT_S = 10.0
MAX_BODY_BYTES = 64 * 2**20
SHOWN = 300
"""Characters of Grafana's own message that are repeated."""


class GrafanaError(CommandError):
    """Grafana cannot be reached or refuses a request; the message says what to change."""


@dataclass(frozen=True, slots=True)
class GrafanaAccess:
    """How Grafana's API is called.

    `url`: without a slash at the end. `authorization`: the value of the header.
    """

    url: str
    names: str
    """The settings that the credentials come from."""
    authorization: str = field(repr=False)


def url_of(text: str) -> str:
    """Grafana's address, including a sub-path. Raises `ValueError`; its text does not contain the address."""
    address_of(text)
    if "?" in text or "#" in text:
        raise ValueError("Grafana's address must not contain ? or #")
    return text.rstrip("/")


def access_of(url: str, *, token: str, user: str, password: str) -> GrafanaAccess:
    """The credentials for Grafana's API. Raises `SettingError` if they are missing, incomplete or given
    twice.
    """
    if token and (user or password):
        raise SettingError("GRAFANA_TOKEN and GRAFANA_USER are both set; set one of them")
    if token:
        if not token.isascii() or not token.isprintable() or " " in token:
            raise SettingError("GRAFANA_TOKEN must not contain spaces, line breaks or non-ASCII letters")
        return GrafanaAccess(url, "GRAFANA_TOKEN", f"Bearer {token}")
    if not user or not password:
        raise SettingError("set GRAFANA_TOKEN (of a service account), or GRAFANA_USER and GRAFANA_PASSWORD")
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return GrafanaAccess(url, "GRAFANA_USER and GRAFANA_PASSWORD", f"Basic {pair}")


class Grafana:
    """Calls Grafana's API, from one thread. `role`: the role that the account needs, for error texts."""

    def __init__(self, access: GrafanaAccess, *, timeout_s: float = TIMEOUT_S, role: str = "Editor") -> None:
        self._access = access
        self._timeout_s = timeout_s
        self._role = role
        self._session = _session()
        self._organisation: int | None = None
        self._is_known = False
        """Whether it has been found out that a Grafana answers at this address."""

    @property
    def url(self) -> str:
        return self._access.url

    @property
    def is_user(self) -> bool:
        """Whether the account is a user, who may belong to several organisations. A service account belongs
        to one.
        """
        return self._access.authorization.startswith("Basic ")

    def close(self) -> None:
        self._session.close()

    def enter(self, organisation: int) -> None:
        """From now on, all calls are for this organisation in place of the account's own."""
        self._organisation = organisation

    def check_login(self) -> None:
        """Checks the credentials. If anonymous access is on, Grafana treats wrong credentials as a viewer;
        this call detects that. Raises `GrafanaError`.
        """
        self.request("GET", "/api/user", "show its own account")

    def request(
        self,
        method: str,
        path: str,
        doing: str,
        body: object = None,
        *,
        without: Collection[int] = (),
        also: Collection[int] = (),
    ) -> Any:
        """The JSON of the response; `None` if the body is empty, or if the status is in `without`.

        `also`: statuses of errors whose JSON is returned too. `doing` completes the text 'Grafana does not
        allow this account to …'. Raises `GrafanaError`.
        """
        response, text = self._response(method, path, body)
        if response.status_code in without:
            return None
        if response.status_code not in also and (not response.ok or response.is_redirect):
            raise GrafanaError(self._refusal(response, text, doing))
        if response.status_code == 204:
            return None
        try:
            return orjson.loads(text)
        except orjson.JSONDecodeError:
            raise GrafanaError(f"{self._access.url}{path} did not send JSON, so it is not Grafana") from None

    def backend_status(self, uid: str) -> tuple[int, str]:
        """Calls `GET /api/v1/status` through the data source `uid`. Returns the status of the response, and
        `: …` with its text.
        """
        path = f"/api/datasources/proxy/uid/{quote(uid, safe='')}/api/v1/status"
        response, text = self._response("GET", path, None)
        return response.status_code, _message(text) or f": {response.reason}"

    def is_grafana_behind(self, uid: str) -> bool:
        """Whether a Grafana, and not the backend, answers at the address of the data source `uid`."""
        path = f"/api/datasources/proxy/uid/{quote(uid, safe='')}{HEALTH}"
        _, text = self._response("GET", path, None)
        return "database" in _object(text)

    def floors_of_backend(self, uid: str) -> frozenset[str] | None:
        """The ids of the floors that the backend behind the data source `uid` serves; `None` if it does not
        say.
        """
        rows = self.rows_of_backend(uid, "spaces", level="floor")
        return None if rows is None else frozenset(str(row["space"]) for row in rows if "space" in row)

    def rows_of_backend(self, uid: str, target: str, **parameters: str) -> list[dict[str, Any]] | None:
        """The rows of a target of the backend behind the data source `uid`; `None` if there are none."""
        query = urlencode({**parameters, "format": "rows"})
        path = f"/api/datasources/proxy/uid/{quote(uid, safe='')}/api/v1/{target}?{query}"
        response, text = self._response("GET", path, None)
        try:
            rows = orjson.loads(text) if response.status_code == OK else None
        except orjson.JSONDecodeError:
            return None
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else None

    def _response(self, method: str, path: str, body: object) -> tuple[requests.Response, bytes]:
        """The response and its body. The first call is one without credentials: another server gets none."""
        if not self._is_known:
            self._check_is_grafana()
            self._is_known = True
        headers = {
            "Authorization": self._access.authorization,
            # Of alert rules: people may change them in Grafana. Other calls pass it over.
            "X-Disable-Provenance": "true",
            # Of data sources: as they are now, not as they were up to five seconds ago.
            "X-Grafana-NoCache": "true",
        }
        if self._organisation is not None:
            headers["X-Grafana-Org-Id"] = str(self._organisation)
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._send(method, path, body, headers)

    def _check_is_grafana(self) -> None:
        """Raises `GrafanaError` if what answers is not a Grafana."""
        response, text = self._send("GET", HEALTH, None, {})
        if response.is_redirect:
            raise GrafanaError(self._refusal(response, text, "show its state"))
        document = _object(text)
        if "database" in document:
            return
        url = self._access.url
        if isinstance(document.get("error"), dict):
            raise GrafanaError(
                f"--grafana {url}: this is the backend's address, not Grafana's. Give the address at which "
                "you open Grafana in the browser; no password and no token was sent"
            )
        raise GrafanaError(
            f"--grafana {url}: there is no Grafana at this address ({HEALTH} answers {response.status_code}, "
            "but not as Grafana does). Give the address at which you open Grafana in the browser, with its "
            "sub-path if it has one; no password and no token was sent"
        )

    def _send(
        self, method: str, path: str, body: object, headers: Mapping[str, str]
    ) -> tuple[requests.Response, bytes]:
        timeout: Any = urllib3.Timeout(total=self._timeout_s, connect=min(CONNECT_S, self._timeout_s))
        try:
            with self._session.request(
                method,
                self._access.url + path,
                data=None if body is None else orjson.dumps(body),
                headers={"Accept": "application/json", **headers},
                timeout=timeout,
                allow_redirects=False,
                stream=True,
            ) as response:
                return response, read_body(response, MAX_BODY_BYTES)
        except BodyError:
            where = f"{self._access.url}{path}"
            raise GrafanaError(
                f"the response of {where} is larger than {MAX_BODY_BYTES >> 20} MiB, or was cut off"
            ) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, zlib.error) as error:
            raise GrafanaError(self._unreached(error)) from None

    def _unreached(self, error: BaseException) -> str:
        found = causes(error)
        url = self._access.url
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError) or isinstance(
            found[-1], TimeoutError
        ):
            return f"Grafana at {url} sent no response within {self._timeout_s:g} s"
        for cause in found:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return (
                    f"the certificate of {url} is not trusted ({cause.verify_message}); "
                    "if you use your own certificate authority, set REQUESTS_CA_BUNDLE to its file"
                )
            if isinstance(cause, ssl.SSLError):
                return f"TLS with {url} failed ({cause.reason}); check whether the address must begin with http://"
        return (
            f"Grafana at {url} cannot be reached ({reason_of(error)}): check that it runs, "
            "and that --grafana is right"
        )

    def _refusal(self, response: requests.Response, body: bytes, doing: str) -> str:
        status, text = response.status_code, _message(body)
        if response.is_redirect:
            return (
                f"{self._access.url} answers with a redirect ({status}), which is not followed with "
                "credentials: "
                "set --grafana to the address that the redirect leads to"
            )
        if status == 401:
            locked = "; after five wrong passwords Grafana refuses a user for five minutes"
            return f"Grafana does not accept {self._access.names} (401{text}){locked if self.is_user else ''}"
        if status == 403:
            return (
                f"Grafana does not allow this account to {doing} (403{text}): "
                f"give it the role {self._role}, or the missing permission"
            )
        return f"Grafana cannot {doing} ({status}{text})"


def _session() -> requests.Session:
    """One that keeps no cookies: Grafana would set one, and take it for the caller at the next call."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A callable keeps requests from putting a .netrc entry over the credentials.
    session.auth = lambda request: request
    session.headers["User-Agent"] = "butlr-grafana"
    return session


def _message(body: bytes) -> str:
    """`: …` with Grafana's own words, where it has any."""
    text = _object(body).get("message")
    return f": {text[:SHOWN]}" if isinstance(text, str) and text else ""


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object, or an empty one if it is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return document if isinstance(document, dict) else {}
