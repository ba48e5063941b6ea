"""What an answer says of itself: `meta.custom`, notices, and the names and units of its values."""

from __future__ import annotations

from dataclasses import dataclass

from butlr_grafana.model import Coverage, HeatMap, Period, iso


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value's field name, its title for a person, its Grafana unit id."""

    field: str
    title: str
    unit: str


QUANTITIES = {
    "none": Quantity("detections", "Detections", "short"),
    "hour": Quantity("detections_per_hour", "Detections per hour", "short"),
    "max": Quantity("normalized", "Of the fullest cell", "percentunit"),
    "share": Quantity("share", "Share of all detections", "percentunit"),
}


def custom(answer: HeatMap) -> dict[str, object]:
    """`meta.custom` of a frame; times are ISO 8601 in UTC, bounds in metres."""
    coverage, period, bounds = answer.coverage, answer.query.period, answer.raw.bounds
    return {
        "space": answer.query.floor.id,
        "floor": answer.query.floor.name,
        "timezone": answer.query.floor.timezone,
        "from": iso(period.start_s),
        "to": iso(period.end_s),
        "resolution": answer.query.resolution_m,
        "normalize": answer.query.normalize,
        "bounds": {"min_x": bounds.min_x, "max_x": bounds.max_x, "min_y": bounds.min_y, "max_y": bounds.max_y}
        if bounds
        else None,
        "max_value": answer.peak,
        "total_detections": answer.raw.total,
        "area_in_use_m2": answer.raw.value.size * answer.query.resolution_m**2,
        **coverage_custom(coverage, period),
        "rebinned": answer.raw.rebinned,
    }


def coverage_custom(coverage: Coverage, period: Period) -> dict[str, object]:
    """How much of what was planned is in, and as of when."""
    return {
        "hours": round(coverage.hours, 4),
        "segments": {
            "planned": coverage.planned,
            "fetched": coverage.fetched,
            "cached": coverage.cached,
            "missing": coverage.missing,
            "stale": coverage.stale,
        },
        "complete": coverage.complete,
        "as_of": iso(coverage.as_of_s or period.end_s),
        "gaps": [{"from": iso(g.start_s), "to": iso(g.end_s)} for g in coverage.gaps[:100]],
    }


def coverage_notices(coverage: Coverage, *, demo: bool) -> list[dict[str, str]]:
    said = [] if coverage.complete else [_notice("warning", _incomplete(coverage))]
    return [*said, _notice("info", DEMO)] if demo else said


def notices(answer: HeatMap, *, demo: bool) -> list[dict[str, str]]:
    """What a viewer must know beside the picture: markers in the panel's title."""
    coverage = answer.coverage
    said = coverage_notices(coverage, demo=False)
    if answer.raw.rebinned:
        text = "Butlr's grid moved within this period; cells were assigned by their centres."
        said.append(_notice("warning", text))
    rooms = answer.query.rooms if answer.query.rooms is not None else answer.query.floor.rooms
    offline = [r.name for r in rooms if r.online is False]
    if offline:
        names = ", ".join(offline[:5]) + (" …" if len(offline) > 5 else "")
        said.append(_notice("warning", f"Sensors offline now, no data rather than nobody: {names}."))
    if answer.query.rooms is not None:
        shapeless = [r.name for r in answer.query.rooms if r.polygon is None]
        if shapeless:
            text = f"Butlr knows no outline of {', '.join(shapeless[:5])}: no cell can be assigned."
            said.append(_notice("warning", text))
    if not coverage.planned:
        said.append(_notice("info", "No local time of this period counts: see hours, days and holidays."))
    elif not answer.raw.value.size:
        said.append(_notice("info", "No detections in this period."))
    if demo:
        said.append(_notice("info", DEMO))
    return said


DEMO = "Demo mode: these people are simulated. Set Butlr credentials to see your own floors."


def _incomplete(coverage: Coverage) -> str:
    what = []
    if coverage.missing:
        what.append(f"{coverage.missing} of {coverage.planned} parts missing")
    if coverage.stale:
        what.append(f"{coverage.stale} older than they should be")
    gaps = "; not in: " + ", ".join(_span(g) for g in coverage.gaps[:3]) if coverage.gaps else ""
    why = f" ({'; '.join(coverage.reasons)})" if coverage.reasons else ""
    return f"Partial answer, as of {iso(coverage.as_of_s)}: {', '.join(what)}{gaps}{why}."


def _span(period: Period) -> str:
    return f"{iso(period.start_s)} to {iso(period.end_s)}"


def _notice(severity: str, text: str) -> dict[str, str]:
    return {"severity": severity, "text": text}
