"""What panels offer as CSV, reckoned as the panels themselves are; nothing in it is only nearly a number."""

from __future__ import annotations

import csv
import io
import math
from datetime import datetime
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.dashboards.grafana import fill
from tests.dashboards.people import Look, finest
from tests.dashboards.reckoning import CHECKS
from tests.dashboards.test_numbers import CHOICES, RATES, same
from tests.dashboards.test_queries import (  # noqa: F401  # `file`: a fixture
    END,
    START,
    file,
    proxied,
    start_values,
)
from tests.support import World, at, know_rate

Json = dict[str, Any]

TIMES = ("time", "as_of", "from", "to")
AXES = {"x_m": "x", "y_m": "y"}
SERIES = ("occupancy", "traffic", "presence")


def value(name: str, text: str) -> Any:
    """A cell as a frame holds it: times in milliseconds, nothing for an unknown number or no text."""
    if name in TIMES:
        return round(datetime.fromisoformat(text).timestamp() * 1000)
    try:
        number = float(text)
    except ValueError:
        return text
    assert math.isfinite(number), f"{name}: {text} is no number for a spreadsheet"
    return number


def frames_of(target: str, text: str, look: Look) -> list[Json]:
    """A CSV file as the frames that the panel gets: of series one an asset, with its labels."""
    head, *lines = csv.reader(io.StringIO(text))
    names = [AXES.get(name, name) for name in head]
    found = [{name: value(name, cell) for name, cell in zip(names, line, strict=True)} for line in lines]
    if target not in SERIES:
        texts = {name for name in names if any(isinstance(row[name], str) and row[name] for row in found)}
        texts |= {"reason"} & set(names)
        rows = [{n: None if v == "" and n not in texts else v for n, v in row.items()} for row in found]
        return [frame(names, rows, resolution=cell_size(look))]
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


def cell_size(look: Look) -> float:
    chosen = look.words.get("resolution", "auto")
    return finest(look.floors[0]) if chosen == "auto" else float(chosen)


@pytest.mark.parametrize("choice", CHOICES)
def test_a_file_holds_the_panels_numbers(dashboard: Json, world: World, choice: str) -> None:
    for space, rate in RATES.items():
        know_rate(world, space, rate)
    start = start_values(dashboard)
    values = start | {name: chosen for name, chosen in CHOICES[choice].items() if name in start}
    done = 0
    for panel in dashboard["panels"]:
        for link in panel["links"]:
            path = fill(proxied(link["url"], panel), values)
            words = dict(parse_qsl(urlsplit(path).query))
            target = urlsplit(path).path.rpartition("/")[2]
            if words.pop("format") != "csv":
                continue
            answer = world.http.get(path)
            assert answer.mimetype == "text/csv"
            look = Look(words, at(START), at(END), int(world.now_s), RATES)
            for field, got, expected in CHECKS[target](frames_of(target, answer.text, look), look):
                assert same(got, expected), (panel["title"], field, got, expected)
            done += 1
    assert done


def test_files_are_read_back_strictly() -> None:
    with pytest.raises(AssertionError, match="no number for a spreadsheet"):
        value("change_pct", "nan")
    assert [value("in", text) for text in ("3.0", "")] == [3.0, ""]
