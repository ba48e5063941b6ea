"""*Patterns*: the week, and the time range as a film."""

from __future__ import annotations

from dashboards import variables
from dashboards.downloads import downloads
from dashboards.page import page
from dashboards.panels.charts import film, week
from dashboards.panels.parts import Frame, Place, Query
from dashboards.parameters import HERE
from dashboards.sources import Source
from dashboards.style import Json

UID = "butlr-patterns"

PEOPLE = Query("pattern", {**HERE, "metric": "occupancy"})
HEAT = Query("pattern", {**HERE, "metric": "heatmap"})
FILM = Query("playback", {**HERE, "every": "${film}"})
SUMMARY = Query("heatmap-summary", HERE)

PEOPLE_TEXT = """\
People at each hour of the week: the mean over the time range, on the floor or in the rooms chosen, in the \
floor's own time zone. Only hours with data have a cell."""

HEAT_TEXT = """\
People by the heat map, at each hour of the week: the mean over the time range, on the floor or in the \
rooms chosen. A range of more than 14 days is limited to its last 14 days. If the number of detections per \
person is not known, detections per hour are shown."""

FILM_TEXT = """\
The time range in at most 200 equal windows with one colour scale. *Hours or days* shows hours in a range \
of up to two days, and days in a longer one. Windows outside the hours and days chosen are left out. Stop \
the film with the button below it, step with the arrows, or drag the slider."""


def dashboard(source: Source) -> Json:
    return page(
        source,
        UID,
        "Patterns",
        "At which hours of the week people are there, and a film of the time range.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.types(source),
            variables.hours(),
            variables.days(),
            variables.film(),
        ],
        panels=[
            week(
                source,
                Frame(
                    "People, hour by hour of the week",
                    PEOPLE_TEXT,
                    Place(0, 0, 11, 7),
                    [PEOPLE],
                    downloads(source, PEOPLE, "csv"),
                ),
            ),
            week(
                source,
                Frame(
                    "People by heat, hour by hour of the week",
                    HEAT_TEXT,
                    Place(0, 7, 11, 7),
                    [HEAT],
                    downloads(source, HEAT, "csv"),
                ),
            ),
            film(
                source,
                Frame(
                    "Playback",
                    FILM_TEXT,
                    Place(11, 0, 13, 14),
                    [SUMMARY],
                    downloads(source, FILM, "webp", "csv"),
                ),
                FILM,
                "total_detections",
            ),
        ],
    )
