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

_NAMES = ("field", *ID_KEYS)
_TEXTS = frozenset({str, type(None)})
_NUMBERS = frozenset({int, float})


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
    place_of: dict[tuple[object, ...], int] = {}
    first: dict[tuple[int, int], Row] = {}
    number: dict[tuple[str, str], int] = {}
    index, start_s, value, incomplete = [], [], [], 0
    for row in rows:
        label, names = row.get("time"), tuple(map(row.get, _NAMES))
        try:
            place = place_of[names]
        except (KeyError, TypeError):
            # TypeError: a list or an object among the names.
            _check_texts(names)
            series = _series(row, space, subject, requested)
            place = place_of[names] = number.setdefault(series, len(number))
        if not isinstance(label, str):
            _check_texts((label,))
        begins_s = windows.start_of(label, calibrated=row.get("preprocessed") is True)
        earlier = first.setdefault((place, begins_s), row)
        if earlier is not row:
            _check_repetition(earlier, row, begins_s)
            continue
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


def _check_texts(names: Iterable[object]) -> None:
    """Raises `UpstreamInvalid` if a time, field or id is neither a text nor missing."""
    if not _TEXTS.issuperset(map(type, names)):
        raise UpstreamInvalid("Butlr's metrics contain a row whose time, field or id is not a text")


def _check_repetition(earlier: Row, row: Row, begins_s: int) -> None:
    """Raises `UpstreamInvalid` unless two rows of a series and window are the same one."""
    if any(earlier.get(key) != row.get(key) for key in ("time", *_NAMES)):
        raise UpstreamInvalid(
            f"Butlr's metrics contain two rows for the window {iso(begins_s)}, "
            f"labelled {earlier.get('time')} and {row.get('time')}: {_named(row)}"
        )
    if earlier.get("value") != row.get("value"):
        raise UpstreamInvalid(f"Butlr's metrics contain two values for one row: {_named(row)}")


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
    names = {key: row.get(key) for key in ("time", *_NAMES)}
    return ", ".join(f"{key} {value}" for key, value in names.items() if value)[:300]


def _value(raw: Any, row: Row) -> float:
    if raw is None:
        return float("nan")
    if type(raw) not in _NUMBERS or not 0 <= raw <= LARGEST_COUNT:
        raise UpstreamInvalid(f"Butlr's metrics contain the value {str(raw)[:40]!r}: {_named(row)}")
    return float(raw)
