"""The calls to Butlr for measurements: few, one at a time, at a steady pace, and only reading.

The request bodies are written here and do not use the code of `butlr/`: a measurement must not depend on the
assumption that it tests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import orjson

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
)
from butlr_grafana.butlr.config import ButlrConfig
from butlr_grafana.butlr.rows import Row, rows_of
from butlr_grafana.model.time import Period, iso

MOST_CALLS = 60
CALLS_PER_MINUTE = 50
"""The limit in Butlr's own client, for when the setting has none."""


class OutOfCalls(Exception):
    """All calls of a run are used."""


class Post(Protocol):
    """Sends a body to a path; returns the body of a 2xx response, or raises `UpstreamError`."""

    def __call__(self, path: str, body: object, *, graphql: bool = False) -> bytes: ...


class MeasurementClient:
    """Counts and paces the calls of one run. Used by one thread.

    `most`: the calls of the run; those of others do not count, because on a busy account no run would end.
    `wait`: waits so many seconds, and returns whether to stop. `on_response` gets each response, for the
    report, with the name of the API.
    """

    def __init__(
        self,
        post: Post,
        access: ButlrConfig,
        *,
        most: int = MOST_CALLS,
        per_minute: int = CALLS_PER_MINUTE,
        wait: Callable[[float], bool] | None = None,
        on_response: Callable[[str, bytes], None] = lambda _api, _body: None,
    ) -> None:
        self._post = post
        self._access = access
        self.calls = 0
        self._most = most
        self._pause_s = 60.0 / per_minute
        self._wait = wait or threading.Event().wait
        self._on_response = on_response
        self._failed: dict[str, UpstreamError] = {}

    def heat(self, space: str, start: str, stop: str, resolution_m: float) -> bytes:
        body = {
            "data_types": ["heatmap_v2"],
            "filter": {"space_id": space, "start": start, "stop": stop, "omit_empty_value": True},
            "window": {
                "heatmap_v2_options": {
                    "grid_resolution": resolution_m,
                    "heatmap_type": "occupancy",
                    "normalize": False,
                }
            },
        }
        return self._call("heat maps", self._access.detections_path, body)

    def metrics(self, request: Reporting) -> bytes:
        return self._call("metrics", self._access.reporting_path, request.body())

    def rows(self, request: Reporting) -> list[Row]:
        return rows_of(self.metrics(request), request.function)

    def figure(
        self, item: str, measurement: str, period: Period, excluded: Sequence[str] = ()
    ) -> float | None:
        """One statistic of one item; `None` where Butlr knows none. Days are sent as they are given."""
        body: dict[str, object] = {
            "measurements": [measurement],
            "items": [item],
            "start": iso(period.start_s),
            "stop": iso(period.end_s),
        }
        if excluded:
            body["filters"] = {"exclude_days_of_week": list(excluded)}
        response = orjson.loads(self._call("statistics", self._access.stats_path, body))
        try:
            value = response["data"].get(item, {}).get(measurement)
        except (KeyError, TypeError, AttributeError):
            raise UpstreamInvalid("Butlr's statistics have no data") from None
        return float(value) if isinstance(value, int | float) else None

    def graphql(self, query: str) -> Any:
        """The whole document, errors and all."""
        body = self._call("topology", self._access.graphql_path, {"query": query}, graphql=True)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            raise UpstreamInvalid("Butlr's topology is no JSON") from None

    def _call(self, api: str, path: str, body: object, *, graphql: bool = False) -> bytes:
        if api in self._failed:
            raise self._failed[api].with_traceback(None)
        if self.calls >= self._most:
            raise OutOfCalls
        if self.calls and self._wait(self._pause_s):
            raise OutOfCalls
        self.calls += 1
        try:
            response = self._post(path, body, graphql=graphql)
        except (UpstreamDown, UpstreamLate, UpstreamLimited) as error:
            # Other calls to the same API would also fail, and would cost as much.
            self._failed[api] = error
            raise
        self._on_response(api, response)
        return response


class Reporting:
    """A request to the reporting API, with Butlr's names."""

    def __init__(
        self,
        measurement: str,
        every: str,
        function: str,
        period: Period,
        timezone: str,
        **where: Sequence[str],
    ) -> None:
        """`where`: `spaces`, `rooms` or `zones`, each with ids."""
        self.function = function
        self._window: dict[str, object] = {"every": every, "function": function, "timezone": timezone}
        self._filter: dict[str, object] = {
            "start": iso(period.start_s),
            "stop": iso(period.end_s),
            "measurements": [measurement],
            "value": {"gte": 0},
            **{name: {"eq": list(ids)} for name, ids in where.items()},
        }
        self._more: dict[str, object] = {}

    def with_empty(self) -> Reporting:
        self._window["create_empty"] = True
        return self

    def calibrated(self) -> Reporting:
        self._filter["calibrated"] = "true"
        return self

    def grouped(self, group_by: Mapping[str, object]) -> Reporting:
        self._more["group_by"] = dict(group_by)
        return self

    def paged(self, limit: int) -> Reporting:
        self._more["paginate"] = {"page": 1, "limit": limit}
        return self

    def body(self) -> dict[str, object]:
        options = {"format": "json", "timestamp": "RFC3339"}
        return {"window": self._window, "filter": self._filter, "options": options, **self._more}


def is_refused(error: UpstreamError) -> bool:
    """Whether Butlr rejects the request as wrong (and does not only fail to answer it)."""
    return error.code == "upstream_refused"
