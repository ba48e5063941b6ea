"""The table of query parameters. `parameter_values` has the functions that read their texts.

The parser (`query.parse`), `POST /metrics`, OpenAPI and the README come from this table and from the
registry of targets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from butlr_grafana.model import threshold
from butlr_grafana.query import parameter_values as values


@dataclass(frozen=True, slots=True)
class Parameter:
    """One query parameter. `parse(name, text)` returns the value of `ParsedQuery`'s field, or raises
    `BadParameter`.

    `is_name`: its texts are names of rooms or tags, which may contain any character (see `texts.Name`).
    `is_time`: `parse` takes a third argument, the time zone of a time without an offset.
    """

    name: str
    description: str
    parse: Callable[..., Any]
    default: str | None = None
    choices: tuple[str, ...] = ()
    example: str | None = None
    many: bool = False
    is_name: bool = False
    url_only: bool = False
    stored_as: str | None = None
    is_time: bool = False

    @property
    def field(self) -> str:
        """The field of `ParsedQuery` with the value. It has another name if the parameter's name is a keyword
        of Python, such as `from`.
        """
        return self.stored_as or self.name


FORMATS = ("frames", "rows", "matrix", "csv", "png", "webp", "geojson")
EMPTY = ("omit", "zero")
AREAS = ("m2", "ft2")
UNITS = ("auto", "people", "detections")
METRICS = ("occupancy", "traffic", "presence", "heatmap")
THEMES = ("light", "dark")
STYLES = ("gradient", "opacity", "smooth", "surface")
REQUESTERS = ("viewer", "rule", "wall")
LEVELS = ("floor", "room", "zone")
BY = ("building", "tag")
KINDS = ("sensor", "hive")
ONLY = ("all", "faults", "underused")
EVERY = ("auto", "1m", "5m", "15m", "1h", "1d")
NORMALIZE = ("none", "max", "hour", "share")

PARAMETERS: Mapping[str, Parameter] = MappingProxyType(
    {
        parameter.name: parameter
        for parameter in (
            Parameter(
                "space",
                "floor id; optional if the backend serves one floor; tables also take a list or `all`",
                values.identifier,
                stored_as="spaces",
                many=True,
                example="space_1",
            ),
            Parameter(
                "from",
                "start: ISO 8601 or epoch ms; a time without offset is in `tz`, or in UTC; a date means "
                "its midnight",
                values.instant,
                is_time=True,
                url_only=True,
                stored_as="start_s",
                example="2024-01-01T00:00:00Z",
            ),
            Parameter(
                "to",
                "end, not included: in the forms of `from`; a date means the midnight at which it begins",
                values.instant,
                is_time=True,
                url_only=True,
                stored_as="end_s",
                example="1706745600000",
            ),
            Parameter(
                "resolution",
                "cell size in metres; auto: 0.5, or 1.0 if 0.5 gives more than `columns` columns; 0.25 "
                "is finer than the sensors see",
                values.resolution,
                default="auto",
                choices=("auto", "0.25", "0.5", "1.0"),
            ),
            Parameter(
                "columns",
                "maximum number of columns of cells with `resolution=auto`",
                values.columns,
                default="100",
            ),
            Parameter(
                "normalize",
                "none: people per m², or detections; max: share of the largest cell, 0 to 1; hour: "
                "detections per hour counted; share: share of all detections",
                values.one_of(*NORMALIZE),
                default="none",
                choices=NORMALIZE,
            ),
            Parameter(
                "empty",
                "cells without a detection: omit leaves them out (null in dense frames), zero makes "
                "them 0 within the floor's outline; cells without data are null in both cases; a picture "
                "gives no colour to either kind of cell",
                values.one_of(*EMPTY),
                default="omit",
                choices=EMPTY,
            ),
            Parameter(
                "hours",
                "counts only these local hours; overnight hours belong to the day on which they start",
                values.hours,
                example="08:00-18:00",
            ),
            Parameter("days", "counts only these local days", values.days, example="mon-fri"),
            Parameter(
                "tz",
                "IANA time zone of hours, days and windows; default: each floor's own",
                values.time_zone,
                example="Europe/Paris",
            ),
            Parameter(
                "holidays",
                "out: the dates of BACKEND_HOLIDAYS are not counted",
                values.one_of("in", "out"),
                default="in",
                choices=("in", "out"),
            ),
            Parameter(
                "room",
                "room ids or names: only cells whose centre is in one of these rooms",
                values.plain_text,
                many=True,
                is_name=True,
                example="room_1",
            ),
            Parameter(
                "tag",
                "room tags: only cells whose centre is in a room with one of these tags",
                values.plain_text,
                many=True,
                is_name=True,
                example="quiet",
            ),
            Parameter(
                "type",
                "room types: only rooms of these types, and cells whose centre is in one of these rooms",
                values.plain_text,
                many=True,
                is_name=True,
                example="meeting_room",
            ),
            Parameter(
                "least_capacity",
                "only rooms for at least this number of people; 0: all rooms, also those of unknown capacity",
                values.least_capacity,
                default="0",
                example="6",
            ),
            Parameter(
                "require",
                "complete: an error instead of a partial or old result",
                values.one_of("any", "complete"),
                default="any",
                choices=("any", "complete"),
            ),
            Parameter(
                "max_age",
                "maximum age of a result about now that counts as complete, if newer data do not arrive in "
                "time: 0, or 1m to 60m",
                values.max_age,
                default="0",
                example="5m",
                stored_as="max_age_s",
            ),
            Parameter(
                "for",
                "for whom the result is: a viewer, an alert rule or a wall; a part of the calls to Butlr is "
                "reserved for each of these three; default: rule with `require=complete`, otherwise viewer",
                values.one_of(*REQUESTERS),
                choices=REQUESTERS,
                example="rule",
                stored_as="requested_by",
                url_only=True,
            ),
            Parameter(
                "baseline",
                "period to compare with: the previous one, a calendar offset, or ISO/ISO",
                values.baseline,
                is_time=True,
                default="previous",
                example="-4w",
            ),
            Parameter(
                "threshold",
                "limit above which a zone or cell is hot: a percentile of the result, or a number; the "
                "number is people per m² with `unit=people`, otherwise detections per m² and hour (also "
                "with area=ft2)",
                threshold.parse,
                default="p95",
                example="2.5",
            ),
            Parameter(
                "release",
                "for `events`: a hot zone stays hot until its value is below this limit; default: 80 % of "
                "`threshold`, if that is a number",
                values.release,
                example="2",
            ),
            Parameter(
                "window",
                "length of the window up to now, from 1m to 24h",
                values.window,
                default="10m",
                example="8h",
                stored_as="window_s",
            ),
            Parameter(
                "area",
                "unit of areas; with ft2, columns have names such as `area_ft2` and `people_per_ft2`",
                values.one_of(*AREAS),
                default="m2",
                choices=AREAS,
            ),
            Parameter(
                "unit",
                "unit of heat; people needs the floor's measured factor; auto uses people if the factor "
                "is known, "
                "but detections with `normalize=hour` or a number as `threshold`",
                values.one_of(*UNITS),
                default="auto",
                choices=UNITS,
            ),
            Parameter(
                "underused",
                "a room is underused if people were there for less than this share (0 to 1) of the hours "
                "counted",
                values.share,
                default="0.1",
            ),
            Parameter(
                "metric",
                "metric of `pattern` and `freshness`",
                values.one_of(*METRICS),
                default="occupancy",
                choices=METRICS,
            ),
            Parameter("every", "length of the windows", values.one_of(*EVERY), default="auto", choices=EVERY),
            Parameter(
                "statistic",
                "statistic of each window's values: mean, max, min, sum, median, first, last, p95 …",
                values.statistic,
                default="mean",
                example="p95",
            ),
            Parameter(
                "level",
                "floors, rooms or zones; default of most tables: `room`",
                values.one_of(*LEVELS),
                choices=LEVELS,
            ),
            Parameter(
                "by",
                "rows of `totals`: one per building, or one per tag of floors; a floor with several tags "
                "counts in each of them",
                values.one_of(*BY),
                default="building",
                choices=BY,
            ),
            Parameter(
                "kind",
                "only devices of this kind; default: both",
                values.one_of(*KINDS),
                choices=KINDS,
            ),
            Parameter(
                "only",
                "faults: only devices that are offline, whose state is not known, or whose battery is due; "
                "only rooms and zones without a working sensor; underused: only underused rooms, for "
                "`utilization` and `compare-utilization`",
                values.one_of(*ONLY),
                default="all",
                choices=ONLY,
            ),
            Parameter("width", "width of a picture in pixels", values.width, default="1200", url_only=True),
            Parameter(
                "theme",
                "colour theme of a picture",
                values.one_of(*THEMES),
                default="light",
                choices=THEMES,
                url_only=True,
            ),
            Parameter(
                "style",
                "style of a heat map's picture or film; gradient: a colour per cell; opacity: one "
                "colour, stronger with more people; smooth: colours that blend into each other; surface: the "
                "3D surface of the dashboard *Floor*, of which pictures and films show the gradient",
                values.one_of(*STYLES),
                default="gradient",
                choices=STYLES,
                url_only=True,
            ),
            Parameter(
                "bom",
                "1: a CSV begins with a byte-order mark, so that Excel reads it as UTF-8",
                values.one_of("0", "1"),
                default="0",
                choices=("0", "1"),
                url_only=True,
            ),
            Parameter(
                "format",
                "format of the result",
                values.one_of(*FORMATS),
                default="frames",
                choices=FORMATS,
                url_only=True,
            ),
        )
    }
)
