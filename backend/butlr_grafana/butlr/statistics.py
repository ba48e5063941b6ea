"""Statistics: the request to `POST /api/v4/reporting/stats`, and its response → `Samples`.

Butlr documents the names of the filters, but not their form: `TIME_RANGE` and `DAY_NAMES` are the two places
to change. A value that is `null` or missing is unknown (NaN), never 0; an impossible value is an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.heatmaps import LARGEST_COUNT, quote
from butlr_grafana.model.chunk import Samples, StatsSubject
from butlr_grafana.model.time import Period, iso

TIME_RANGE = ("start", "stop")
"""The keys of a range of `filters.time_ranges`; its values are `HH:MM` by the items' clock, up to `24:00`."""

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""The days in `filters.exclude_days_of_week`, Monday first, as Butlr's documentation writes them; its client
writes them in lower case, and `check` measures which of the two counts (`Verdicts.weekday_case`).
"""


def request_body(subject: StatsSubject, period: Period) -> dict[str, object]:
    """The body of the call; filters only where something is left out."""
    body: dict[str, object] = {
        "measurements": list(subject.measurements),
        "items": list(subject.items),
        "start": iso(period.start_s),
        "stop": iso(period.end_s),
    }
    filters: dict[str, object] = {}
    if subject.time_ranges:
        clocks = [[f"{minute // 60:02d}:{minute % 60:02d}" for minute in r] for r in subject.time_ranges]
        filters["time_ranges"] = [dict(zip(TIME_RANGE, clock, strict=True)) for clock in clocks]
    if subject.excluded_weekdays:
        names = [DAY_NAMES[day] for day in subject.excluded_weekdays]
        filters["exclude_days_of_week"] = (
            [n.lower() for n in names] if subject.weekday_case == "lower" else names
        )
    return body | ({"filters": filters} if filters else {})


def samples(body: bytes, subject: StatsSubject, period: Period) -> Samples:
    """A value an item and measurement, in one window, the period; raises `UpstreamInvalid`."""
    data = _data_of(body)
    series = tuple((item, name) for item in subject.items for name in subject.measurements)
    figures = {item: _figures(data.get(item), body) for item in subject.items}
    return Samples(
        series,
        np.arange(len(series), dtype=np.int32),
        np.full(len(series), period.start_s, np.int64),
        np.array([_value(figures[item].get(name), name) for item, name in series], np.float64),
    )


def _data_of(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamInvalid(f"Butlr's statistics are not JSON ({error}): {quote(body)}") from None
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise UpstreamInvalid(f"Butlr's statistics have no data: {quote(body)}")
    return data


def _figures(raw: object, body: bytes) -> dict[str, Any]:
    """The measurements of an item; none where Butlr does not tell of it."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise UpstreamInvalid(f"Butlr's statistics are in an unknown form: {quote(body)}")
    return raw


def _value(raw: object, measurement: str) -> float:
    if raw is None:
        return float("nan")
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= LARGEST_COUNT:
        raise UpstreamInvalid(f"Butlr's statistics contain the value {str(raw)[:40]!r} of {measurement}")
    return float(raw)
