"""An answer in the format asked for: one table, target by target, for both doors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from butlr_grafana.answers import Answer
from butlr_grafana.errors import BadWord, choose
from butlr_grafana.insight.seen import silent_in_either
from butlr_grafana.model import Floor
from butlr_grafana.present import (
    animation,
    comparison,
    geojson,
    heatmap,
    picture,
    series,
    spreadsheet,
    table,
    watch,
)
from butlr_grafana.present.account import DEMO, QUANTITIES
from butlr_grafana.present.annotations import event_rows
from butlr_grafana.present.heads import head
from butlr_grafana.present.theme import PictureOptions, Style, ThemeName
from butlr_grafana.web import file_names, told, topology_notes
from butlr_grafana.web.encoded import Encoded, as_json

Rows = list[dict[str, Any]]


def encoded(answer: Answer, *, ref_id: str, demo: bool) -> Encoded:
    """The answer as it is sent."""
    chosen = answer.asked.format
    match chosen:
        case "rows":
            return as_json(rows(answer))
        case "matrix":
            return as_json(heatmap.matrix(answer.maps[0]))
        case "geojson":
            return Encoded(file(answer, demo=demo), MEDIA[chosen])
        case "csv" | "png" | "webp":
            body = file(answer, demo=demo)
            return Encoded(body, MEDIA[chosen], file_names.name(answer, chosen, demo=demo), answer.complete)
        case _:
            return as_json(frames(answer, ref_id=ref_id, demo=demo))


MEDIA = {
    "csv": "text/csv",
    "png": "image/png",
    "webp": "image/webp",
    "geojson": "application/geo+json",
}
"""The formats that are files."""


def file(answer: Answer, *, demo: bool) -> bytes:
    """The answer as the file that its format names."""
    match answer.asked.format:
        case "csv":
            return csv(answer).encode()
        case "png":
            return _png(answer, demo=demo)
        case "geojson":
            return as_json(geojson.plan(_floor(answer))).body
        case "webp":
            width = min(answer.asked.width, animation.WIDEST_PX)
            return animation.webp(
                answer.maps,
                demo=demo,
                width=width,
                theme=_theme(answer),
                style=_style(answer),
                drawing=answer.drawing,
            )
        case other:
            raise BadWord("format", choose(other, MEDIA))


def _png(answer: Answer, *, demo: bool) -> bytes:
    options = PictureOptions(width=answer.asked.width, theme=_theme(answer), style=_style(answer))
    if answer.asked.target == "floorplan":
        return picture.plan_png(_floor(answer), options=options, drawing=answer.drawing)
    if answer.comparison is None:
        return picture.png(answer.maps[0], demo=demo, options=options, drawing=answer.drawing)
    current, baseline = answer.maps
    found, floor = answer.comparison, silent_in_either(current, baseline)
    told = comparison.said(found, current, baseline, demo=demo)
    return picture.difference_png(
        found.x_m,
        found.y_m,
        found.change,
        floor=floor,
        current=picture.span(current.query.period, current.query.timezone),
        baseline=picture.span(baseline.query.period, current.query.timezone),
        hours=current.query.local_hours,
        chosen=picture.chosen_of(current),
        unit="people per m²" if current.unit == "people" else "detections per hour",
        resolution_m=current.raw.resolution_m,
        notes=[n["text"] for n in told if n["severity"] == "warning" or n["text"] == DEMO],
        options=options,
        drawing=answer.drawing,
    )


def _theme(answer: Answer) -> ThemeName:
    return "dark" if answer.asked.theme == "dark" else "light"


def _style(answer: Answer) -> Style:
    return cast(Style, answer.asked.style)


def _floor(answer: Answer) -> Floor:
    assert answer.topology is not None
    return next(iter(answer.topology.floors.values()))


def frames(answer: Answer, *, ref_id: str, demo: bool) -> Rows:
    """The answer as data frames: one an asset of a series, else one. The first one says what is assumed, and
    what is to be known of the floors.
    """
    if answer.is_filtered_out:
        return [_blank(answer, ref_id=ref_id)]
    first, *others = _frames(answer, ref_id=ref_id, demo=demo)
    more = topology_notes.notices(answer.topology, answer.asked) if answer.topology else []
    if answer.assumed and answer.parts:
        more.append({"severity": "info", "text": answer.assumed})
    return [_with_notices(first, more), *others]


def _with_notices(frame: dict[str, Any], more: list[dict[str, str]]) -> dict[str, Any]:
    return {**frame, "meta": {**frame["meta"], "notices": [*frame["meta"]["notices"], *more]}}


def _frames(answer: Answer, *, ref_id: str, demo: bool) -> Rows:
    if answer.asked.target not in ("occupancy", "traffic", "presence"):
        return [_frame(answer, ref_id=ref_id, demo=demo)]
    found = [f for part in answer.series for f in series.frames(part, ref_id=ref_id, demo=demo)]
    return [_with_notices(found[0], told.faults(answer)), *found[1:]]


def _frame(answer: Answer, *, ref_id: str, demo: bool) -> dict[str, Any]:
    if answer.asked.target == "heatmap":
        return heatmap.frame(answer.maps[0], ref_id=ref_id, demo=demo)
    if answer.comparison is not None:
        current, baseline = answer.maps
        relative = answer.asked.normalize == "max"
        return comparison.frame(
            answer.comparison, current, baseline, relative=relative, ref_id=ref_id, demo=demo
        )
    if answer.asked.target == "playback":
        meta = told.meta(answer, demo=demo)
        return heatmap.playback_frame(answer.maps, ref_id=ref_id, meta=meta)
    found = rows(answer)
    meta = told.meta(answer, found=found, demo=demo)
    floors = {part.query.floor.name for part in answer.parts}
    name = floors.pop() if len(floors) == 1 else answer.asked.target
    return table.frame(found, _head(answer), of=_table(answer), ref_id=ref_id, name=name, meta=meta)


FILTERED_OUT = (
    "The dashboard's filters leave no room of this floor: their values are of others, or of none together."
)


def _blank(answer: Answer, *, ref_id: str) -> dict[str, Any]:
    """The frame of an answer of which the dashboard's filters leave nothing: its fields, and why."""
    asked = answer.asked
    meta = {"custom": {"complete": True}, "notices": [{"severity": "info", "text": FILTERED_OUT}]}
    floor = _floor(answer)
    match asked.target:
        case "heatmap":
            quantity = QUANTITIES[asked.normalize]
            values = [(quantity.field, quantity.title, quantity.unit)]
            return heatmap.blank_frame(floor, values, ref_id=ref_id, meta=meta)
        case "compare":
            shown = comparison.RELATIVE if asked.normalize == "max" else comparison.VALUES
            return heatmap.blank_frame(floor, shown, ref_id=ref_id, meta=meta)
        case "playback":
            return heatmap.blank_playback_frame(floor, asked.normalize, ref_id=ref_id, meta=meta)
        case "occupancy" | "traffic" | "presence":
            return series.empty_frame(asked.target, floor, ref_id=ref_id, meta=meta)
        case _:
            return table.frame(
                [], _head(answer), of=_table(answer), ref_id=ref_id, name=floor.name, meta=meta
            )


