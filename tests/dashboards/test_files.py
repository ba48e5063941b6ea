"""What panels offer as CSV, reckoned as the panels themselves are; nothing in it is only nearly a number."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest

from tests.dashboards.grafana import file_links, fill
from tests.dashboards.people import View, finest
from tests.dashboards.reckoning import CHECKS, WEEKDAYS
from tests.dashboards.test_numbers import CHOICES, RATES
from tests.dashboards.test_queries import (  # noqa: F401  # `file`: a fixture
    END,
    START,
    file,
    proxied,
    start_values,
)
from tests.support import World, at, know_rate

Json = dict[str, Any]

TIMES = (
    "time",
    "as_of",
    "from",
    "to",
    "unknown_since",
    "last_heartbeat",
    "last_reading",
    "battery_due",
    "free_since",
    "peak_at",
)
TEXTS = ("model", "serial", "mac")
"""Which may look like numbers."""
SERIES = ("occupancy", "traffic", "presence")
ZONES = ("hot-zones", "compare-zones")

RAW: dict[str, tuple[str, float]] = {
    "floor_id": ("space", 1),
    **{f"{name}_utc": (name, 1) for name in TIMES},
    "x_m": ("x", 1),
    "y_m": ("y", 1),
    "hours_counted": ("hours", 1),
    "hours_known": ("hours", 1),
    "hours_counted_now": ("now_hours", 1),
    "hours_counted_then": ("then_hours", 1),
    "detections_per_hour": ("per_hour", 1),
    "detections_per_m2_and_hour": ("per_m2_hour", 1),
    "detections_per_ft2_and_hour": ("per_ft2_hour", 1),
    "share_of_detections_percent": ("share", 100),
    "change_percent": ("change_pct", 1),
    "change_of_share_percentage_points": ("share_change", 100),
    "capacity_used_percent": ("share", 100),
    "people_mean": ("mean", 1),
    "people_mean_when_used": ("mean_when_used", 1),
    "people_median": ("median", 1),
    "people_p95": ("p95", 1),
    "people_peak": ("peak", 1),
    "utilization_percent": ("utilization", 100),
    "time_in_use_minutes": ("in_use_s", 1 / 60),
    "time_in_use_percent": ("in_use_share", 100),
    "stay_minutes": ("dwell_s", 1 / 60),
    "free_for_minutes": ("free_for_s", 1 / 60),
    "presence_minutes": ("value", 1 / 60),
    "offline_minutes": ("offline_s", 1 / 60),
    "sensors_offline_percent": ("offline_share", 100),
    "people_in": ("in", 1),
    "people_out": ("out", 1),
    "time_zone": ("timezone", 1),
}
"""What a column of a file is called in frames and by what its values are multiplied there: it says its
unit."""

OF_TARGET: dict[str, dict[str, tuple[str, float]]] = {
    "heatmap": {"detections_per_hour": ("detections_per_hour", 1)},
    "playback": {"detections_per_hour": ("detections_per_hour", 1)},
    "occupancy": {"people": ("value", 1)},
    "pattern": {"people": ("value", 1), "detections_per_hour": ("value", 1)},
    "utilization": {"people_in": ("entries", 1)},
    "totals": {"capacity_used_at_peak_percent": ("peak_share", 100)},
    "floors-now": {"people_usual": ("usual", 1), "people_more_than_usual": ("excess", 1)},
    "compare-utilization": {
        "people_now": ("mean", 1),
        "people_then": ("mean_before", 1),
        "people_change": ("mean_change", 1),
        "time_in_use_now_percent": ("in_use_share", 100),
        "time_in_use_then_percent": ("in_use_share_before", 100),
        "time_in_use_change_percentage_points": ("in_use_change", 100),
    },
    "heatmap-summary": {
        "detections": ("total_detections", 1),
        "fullest_cell_detections": ("peak", 1),
        "fullest_cell_x_m": ("peak_x", 1),
        "fullest_cell_y_m": ("peak_y", 1),
    },
    **{
        name: {
            f"{unit}_{side}": (raw, 1)
            for unit in ("people", "people_per_m2", "detections_per_hour")
            for side, raw in (("now", "current"), ("then", "baseline"), ("change", "change"))
        }
        for name in ("compare", "compare-zones")
    },
}


def raw(target: str, name: str) -> tuple[str, float]:
    found = OF_TARGET.get(target, {}).get(name) or RAW.get(name, (name, 1))
    if target in ("hot-zones", "compare-zones") and name in ("room", "room_id"):
        return name.replace("room", "zone"), 1
    return ("floor", 1) if name == "floor" else found


def value(name: str, text: str, times: float = 1) -> Any:
    """A cell as a frame holds it: times in milliseconds, nothing for an unknown number or no text."""
    if name in TIMES:
        return round(datetime.fromisoformat(text).timestamp() * 1000) if text else ""
    if name in TEXTS:
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    assert math.isfinite(number), f"{name}: {text} is no number for a spreadsheet"
    return number / times


def nearly(found: Any, expected: Any) -> bool:
    """Files are rounded to six digits."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(nearly(found[k], v) for k, v in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(nearly, found, expected))
    if found is None or expected is None or isinstance(expected, str | set):
        return bool(found == expected)
    return bool(found == pytest.approx(expected, rel=1e-5, abs=1e-6))


