"""The simulator: Butlr's endpoints over HTTP, a record of the calls, and faults on demand."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

import orjson

from . import controls, detections, report_query, reporting, stats, topology
from .calls import Call, CallLog, RateLimit, rate_headers
from .controls import Endpoint
from .crowds import Crowd
from .faults import LOGIN_PATH, Faults
from .forms import SCOPES, Forms, renamed
from .messages import Refusal, Request, Result
from .office import default_office
from .outages import Outage
from .people import People
from .pusher import Pusher
from .tokens import Tokens
from .webhooks import Subscriptions
from .wire import HttpServer

DETECTIONS_PATH = "/v3/detections"
GRAPHQL_PATH = "/api/v3/graphql"
REPORTING_PATH = "/api/v3/reporting"
STATS_PATH = "/api/v4/reporting/stats"


class Simulator:
    """A Butlr on a port of this machine; a context manager that starts and stops it.

    `port` 0 picks a free one at the first start and keeps it. `clock` gives UTC epoch seconds: no detection
    is younger. `forms` chooses where Butlr's forms are not known, `faults` makes things go wrong,
    `token_lifetime_s` ages tokens; all may be assigned while it runs.
    """

    def __init__(
        self,
        people: People | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
        client_id: str = "demo",
        client_secret: str = "demo",  # noqa: S107 - of a simulator
        forms: Forms | None = None,
    ) -> None:
        self.people = people or People(default_office())
        self.host, self.port, self.clock = host, port, clock
        self.faults = Faults()
        self.forms = forms or Forms()
        self.token_lifetime_s = 1000.0
        self._tokens = Tokens(client_id, client_secret)
        self._server: HttpServer | None = None
        self._stopping = threading.Event()
        self.subscriptions = Subscriptions()
        self.pusher = Pusher(self.people, self.subscriptions, self.faults, clock=self._now)
        self._log = CallLog()
        self._limit = RateLimit()
        self._endpoints: dict[str, dict[str, Endpoint]] = {
            LOGIN_PATH: {"POST": self._login},
            DETECTIONS_PATH: {"POST": self._detections},
            GRAPHQL_PATH: {"POST": self._graphql},
            REPORTING_PATH: {"POST": self._reporting},
            STATS_PATH: {"POST": self._stats},
        }
        self._own_endpoints = controls.endpoints(self)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens, without a slash at the end."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listens from now on, in separate threads. Raises `OSError` if the port is in use."""
        if self._server is not None:
            raise RuntimeError("the simulator is already running")
        self._stopping.clear()
        self._server = HttpServer(
            self.host, self.port, self._respond, clock=self.clock, stopping=self._stopping
        )
        self.port = self._server.server_port
        serve = partial(self._server.serve_forever, poll_interval=0.01)
        threading.Thread(target=serve, name="simulator", daemon=True).start()

    def stop(self) -> None:
        """Closes every connection and frees the port. It can be started again. Does nothing if it
        is stopped.
        """
        server, self._server = self._server, None
        self.pusher.stop()
        if server is not None:
            self._stopping.set()
            server.close_all()

    @property
    def calls(self) -> list[Call]:
        """The newest calls of Butlr's endpoints, in the order of their responses."""
        return self._log.latest()

    @property
    def in_flight(self) -> int:
        """The number of calls that are running now."""
        return self._log.in_flight

    @property
    def peak_in_flight(self) -> int:
        """The largest number of calls that ran at the same time."""
        return self._log.peak

    def count(self, path: str | None = None) -> int:
        """The number of calls, to one path or to all."""
        counts = self._log.counts()
        return counts.total() if path is None else counts[path]

    def clear_calls(self) -> None:
        """Removes all calls, and resets the peak."""
        self._log.clear()

    def call_counts(self) -> Counter[str]:
        """The number of calls by path."""
        return self._log.counts()

    @property
    def forms(self) -> Forms:
        """The current forms; they can be assigned. Raises `ValueError` for a field that the schema does not
        have.
        """
        return self._forms

    @forms.setter
    def forms(self, forms: Forms) -> None:
        topology.schema_of(forms)
        self._forms = forms

    def rate(self, floor_id: str) -> int:
        """The detections per minute of a person on a floor."""
        return self._forms.detections_per_minute or self.people.rate(floor_id)

    def crowd(self, floor_id: str, room_id: str, people: int, start_s: int, stop_s: int) -> Crowd:
        """Adds people to a room for a time, until `clear_crowds` (see `People.crowd`)."""
        return self.people.crowd(floor_id, room_id, people, start_s, stop_s)

    def clear_crowds(self) -> None:
        """Removes all crowds."""
        self.people.clear_crowds()

    def _now(self) -> float:
        """By the clock as it is assigned now."""
        return self.clock()

    def push(self) -> int:
        """Sends the events that are due by its clock to the subscriptions. Returns how many were accepted."""
        return self.pusher.push(self._forms)

    def push_all_the_time(self) -> None:
        """Pushes in a separate thread, until the simulator stops."""
        self.pusher.start(lambda: self._forms)

    def outage(self, device_id: str, start_s: int, stop_s: int) -> Outage:
        """Takes a sensor or hive offline for a time, until `clear_outages` (see `People.outage`)."""
        return self.people.outage(device_id, start_s, stop_s)

    def clear_outages(self) -> None:
        """Removes all outages, except those of sensors that fail by themselves."""
        self.people.clear_outages()

    def revoke_tokens(self) -> None:
        """Makes every token invalid that was given so far."""
        self._tokens.revoke()

    def _respond(self, request: Request) -> tuple[Result | None, Faults | None]:
        """The answer (None: a reset in its stead) and the faults to write it with."""
        own = self._own_endpoints.get(request.path)
        if own is not None and request.path not in self.faults.paths:
            return _dispatch(own, request), None
        at, fault = self.clock(), self.faults.hit(request.path)
        with self._log.running_call():
            response = self._result_of(request, fault)
        status = 0 if response is None else response.status
        self._log.add(Call(request.method, request.path, _readable(request.body), status, at))
        return response, fault

    def _result_of(self, request: Request, fault: Faults | None) -> Result | None:
        if fault is not None and (self._stopping.wait(fault.latency_s) or fault.reset == "before"):
            return None
        if fault is not None and fault.status is not None:
            retry = {} if fault.retry_after is None else {"Retry_After": fault.retry_after}
            return Result.refusal(fault.status, "a simulated fault", **retry)
        if request.path == LOGIN_PATH:
            return _dispatch(self._endpoints[request.path], request)
        limit = self.faults.rate_limit_per_minute
        wait_s = self._limit.wait_s(limit)
        headers = rate_headers(self._forms.rate_limit_headers, limit, self._limit.left(limit), wait_s)
        if wait_s:
            after = {"Retry_After": str(wait_s)} if self._forms.retry_after else {}
            return Result.refusal(429, "too many requests", **after).with_headers(headers)
        endpoint = self._endpoints.get(request.path) or self._own_endpoints.get(request.path)
        return _dispatch(endpoint, request).with_headers(headers)

    def _login(self, request: Request) -> Result:
        scope = " ".join(scope for scope in SCOPES if scope not in self._forms.missing_scopes)
        now_s, lifetime_s = self.clock(), self.token_lifetime_s
        return Result.json(self._tokens.login(request.json(), now_s, lifetime_s, scope))

    def _check(self, request: Request) -> None:
        self._tokens.check(request.headers.get("authorization", ""), self.clock())

    def _put(self, api: str, body: Any) -> Result:
        return Result.json(renamed(body) if api in self._forms.unreadable else body)

    def _detections(self, request: Request) -> Result:
        self._check(request)
        query = detections.parse(request.json())
        until_s = self.clock() - self.faults.lag_s
        return self._put("heat", detections.build_response(self.people, query, until_s, self._forms))

    def _graphql(self, request: Request) -> Result:
        try:
            self._check(request)
        except Refusal as refusal:
            return Result.json(topology.unauthenticated(refusal.details))
        # The host the client knows this server by, which in a container is not the one it listens on.
        base_url = f"http://{request.headers['host']}" if "host" in request.headers else self.url
        body, now_s = request.json(), self.clock()
        found = topology.build_response(
            self.people, body, now_s, base_url, self._forms, subscriptions=self.subscriptions
        )
        return self._put("topology", found)

    def _reporting(self, request: Request) -> Result:
        self._check(request)
        query = report_query.parse(request.json(), self._forms)
        until_s = self.clock() - self.faults.lag_s
        return self._put("reporting", reporting.build_response(self.people, query, until_s, self._forms))

    def _stats(self, request: Request) -> Result:
        self._check(request)
        query = stats.parse(request.json(), self._forms)
        until_s = self.clock() - self.faults.lag_s
        return self._put("stats", stats.build_response(self.people, query, until_s, self._forms))


def _dispatch(methods: Mapping[str, Endpoint] | None, request: Request) -> Result:
    """Calls the endpoint; none for the path is a 404, none for the method a 405."""
    if methods is None:
        return Result.refusal(404, f"{request.path}: the path is unknown")
    endpoint = methods.get(request.method)
    if endpoint is None:
        return Result.refusal(
            405, f"{request.path}: allowed methods: {', '.join(methods)}", Allow=", ".join(methods)
        )
    try:
        return endpoint(request)
    except Refusal as refusal:
        return Result.refusal(refusal.status, refusal.details)


def _readable(body: bytes) -> Any:
    """A body as JSON, or else as text; None for none."""
    try:
        return orjson.loads(body) if body else None
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")