def _head(answer: Answer) -> tuple[str, ...]:
    names = head(answer.asked)
    return table.names_in_feet(names) if answer.asked.area == "ft2" else names


def _table(answer: Answer) -> str:
    """Which table's columns are meant: the target's, of a pattern its metric's, of heat in people these."""
    asked = answer.asked
    of = f"pattern/{asked.metric}" if asked.target == "pattern" else asked.target
    return f"{of}/people" if answer.maps and answer.maps[0].unit == "people" else of


ROWS: Mapping[str, Callable[[Answer], Rows]] = {
    "heatmap": lambda a: heatmap.rows(a.maps[0]),
    "heatmap-summary": lambda a: table.summary(a.maps[0]),
    "compare": lambda a: comparison.rows(a.comparison) if a.comparison else [],
    "hot-zones": lambda a: table.zones(a.zones, a.maps),
    "compare-zones": lambda a: table.changes(a.changes, complete=a.complete),
    "hotspots": lambda a: table.spots(a.spots),
    **dict.fromkeys(
        ("occupancy", "traffic", "presence"),
        lambda a: [row for part in a.series for row in series.rows(part)],
    ),
    "playback": lambda a: [row for part in a.maps for row in heatmap.timed_rows(part)],
    "utilization": lambda a: table.rooms(a.rooms, complete=a.complete),
    "pattern": lambda a: table.pattern(a.pattern, a.week_start),
    "occupancy-now": lambda a: table.now(a.now, a.asked.level or "room"),
    "events": lambda a: event_rows(a.events, a.topology, a.now_s) if a.topology else [],
    "unusual": lambda a: watch.levels(a.levels),
    "balance": lambda a: watch.balances(a.balances, a.asked.level or "floor"),
    "freshness": lambda a: watch.freshness(a.fresh, a.asked.metric),
    "status": lambda a: watch.status(a.contact, a.now_s) if a.contact else [],
    "spaces": lambda a: table.spaces(a.topology, a.factors, level=a.asked.level) if a.topology else [],
}


def rows(answer: Answer) -> Rows:
    found = table.aged(ROWS[answer.asked.target](answer), answer.now_s)
    return table.in_square_feet(found) if answer.asked.area == "ft2" else found


def csv(answer: Answer) -> str:
    asked = answer.asked
    mark = spreadsheet.BOM if asked.bom == "1" else ""
    if asked.target == "heatmap":
        return mark + heatmap.csv(answer.maps[0])
    found = rows(answer)
    of = _table(answer)
    if asked.target == "compare" and asked.normalize == "max":
        of = "compare/max"
    columns = table.names_of(found, _head(answer))
    # Events may be of rooms and zones together.
    level = asked.level or ("zone" if asked.target == "events" else "room")
    heads, lines = spreadsheet.sheet(found, columns, of=of, level=level, zone_of=file_names.zones(answer))
    return mark + table.csv(heads, lines)
