"""A result in the requested format: JSON, or the bytes of a file."""

from __future__ import annotations

from typing import Any, cast

from butlr_grafana.base.errors import BadParameter, unknown_value
from butlr_grafana.insight.sensor_availability import silent_in_either
from butlr_grafana.present import file_names, spreadsheet, topology_notes
from butlr_grafana.present.encoding import Encoded, as_json
from butlr_grafana.present.frames import comparison, geojson, heatmap, table
from butlr_grafana.present.frames.notices import DEMO
from butlr_grafana.present.images import film, heatmap_image
from butlr_grafana.present.images.theme import ImageOptions, Style, ThemeName
from butlr_grafana.present.shapes import columns, floor_of, rows, shape_of, table_name, with_notices
from butlr_grafana.targets.base import Result
from butlr_grafana.targets.shapes import ComparisonResult, FloorPlan, HeatMapResult

MEDIA = {
    "csv": "text/csv",
    "png": "image/png",
    "webp": "image/webp",
    "geojson": "application/geo+json",
}
"""The formats that are files."""

NO_SURFACE = "The 3D surface is only in the dashboard. This picture shows a colour per cell."
FILTERED_OUT = "The dashboard's filters match no room of this floor."


def encoded(result: Result[Any], *, ref_id: str, demo: bool) -> Encoded:
    """The result as it is sent."""
    chosen = result.parsed.format
    match chosen:
        case "rows":
            return as_json(rows(result))
        case "matrix":
            return as_json(heatmap.matrix(result.maps[0]))
        case "geojson":
            return Encoded(file(result, demo=demo), MEDIA[chosen])
        case "csv" | "png" | "webp":
            body = file(result, demo=demo)
            name = file_names.name(result, chosen, demo=demo)
            as_of_s = min((one.coverage.as_of_s for one in result.maps), default=None)
            return Encoded(body, MEDIA[chosen], name, result.complete, as_of_s)
        case _:
            return as_json(frames(result, ref_id=ref_id, demo=demo))


def file(result: Result[Any], *, demo: bool) -> bytes:
    """The result as the file that its format names."""
    match result.parsed.format:
        case "csv":
            return csv(result).encode()
        case "png":
            return _png(result, demo=demo)
        case "geojson":
            return as_json(geojson.plan(floor_of(result))).body
        case "webp":
            width = min(result.parsed.width, film.WIDEST_PX)
            return film.webp(
                result.maps,
                demo=demo,
                width=width,
                theme=_theme(result),
                style=_style(result),
                drawing=result.drawing,
            )
        case other:
            raise BadParameter("format", unknown_value(other, MEDIA))


def _png(result: Result[Any], *, demo: bool) -> bytes:
    options = ImageOptions(width=result.parsed.width, theme=_theme(result), style=_style(result))
    match result.content:
        case FloorPlan(floor=floor):
            return heatmap_image.plan_png(floor, options=options, drawing=result.drawing)
        case ComparisonResult() as content:
            return _difference_png(result, content, options, demo=demo)
        case _:
            return heatmap_image.png(
                result.maps[0],
                demo=demo,
                options=options,
                drawing=result.drawing,
                notes=[*_of_style(result), *topology_notes.on_floor(result)],
            )


def _difference_png(
    result: Result[Any], content: ComparisonResult, options: ImageOptions, *, demo: bool
) -> bytes:
    found, current, baseline = content.comparison, content.current, content.baseline
    said = comparison.comparison_notices(found, current, baseline, demo=demo)
    return heatmap_image.difference_png(
        found.x_m,
        found.y_m,
        found.change,
        floor=silent_in_either(current, baseline),
        current=heatmap_image.span(current.query.period, current.query.timezone),
        baseline=heatmap_image.span(baseline.query.period, current.query.timezone),
        unit="people per m²" if current.unit == "people" else "detections per hour",
        resolution_m=current.raw.resolution_m,
        hours=current.query.local_hours,
        chosen=heatmap_image.chosen_of(current),
        notes=[
            *topology_notes.on_floor(result),
            *(n["text"] for n in said if n["severity"] == "warning" or n["text"] == DEMO),
        ],
        options=options,
        drawing=result.drawing,
    )


def _theme(result: Result[Any]) -> ThemeName:
    return "dark" if result.parsed.theme == "dark" else "light"


def _style(result: Result[Any]) -> Style:
    return "gradient" if result.parsed.style == "surface" else cast(Style, result.parsed.style)


def _of_style(result: Result[Any]) -> list[str]:
    return [NO_SURFACE] if result.parsed.style == "surface" else []


def frames(result: Result[Any], *, ref_id: str, demo: bool) -> list[dict[str, Any]]:
    """The result as data frames: one an asset of a series, else one. The first one says what is assumed, and
    what is to be known of the floors.
    """
    if result.scope.is_filtered_out:
        meta = {"custom": {"complete": True}, "notices": [{"severity": "info", "text": FILTERED_OUT}]}
        return [shape_of(result).blank(result, ref_id, meta)]
    first, *others = shape_of(result).frames(result, ref_id, demo)
    more = topology_notes.notices(result)
    if result.assumed and result.results:
        more.append({"severity": "info", "text": result.assumed})
    return [with_notices(first, more), *others]


def csv(result: Result[Any]) -> str:
    """For a spreadsheet: units in the names, local time beside UTC, rounded."""
    parsed = result.parsed
    mark = spreadsheet.BOM if parsed.bom == "1" else ""
    if isinstance(result.content, HeatMapResult):
        return mark + heatmap.csv(result.maps[0])
    found = rows(result)
    names = table.names_of(found, columns(result))
    # A table may be of rooms and zones together.
    level = parsed.level or ("zone" if result.target.mixes_levels else "room")
    heads, lines = spreadsheet.sheet(
        found, names, of=table_name(result), level=level, zone_of=file_names.zones(result)
    )
    return mark + table.csv(heads, lines)
