"""`POST /api/v3/reporting`: the request checked, the answer as rows in any of its forms, or grouped.

What Butlr's documentation leaves open and is taken to be so here, beside what `series` says:

- `time` is a window's start. `start` and `stop` in a row are the period asked for, as a public client has
  seen them; `simulator.reporting_span = "window"` makes them the window's.
- `field` is `in` or `out`, else the measurement's name.
- `presence` is of zones, rooms or floors: the finest of them that `group_by.order` or the filters name.
- Filters are on a row's own ids: one on `rooms` leaves no row of a floor.
- Without `group_by` rows are raw; with it they are grouped unless it says `raw`. A group's figures are of the
  minutes in it, whatever `window.function`. A page then holds `limit` innermost groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from .geometry import Floats
from .grouping import codes, grouped, number
from .minutes import MINUTE_S
from .people import People
from .report_query import ReportQuery
from .series import Level, Series, Span, all_series, minute_values
from .stays import Ints
from .windows import aggregate, window_edges
from .world import Office

SHAPES = ("data", "list", "by_asset")
"""Raw rows under `data`, bare, or as `{asset: {time: [rows]}}`: Butlr has been seen to answer each."""

SPANS = ("query", "window")
"""Whose `start` and `stop` a row tells."""


@dataclass(frozen=True)
class RowForm:
    """How raw rows are put: one of `SHAPES` and one of `SPANS`."""

    shape: str = "data"
    span: str = "query"

    def __post_init__(self) -> None:
        if self.shape not in SHAPES or self.span not in SPANS:
            raise ValueError(f"the shape is one of {', '.join(SHAPES)}, the span one of {', '.join(SPANS)}")


def answer(people: People, query: ReportQuery, until_s: float, form: RowForm) -> Any:
    """The answer as JSON; what happens at `until_s` and later does not exist yet. Unknown ids: no rows."""
    series, span = _chosen(people.office, query), Span.of(query.start_s, query.stop_s, until_s)
    if not series or not span.minutes:
        return _put([], form) if query.raw else {"data": {}}
    values = minute_values(people, series, span, query.tz, calibrated=query.calibrated)
    edges_s = window_edges(query.every, query.tz, span.start_s, span.stop_s)
    edges = (edges_s - span.start_s) // MINUTE_S
    if not query.raw:
        return {"data": grouped(query, series, values, edges, [_iso(at_s)[:-1] for at_s in edges_s.tolist()])}
    return _put(_rows(query, series, aggregate(values, edges, query.function), edges_s, form), form)


def _chosen(office: Office, query: ReportQuery) -> list[Series]:
    """The series of the measurements that pass all filters."""
    level = _level(query)
    found = [one for measurement in query.measurements for one in all_series(office, measurement, level)]
    return [one for one in found if all(one.tags[tag] in ids for tag, ids in query.only.items())]


def _level(query: ReportQuery) -> Level:
    """What `presence` is of."""
    named = {*query.order, *query.only}
    return "zone" if "zone_id" in named else "room" if "room_id" in named else "floor"


def _rows(
    query: ReportQuery, series: Sequence[Series], values: Floats, edges_s: Ints, form: RowForm
) -> list[dict[str, Any]]:
    """One page of rows in the order asked for, what it leaves open by time."""
    n = len(series)
    flat = values.T.ravel()
    keep = np.isnan(flat) if query.create_empty else np.zeros(len(flat), dtype=np.bool_)
    keep |= np.isfinite(flat) if query.at_least is None else flat >= query.at_least
    at = np.flatnonzero(keep)
    if query.order != ("time",):
        ranks = {word: code[at % n] for word, code in codes(series, query.order).items()} | {"time": at // n}
        at = at[np.lexsort([ranks[word] for word in reversed(query.order)])]
    page = at[(query.page - 1) * query.limit : query.page * query.limit].tolist()
    times = {w: _times(query, edges_s[w : w + 2].tolist(), form) for w in sorted({k // n for k in page})}
    ids = [{tag: text for tag, text in one.tags.items() if tag != "building_id"} for one in series]
    return [{**ids[k % n], **times[k // n], "value": number(flat[k])} for k in page]


def _times(query: ReportQuery, window_s: Sequence[int], form: RowForm) -> dict[str, str]:
    span_s = window_s if form.span == "window" else (query.start_s, query.stop_s)
    offset = datetime.fromtimestamp(window_s[0], query.tz).utcoffset()
    hours = 0 if offset is None else int(offset.total_seconds() / 3600)
    # As seen: India, at half past five, was "5h".
    times = {"time": window_s[0], "start": span_s[0], "stop": span_s[1]}
    return {**{name: _iso(at_s) for name, at_s in times.items()}, "timezone_offset": f"{hours}h"}


def _put(rows: list[dict[str, Any]], form: RowForm) -> Any:
    if form.shape == "list":
        return rows
    if form.shape == "data":
        return {"data": rows}
    assets: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in rows:
        asset = row["zone_id"] or row["room_id"] or row["space_id"]
        assets.setdefault(asset, {}).setdefault(row["time"], []).append(row)
    return assets


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
