"""One observation of a floor: detections and person-minutes of the same rooms and hours. Pure.

Heat outside rooms does not count, because nobody counts the people there. A room is left out on both sides if
it has no polygon, no presence sensor, a sensor that was offline in any of the hours, or if nobody was
counted: an empty room says nothing about the detections per person, and a room without a sensor may look
empty.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from butlr_grafana.insight import apportion
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.factor import LEAST_PERSON_MINUTES, MINUTES_AN_HOUR, Observation, Unknown
from butlr_grafana.model.floor import Floor, as_built
from butlr_grafana.model.geometry import shape_of
from butlr_grafana.model.queries import AssetSeries
from butlr_grafana.model.time import HOUR_S, Period

NO_ROOMS = "Butlr has no outline of any of its rooms"
NO_PEOPLE = "no presence sensor counts people in a room whose outline is known"
NOT_WHOLE = "the number of people is not known for any whole hour"
NO_HEAT = "people were counted, but the heat map has no detection in their rooms"


def observation(
    floor: Floor, grid: Grid, period: Period, means: Sequence[AssetSeries]
) -> Observation | Unknown:
    """`grid`: all detections of the floor in the period; `means`: the mean people of its rooms, hour by hour,
    NaN where they are not known.
    """
    drawn = drawn_rooms(floor)
    if not drawn:
        return Unknown(NO_ROOMS)
    own = [series for series in means if series.asset_id in drawn]
    if not own:
        return Unknown(NO_PEOPLE)
    hours = np.arange(period.start_s, period.end_s, HOUR_S)
    inside = (own[0].start_s >= period.start_s) & (own[0].start_s < period.end_s)
    if period.length_s % HOUR_S or not np.array_equal(own[0].start_s[inside], hours):
        return Unknown(NOT_WHOLE)
    minutes = {
        series.asset_id: float(series.values["value"][inside].sum()) * MINUTES_AN_HOUR for series in own
    }
    # A sum with an unknown hour is NaN, and is not above zero.
    counted = {room_id: sum_ for room_id, sum_ in minutes.items() if sum_ > 0}
    if not counted:
        return Unknown(NO_PEOPLE if all(np.isnan(sum_) for sum_ in minutes.values()) else _too_few(0))
    person_minutes = math.fsum(counted.values())
    if person_minutes < LEAST_PERSON_MINUTES:
        return Unknown(_too_few(person_minutes))
    by_room = apportion.of_rooms(replace(floor, rooms=tuple(as_built(floor.rooms))), grid)
    detections = dict(zip(by_room.ids, by_room.sums(grid.value).tolist(), strict=True))
    found = math.fsum(detections[room_id] for room_id in counted)
    if found <= 0:
        return Unknown(NO_HEAT)
    return Observation(day_of(period, floor), period.length_s / HOUR_S, found, person_minutes)


def drawn_rooms(floor: Floor) -> set[str]:
    """The ids of the rooms that can be observed by their place."""
    return {room.id for room in floor.rooms if not room.members and shape_of(room.polygon) is not None}


def day_of(period: Period, floor: Floor) -> str:
    """The floor's local date in the middle of a period."""
    middle_s = (period.start_s + period.end_s) / 2
    return datetime.fromtimestamp(middle_s, ZoneInfo(floor.timezone)).date().isoformat()


def _too_few(person_minutes: float) -> str:
    return (
        f"only {person_minutes:.0f} person-minutes were counted on a day; "
        f"{LEAST_PERSON_MINUTES:.0f} are needed"
    )
