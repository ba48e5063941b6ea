"""Figures: one row large, or rows as a table.

Titles and units come from the backend's frames. This module only sets how a figure looks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dashboards.panels.parts import ONLY_FRAMES_WITH_FIELDS, Frame, in_order, only, override, panel
from dashboards.sources import Source
from dashboards.style import CALM, WARNING, Json, steps
from dashboards.titles import title

Limit = tuple[float | None, str]


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar beside a number, up to `largest`, coloured from each limit upwards."""

    largest: float
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a row and its look: Grafana's field settings by name (`__` for a dot).

    `of`: the target of the column, if the panel queries several. `bar`: only of tables.
    """

    field: str
    look: Json = field(default_factory=dict)
    hidden: bool = False
    of: str | None = None
    bar: Bar | None = None


def totals(source: Source, frame: Frame, shown: Sequence[Column]) -> Json:
    """The sums of the columns of a table, side by side in the given order."""
    return row_figures(source, frame, shown, of="sum")


def row_figures(
    source: Source, frame: Frame, shown: Sequence[Column], *, vertical: bool = False, of: str = "lastNotNull"
) -> Json:
    """The values of a result with one row, side by side in the given order, or below each other. `of`: one of
    Grafana's calculations, for a result with several rows.
    """
    return panel(
        "stat",
        source,
        frame,
        transformations=_fields(frame, shown),
        fieldConfig={
            "defaults": {"color": {"mode": "thresholds"}, "thresholds": steps((None, CALM)), "noValue": "-"},
            "overrides": _overrides(shown),
        },
        options={
            "reduceOptions": {"calcs": [of], "fields": "/.*/", "values": False},
            "orientation": "horizontal" if vertical else "vertical",
            "textMode": "value_and_name",
            "wideLayout": vertical,
            "colorMode": "value",
            "graphMode": "none",
            "justifyMode": "auto",
            # Left to itself, Grafana makes all as small as the longest needs it.
            "text": {"titleSize": 13, "valueSize": 15 if vertical else 18},
            "showPercentChange": False,
        },
    )


def table(
    source: Source,
    frame: Frame,
    columns: Sequence[Column],
    *,
    sorted_by: str | None = None,
    no_rows: str = "No rows",
) -> Json:
    """A table with the columns in the given order.

    `sorted_by`: the column by which the table is sorted, largest first; default: the backend's order.
    `no_rows`: what it means if there are none, in a few words.
    """
    sort = [{"displayName": title(frame.queries[0].target, sorted_by), "desc": True}] if sorted_by else []
    return panel(
        "table",
        source,
        frame,
        transformations=[ONLY_FRAMES_WITH_FIELDS, *_fields(frame, columns)],
        fieldConfig={
            "defaults": {
                "custom": {"align": "auto", "inspect": False, "wrapHeaderText": True, "minWidth": 90},
                "noValue": f"{no_rows}. {WHERE_WHY}",
            },
            "overrides": [NOTHING_IN_CELLS, *_overrides(columns)],
        },
        options={
            "showHeader": True,
            "cellHeight": "sm",
            "enablePagination": False,
            "sortBy": sort,
        },
    )


WHERE_WHY = "The mark beside the panel's title says why."
"""Grafana also shows this where a query fails, so it names no reason; the backend's notice does."""

NOTHING_IN_CELLS: Json = {
    "matcher": {"id": "byRegexp", "options": "/.*/"},
    "properties": [{"id": "noValue", "value": ""}],
}
"""A table's text for no row is not that of a cell without a value."""

BAR_WIDTH, AROUND_CELL = 56, 13
"""In pixels. Grafana (12.3) draws a bar as if it had the whole width of its column, and cuts what lies beyond
the padding. So a bar's scale ends later than its largest value; if that were not known, the longest bars
would look equal.
"""


def gauge(bar: Bar) -> Json:
    """A cell that is nothing but a bar. With the number in it, Grafana (12.3) gives the bar what the number
    leaves: "100%" would have a shorter bar than "99%".
    """
    return {
        "custom__cellOptions": {"type": "gauge", "mode": "basic", "valueDisplayMode": "hidden"},
        "min": 0,
        "max": round(bar.largest * BAR_WIDTH / (BAR_WIDTH - AROUND_CELL), 4),
        "unit": "none",
        "thresholds": steps(*bar.limits),
        "color": {"mode": "thresholds"},
        "mappings": [NOTHING, ZERO],
        **width(BAR_WIDTH),
    }


def _bars(columns: Sequence[Column]) -> dict[str, Column]:
    """The columns that have a bar, by the name of the bar's own column: blanks, for its head has no text."""
    return {
        " " * number: column
        for number, column in enumerate((c for c in columns if c.bar is not None), start=1)
    }


