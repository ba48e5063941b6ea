"""`POST /api/v3/reporting`: windows of values as flat rows, or grouped.

What Butlr's documentation leaves open and is taken to be so here, beside what `series` says:

- A period's minutes are those that begin within it. Uncalibrated windows are aligned on the clock of
  `window.timezone`, and cut by the period; calibrated ones lie on the period's start.
- Filters are on a row's own ids: one on `rooms` leaves no row of a floor. One on `tags` leaves what carries
  one of them.
- A group's figures are of the rows under it.
"""

from __future__ import annotations

import math
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from .forms import Forms
from .geometry import Floats
from .grouping import by_asset, figures, nested
from .measuring import CountingOptions, Span, late_s, minute_values
from .minutes import MINUTE_S
from .people import People
from .report_query import ReportQuery
from .rows import Row, Table, rows, windows
from .series import Series, all_series
from .stays import Ints
from .windows import EVERY_S, aggregate, steady_edges, window_edges
from .world import Office, Tag

_UTC = ZoneInfo("UTC")
_HOUR_S = 3600


def build_response(people: People, query: ReportQuery, until_s: float, forms: Forms) -> Any:
    """The response as JSON. Events at `until_s` and later do not exist yet. Unknown ids have no rows."""
    if _too_many(query, forms):
        return {"data": {}, "page_info": _page_info(1, 0, 0, 1)}
    series = _chosen(people.office, query, forms)
    table = _table(people, query, series, until_s, forms)
    marked = forms.data_incomplete == "rows" or (forms.data_incomplete == "stats" and not query.raw)
    found = [] if table is None else rows(query, table, marked=marked)
    page, info = _paged(found, query, forms)
    return {"data": _put(page, query, forms), "page_info": info}


def _too_many(query: ReportQuery, forms: Forms) -> bool:
    """1m windows take only so many ids; beyond that Butlr answers nothing, as though there were no data."""
    if EVERY_S[query.every] != MINUTE_S or forms.id_limits == "none":
        return False
    length_s = query.stop_s - query.start_s
    most = 30 if length_s <= 2 * _HOUR_S else 20 if length_s <= 8 * _HOUR_S else 10
    limited = ("zones", "rooms") if forms.id_limits == "zones+rooms" else ("zones",)
    return any(len(query.only.get(name, ())) > most for name in limited)


def _chosen(office: Office, query: ReportQuery, forms: Forms) -> list[Series]:
    """The series of the measurement that pass all filters."""
    found = all_series(office, query.measured, forms, query.level)
    return [one for one in found if all(_passes(one, name, ids, office) for name, ids in query.only.items())]


def _passes(one: Series, name: str, ids: frozenset[str], office: Office) -> bool:
    match name:
        case "tags":
            return any(Tag.named(tag).id in ids for tag in one.tags)
        case "clients":
            return office.org_id in ids or (one.site is not None and one.site.id in ids)
        case "hives":
            serials = {hive.serial_number for hive in office.hives if hive.id in ids}
            return one.sensor is not None and one.sensor.hive_serial in serials
    of = {
        "spaces": one.floor,
        "rooms": one.room,
        "zones": one.zone,
        "buildings": one.building,
        "sensors": one.sensor,
    }[name]
    return of is not None and of.id in ids


def _table(
    people: People, query: ReportQuery, series: list[Series], until_s: float, forms: Forms
) -> Table | None:
    """None where there is nothing to count."""
    if query.is_calibrated:
        first_s, last_s = (math.floor(at_s / MINUTE_S) * MINUTE_S for at_s in (query.start_s, query.stop_s))
        span = Span(first_s, last_s, until_s)
    else:
        span = Span.beginning_within(query.start_s, query.stop_s, until_s)
    if not series or not span.minutes:
        return None
    if query.is_calibrated:
        edges_s = steady_edges(query.every, span.start_s, span.stop_s)
        starts_s = query.start_s + (edges_s[:-1] - span.start_s)
        step_s = EVERY_S[query.every] or 24 * _HOUR_S
        windows_ = windows(query, starts_s.tolist(), (starts_s + step_s).tolist(), by="start")
    else:
        edges_s = _edges(query, span, forms)
        stops_s = np.minimum(edges_s[1:], query.stop_s)
        windows_ = windows(query, edges_s[:-1].tolist(), stops_s.tolist(), by=_labelled_by(query, forms))
    edges = (edges_s - span.start_s) // MINUTE_S
    counting = CountingOptions(_UTC if forms.calibrated_day == "utc" else query.tz, query.calibrated, forms)
    minutes = minute_values(people, series, span, counting)
    values = aggregate(minutes, edges, query.function)
    if "entered" in query.measured.fields.values() and not (query.create_empty and forms.create_empty_fills):
        # No movement, no row.
        values = np.where(values == 0, np.nan, values)
    return Table(series, windows_, values, _missing_share(minutes, edges, span, series, forms))


def _edges(query: ReportQuery, span: Span, forms: Forms) -> Ints:
    is_utc = query.every == "1d" and forms.day_windows == "utc"
    return window_edges(query.every, _UTC if is_utc else query.tz, span.start_s, span.stop_s)


def _labelled_by(query: ReportQuery, forms: Forms) -> str:
    if query.every == "1d" and forms.day_labels != "as_windows":
        return forms.day_labels
    return forms.window_labels


def _missing_share(minutes: Floats, edges: Ints, span: Span, series: list[Series], forms: Forms) -> Floats:
    """`[series, window]`: the share of the minutes that are over but have no data; NaN: none is over."""
    over = np.zeros(minutes.shape)
    for line, one in zip(over, series, strict=True):
        line[: span.known(late_s(one.counts, forms))] = 1
    missing = np.add.reduceat(np.where(np.isnan(minutes), over, 0), edges[:-1], axis=1)
    number = np.add.reduceat(over, edges[:-1], axis=1)
    share: Floats = np.divide(missing, number, out=np.full(missing.shape, np.nan), where=number > 0)
    return share


def _paged(found: list[Row], query: ReportQuery, forms: Forms) -> tuple[list[Row], dict[str, int]]:
    """A page of the rows. Without pages, or where they are not counted, `page_info` has zeros."""
    if query.page is None:
        return found, _page_info(1, 0, 0, 1)
    limit = query.limit if forms.page_cap is None else min(query.limit, forms.page_cap)
    page = found[(query.page - 1) * limit : query.page * limit]
    if not forms.page_totals:
        return page, _page_info(query.page, 0, 0, 1)
    return page, _page_info(query.page, len(page), len(found), max(1, -(-len(found) // limit)))


def _page_info(page: int, items: int, total: int, pages: int) -> dict[str, int]:
    return {"page": page, "page_item_count": items, "total_item_count": total, "total_pages": pages}


def _put(found: list[Row], query: ReportQuery, forms: Forms) -> Any:
    if not query.order:
        form = forms.raw_without_order if query.grouped else forms.rows_without_group_by
        return found if form == "flat" else by_asset(found)
    if query.raw:
        return nested(found, query.order)
    return figures(found, query.order, marked=forms.data_incomplete == "stats")
