"""*Patterns*: the week, the day as a film, and the floor as a landscape."""

from __future__ import annotations

from source import variables
from source.downloads import downloads
from source.house import Json
from source.page import page
from source.panels.charts import surface, week
from source.panels.parts import Frame, Place, Question
from source.panels.plan import picture
from source.sources import Source
from source.words import HERE

UID = "butlr-patterns"

PEOPLE = Question("pattern", {**HERE, "metric": "occupancy"})
HEAT = Question("pattern", {**HERE, "metric": "heatmap"})
FILM = Question("playback", {**HERE, "every": "${film}"})
CELLS = Question("heatmap", {**HERE, "resolution": "1.0"})

PEOPLE_TEXT = """\
People on the floor at each hour of the week by the floor's own clock: the mean over the time range. An \
hour of which nothing is known has no colour."""

HEAT_TEXT = """\
People by the heat map of the floor, or of the rooms chosen, at each hour of the week: the mean over the \
time range, which may be up to 14 days for this panel. Where the floor's rate of detections is not known, \
the detections an hour instead."""

FILM_TEXT = """\
The time range as a film of equal windows on one colour scale, a picture a day, an hour or a quarter of an \
hour; at most 200. The time of each window is in the picture, beside a bar of all. Many pictures take some \
seconds to draw."""

SURFACE_TEXT = """\
Where people were, as a landscape of cells of one metre: the higher, the more people (or detections, where \
people are not known). Drag to turn it, scroll to come nearer, point at it for a cell's value."""


def dashboard(source: Source) -> Json:
    return page(
        source,
        UID,
        "Patterns",
        "When the week is full, how a day goes, and the floor as a landscape.",
        variables=[
            variables.floor(source),
            variables.rooms(source),
            variables.hours(),
            variables.days(),
            variables.film(),
            variables.theme(),
        ],
        panels=[
            week(
                source,
                Frame(
                    "People, hour by hour of the week: ${space:text}",
                    PEOPLE_TEXT,
                    Place(0, 0, 12, 9),
                    [PEOPLE],
                    downloads(source, PEOPLE, "csv"),
                ),
            ),
            week(
                source,
                Frame(
                    "Heat, hour by hour of the week",
                    HEAT_TEXT,
                    Place(12, 0, 12, 9),
                    [HEAT],
                    downloads(source, HEAT, "csv"),
                ),
            ),
            picture(
                source,
                Frame(
                    "Playback", FILM_TEXT, Place(0, 9, 12, 14), links=downloads(source, FILM, "webp", "csv")
                ),
                "playback",
                {**FILM.words, "format": "webp", "width": "1000", "theme": "${theme}"},
                "The floor's heat map, window by window",
            ),
            surface(source, Frame("The floor as a landscape", SURFACE_TEXT, Place(12, 9, 12, 14), [CELLS])),
        ],
    )
