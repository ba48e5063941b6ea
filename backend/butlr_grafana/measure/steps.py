"""The calls for each finding. A response that several findings need is fetched once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import orjson

from butlr_grafana.base.errors import UpstreamError, UpstreamInvalid
from butlr_grafana.butlr.rows import Row, rows_of
from butlr_grafana.measure import account, heat, people, windows
from butlr_grafana.measure.client import MeasurementClient, Reporting, is_refused
from butlr_grafana.measure.finding import Finding, skipped
from butlr_grafana.measure.scene import Scene
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.time import Period, iso
from butlr_grafana.model.verdicts import PRESENCE_NAMES

MEAN = "occupancy_avg_presence"
"""The statistic by which days are told apart."""

RESOLUTION_M = 0.5
PLAIN_PRESENCE = "presence_time_secs"
"""What presence time is called at every level, where the names by level are refused."""

FIRST_LENGTH_S, LONG_LENGTH_S = 16, 128
"""How long the stretch is in which a second with a detection is looked for."""

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass
class Steps:
    """The calls of one run. `now`: Butlr's clock. `headers`: the headers of responses about a rate limit.
    `labels_are`: which end of a window labels mean, as far as it is known.
    """

    client: MeasurementClient
    scene: Scene
    now: Callable[[], float]
    headers: Callable[[], Mapping[str, str]] = dict
    labels_are: str = windows.END
    maps: list[heat.HeatResponse] = field(default_factory=list)

    @property
    def _floor(self) -> Floor:
        return self.scene.floor

    def _heat(self, start_s: int, stop_s: int) -> heat.HeatResponse:
        body = self.client.heat(self._floor.id, iso(start_s), iso(stop_s), RESOLUTION_M)
        response = heat.read(body, RESOLUTION_M)
        self.maps.append(response)
        return response

    def _readable(self, response: heat.HeatResponse) -> heat.HeatResponse:
        """Raises `UpstreamInvalid` for one that our decoder does not read."""
        if response.grid is None:
            raise UpstreamInvalid(response.fault)
        return response

    def _total(self, start_s: int, stop_s: int) -> float:
        return self._readable(self._heat(start_s, stop_s)).total

    def _reporting(
        self, measurement: str, every: str, function: str, period: Period, **where: Sequence[str]
    ) -> Reporting:
        return Reporting(measurement, every, function, period, self.scene.timezone, **where)

    @cached_property
    def _hour_heat(self) -> heat.HeatResponse:
        return self._heat(self.scene.hour.start_s, self.scene.hour.end_s)

    @cached_property
    def _next_heat(self) -> heat.HeatResponse:
        return self._heat(self.scene.next_hour.start_s, self.scene.next_hour.end_s)

    @cached_property
    def _minutes(self) -> list[Row]:
        """The people of every room, minute by minute."""
        rooms = self.scene.rooms
        return self.client.rows(
            self._reporting("room_occupancy", "1m", "median", self.scene.hour, rooms=rooms)
        )

    @cached_property
    def _hour_people(self) -> list[Row]:
        rooms = self.scene.rooms[:10]
        return self.client.rows(self._reporting("room_occupancy", "1h", "max", self.scene.hour, rooms=rooms))

    def u1(self) -> Finding:
        return heat.form(self._hour_heat)

    def u2(self) -> Finding:
        """A second with a detection is looked for in halves; the periods around it then meet where one is."""
        first_s, length_s = self.scene.hour.start_s + 1800, FIRST_LENGTH_S
        found = self._total(first_s, first_s + length_s)
        if not found:
            length_s = LONG_LENGTH_S
            found = self._total(first_s, first_s + length_s)
        if not found:
            return heat.stop([0.0, 0.0], 0.0, length_s)
        at_s, in_second = first_s, found
        while length_s > 1:
            half_s = length_s // 2
            in_half = self._total(at_s, at_s + half_s)
            if in_half:
                in_second, length_s = in_half, half_s
            else:
                at_s, in_second, length_s = at_s + half_s, 0.0, length_s - half_s
        edges = (at_s - 5, at_s, at_s + 1, at_s + 6)
        if not in_second:
            in_second = self._total(at_s, at_s + 1)
        parts = [self._total(edges[0], edges[1]), in_second, self._total(edges[2], edges[3])]
        return heat.stop(parts, self._total(edges[0], edges[3]), in_second)

    def u3(self) -> Finding:
        return heat.grid([self._readable(self._hour_heat), self._readable(self._next_heat)], RESOLUTION_M)

    def u4(self) -> Finding:
        hour, where = self.scene.hour, {"spaces": [self._floor.id]}
        hourly: list[Row] = []
        fine: list[Row] = []
        if self.scene.may_have_doors:
            hourly = self.client.rows(self._reporting("traffic", "1h", "sum", hour, **where))
            fine = self.client.rows(self._reporting("traffic", "5m", "sum", hour, **where))
        found = windows.labels(hour, hourly, fine, self._hour_people if self.scene.rooms else [])
        self.labels_are = str(found.verdict.get("labels", self.labels_are))
        return found

    def u5(self) -> Finding:
        day = self.scene.day
        measurement, function = (
            ("traffic", "sum") if self.scene.may_have_doors else ("floor_occupancy", "max")
        )
        rows = self.client.rows(self._reporting(measurement, "1d", function, day, spaces=[self._floor.id]))
        return windows.days(day, rows, self.labels_are)

    def u6(self) -> Finding:
        rooms = self.scene.rooms_with_doors
        if not rooms:
            return skipped("U6", "no room of this floor has a traffic sensor")
        requests = [
            Reporting("traffic_room_occupancy", "1h", "max", self.scene.day, zone, rooms=rooms).calibrated()
            for zone in (self.scene.timezone, "UTC")
        ]
        local, utc = (self.client.rows(request) for request in requests)
        around: list[Row] = []
        if not people.differing(local, utc) and (midnight := people.utc_midnight(self.scene.day)):
            request = self._reporting("traffic_room_occupancy", "1m", "max", midnight, rooms=rooms)
            around = self.client.rows(request.calibrated())
        return people.calibrated_day(self.scene.day, local, utc, around)

    def u7(self) -> Finding:
        ids: dict[str, dict[str, Sequence[str]]] = {
            "floor": {"spaces": [self._floor.id]},
            "room": {"rooms": self.scene.rooms},
            "zone": {"zones": self.scene.zones},
        }
        tried = {}
        for level, where in ids.items():
            if any(where.values()):
                tried[level] = self._presence(level, where)
        return people.presence_names(tried)

    def _presence(self, level: str, where: Mapping[str, Sequence[str]]) -> people.Presence:
        for name in (PRESENCE_NAMES[level], PLAIN_PRESENCE):
            try:
                request = self._reporting(name, "1h", "sum", self.scene.hour, **where)
                return people.Presence(name, len(self.client.rows(request)))
            except UpstreamError as error:
                if not is_refused(error):
                    raise
        return people.Presence(None, 0)

    def u8(self) -> Finding:
        if not self.scene.rooms:
            return skipped("U8", "no room of this floor has a working presence sensor")
        bodies = {}
        for name, order in (("by room and time", ["room_id", "time"]), ("raw", [])):
            group = {"order": order, "raw": True} if order else {"raw": True}
            request = self._reporting(
                "room_occupancy", "1h", "max", self.scene.hour, rooms=self.scene.rooms[:10]
            ).grouped(group)
            bodies[name] = self._unless_refused(request)
        return windows.grouped(self._hour_people, bodies)

    def _unless_refused(self, request: Reporting) -> bytes | None:
        try:
            return self.client.metrics(request)
        except UpstreamError as error:
            if not is_refused(error):
                raise
            return None

    def u9(self) -> Finding:
        grid = self._readable(self._hour_heat).grid
        assert grid is not None
        minutes = people.minutes_by_room(self._minutes) if self.scene.rooms else {}
        return heat.direction_of_y(grid, self.scene.polygons, minutes)

    def u10(self) -> Finding:
        rows = self._minutes if self.scene.rooms else []
        request = self._reporting("floor_occupancy", "1m", "median", self.scene.hour, spaces=[self._floor.id])
        floor = people.person_minutes(self.client.rows(request))
        return people.count_scale(
            self._readable(self._hour_heat).total, people.person_minutes(rows), floor or None
        )

    def u11(self) -> Finding:
        return account.rate_limit(self.headers(), self.client.calls)

    def u12(self) -> Finding:
        if not self.scene.day_rows:
            return skipped("U12", "the day has no row of traffic")
        request = self._reporting("traffic", "1h", "sum", self.scene.day, spaces=[self._floor.id])
        body = self._unless_refused(request.paged(5000))
        if body is None:
            return windows.pages(len(self.scene.day_rows), 0, {})
        info = orjson.loads(body).get("page_info")
        return windows.pages(
            len(self.scene.day_rows), len(rows_of(body)), info if isinstance(info, dict) else {}
        )

    def u13(self) -> Finding:
        return account.schema(self.client.graphql(account.SCHEMA_QUERY))

    def u14(self) -> Finding:
        if not self.scene.rooms:
            return skipped("U14", "no room of this floor has a working presence sensor")
        rooms = self.scene.rooms[:10]
        flat = self.client.metrics(
            self._reporting("room_occupancy", "1h", "mean", self.scene.day, rooms=rooms)
        )
        request = self._reporting("room_occupancy", "1h", "mean", self.scene.day, rooms=rooms)
        return windows.incomplete(flat, self._unless_refused(request.grouped({"order": ["room_id", "time"]})))

    @cached_property
    def _fresh(self) -> tuple[float, Period, dict[str, float]]:
        """The five minutes that ended ten minutes ago, as they are known when they are first looked at."""
        now_s = self.now()
        period = five_minutes(now_s, age_s=600)
        return now_s, period, self._newest(period)

    def _newest(self, period: Period) -> dict[str, float]:
        found = {"heat": self._total(period.start_s, period.end_s)}
        if self.scene.rooms:
            request = self._reporting("room_occupancy", "1m", "median", period, rooms=self.scene.rooms[:10])
            found["people"] = people.person_minutes(self.client.rows(request))
        return found

    def begin(self) -> None:
        """What has to be asked for long before it is asked for again."""
        _ = self._fresh

    def u15(self) -> Finding:
        first_s, period, first = self._fresh
        second = self._newest(period)
        older = None
        if people.is_missing(second):
            older = self._newest(five_minutes(first_s, age_s=3600))
        return people.late_data(first, second, older, apart_s=self.now() - first_s)

    def u16(self) -> Finding:
        rooms = self.scene.rooms
        if len(rooms) < 2:
            return skipped("U16", "the floor has fewer than two rooms with a working presence sensor")
        middle = len(rooms) // 2
        halves = [
            self.client.rows(self._reporting("room_occupancy", "1m", "median", self.scene.hour, rooms=half))
            for half in (rooms[:middle], rooms[middle:])
        ]
        answered = [{str(row.get("room_id")) for row in rows} for rows in (self._minutes, *halves)]
        return windows.batch(answered[0], answered[1:], len(rooms))

    def u17(self) -> Finding:
        """One room's mean of a week, with and without the weekday that had people."""
        item = people.busiest_room(self._minutes) if self.scene.rooms else None
        if item is None:
            return people.weekday_case(None, None, None)
        day = DAY_NAMES[self.scene.weekday]
        plain = self.client.figure(item, MEAN, self.scene.week)
        if not plain:
            return people.weekday_case(plain, None, None)
        written = []
        for name in (day, day.lower()):
            try:
                written.append(self.client.figure(item, MEAN, self.scene.week, [name]))
            except UpstreamError as error:
                if not is_refused(error):
                    raise
                written.append(None)
        return people.weekday_case(plain, *written)

    def u18(self) -> Finding:
        if self._floor.sensors is None:
            return skipped("U18", "Butlr did not list the sensors")
        ghosts = [
            s.center_m
            for s in self._floor.sensors
            if s.mode == "presence" and s.kind == "clone" and s.center_m
        ]
        grid = self._hour_heat.grid
        share = heat.share_near(grid, ghosts) if grid is not None and ghosts else None
        return people.clones(self._floor.sensors, self.scene.day_rows, share)

    def u19(self) -> Finding:
        if not self.scene.doors_online:
            return windows.empty_windows([], [], doors=0, rooms=0)
        hour, rooms = self.scene.quiet_hour, self.scene.rooms[:10]
        movements = self.client.rows(
            self._reporting("traffic", "1h", "sum", hour, spaces=[self._floor.id]).with_empty()
        )
        inside = (
            self.client.rows(self._reporting("room_occupancy", "1h", "max", hour, rooms=rooms).with_empty())
            if rooms
            else []
        )
        return windows.empty_windows(movements, inside, doors=self.scene.doors_online, rooms=len(rooms))

    def u21(self) -> Finding:
        return heat.totals(self.maps)


def five_minutes(now_s: float, *, age_s: int) -> Period:
    """Five minutes on the clock that ended so long ago, or a little longer."""
    end_s = int(now_s) // 300 * 300 - age_s
    return Period(end_s - 300, end_s)
