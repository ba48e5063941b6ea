"""Series of settled data are made once, and again only if something that they depend on is another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from butlr_grafana.model.chunk import Chunk, Samples
from butlr_grafana.model.floor import Building, Floor, Room
from butlr_grafana.model.queries import AssetSeries, SeriesQuery
from butlr_grafana.model.subjects import series_subject
from butlr_grafana.model.time import HOUR_S, Period
from butlr_grafana.pipeline.run import assets
from butlr_grafana.pipeline.settled_series import SettledSeries

pytestmark = pytest.mark.fast

DAY = Period(1_781_568_000, 1_781_568_000 + 24 * HOUR_S)
FLOOR = Floor(
    "space_1",
    "First",
    Building("building_1", "Main", "Site"),
    "UTC",
    rooms=(Room("room_1", "One", "space_1"), Room("room_2", "Two", "space_1")),
)
QUERY = SeriesQuery(
    metric="occupancy",
    floor=FLOOR,
    period=DAY,
    every="1h",
    statistic="mean",
    level="room",
    base=series_subject(FLOOR, "room_occupancy", "room", "1h", "mean"),
)


def chunk(value: float, *, settled: bool = True, fetched_at_s: float = 0.0) -> Chunk:
    """One value for the first room, in the first hour."""
    one = np.array([value])
    samples = Samples((("room_1", "value"),), np.zeros(1, np.int32), np.array([DAY.start_s]), one)
    return Chunk(DAY, samples, fetched_at_s, settled)


class Maker:
    """Makes series as the pipeline does, and counts."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, query: SeriesQuery, chunks: Sequence[Chunk]) -> list[AssetSeries]:
        self.made += 1
        return assets(query, chunks)


def first_values(series: Sequence[AssetSeries]) -> list[float]:
    return [float(one.values["value"][0]) for one in series]


def test_settled_series_are_made_once_whoever_asks() -> None:
    maker = Maker()
    series = SettledSeries(maker)
    listed_again = replace(FLOOR, name="".join(["Fi", "rst"]))
    for query in (QUERY, replace(QUERY, require="complete"), replace(QUERY, floor=listed_again)):
        assert first_values(series.of(query, [chunk(3.0)])) == [3.0]
    assert maker.made == 1


@pytest.mark.parametrize(
    "query",
    [
        replace(QUERY, floor=replace(FLOOR, name="Ground")),
        replace(QUERY, period=Period(DAY.start_s, DAY.start_s + HOUR_S)),
        replace(QUERY, statistic="max"),
        replace(QUERY, every="1d"),
        replace(QUERY, rooms=FLOOR.rooms[:1]),
    ],
)
def test_another_query_has_series_of_its_own(query: SeriesQuery) -> None:
    maker = Maker()
    series = SettledSeries(maker)
    series.of(QUERY, [chunk(3.0)])
    found = series.of(query, [chunk(3.0)])
    assert maker.made == 2
    [ours], [theirs] = found, assets(query, [chunk(3.0)])
    assert (ours.floor, ours.name) == (theirs.floor, theirs.name)
    np.testing.assert_array_equal(ours.values["value"], theirs.values["value"])


def test_data_that_were_fetched_again_make_new_series() -> None:
    series = SettledSeries(assets)
    assert first_values(series.of(QUERY, [chunk(3.0)])) == [3.0]
    assert first_values(series.of(QUERY, [chunk(4.0, fetched_at_s=60.0)])) == [4.0]


def test_data_that_can_change_are_not_cached() -> None:
    series = SettledSeries(assets)
    for value in (3.0, 4.0):
        assert first_values(series.of(QUERY, [chunk(value, settled=False)])) == [value]


def test_nobody_can_change_what_is_cached() -> None:
    [one] = SettledSeries(assets).of(QUERY, [chunk(3.0)])
    with pytest.raises(ValueError, match="read-only"):
        one.values["value"][0] = 5.0


def test_what_is_too_large_is_not_cached() -> None:
    maker = Maker()
    series = SettledSeries(maker, max_bytes=100)
    for _ in range(2):
        assert first_values(series.of(QUERY, [chunk(3.0)])) == [3.0]
    assert maker.made == 2
