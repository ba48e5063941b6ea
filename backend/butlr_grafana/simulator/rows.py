"""The rows of a report in Butlr's form: one row for each series and window."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import numpy as np

from .geometry import Bools, Floats
from .report_query import BOUNDS, ReportQuery
from .series import Series
from .stays import Ints

Row = dict[str, Any]


@dataclass(frozen=True)
class Window:
    """The fields of a row about its window: the label, start and stop, and the offset of the clock."""

    time: str
    start: str
    stop: str
    timezone_offset: str


@dataclass(frozen=True)
class Table:
    """`[series, window]`: the values (NaN for none), and the share of minutes without data (NaN: no minute is
    over).
    """

    series: Sequence[Series]
    windows: Sequence[Window]
    values: Floats
    partial_errors: Floats


def iso(at_s: float) -> str:
    """A UTC time as Butlr writes it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def windows(
    query: ReportQuery, starts_s: Sequence[float], stops_s: Sequence[float], *, by: str
) -> list[Window]:
    """The windows, labelled `by` their start or end. Calibrated rows contain their own window, others the
    whole period.
    """
    values_range = iso(query.start_s), iso(query.stop_s)
    found = []
    for start_s, stop_s in zip(starts_s, stops_s, strict=True):
        if query.is_calibrated:
            start, stop = iso(start_s), iso(stop_s)
            found.append(Window(start, start, stop, ""))
        else:
            label_s = start_s if by == "start" else stop_s
            found.append(Window(iso(label_s), *values_range, _offset(label_s, query.tz)))
    return found


def _offset(at_s: float, tz: tzinfo) -> str:
    """Cut to hours: India, at half past five, is 5h."""
    offset = datetime.fromtimestamp(at_s, tz).utcoffset()
    return f"{0 if offset is None else int(offset.total_seconds() / 3600)}h"


def number(value: float) -> float | int | None:
    """A number for JSON: whole numbers without a fraction, no data as null."""
    if math.isnan(value):
        return None
    return int(value) if float(value).is_integer() else float(value)


def rows(query: ReportQuery, table: Table, *, marked: bool) -> list[Row]:
    """The rows, sorted by time within each series; the series have no order.

    `marked`: every row says whether it is incomplete, and rows without any data have null.
    """
    keep = np.isfinite(table.values) & _within(query, table.values)
    if marked:
        keep |= table.partial_errors == 1
    found: list[Row] = []
    for index in _shuffled(query, len(table.series)):
        base = _base(query, table.series[index])
        for k in np.flatnonzero(keep[index]).tolist():
            row = {**base, **vars(table.windows[k]), "value": number(table.values[index, k])}
            if marked:
                row |= quality(table.partial_errors[index, k])
            found.append(row)
    return found


def quality(partial_errors: float) -> Row:
    """The fields that say that a value covers only a part of its window."""
    return {"data_incomplete": bool(partial_errors > 0), "null_percentage": round(float(partial_errors), 4)}


def _within(query: ReportQuery, values: Floats) -> Bools:
    within = np.ones(values.shape, dtype=np.bool_)
    for name, bound in query.bounds:
        within &= BOUNDS[name](values, bound)
    return within


def _shuffled(query: ReportQuery, n: int) -> Ints:
    """An order that is the same for the same question."""
    key = f"{query.start_s} {query.stop_s} {query.every} {query.measured.inside}"
    return np.random.default_rng(zlib.crc32(key.encode())).permutation(n)


def _base(query: ReportQuery, one: Series) -> Row:
    """What all rows of a series say. What does not apply is ""; calibration keeps fewer ids."""
    calibrated = query.is_calibrated
    floor, room, zone, sensor = one.floor, one.room, one.zone, one.sensor
    building = None if calibrated else one.building
    hive = None
    if floor is not None and sensor is not None:
        hive = next((hive for hive in floor.hives if hive.serial_number == sensor.hive_serial), None)
    return {
        "field": "aggregator_occupancy" if calibrated else one.field,
        "measurement": "aggregator_headcount" if calibrated else query.measured.inside,
        "time": "",
        "start": "",
        "stop": "",
        "value": None,
        "preprocessed": calibrated,
        "timezone_offset": "",
        "tag_id": "" if one.tag is None else one.tag.id,
        "building_id": "" if building is None else building.id,
        "building_name": "" if building is None else building.name,
        "hive_id": "" if hive is None else hive.id,
        "hive_serial": "" if hive is None else hive.serial_number,
        "sensor_id": "" if sensor is None else sensor.id,
        "space_id": "" if floor is None else floor.id,
        "space_name": "" if floor is None else floor.name,
        "room_id": "" if room is None else room.id,
        "room_name": "" if room is None else room.name,
        "zone_id": "" if zone is None else zone.id,
        "zone_name": "" if zone is None else zone.name,
        "mac_address": "" if sensor is None else sensor.mac_address,
    }
