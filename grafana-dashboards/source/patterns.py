"""*Patterns*: the week, and the time range as a film."""

from __future__ import annotations

from source import variables
from source.downloads import downloads
from source.house import Json
from source.page import page
from source.panels.charts import film, week
from source.panels.parts import Frame, Place, Question
from source.sources import Source
from source.words import HERE

UID = "butlr-patterns"

PEOPLE = Question("pattern", {**HERE, "metric": "occupancy"})
HEAT = Question("pattern", {**HERE, "metric": "heatmap"})
FILM = Question("playback", {**HERE, "every": "${film}"})
SUMMARY = Question("heatmap-summary", HERE)

PEOPLE_TEXT = """\
People at each hour of the week: the mean over the time range, on the floor or in the rooms chosen, by the \
floor's own clock. Only hours with data have a cell."""

HEAT_TEXT = """\
People by the heat map, at each hour of the week: the mean over the time range, on the floor or in the rooms \
chosen. A range of more than 14 days is limited to its last 14 days. Where the number of detections a person \
gives is not known, detections per hour are shown."""

FILM_TEXT = """\
The time range in equal windows on one colour scale, at most 200. *Hours or days* shows hours in a range of \
up to two days, and days in a longer one. Windows outside the hours and days chosen are left out. Stop the \
film with the button below it, step with the arrows, or drag the slider."""


def dashboard(source: Source) -> Json:
    return page(
        source,
        UID,
        "Patterns",
        "When the week is full, and how a day goes.",
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
                    Place(0, 0, 11, 9),
                    [PEOPLE],
                    downloads(source, PEOPLE, "csv"),
                ),
            ),
            week(
                source,
                Frame(
                    "People by heat, hour by hour of the week",
                    HEAT_TEXT,
                    Place(0, 9, 11, 9),
                    [HEAT],
                    downloads(source, HEAT, "csv"),
                ),
            ),
            film(
                source,
                Frame(
                    "Playback",
                    FILM_TEXT,
                    Place(11, 0, 13, 18),
                    [SUMMARY],
                    downloads(source, FILM, "webp", "csv"),
                ),
                FILM,
                "total_detections",
            ),
        ],
    )
