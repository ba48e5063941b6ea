"""Images of a floor as PNG: a heat map, the difference of two, or the plan alone.

Each has a header (what, when, how complete), the plan, and a footer (legend with unit, scale in metres), for
any width; see `ImageOptions`. x grows to the right, y upwards.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
from PIL import Image

from butlr_grafana.insight.people import is_in_people, unknown_why
from butlr_grafana.model.chunk import Floats
from butlr_grafana.model.factor import in_people
from butlr_grafana.model.floor import Bounds, Floor, PlanDrawing, as_built
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import LocalHours, Period
from butlr_grafana.present.crop import around
from butlr_grafana.present.frames.dense import dense
from butlr_grafana.present.frames.notices import (
    DEMO,
    IN_DETECTIONS,
    NOT_IN_PEOPLE,
    QUANTITIES,
    notices,
    quantity_of,
)
from butlr_grafana.present.images import floorplan_layers
from butlr_grafana.present.images.colour import Scale, diverging, sequential
from butlr_grafana.present.images.floorplan_geometry import Raster, extent, fit, pixels
from butlr_grafana.present.images.floorplan_layers import Layer, Plan
from butlr_grafana.present.images.lettering import readable, shorten, write
from butlr_grafana.present.images.page_layout import Entry, Legend, Line, assemble, foot, head
from butlr_grafana.present.images.theme import ImageOptions, Sizes
from butlr_grafana.present.images.ticks import number

HIGHEST = 1.3
"""A plan's greatest height as a share of the picture's width."""

NO_PLAN = Bounds(0.0, 0.0, 12.0, 5.0)
"""Drawn where a floor has neither polygons nor cells."""

MOST_NOTES = 3

DEFAULTS = ImageOptions()


def png(
    result: HeatMap,
    *,
    demo: bool,
    options: ImageOptions = DEFAULTS,
    drawing: PlanDrawing | None = None,
    notes: Sequence[str] = (),
) -> bytes:
    """A heat map on its floor plan, over the plan's own picture where there is one; `notes` are warnings
    about the floor.
    """
    raster = raster_of(result)
    top = options.top or float(result.shown.value.max(initial=0.0))
    scale = sequential(top, options.style, options.colours)
    plan = plan_of(result.query.floor, [raster], options, chosen=chosen_of(result), drawing=drawing)
    image = draw_plan(plan, raster, scale, options)
    if not result.shown.value.size:
        draw_message(image, nothing_of(result), plan)
    heading = head(_heat_lines(result, demo, options, notes), plan.theme, plan.sizes)
    footing = foot(
        legend_of(result, scale) if top > 0 else None,
        entries_of(plan),
        plan.layout.pixels_per_m,
        plan.theme,
        plan.sizes,
    )
    return _bytes([heading, image, footing], plan)


def difference_png(
    x_m: Floats,
    y_m: Floats,
    change: Floats,
    *,
    floor: Floor,
    current: str,
    baseline: str,
    hours: LocalHours | None = None,
    chosen: frozenset[str] | None = None,
    unit: str = "detections per hour",
    resolution_m: float | None = None,
    notes: Sequence[str] = (),
    options: ImageOptions = DEFAULTS,
    drawing: PlanDrawing | None = None,
) -> bytes:
    """What changed: cells with centres x_m[nx], y_m[ny], even and ascending, and change[nx, ny].

    NaN is a cell with nothing to compare; 0 has a colour. The scale reaches equally far both ways, to the
    largest change or `options.top`. `current`, `baseline`: the two periods as texts, see `span`;
    `hours`: which of both count; `chosen`: the rooms that are shown; `resolution_m` is needed only where
    there is a single cell; `notes` are warnings. The style is the gradient, always.
    """
    raster = Raster(x_m, y_m, change, resolution_m or _spacing(x_m, y_m))
    known = np.abs(change[~np.isnan(change)])
    top = options.top or float(known.max(initial=0.0))
    scale = diverging(top, options.colours)
    plan = plan_of(floor, [raster], options, chosen=chosen, drawing=drawing)
    theme, sizes = plan.theme, plan.sizes
    image = draw_plan(plan, raster, scale, options)
    if not known.size:
        draw_message(image, "Nothing to compare", plan)
    lines = [
        Line(f"{title_of(floor)}: what changed", sizes.title, theme.foreground, medium=True),
        Line(current, sizes.text, theme.foreground),
        Line(f"compared with {baseline}", sizes.text, theme.faint),
        *([Line(_hours(hours), sizes.small, theme.faint)] if hours and not hours.is_always else []),
        *(Line(f"▲ {note}", sizes.small, theme.warning) for note in notes[:MOST_NOTES]),
    ]
    legend = Legend(
        f"Change in {unit}, per cell of {raster.resolution_m:g} m",
        scale,
        lambda value: number(value, "short", signed=True),
    )
    entries = entries_of(plan, nothing="nothing to compare")
    footing = foot(legend if top > 0 else None, entries, plan.layout.pixels_per_m, theme, sizes)
    return _bytes([head(lines, theme, sizes), image, footing], plan)


def plan_png(floor: Floor, *, options: ImageOptions = DEFAULTS, drawing: PlanDrawing | None = None) -> bytes:
    """The floor plan alone: rooms, zones, names."""
    plan = plan_of(floor, [], options, drawing=drawing)
    theme, sizes = plan.theme, plan.sizes
    image = floorplan_layers.under(plan, [])
    zones = [z.polygon for z in as_built(floor.zones) if z.polygon]
    names = floorplan_layers.labels(plan, [], zones=True) if options.labels else []
    lay(image, floorplan_layers.over(plan, names, zones))
    if extent(floor) is None:
        draw_message(image, "Butlr has no plan of this floor", plan)
    lines = [
        Line(title_of(floor), sizes.title, theme.foreground, medium=True),
        Line(_facts(floor), sizes.text, theme.faint),
    ]
    entries = [e for e in entries_of(plan) if e.look == "hatched"]
    if zones:
        entries.append(Entry("zone", theme.floor, "dashed"))
    footing = foot(None, entries, plan.layout.pixels_per_m, theme, sizes)
    return _bytes([head(lines, theme, sizes), image, footing], plan)


# --- what a playback shares ---------------------------------------------------------------------------------


def raster_of(result: HeatMap) -> Raster:
    x_m, y_m, values = dense(result.shown)
    return Raster(x_m, y_m, values, result.shown.resolution_m)


def chosen_of(result: HeatMap) -> frozenset[str] | None:
    rooms = result.query.rooms
    return None if rooms is None else frozenset(room.id for room in as_built(rooms))


def plan_of(
    floor: Floor,
    rasters: Sequence[Raster],
    options: ImageOptions,
    *,
    chosen: frozenset[str] | None = None,
    drawing: PlanDrawing | None = None,
) -> Plan:
    """The floor, or the rooms chosen, laid out for these cells in this width."""
    sizes = Sizes(options.width)
    rooms = tuple(room for room in as_built(floor.rooms) if chosen and room.id in chosen)
    bounds = around(rooms) or extent(floor, (r.bounds for r in rasters)) or NO_PLAN
    pad = round(sizes.wall / 2 + 1)
    layout = fit(bounds, sizes.content, round(HIGHEST * options.width), pad)
    return Plan(floor, layout, options.colours, sizes, chosen, drawing)


def draw_plan(plan: Plan, raster: Raster, scale: Scale, options: ImageOptions) -> Image.Image:
    image = floorplan_layers.under(plan, [raster])
    colour(image, plan, raster, scale, smooth=options.smooth)
    names = floorplan_layers.labels(plan, [raster]) if options.labels else []
    lay(image, floorplan_layers.over(plan, names))
    return image


def colour(image: Image.Image, plan: Plan, raster: Raster, scale: Scale, *, smooth: bool) -> None:
    """Paints the cells."""
    cells = Image.fromarray(pixels(raster, plan.layout, scale, smooth=smooth))
    image.paste(cells, mask=cells)


def lay(image: Image.Image, layers: Sequence[Layer]) -> None:
    for paint, mask in layers:
        image.paste(paint, mask=mask)


def legend_of(result: HeatMap, scale: Scale) -> Legend:
    quantity = quantity_of(result)
    title = f"{quantity.title}, per cell of {result.query.resolution_m:g} m"
    if result.query.normalize != "max":
        title += f", at most {number(scale.limit, quantity.unit)}"
    return Legend(
        title,
        scale,
        lambda value: number(value, quantity.unit),
        whole=quantity.field == "detections",
    )


def entries_of(plan: Plan, *, nothing: str = "no detection") -> list[Entry]:
    entries = [Entry(nothing, plan.theme.floor)]
    if plan.silent:
        entries.append(Entry("no data: sensors offline", plan.theme.floor, "hatched"))
    if plan.private:
        entries.append(Entry("not shown, for privacy", plan.theme.hatch))
    return entries


def title_of(floor: Floor) -> str:
    """Building and floor; the building once, where the floor's name begins with it."""
    building = readable(floor.building.name, floor.building.id)
    name = readable(floor.name, floor.id)
    return name if not building or name.startswith(building) else f"{building}, {name}"