def check_local(row: Json, name: str) -> None:
    """Local time stands beside UTC, by the clock of the zone that stands there too."""
    utc_ms = row[name.removesuffix("_local")]
    if utc_ms != "":
        local = datetime.fromtimestamp(utc_ms / 1000, ZoneInfo(row["timezone"]))
        assert row[name] == f"{local:%Y-%m-%d %H:%M:%S}"


def frames_of(target: str, text: str, view: View) -> list[Json]:
    """A CSV file as the frames that the panel gets: of series one an asset, with its labels."""
    assert text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}")
    head, *lines = csv.reader(io.StringIO(text[1:]))
    columns = [raw(target, name) for name in head]
    names = [name for name, _ in columns]
    found = [
        {name: value(name, cell, times) for (name, times), cell in zip(columns, line, strict=True)}
        for line in lines
    ]
    if view.params.get("level") == "floor" and target in ZONES:
        found = [
            row
            | {"zone_id": row["space"], "zone": view.name(view.floors[0]) if view.as_one else row["floor"]}
            for row in found
        ]
        names += ["zone_id", "zone"]
    if target == "pattern":
        found = [row | {"weekday_number": 1 + WEEKDAYS.index(row["weekday"])} for row in found]
        names.append("weekday_number")
    for row in found:
        for name in [one for one in row if one.endswith("_local")]:
            check_local(row, name)
    if target == "totals":
        # A file has the time on the floors' clock already.
        for row in found:
            wall = datetime.fromisoformat(row["peak_at_local"])
            zone = " UTC" if row["timezone"] == "UTC" else ""
            row["peak_local"] = f"{wall:%a} {wall.day} {wall:%b %H:%M}{zone}"
        names.append("peak_local")
    if target not in SERIES:
        texts = {name for name in names if any(isinstance(row[name], str) and row[name] for row in found)}
        # A room without a type has none; it has no empty one.
        texts = (texts | {"reason"} & set(names)) - {"type"}
        rows = [{n: None if v == "" and n not in texts else v for n, v in row.items()} for row in found]
        return [frame(names, rows, resolution=cell_size(view))]
    made = []
    for key, own in groupby(found, lambda row: (row["space"], row.get("room_id"))):
        labels = {"space": key[0], **({"room_id": key[1]} if key[1] else {})}
        values = [name for name in names if name in ("time", "value", "in", "out")]
        rows = [{n: None if row[n] == "" else row[n] for n in values} for row in own]
        made.append(frame(values, rows, labels=labels))
    return made


def frame(names: list[str], rows: list[Json], *, labels: Json | None = None, resolution: float = 0.0) -> Json:
    fields = [{"name": name, "values": [row[name] for row in rows], "labels": labels} for name in names]
    return {"fields": fields, "meta": {"custom": {"resolution": resolution}}}


def cell_size(view: View) -> float:
    chosen = view.params.get("resolution", "auto")
    return finest(view.floors[0]) if chosen == "auto" else float(chosen)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """It is only asked: what is fetched for one page the others have too."""
    world = World()
    for space, rate in RATES.items():
        know_rate(world, space, rate)
    yield world
    world.close()


@pytest.mark.parametrize("choice", CHOICES)
def test_a_file_holds_the_panels_numbers(dashboard: Json, world: World, choice: str) -> None:
    start = start_values(dashboard)
    values = start | {name: chosen for name, chosen in CHOICES[choice].items() if name in start}
    done = 0
    for panel in dashboard["panels"]:
        for link in file_links(panel):
            path = fill(proxied(link["url"], panel), values)
            params = dict(parse_qsl(urlsplit(path).query))
            target = urlsplit(path).path.rpartition("/")[2]
            if params.pop("format") != "csv":
                continue
            assert params.pop("bom") == "1"
            response = world.http.get(path)
            assert response.mimetype == "text/csv"
            view = View(params, at(START), at(END), int(world.now_s), RATES)
            for field, got, expected in CHECKS[target](frames_of(target, response.text, view), view):
                assert nearly(got, expected), (panel["title"], field, got, expected)
            done += 1
    assert done


def test_files_are_read_back_strictly() -> None:
    with pytest.raises(AssertionError, match="no number for a spreadsheet"):
        value("change_pct", "nan")
    assert [value("in", text) for text in ("3.0", "")] == [3.0, ""]