def _copied(name: str, column: Column) -> Json:
    """A column with the values of another."""
    of = {"include": [column.field], "reducer": "lastNotNull"}
    options = {"mode": "reduceRow", "reduce": of, "alias": name, "replaceFields": False, "timeSeries": False}
    return {"id": "calculateField", "options": options}


ZERO: Json = {"type": "value", "options": {"0": {"color": CALM, "index": 1}}}
"""A zero has no bar and no warning colour."""

NOTHING: Json = {
    "type": "special",
    "options": {"match": "null", "result": {"text": "", "color": "transparent", "index": 0}},
}
"""What is not known: without it Grafana gives it the colour of the least value."""


def people_per_area(pixels: int) -> tuple[Column, Column]:
    """People by area, as the columns of each unit of area are shown everywhere."""
    return (
        Column("people_per_m2", {"decimals": 3, **width(pixels)}),
        Column("people_per_ft2", {"decimals": 4, **width(pixels)}),
    )


def why_unknown(url: str) -> tuple[Column, ...]:
    """A mark in rows without data. A tooltip on the mark shows the reason.

    As text, the column would be empty in most rows and three lines high in the others. `url`: the page behind
    the mark; Grafana shows a tooltip only on a link.
    """
    texts = {"0": {"text": "⚠", "color": WARNING, "index": 0}, "1": {"text": "", "index": 1}}
    mark: Json = {
        "displayName": "Data",
        "mappings": [{"type": "value", "options": texts}],
        "custom__cellOptions": {"type": "color-text"},
        "custom__align": "center",
        **width(46),
        **leads_to("No data: ${__data.fields.reason}", url),
    }
    return Column("has_data", mark), Column("reason", hidden=True)


def state(texts: Mapping[str, tuple[str, str]]) -> Json:
    """Replaces each text by another text in a colour."""
    options = {
        key: {"text": text, "color": colour, "index": index}
        for index, (key, (text, colour)) in enumerate(texts.items())
    }
    return {
        "mappings": [{"type": "value", "options": options}],
        "custom__cellOptions": {"type": "color-text"},
    }


def badge(**shown: tuple[str, str]) -> Json:
    """Shows each value as a text on a coloured background: value → (text, colour)."""
    texts = {
        value: {"text": text, "color": colour, "index": place}
        for place, (value, (text, colour)) in enumerate(shown.items())
    }
    return {
        "mappings": [{"type": "value", "options": texts}],
        "custom__cellOptions": {"type": "color-background", "mode": "basic"},
    }


def width(pixels: int) -> Json:
    return {"custom__width": pixels}


def leads_to(title: str, url: str) -> Json:
    """A link in a cell. `url` may contain `${__data.fields.…}` and `${__url_time_range}`."""
    return {"links": [{"title": title, "url": url, "targetBlank": False}]}


def _fields(frame: Frame, columns: Sequence[Column]) -> list[Json]:
    target = frame.queries[0].target
    bars = _bars(columns)
    beside = {column.field: name for name, column in bars.items()}
    names: list[str] = []
    for c in columns:
        # A column may be called otherwise where heat is in people.
        names += [title(c.of or target, c.field), title(f"{c.of or target}/people", c.field)]
        names += [beside[c.field]] if c.field in beside else []
    copies = [_copied(name, column) for name, column in bars.items()]
    return [only(*(column.field for column in columns)), *copies, in_order(*dict.fromkeys(names))]


def _overrides(columns: Sequence[Column]) -> list[Json]:
    properties = {
        c.field: {**c.look, **({"custom__hideFrom__viz": True} if c.hidden else {})} for c in columns
    }
    properties |= {name: gauge(column.bar) for name, column in _bars(columns).items() if column.bar}
    return [override(name, **look) for name, look in properties.items() if look]


def grouped_bars(source: Source, frame: Frame, name: str, shown: Sequence[Column]) -> Json:
    """For each row, named by the field `name`, a group of bars."""
    columns = [Column(name), *shown]
    return panel(
        "barchart",
        source,
        frame,
        transformations=[ONLY_FRAMES_WITH_FIELDS, *_fields(frame, columns)],
        fieldConfig={
            "defaults": {
                "min": 0,
                # Wide enough for the first name, which leans out to the left.
                "custom": {"lineWidth": 0, "fillOpacity": 85, "axisBorderShow": False, "axisWidth": 64},
            },
            "overrides": _overrides(columns),
        },
        options={
            "xField": title(frame.queries[0].target, name),
            "orientation": "auto",
            "showValue": "never",
            "stacking": "none",
            "groupWidth": 0.75,
            "barWidth": 0.95,
            "barRadius": 0,
            "fullHighlight": False,
            "xTickLabelRotation": -60,
            "xTickLabelMaxLength": 30,
            "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
            "tooltip": {"mode": "multi", "sort": "none"},
        },
    )


def coloured(colour: str) -> Json:
    return {"color": {"mode": "fixed", "fixedColor": colour}}