def span(period: Period, timezone: str) -> str:
    """`Mon 16 Nov 2026 08:00 to 18:00 (Europe/Paris)`; the second day where it is another one."""
    zone = ZoneInfo(timezone)
    start, end = (datetime.fromtimestamp(t, zone) for t in (period.start_s, period.end_s))
    same = start.date() == end.date()
    until = f"{end:%H:%M}" if same else f"{end:%a} {end.day} {end:%b %Y %H:%M}"
    return f"{start:%a} {start.day} {start:%b %Y %H:%M} to {until} ({timezone})"


def nothing_of(result: HeatMap) -> str:
    """Why a map has no cell."""
    coverage = result.coverage
    if not coverage.planned:
        return "No hour of this period is counted"
    if is_in_people(result) and unknown_why(result):
        return NOT_IN_PEOPLE
    if result.hidden:
        return "Not shown, for privacy"
    return "No data" if coverage.missing >= coverage.planned else "No detections in this period"


def _heat_lines(result: HeatMap, demo: bool, options: ImageOptions, notes: Sequence[str] = ()) -> list[Line]:
    theme, sizes = options.colours, Sizes(options.width)
    floor, coverage = result.query.floor, result.coverage
    unit = QUANTITIES["none"].unit
    facts = [f"{coverage.hours:,.1f}".removesuffix(".0") + " h counted"]
    if result.query.local_hours and not result.query.local_hours.is_always:
        facts.append(_hours(result.query.local_hours))
    person_hours = in_people(result.total, result.factor)
    if result.unit == "people" and person_hours is not None:
        facts.append(f"{number(person_hours, unit)} person-hours")
    else:
        facts.append(f"{number(result.total, unit)} detection{'s' if result.total != 1 else ''}")
    as_of = datetime.fromtimestamp(
        coverage.as_of_s or result.query.period.end_s, ZoneInfo(result.query.timezone)
    )
    facts.append(f"as of {as_of.day} {as_of:%b %Y %H:%M}")
    found = notices(result, demo=demo)
    warnings = [*notes, *(n["text"] for n in found if n["severity"] == "warning")]
    # What the picture itself says in its middle, and the demo's long text, are not said again.
    infos = [n["text"] for n in found if n["severity"] == "info" and n["text"] != DEMO]
    infos = [text for text in infos if result.shown.value.size or not text.startswith("No ")]
    # The legend names the unit.
    infos = [text for text in infos if not text.startswith(IN_DETECTIONS)]
    if demo:
        infos.append("Demo: these people are simulated")
    more = max(0, len(warnings) - MOST_NOTES)
    return [
        Line(title_of(floor), sizes.title, theme.foreground, medium=True),
        Line(span(result.query.period, result.query.timezone), sizes.text, theme.foreground),
        Line(" · ".join(facts), sizes.small, theme.faint),
        *(Line(f"▲ {text}", sizes.small, theme.warning) for text in warnings[:MOST_NOTES]),
        *([Line(f"▲ {more} more warnings", sizes.small, theme.warning)] if more else []),
        *(Line(text, sizes.small, theme.faint) for text in infos[:MOST_NOTES]),
    ]


