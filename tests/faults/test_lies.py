"""Butlr answers well-formed HTTP that cannot be what it claims to be."""

from __future__ import annotations

import gzip
from typing import Any

import orjson
import pytest

from butlr_grafana.butlr import transport
from tests.butlr.wire import respond
from tests.faults.trial import FrontedTrial, Trial, keeps_the_promise
from tests.support import REPORTING

BOUNDS = {"min_x": 0, "min_y": 0, "max_x": 30, "max_y": 20}


def heat_map(*cells: Any, **metadata: Any) -> bytes:
    return orjson.dumps({"array_cells": cells, "metadata": {"bounds": BOUNDS, **metadata}})


LIES: dict[str, tuple[bytes, str]] = {
    "a page": (b"<html><h1>Maintenance</h1></html>", "is not JSON.*Maintenance"),
    "nothing": (b"", "is not JSON"),
    "half an answer": (heat_map([0.25, 0.25, 1])[:-30], "is not JSON"),
    "an error": (b'{"error": "later"}', "has no array_cells"),
    "two answers": (b"[" + heat_map() + b"," + heat_map() + b"]", "sent 2 heat maps"),
    "NaN": (heat_map([0.25, 0.25, 7]).replace(b"7]", b"NaN]"), "is not JSON"),
    "infinity": (heat_map([0.25, 0.25, 7]).replace(b"7]", b"1e999]"), "is not JSON|not finite"),
    "less than nobody": (heat_map([0.25, 0.25, -1]), "cells of -1 to -1 detections"),
    "more than ever lived": (heat_map([0.25, 0.25, 1e300]), "detections"),
    "words": (heat_map([0.25, 0.25, "7"]), "not a number"),
    "no figure": (heat_map([0.25, 0.25, None]), "not a number"),
    "ragged rows": (heat_map([0.25, 0.25, 1], [0.75, 0.25]), r"is not \[x, y, value\]"),
    "another planet": (heat_map([1e7, 0.25, 1]), "farther than 10000 m"),
    "the next town": (heat_map([2000.25, 2000.25, 1]), "outside the bounds"),
    "a region": (
        orjson.dumps({"array_cells": [[0.25, 0.25, 1], [5000.25, 5000.25, 1]], "metadata": {}}),
        "the cells cover",
    ),
    "off the grid": (heat_map([0.25, 0.25, 1], [0.4, 0.25, 1]), "do not lie on a grid"),
    "a cell twice": (heat_map([0.25, 0.25, 1], [0.25, 0.25, 1], total_detections=1), "1 cells twice"),
    "another resolution": (heat_map([0.25, 0.25, 1], resolution=1.0), "cells of 1 m; cells of 0.5 m"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_cannot_be_is_neither_shown_nor_kept(trial: Trial, lie: str) -> None:
    body, reason = LIES[lie]
    keeps_the_promise(trial, trial.fails(body=body), reason=reason)


def test_a_bomb_is_not_unpacked(fronted: FrontedTrial, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gigabyte would be held whole; the limit is lowered so that the test need not make one."""
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 2**20)
    bomb = respond(gzip.compress(bytes(64 * 2**20)), "200 OK", "Content-Encoding: gzip")
    keeps_the_promise(fronted, fronted.responds_with(bomb), reason="is larger than 1 MiB")


def test_bounds_that_nothing_can_be_laid_out_in_are_not_believed(fronted: FrontedTrial) -> None:
    """They only frame the map: the cells are right, and shown and kept."""
    wide = {"min_x": -9000, "min_y": -9000, "max_x": 9000, "max_y": 9000}
    body = orjson.dumps({"array_cells": [[10.25, 10.25, 4]], "metadata": {"bounds": wide}})
    with fronted.responds_with(respond(body)):
        response = fronted.query_panel()
    assert response.complete
    assert sum(response.cells.values()) == 3 * 4


ROW = {"field": "value", "time": "2026-06-16T15:00:00Z", "room_id": "room_1", "value": 3}
SERIES_LIES: dict[str, bytes] = {
    "a page": b"<html>",
    "half an answer": orjson.dumps([ROW])[:-9],
    "NaN": orjson.dumps([ROW]).replace(b":3}", b":NaN}"),
    "less than nobody": orjson.dumps([{**ROW, "value": -3}]),
    "more than ever lived": orjson.dumps([{**ROW, "value": 1e300}]),
    "words": orjson.dumps([{**ROW, "value": "3"}]),
    "no time": orjson.dumps([{**ROW, "time": None}]),
    "a day that never was": orjson.dumps([{**ROW, "time": "2026-02-30T00:00:00Z"}]),
    "nobody's": orjson.dumps([{**ROW, "room_id": None}]),
    "no row": b"[3]",
    "a sensor's minute twice": orjson.dumps([{**ROW, "sensor_id": "s"}, {**ROW, "sensor_id": "s"}]),
}


@pytest.mark.parametrize("lie", SERIES_LIES)
def test_metrics_that_cannot_be_are_neither_shown_nor_kept(trial: Trial, lie: str) -> None:
    params = {"space": "space_newyork_1", "from": "2026-06-16T13:00:00Z", "to": "2026-06-16T19:00:00Z"}
    params |= {"level": "room", "format": "rows"}

    def occupancy() -> Any:
        return trial.http.get("/api/v1/occupancy", query_string=params)

    with trial.fails(body=SERIES_LIES[lie], paths=(REPORTING,)):
        response = occupancy()
        assert response.status_code == 502, response.get_json()
        assert response.get_json()["error"] == {
            "code": "upstream_invalid",
            "message": response.get_json()["message"],
            "source": "upstream",
        }
    trial.restart()
    before = trial.simulator.count(REPORTING)
    response = occupancy()
    assert response.status_code == 200
    assert all(row["complete"] == 1 for row in response.get_json() if "complete" in row)
    assert trial.simulator.count(REPORTING) > before
