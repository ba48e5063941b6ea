"""Metrics: the request to `POST /api/v3/reporting`, and its rows → `Samples`.

One measurement per call, without `group_by`. Butlr's rows have internal names. So a row is matched by its
place and time, never by its `measurement` or `field` (except `in` and `out` of traffic). Rows that do not fit
the request are an error: nothing of that response is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.heatmaps import LARGEST_COUNT
from butlr_grafana.butlr.labels import Windows
from butlr_grafana.model.chunk import Samples, SeriesSubject
from butlr_grafana.model.doors import door_key
from butlr_grafana.model.time import Period, iso

Row = dict[str, Any]

FILTERS = {"floor": "spaces", "sensor": "spaces", "room": "rooms", "zone": "zones"}
"""The filter that names what is asked for by level; a floor's traffic sensors are asked for by the floor."""

PLACES = {
    "floor": ("space_id", "floor_id"),
    "sensor": ("space_id", "floor_id"),
    "room": ("room_id",),
    "zone": ("zone_id",),
}
"""Where a row names what is asked for by level; a traffic sensor is asked for by its floor."""

ID_KEYS = (
    "building_id",
    "space_id",
    "floor_id",
    "room_id",
    "zone_id",
    "sensor_id",
    "hive_id",
    "mac_address",
    "tag_id",
)
"""What tells two rows of one time and field apart."""

_IDENTITY = ("time", "field", *ID_KEYS)
_TEXTS = frozenset({str, type(None)})


def request_body(subject: SeriesSubject, period: Period, ids: Sequence[str]) -> dict[str, object]:
    """The body of one call. `ids`: of floors, rooms or zones, by the level. Absolute times, and always the
    time zone: windows and calibrated days are by it.
    """
    where: dict[str, object] = {
        "start": iso(period.start_s),
        "stop": iso(period.end_s),
        "measurements": [subject.measurement],
        "value": {"gte": 0},
    }
    where[FILTERS[subject.level]] = {"eq": list(ids)}
    window: dict[str, object] = {
        "every": subject.every,
        "function": subject.function,
        "timezone": subject.timezone,
    }
    if subject.level == "sensor":
        # Of movements a window without a row is none; of people it may be an offline sensor.
        window["create_empty"] = True
    if subject.is_calibrated:
        where["calibrated"] = "true"
    return {"window": window, "filter": where, "options": {"format": "json", "timestamp": "RFC3339"}}


def samples(rows: Iterable[Row], space: str, subject: SeriesSubject, period: Period) -> Samples:
    """The rows as values of assets in windows; a value that is null or incomplete is a gap (NaN).

    For traffic the assets are sensors (`doors.door_key`); rows of other sensors are left out. Raises
    `UpstreamInvalid` for a row without a place or time, of a place or window that was not requested, or that
    contradicts another row.
    """
    windows = Windows(period, subject.every, subject.timezone, subject.labels)
    requested = frozenset(subject.items)
    known: dict[tuple[object, ...], object] = {}
    filled: dict[tuple[int, int], str] = {}
    number: dict[tuple[str, str], int] = {}
    index, start_s, value, incomplete = [], [], [], 0
    for row in rows:
        label = row.get("time")
        identity = _identity(row)
        if identity in known:
            if known[identity] != row.get("value"):
                raise UpstreamInvalid(f"Butlr's metrics contain two values for one row: {_named(row)}")
            continue
        known[identity] = row.get("value")
        begins_s = windows.start_of(label, calibrated=row.get("preprocessed") is True)
        series = _series(row, space, subject, requested)
        place = number.setdefault(series, len(number))
        if (place, begins_s) in filled:
            raise UpstreamInvalid(
                f"Butlr's metrics contain two rows for the window {iso(begins_s)}, "
                f"labelled {filled[place, begins_s]} and {label}: {_named(row)}"
            )
        filled[place, begins_s] = str(label)
        is_incomplete = row.get("data_incomplete") is True
        incomplete += is_incomplete
        counted = float("nan") if is_incomplete else _value(row.get("value"), row)
        if subject.level == "sensor" and counted == 0:
            continue
        index.append(place)
        start_s.append(begins_s)
        value.append(counted)
    return Samples(
        tuple(number),
        np.array(index, np.int32),
        np.array(start_s, np.int64),
        np.array(value, np.float64),
        incomplete,
    )


def _identity(row: Row) -> tuple[object, ...]:
    """What tells a row from all others: time, field and ids, each a text or missing."""
    identity = tuple(map(row.get, _IDENTITY))
    if not _TEXTS.issuperset(map(type, identity)):
        raise UpstreamInvalid("Butlr's metrics contain a row whose time, field or id is not a text")
    return identity


def ids_in(rows: Iterable[Row], level: str) -> frozenset[str]:
    """The assets of a level that rows name."""
    return frozenset(asset for row in rows if (asset := _place(row, level)))


def _series(row: Row, space: str, subject: SeriesSubject, requested: frozenset[str]) -> tuple[str, str]:
    """Whose value a row is, and which: `in` or `out` of traffic, else `value`."""
    if subject.level == "sensor":
        field = row.get("field")
        if field not in ("in", "out"):
            raise UpstreamInvalid(
                f"Butlr's traffic contains the field {str(field)[:40]!r}, which is neither in nor out"
            )
        return door_key(_text(row, "room_id"), _text(row, "sensor_id"), _text(row, "mac_address")), field
    if subject.level == "floor":
        asset = _place(row, "floor") or space
        if asset != space:
            raise UpstreamInvalid(f"Butlr's metrics contain {asset[:60]!r}, which was not requested")
        return asset, "value"
    asset = _place(row, subject.level) or (next(iter(requested)) if len(requested) == 1 else "")
    if not asset:
        raise UpstreamInvalid(f"Butlr's metrics contain a row without a {subject.level}: {_named(row)}")
    if asset not in requested:
        raise UpstreamInvalid(f"Butlr's metrics contain {asset[:60]!r}, which was not requested")
    return asset, "value"


def places_of(row: Row, level: str) -> list[str]:
    """The ids by which a row may belong to what was asked for."""
    return [text for key in PLACES[level] if (text := _text(row, key))]


def _place(row: Row, level: str) -> str:
    for key in PLACES[level]:
        if text := _text(row, key):
            return text
    return ""


def _text(row: Row, key: str) -> str:
    raw = row.get(key)
    return raw if isinstance(raw, str) else ""


def _named(row: Row) -> str:
    """A row by its time, field and ids, for an error message."""
    identity = {key: row.get(key) for key in _IDENTITY}
    return ", ".join(f"{key} {value}" for key, value in identity.items() if value)[:300]


def _value(raw: object, row: Row) -> float:
    if raw is None:
        return float("nan")
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw <= LARGEST_COUNT:
        raise UpstreamInvalid(f"Butlr's metrics contain the value {str(raw)[:40]!r}: {_named(row)}")
    return float(raw)
