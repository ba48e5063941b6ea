"""Each shape of result as frames and rows: heat map, comparison, film, series, floor plan, table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from butlr_grafana.model.choices import names_together
from butlr_grafana.model.floor import Floor
from butlr_grafana.present.frames import comparison, heatmap, metadata, series, table
from butlr_grafana.present.frames.notices import QUANTITIES
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.targets.base import Result, TableTarget
from butlr_grafana.targets.shapes import (
    ComparisonResult,
    FilmResult,
    HeatMapResult,
    SeriesOverTime,
)

Row = dict[str, Any]
Rows = list[Row]
Frame = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """`frames(result, ref_id, demo)`; `blank(result, ref_id, meta)`: the frame of a result without content;
    `columns`: the rows' names, also where there is none.
    """

    frames: Callable[[Result[Any], str, bool], list[Frame]]
    rows: Callable[[Result[Any]], Rows]
    columns: Callable[[Result[Any]], tuple[str, ...]]
    blank: Callable[[Result[Any], str, dict[str, Any]], Frame]


def shape_of(result: Result[Any]) -> Shape:
    return SHAPES.get(result.target.shape, TABLE)


def floor_of(result: Result[Any]) -> Floor:
    """The floor of a result of one, or the first."""
    return next(iter(result.topology.floors.values()))


# Heat maps


def _heat_map_frames(result: Result[HeatMapResult], ref_id: str, demo: bool) -> list[Frame]:
    return [heatmap.frame(result.maps[0], ref_id=ref_id, demo=demo)]


def _cells(parsed: ParsedQuery) -> tuple[str, ...]:
    return ("x", "y", QUANTITIES[parsed.normalize].field)


def _blank_heat_map(result: Result[HeatMapResult], ref_id: str, meta: dict[str, Any]) -> Frame:
    quantity = QUANTITIES[result.parsed.normalize]
    values = [(quantity.field, quantity.title, quantity.unit)]
    return heatmap.blank_frame(floor_of(result), values, ref_id=ref_id, meta=meta)


# Comparisons


def _comparison_frames(result: Result[ComparisonResult], ref_id: str, demo: bool) -> list[Frame]:
    content = result.content
    assert content is not None
    return [
        comparison.frame(
            content.comparison,
            content.current,
            content.baseline,
            relative=content.is_relative,
            ref_id=ref_id,
            demo=demo,
        )
    ]


def _blank_comparison(result: Result[ComparisonResult], ref_id: str, meta: dict[str, Any]) -> Frame:
    shown = comparison.RELATIVE if result.parsed.normalize == "max" else comparison.VALUES
    return heatmap.blank_frame(floor_of(result), shown, ref_id=ref_id, meta=meta)


# Films


def _film_frames(result: Result[FilmResult], ref_id: str, demo: bool) -> list[Frame]:
    meta = metadata.meta(result, demo=demo)
    return [heatmap.playback_frame(result.maps, ref_id=ref_id, meta=meta)]


def _blank_film(result: Result[FilmResult], ref_id: str, meta: dict[str, Any]) -> Frame:
    return heatmap.blank_playback_frame(floor_of(result), result.parsed.normalize, ref_id=ref_id, meta=meta)


# Values over time


def _series_frames(result: Result[SeriesOverTime], ref_id: str, demo: bool) -> list[Frame]:
    floors = list(result.topology.floors.values())
    texts = names_together(floors) if len(floors) > 1 else {}
    found = [
        frame
        for part in result.fetched.series
        for frame in series.frames(part, ref_id=ref_id, demo=demo, floors=texts)
    ]
    if not found:
        # None of many floors is there yet.
        return [_blank_series(result, ref_id, metadata.meta(result, demo=demo))]
    return [with_notices(found[0], metadata.faults(result)), *found[1:]]


def _series_columns(result: Result[SeriesOverTime]) -> tuple[str, ...]:
    level = result.parsed.level or "room"
    asset = () if level == "floor" else (f"{level}_id", level)
    return ("time", "space", *asset, *series.FIELDS[result.target.name])


def _blank_series(result: Result[SeriesOverTime], ref_id: str, meta: dict[str, Any]) -> Frame:
    return series.empty_frame(result.target.name, floor_of(result), ref_id=ref_id, meta=meta)


# Tables


def _table_frames(result: Result[Any], ref_id: str, demo: bool) -> list[Frame]:
    found = rows(result)
    meta = metadata.meta(result, found=found, demo=demo)
    floors = {part.query.floor.name for part in result.results}
    name = floors.pop() if len(floors) == 1 else result.target.name
    return [_table(result, found, name, ref_id, meta)]


def _blank_table(result: Result[Any], ref_id: str, meta: dict[str, Any]) -> Frame:
    return _table(result, [], floor_of(result).name, ref_id, meta)


def _table(result: Result[Any], found: Rows, name: str, ref_id: str, meta: dict[str, Any]) -> Frame:
    own = _table_of(result).own_columns(_table_of(result).table_name(result))
    return table.frame(found, columns(result), own=own, ref_id=ref_id, name=name, meta=meta)


def _table_of(result: Result[Any]) -> TableTarget[Any]:
    assert isinstance(result.target, TableTarget)
    return result.target


TABLE = Shape(
    _table_frames,
    lambda result: _table_of(result).rows(result),
    lambda result: _table_of(result).columns(result.parsed),
    _blank_table,
)

SHAPES: Mapping[type[Any] | None, Shape] = {
    HeatMapResult: Shape(
        _heat_map_frames,
        lambda result: heatmap.rows(result.maps[0]),
        lambda result: _cells(result.parsed),
        _blank_heat_map,
    ),
    ComparisonResult: Shape(
        _comparison_frames,
        lambda result: comparison.rows(result.content.comparison) if result.content else [],
        lambda _: ("x", "y", "change", "current", "baseline", "change_pct"),
        _blank_comparison,
    ),
    FilmResult: Shape(
        _film_frames,
        lambda result: [row for part in result.maps for row in heatmap.timed_rows(part)],
        lambda result: ("time", *_cells(result.parsed)),
        _blank_film,
    ),
    SeriesOverTime: Shape(
        _series_frames,
        lambda result: [row for part in result.fetched.series for row in series.rows(part)],
        _series_columns,
        _blank_series,
    ),
}


def rows(result: Result[Any]) -> Rows:
    """A dictionary a row, with ages; areas in the unit asked for."""
    found = table.aged(shape_of(result).rows(result), result.now_s)
    return table.in_square_feet(found) if result.parsed.area == "ft2" else found


def columns(result: Result[Any]) -> tuple[str, ...]:
    """The names of the columns in their order; areas in the unit asked for."""
    names = shape_of(result).columns(result)
    return table.names_in_feet(names) if result.parsed.area == "ft2" else names


def with_notices(frame: Frame, more: list[dict[str, str]]) -> Frame:
    return {**frame, "meta": {**frame["meta"], "notices": [*frame["meta"]["notices"], *more]}}


def table_name(result: Result[Any]) -> str:
    """By which name a file finds its columns."""
    if isinstance(result.target, TableTarget):
        return result.target.table_name(result)
    if isinstance(result.content, ComparisonResult) and result.content.is_relative:
        return f"{result.target.name}/max"
    return f"{result.target.name}/people" if result.is_in_people else result.target.name
