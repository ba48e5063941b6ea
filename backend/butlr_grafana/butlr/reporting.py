"""Metrics: the question to `POST /api/v3/reporting`, and its answer → `Samples`.

Butlr answers raw rows as a list, under `data`, or by asset and time; or, grouped, an object nested in the
order of `group_by`. All of them are read; a value that is no number is a gap, a row without asset or time
is a fault, and so is one that comes again.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson

from butlr_grafana.butlr.decode import LARGEST_COUNT, quote
from butlr_grafana.errors import UpstreamInvalid
from butlr_grafana.model import Period, Samples, SeriesSubject, iso

TIME_IS = "time"
"""The key that holds a window's beginning; `start` and `stop` have been seen to be the question's."""

PAGE_ROWS = 1000
"""Rows a page, as in Butlr's documentation; a larger limit is not documented."""

MAX_PAGES = 200

ASSET_KEYS = {"floor": ("space_id", "floor_id"), "room": ("room_id",), "zone": ("zone_id",)}


def question(space: str, subject: SeriesSubject, period: Period, page: int) -> dict[str, object]:
    """The body of one page. Absolute times, and always the zone: relative ones can drop data."""
    measurements = subject.measurement.split("+")
    order = [
        "time",
        ASSET_KEYS[subject.level][0],
        *(["measurement"] if len(measurements) > 1 else []),
        "field",
    ]
    return {
        "window": {
            "every": subject.every,
            "function": subject.function,
            "timezone": subject.timezone,
            "create_empty": True,
        },
        "filter": {
            "start": iso(period.start_s),
            "stop": iso(period.end_s),
            "measurements": measurements,
            "spaces": {"eq": [space]},
            "value": {"gte": 0},
            "calibrated": "true",
        },
        "group_by": {"order": order, "raw": True},
        "paginate": {"page": page, "limit": PAGE_ROWS},
    }


def rows_of(body: bytes) -> list[dict[str, Any]]:
    """The raw rows of a page, in whichever of Butlr's forms; raises `UpstreamInvalid`."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamInvalid(f"Butlr's metrics are no JSON ({error}): {quote(body)}") from None
    if isinstance(document, dict) and "data" in document:
        document = document["data"]
    if isinstance(document, list):
        if not all(isinstance(row, dict) for row in document):
            raise UpstreamInvalid(f"Butlr's metrics hold a row that is no object: {quote(body)}")
        return document
    if isinstance(document, dict):
        return list(_by_asset(document, body))
    raise UpstreamInvalid(f"Butlr's metrics are neither rows nor groups: {quote(body)}")


def _by_asset(document: dict[str, Any], body: bytes) -> Iterator[dict[str, Any]]:
    """`{asset: {time: [rows]}}`; the keys only repeat what the rows say."""
    for times in document.values():
        for rows in times.values() if isinstance(times, dict) else [None]:
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise UpstreamInvalid(f"Butlr's metrics are in an unknown form: {quote(body)}")
            yield from rows


def samples(rows: list[dict[str, Any]], subject: SeriesSubject, period: Period) -> Samples:
    """The rows' windows that begin in the period; a `null` value is a gap (NaN).

    Rows of another level are left out: a floor's traffic is that of its own entrances, and the doors of
    its rooms are not added to it.
    """
    assets: dict[tuple[str, str], int] = {}
    seen: set[tuple[str, int, str, object]] = set()
    index, start_s, value = [], [], []
    for row in rows:
        at_s, level, asset = _time(row.get(TIME_IS)), *_asset(row)
        if at_s is None or asset is None:
            keys = ", ".join(row)[:200]
            raise UpstreamInvalid(f"Butlr's metrics hold a row without time or asset (it has {keys})")
        if level == subject.level and period.start_s <= at_s < period.end_s:
            series = (asset, _field(row, subject))
            # Doors whose sensor has no name may look alike; pages that overlap would count people twice.
            if isinstance(sensor := row.get("sensor_id"), str):
                _check_first(seen, (sensor, at_s, asset, (series[1], str(row.get("field")))))
            index.append(assets.setdefault(series, len(assets)))
            start_s.append(at_s)
            value.append(_value(row.get("value")))
    return Samples(
        tuple(assets),
        np.array(index, np.int32),
        np.array(start_s, np.int64),
        np.array(value, np.float64),
    )


def _check_first(seen: set[tuple[str, int, str, object]], row: tuple[str, int, str, object]) -> None:
    if row in seen:
        raise UpstreamInvalid(f"Butlr's metrics hold {row[0]} at {iso(row[1])} twice")
    seen.add(row)


def _field(row: dict[str, Any], subject: SeriesSubject) -> str:
    """`in` or `out` of traffic; of several measurements which one; else `value`."""
    if "+" in subject.measurement:
        measurement = row.get("measurement")
        if measurement not in subject.measurement.split("+"):
            raise UpstreamInvalid(f"Butlr's metrics hold a row of {str(measurement)[:40]!r}, not asked for")
        return str(measurement)
    field = row.get("field")
    if not isinstance(field, str | None):
        raise UpstreamInvalid(f"Butlr's metrics hold the field {str(field)[:40]!r}")
    return field if field in ("in", "out") else "value"


def _asset(row: dict[str, Any]) -> tuple[str, str | None]:
    """The level and id of the narrowest asset that a row names."""
    for level in ("zone", "room", "floor"):
        for key in ASSET_KEYS[level]:
            if isinstance(row.get(key), str) and row[key]:
                return level, row[key]
    return "floor", None


def _time(raw: object) -> int | None:
    if not isinstance(raw, str):
        return None
    try:
        moment = datetime.fromisoformat(raw)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _value(raw: object) -> float:
    if raw is None:
        return float("nan")
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= LARGEST_COUNT:
        raise UpstreamInvalid(f"Butlr's metrics hold the value {str(raw)[:40]!r}")
    return float(raw)
