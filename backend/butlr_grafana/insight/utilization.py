"""The use of rooms: people and capacity, time in use, entries, heat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from butlr_grafana.insight.current_occupancy import NO_SENSOR, NOT_ALL_COUNTED
from butlr_grafana.insight.zones import OFFLINE, WAS_OFFLINE, ZoneHeat, hot_zones
from butlr_grafana.model.calendar import local_windows
from butlr_grafana.model.chunk import Floats
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.privacy import withheld
from butlr_grafana.model.queries import HeatMap, Query, SeriesQuery, SeriesResult
from butlr_grafana.model.threshold import Threshold
from butlr_grafana.model.time import Period

Bools = npt.NDArray[np.bool_]

NO_HOURS = "none of the chosen hours and days is in this time range"


@dataclass(frozen=True, slots=True)
class RoomUse:
    """A room in figures; what is not known is `None`, and `reason` says why no people are known.

    `mean`, `median`, `p95` are of hourly mean occupancies, `peak` of minutes; `mean_when_used` of the
    minutes in which somebody was there, from Butlr's statistics. `utilization`: mean by capacity.
    `in_use_share`: of the hours counted, somebody was there; `underused`: known to be less than asked for.
    `dwell_s`: presence for each entry. `people_per_m2`: from the heat map, by the floor's factor.
    `rank`: 1 has the highest utilization; then those without a capacity, then those without data.
    """

    floor: Floor
    room: Room
    has_data: bool
    reason: str
    mean: float | None
    mean_when_used: float | None
    peak: float | None
    median: float | None
    p95: float | None
    utilization: float | None
    in_use_s: float | None
    in_use_share: float | None
    underused: bool
    entries: float | None
    dwell_s: float | None
    per_m2_hour: float | None
    people_per_m2: float | None = None
    rank: int = 0


def utilization(
    maps: Sequence[HeatMap],
    series: Sequence[SeriesResult],
    means_when_used: Mapping[tuple[str, str], float],
    *,
    underused: float,
) -> tuple[RoomUse, ...]:
    """All rooms of the maps' floors, best used first.

    `series` holds for each floor occupancy by `mean` and by `max`, presence and traffic, in hours;
    `means_when_used` is by floor and room, as far as it is known. A room is underused where somebody was
    there for less than the share `underused` (0 to 1) of the hours counted.
    """
    zones = hot_zones(maps, level="room", threshold=Threshold(95.0, is_percentile=True))
    heat = {(z.space, z.zone_id): z for z in zones}
    rows = [row for heat_map in maps for row in _of_floor(heat_map, series, heat, means_when_used, underused)]
    ordered = sorted(rows, key=lambda r: (not r.has_data, r.utilization is None, -(r.utilization or 0.0)))
    return tuple(replace(row, rank=place) for place, row in enumerate(ordered, start=1))


def _of_floor(
    heat_map: HeatMap,
    series: Sequence[SeriesResult],
    heat: Mapping[tuple[str, str], ZoneHeat],
    means_when_used: Mapping[tuple[str, str], float],
    underused: float,
) -> Iterator[RoomUse]:
    floor, chosen = heat_map.query.floor, heat_map.query.rooms
    own = {(a.query.metric, a.query.statistic): a for a in series if a.query.floor.id == floor.id}
    means, peaks = known_values(own["occupancy", "mean"]), known_values(own["occupancy", "max"])
    presence = time_in_use(own.get(("presence", "sum")), own["occupancy", "mean"])
    entered = known_values(own["traffic", "sum"], field="in")
    for room in floor.chosen(chosen):
        mean = means.get(room.id, np.empty(0))
        in_use_s, known_s = presence.get(room.id, (None, 0.0))
        in_use_share = in_use_s / known_s if in_use_s is not None else None
        entries = float(entered[room.id].sum()) if room.id in entered else None
        average = float(mean.mean()) if mean.size else None
        yield RoomUse(
            floor=floor,
            room=room,
            has_data=bool(mean.size),
            reason="" if mean.size else _why_unknown(room, heat_map),
            mean=average,
            mean_when_used=means_when_used.get((floor.id, room.id)),
            peak=float(peaks[room.id].max()) if room.id in peaks else None,
            median=float(np.median(mean)) if mean.size else None,
            p95=float(np.percentile(mean, 95)) if mean.size else None,
            utilization=average / room.capacity if average is not None and room.capacity else None,
            in_use_s=in_use_s,
            in_use_share=in_use_share,
            underused=bool(mean.size) and in_use_share is not None and in_use_share < underused,
            entries=entries,
            dwell_s=in_use_s / entries if in_use_s is not None and entries else None,
            per_m2_hour=heat[floor.id, room.id].per_m2_hour,
            people_per_m2=heat[floor.id, room.id].people_per_m2,
        )


def time_in_use(presence: SeriesResult | None, means: SeriesResult) -> dict[str, tuple[float, float]]:
    """By asset: seconds in which somebody was there, and how long the windows are of which that is known.

    Butlr may have no row of an hour without anybody. If presence was fetched for that hour and its people are
    known, it is 0. If presence has not arrived, it is unknown. Not each window is an hour: the last one ends
    now, and some clocks change by half of one.
    """
    if presence is None:
        return {}
    # Of rooms that are only shown summed, time in use is not told.
    single = {room.id for room in means.query.floor.rooms if not room.members}
    counted = {one.asset_id: one for one in means.series if one.asset_id in single}
    measured = {one.asset_id: one for one in presence.series}
    found = {}
    for asset in {**measured, **counted}:
        starts = (measured.get(asset) or counted[asset]).start_s
        seconds = measured[asset].values["value"] if asset in measured else np.full(starts.size, np.nan)
        lengths_s = np.diff(starts, append=presence.query.period.end_s)
        if asset in counted:
            is_counted = ~np.isnan(counted[asset].values["value"])
            has_arrived = ~_is_in(presence.coverage.gaps, starts, lengths_s)
            seconds = np.where(np.isnan(seconds) & is_counted & has_arrived, 0.0, seconds)
        known = ~np.isnan(seconds)
        if known.any():
            found[asset] = (float(seconds[known].sum()), float(lengths_s[known].sum()))
    return found


def _is_in(gaps: Sequence[Period], starts: npt.NDArray[np.int64], lengths_s: npt.NDArray[np.int64]) -> Bools:
    """Which windows lie in a gap, at least in part."""
    found = np.zeros(starts.size, bool)
    for gap in gaps:
        found |= (starts < gap.end_s) & (starts + lengths_s > gap.start_s)
    return found


def _why_unknown(room: Room, heat_map: HeatMap) -> str:
    if room.online is not None and counts_no_hour(heat_map.query):
        return NO_HOURS
    return WAS_OFFLINE if heat_map.availability.get(room.id) == 0 else why_unknown(room)


def counts_no_hour(query: Query | SeriesQuery) -> bool:
    """Whether no hour of the period is within the hours and days that count."""
    return query.local_hours is not None and not local_windows(query.period, query.local_hours)


def why_unknown(room: Room) -> str:
    """Why no people are known of a room that has none in an answer."""
    if room.members:
        return withheld(room) or (OFFLINE if room.online is False else NOT_ALL_COUNTED)
    if room.online is None:
        return NO_SENSOR
    return WAS_OFFLINE if room.online else OFFLINE


def known_values(result: SeriesResult, field: str = "value") -> dict[str, Floats]:
    """The known values of each asset; one of which none is known is left out."""
    known = {
        s.asset_id: s.values[field][~np.isnan(s.values[field])] for s in result.series if field in s.values
    }
    return {asset: values for asset, values in known.items() if values.size}
