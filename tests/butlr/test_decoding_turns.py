"""Responses that come at the same time are decoded one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from butlr_grafana.butlr import api
from butlr_grafana.butlr.api import Butlr, ButlrConfig
from butlr_grafana.model.chunk import HeatMapSubject, Segment, SeriesSubject, StatsSubject, Subject
from butlr_grafana.model.time import Period
from tests.support import HANG_S, at, until

START_S = at("2026-06-17T12:00:00")
PERIOD = Period(START_S, START_S + 3600)
HEAT = HeatMapSubject(1.0)
PEOPLE = SeriesSubject("floor_occupancy", "floor", "1h", "mean", "UTC")
FIGURES = StatsSubject(("floor_occupancy",), ("space_1",))


@pytest.mark.parametrize(
    ("subject", "decoder"),
    [
        (HEAT, (api.heatmaps, "heat_map")),
        (PEOPLE, (api, "rows_of")),
        (PEOPLE, (api.metrics, "samples")),
        (FIGURES, (api.statistics, "samples")),
    ],
    ids=["heat map", "rows", "samples", "statistics"],
)
def test_one_response_is_decoded_at_a_time(
    subject: Subject, decoder: tuple[Any, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    butlr = Butlr(ButlrConfig("http://127.0.0.1:1", "id", "secret"))
    monkeypatch.setattr(api, "LONGEST_TURN_S", HANG_S)
    received, inside, most = [], [], []
    decode: Callable[..., Any] = getattr(*decoder)

    def post(_path: str, _body: object) -> bytes:
        received.append(None)
        return response_of(subject)

    def slow(*args: Any, **kwargs: Any) -> Any:
        inside.append(None)
        until(lambda: len(received) == 2)  # the other response is there too
        most.append(len(inside))
        try:
            return decode(*args, **kwargs)
        finally:
            inside.pop()

    monkeypatch.setattr(butlr.client, "post", post)
    monkeypatch.setattr(*decoder, slow)
    threads = [
        threading.Thread(target=butlr.fetch, args=(Segment(space, subject, PERIOD, settled=False),))
        for space in ("space_1", "space_2")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG_S)
    assert most == [1, 1]


def test_heat_maps_decoded_at_the_same_time_are_each_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a turn here: both responses have been parsed before one of them is read."""
    butlr = Butlr(ButlrConfig("http://127.0.0.1:1", "id", "secret"))
    monkeypatch.setattr(api, "LONGEST_TURN_S", 0.0)
    both_are_parsed, holder = threading.Barrier(2), api.heatmaps._holder
    counts = {"space_1": 3, "space_2": 500}

    def post(_path: str, request: dict[str, Any]) -> bytes:
        count = counts[request["filter"]["space_id"]]
        return orjson.dumps({"array_cells": [[0.5, y + 0.5, count] for y in range(count)], "metadata": {}})

    def held_back(document: Any, body: bytes) -> Any:
        both_are_parsed.wait(HANG_S)
        return holder(document, body)

    monkeypatch.setattr(butlr.client, "post", post)
    monkeypatch.setattr(api.heatmaps, "_holder", held_back)
    segments = [Segment(space, HEAT, PERIOD, settled=False) for space in counts]
    with ThreadPoolExecutor(2) as pool:
        grids = [chunk.grid for chunk in pool.map(butlr.fetch, segments)]
    for grid, count in zip(grids, counts.values(), strict=True):
        assert grid.ix.tolist() == [0] * count
        assert grid.iy.tolist() == list(range(count))
        assert grid.value.tolist() == [count] * count


def response_of(subject: Subject) -> bytes:
    match subject:
        case HeatMapSubject():
            metadata = {
                "bounds": {"min_x": 0, "min_y": 0, "max_x": 1, "max_y": 1},
                "resolution": 1.0,
                "max_value": 2,
                "total_detections": 2,
            }
            cells = {"array_cells": [[0.5, 0.5, 2]], "metadata": metadata}
            return orjson.dumps({"data": [{"heatmap_v2": cells}]})
        case SeriesSubject():
            return orjson.dumps({"data": []})
        case StatsSubject():
            return orjson.dumps({"data": {"space_1": {"floor_occupancy": 1.0}}})
