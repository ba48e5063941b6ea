"""The table of targets: what can be asked for, with the words that each understands and its formats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that can be asked for, with the words that it understands and its formats."""

    name: str
    title: str
    description: str
    words: tuple[str, ...]
    formats: tuple[str, ...]
    many_floors: bool = False


HEAT_MAP_WORDS = (
    *("space", "from", "to", "resolution", "columns", "normalize"),
    *("hours", "days", "tz", "holidays", "room", "tag", "require", "unit", "format"),
)
ZONE_WORDS = tuple(name for name in HEAT_MAP_WORDS if name != "normalize")

PICTURE_WORDS = ("width", "theme")
SERIES_WORDS = (
    *("space", "from", "to", "every", "level", "room", "tag"),
    *("hours", "days", "tz", "holidays", "require", "format"),
)

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        t.name: replace(t, words=(*t.words, "for"))
        for t in (
            Target(
                "heatmap",
                "Heat map",
                "Where people were: people per m² (or detections) by cell, as one dense heatmap-cells frame.",
                (*HEAT_MAP_WORDS, "empty", *PICTURE_WORDS),
                ("frames", "rows", "matrix", "csv", "png"),
            ),
            Target(
                "heatmap-summary",
                "Heat map in figures",
                "One row: total, peak and where it is, area in use, hours covered, as of, complete.",
                (*HEAT_MAP_WORDS, "area"),
                ("frames", "rows", "csv"),
            ),
            Target(
                "compare",
                "Compare two periods",
                "Each cell's change in people per m² (or detections per hour) against a baseline.",
                (*HEAT_MAP_WORDS, "baseline", *PICTURE_WORDS),
                ("frames", "rows", "csv", "png"),
            ),
            Target(
                "compare-zones",
                "Compare two periods by room",
                "A row a room, zone or the floor: people (or detections per hour) then and now, by change.",
                (*ZONE_WORDS, "level", "baseline"),
                ("frames", "rows", "csv"),
            ),
            Target(
                "hot-zones",
                "Hot zones",
                "A row a room or zone, hottest first: people per m², detections, share, rank, hot.",
                (*ZONE_WORDS, "level", "threshold", "release", "area", "max_age"),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "hotspots",
                "Hot spots",
                "A row a contiguous hot area: centre, area, peak, total, rooms touched.",
                (*ZONE_WORDS, "threshold", "area"),
                ("frames", "rows", "csv"),
            ),
            Target(
                "occupancy",
                "Occupancy over time",
                "People in each room, zone or floor over time, a frame an asset; gaps are gaps.",
                (*SERIES_WORDS, "statistic"),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "occupancy-now",
                "Occupancy now",
                "A row a room or floor: people, capacity, share of it, as of.",
                ("space", "level", "room", "tag", "require", "max_age", "format"),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "unusual",
                "Unusual now",
                "A row a room: people of the last minutes, what is usual at this time of the week, ratio.",
                ("space", "window", "room", "tag", "require", "max_age", "format"),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "balance",
                "In and out today",
                "A row a floor or room: entries less exits since midnight, and how many of them cannot be.",
                ("space", "level", "room", "tag", "require", "max_age", "format"),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "traffic",
                "Traffic",
                "People in and out through each room's or floor's own doors.",
                SERIES_WORDS,
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "presence",
                "Presence time",
                "Seconds in each window in which somebody was there.",
                SERIES_WORDS,
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "utilization",
                "Utilization of rooms",
                "A row a room, best used first: capacity, people, time in use, underused, entries, heat.",
                (
                    *(name for name in SERIES_WORDS if name not in ("every", "level")),
                    "underused",
                    "area",
                    "unit",
                ),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "pattern",
                "Pattern of the week",
                "A row an hour of the week: the mean of a metric; of the heat map for up to 14 days.",
                ("metric", *(name for name in SERIES_WORDS if name != "every"), "resolution", "unit"),
                ("frames", "rows", "csv"),
            ),
            Target(
                "playback",
                "Playback",
                "The period in equal windows on one colour scale: a frame with a time, or an animated WebP.",
                (*HEAT_MAP_WORDS, "every", *PICTURE_WORDS),
                ("frames", "rows", "csv", "webp"),
            ),
            Target(
                "floorplan",
                "Floor plan",
                "Outline, rooms and zones as GeoJSON (a metre is 1/111319.49 degree) or as a picture.",
                ("space", *PICTURE_WORDS, "format"),
                ("geojson", "png"),
            ),
            Target(
                "events",
                "Hot zones' starts and ends",
                "A row a time in which a zone was hot, as alert rules saw it: start, end, threshold, peak.",
                ("space", "from", "to", "tz", "level", "room", "format"),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "freshness",
                "Freshness of data",
                "A row a floor, those that fail too: up to when Butlr's data are known, and their age.",
                ("space", "metric", "max_age", "format"),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
            Target(
                "status",
                "Is Butlr there",
                "One row, even without Butlr: whether it answers, how long ago it did, and why it does not.",
                ("format",),
                ("frames", "rows", "csv"),
            ),
            Target(
                "spaces",
                "Floors, rooms and zones",
                "The topology as rows: a row a floor, room or zone.",
                ("space", "level", "area", "format"),
                ("frames", "rows", "csv"),
                many_floors=True,
            ),
        )
    }
)