def _hours(hours: LocalHours) -> str:
    """`08:00-18:00 Mon Tue Wed Thu Fri`"""
    opens, closes = (f"{m // 60:02d}:{m % 60:02d}" for m in (hours.opens_min, hours.closes_min))
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    days = sorted(hours.weekdays)
    if len(days) == 7:
        text = "every day"
    elif len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        text = f"{names[days[0]]} to {names[days[-1]]}"
    else:
        text = " ".join(names[d] for d in days)
    return f"{opens}-{closes} {text}" + (" without holidays" if hours.excluded else "")


def _facts(floor: Floor) -> str:
    counts = [(len(as_built(floor.rooms)), "room"), (len(as_built(floor.zones)), "zone")]
    facts = [f"{n} {what}{'s' if n != 1 else ''}" for n, what in counts if n]
    facts += [f"capacity {floor.capacity:,}"] if floor.capacity else []
    facts += [f"{floor.area_m2:,.0f} m²"] if floor.area_m2 else []
    return " · ".join(facts)


def _spacing(x_m: Floats, y_m: Floats) -> float:
    for axis in (x_m, y_m):
        if len(axis) > 1:
            return float(axis[1] - axis[0])
    return 1.0


def draw_message(image: Image.Image, text: str, plan: Plan) -> None:
    """A large text in the middle of the plan."""
    size = plan.sizes.px(26, 14)
    shown = shorten(text, size, image.width)
    middle = (image.width / 2, image.height / 2)
    write(image, middle, shown, size, plan.theme.floor, anchor="mm", stroke=size / 6)
    write(image, middle, shown, size, plan.theme.foreground, anchor="mm")


def _bytes(parts: Sequence[Image.Image], plan: Plan) -> bytes:
    image, _ = assemble(parts, plan.theme, plan.sizes)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
