"""A Butlr account of N floors that answers without a network, on a clock that the benchmark moves.

The people of a minute follow from the place and the minute, every hour is like another and every floor has
the same heat, so an answer costs next to nothing. It takes at most `rate` calls in any 60 seconds, logins and
the topology apart (GraphQL has a limit of its own), counted when they arrive; beyond that it answers 429.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from zlib import crc32

import orjson

from butlr_grafana.butlr.labels import instant_of_label
from butlr_grafana.butlr.transport import Reply
from butlr_grafana.model.calendar import window_starts
from butlr_grafana.model.time import Period

ROOM_M = 5
ROOMS_A_ROW = 5
PEOPLE = 2.0
"""On average, wherever somebody is counted."""

NOT_DETECTED = 3.0
"""So many more came in through the doors than the sensors of a floor see."""

MOVEMENTS_EACH_MIN = 30
"""Somebody comes in and somebody leaves through each floor's door so often."""

ROLLING_MIN = 2
"""A minute is pushed so many times: as it ends, and with the next one. Butlr does so five times, which would
take this clock longer and change nothing.
"""


def room_id(space: str, number: int) -> str:
    return f"{space.replace('space', 'room')}_{number}"


@cache
def _phase(asset: str) -> int:
    return crc32(asset.encode())


def people(asset: str, minute: int) -> float:
    """People in a room or on a floor, as its sensors see them: one to three, another number each minute."""
    return PEOPLE - 1 + (minute + _phase(asset)) % 3


@dataclass
class Tenant:
    """Replaces `Transport`.

    `passes`: advances the simulated clock by seconds. `latency_s`: the duration of a call; half of it passes
    before the call arrives. `rooms_limited`: whether Butlr's limit of zones in a call also applies to rooms.
    """

    floors: int
    rooms: int
    now: Callable[[], float]
    passes: Callable[[float], None]
    latency_s: float = 0.4
    rate: int | None = None
    rooms_limited: bool = True
    calls: list[tuple[float, int]] = field(default_factory=list)
    """For each call of heat maps and metrics: when it arrived, and the status of the response."""
    _recent: deque[float] = field(default_factory=deque)

    def post(self, path: str, body: Any, *, token: str | None) -> Reply:
        if path.endswith("/login"):
            return self._reply({"access_token": "t", "expires_in": 1e9})
        if path.endswith("/graphql"):
            return self._reply({"data": self._topology(body["query"])})
        self.passes(self.latency_s / 2)
        status = 200 if self._is_within_rate() else 429
        self.calls.append((self.now(), status))
        response = (
            self._reply(self._respond(path, body))
            if status == 200
            else Reply(429, self._retry_after_s(), b"{}")
        )
        self.passes(self.latency_s / 2)
        return response

    def restart_counting(self, rate: int | None) -> None:
        """Removes all counted calls. `rate`: the limit from now on."""
        self.rate = rate
        self.calls.clear()
        self._recent.clear()

    def close(self) -> None:
        """Does nothing: there is no connection."""

    def floor_ids(self) -> list[str]:
        return [f"space_{k:03}" for k in range(self.floors)]

    def _is_within_rate(self) -> bool:
        while self._recent and self._recent[0] <= self.now() - 60.0:
            self._recent.popleft()
        if self.rate is not None and len(self._recent) >= self.rate:
            return False
        self._recent.append(self.now())
        return True

    def _retry_after_s(self) -> float:
        return self._recent[0] + 60.0 - self.now()

    def _reply(self, document: Mapping[str, Any]) -> Reply:
        return Reply(200, None, orjson.dumps(document), date_s=self.now())

    def _respond(self, path: str, body: Any) -> dict[str, Any]:
        if path.endswith("/detections"):
            return self._heat_map(body["window"]["heatmap_v2_options"]["grid_resolution"])
        if path.endswith("/stats"):
            return {"data": {item: dict.fromkeys(body["measurements"], PEOPLE) for item in body["items"]}}
        where, window = body["filter"], body["window"]
        if self._is_overload(where, window["every"]):
            return {"data": {}}
        period = Period(instant_of_label(where["start"]), instant_of_label(where["stop"]))
        starts = window_starts(period, window["every"], window["timezone"]).tolist()
        ends = [*starts[1:], period.end_s]
        # Of door counts that Butlr has corrected the label is a window's start.
        named = starts if "calibrated" in where else ends
        labels = [datetime.fromtimestamp(one, UTC).isoformat() for one in named]
        windows = [*zip(labels, starts, ends, strict=True)]
        measurement, every = where["measurements"][0], window["every"]
        rows = (self._rows(place, windows, measurement, every) for place in self._places(where))
        return {"data": [row for own in rows for row in own]}

    def _is_overload(self, where: Mapping[str, Any], every: str) -> bool:
        """Of windows of a minute Butlr takes so many zones, and here as many rooms; else it tells nothing."""
        if every != "1m" or not self.rooms_limited:
            return False
        hours = (instant_of_label(where["stop"]) - instant_of_label(where["start"])) / 3600
        return len(where.get("rooms", {}).get("eq", ())) > (30 if hours <= 2 else 20 if hours <= 8 else 10)

    def _places(self, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        if where["measurements"] == ["traffic"]:
            doors = [
                {"space_id": space, "room_id": room_id(space, 0), **self._door(space)}
                for space in where["spaces"]["eq"]
            ]
            return [{**door, "field": field} for door in doors for field in ("in", "out")]
        if "rooms" in where:
            return [{"room_id": room, "field": "value"} for room in where["rooms"]["eq"]]
        return [{"space_id": space, "field": "value"} for space in where["spaces"]["eq"]]

    def _rows(
        self, place: Mapping[str, Any], windows: list[tuple[str, int, int]], measurement: str, every: str
    ) -> list[dict[str, Any]]:
        if measurement == "traffic":
            step_s, after = 60 * MOVEMENTS_EACH_MIN, 60 * _phase(place["space_id"])
            return [
                {**place, "time": label, "value": (end - after - 1) // step_s - (start - after - 1) // step_s}
                for label, start, end in windows
            ]
        is_calibrated = measurement.startswith("traffic")
        place = {**place, "preprocessed": True} if is_calibrated else place
        more = NOT_DETECTED if is_calibrated else 0.0
        if every != "1m":
            return [{**place, "time": label, "value": PEOPLE + more} for label, _, _ in windows]
        asset = place.get("room_id") or place["space_id"]
        return [
            {**place, "time": label, "value": people(asset, start // 60) + more}
            for label, start, _ in windows
        ]

    def pushes(self, space: str, minute: int) -> Iterator[bytes]:
        """The events of a floor when a minute has ended: people of the last minutes, and the movements
        through its door.
        """
        assets = [("ROOM", {"room_id": room_id(space, k)}) for k in range(self.rooms)]
        for kind, place in [*assets, ("FLOOR", {})]:
            asset = place.get("room_id", space)
            for one in range(minute - ROLLING_MIN + 1, minute + 1):
                yield _event(f"{kind}_OCCUPANCY_1MIN", space, one * 60, place, people(asset, one))
        if not (minute - _phase(space)) % MOVEMENTS_EACH_MIN:
            yield _event("TRAFFIC", space, minute * 60, self._door(space), {"in": 1, "out": 1})

    def _door(self, space: str) -> dict[str, str]:
        """Of the sensor over a floor's door, the last of its sensors."""
        return {"sensor_id": f"{space}_s{self.rooms}", "mac_address": f"{space}-{self.rooms}"}

    def _heat_map(self, resolution_m: float) -> dict[str, Any]:
        side, middle = ROOM_M * ROOMS_A_ROW, resolution_m / 2
        cells = [[x + middle, y + middle, 1] for x in range(side) for y in range(ROOM_M)]
        box = {"min_x": 0, "min_y": 0, "max_x": side, "max_y": self._depth_m}
        metadata = {"bounds": box, "resolution": resolution_m, "max_value": 1, "total_detections": len(cells)}
        return {"data": [{"heatmap_v2": {"array_cells": cells, "metadata": metadata}}]}

    @property
    def _depth_m(self) -> int:
        return -(-self.rooms // ROOMS_A_ROW) * ROOM_M

    def _topology(self, query: str) -> dict[str, Any]:
        if "sites" in query:
            building = {"id": "building_1", "name": "Tower", "floors": [*map(self._floor, self.floor_ids())]}
            site = {"id": "site_1", "name": "Site", "timezone": "UTC", "buildings": [building]}
            return {"sites": {"data": [site]}}
        if "sensors" in query:
            return {"sensors": {"data": [s for space in self.floor_ids() for s in self._sensors(space)]}}
        return {"hives": {"data": []}}

    def _floor(self, space: str) -> dict[str, Any]:
        side = ROOM_M * ROOMS_A_ROW
        outline = [[0, 0], [side, 0], [side, self._depth_m], [0, self._depth_m]]
        rooms = [self._room(space, k) for k in range(self.rooms)]
        return {
            "id": space,
            "name": space,
            "capacity": {"max": 100},
            "floor_plans": [{"coordinates": outline}],
            "rooms": rooms,
            "zones": [],
        }

    def _room(self, space: str, number: int) -> dict[str, Any]:
        x, y = number % ROOMS_A_ROW * ROOM_M, number // ROOMS_A_ROW * ROOM_M
        corners = [[x, y], [x + ROOM_M, y], [x + ROOM_M, y + ROOM_M], [x, y + ROOM_M]]
        room = room_id(space, number)
        return {"id": room, "name": room, "floor_id": space, "coordinates": corners, "capacity": {"max": 8}}

    def _sensors(self, space: str) -> list[dict[str, Any]]:
        seen = [{"mode": "presence", "room_id": room_id(space, k)} for k in range(self.rooms)]
        places = [*seen, {"mode": "traffic", "room_id": None, "is_entrance": True}]
        at_s = int(self.now())
        return [
            {
                "id": f"{space}_s{k}",
                "name": f"{space}_s{k}",
                "mac_address": f"{space}-{k}",
                "floor_id": space,
                "is_online": True,
                "last_heartbeat": at_s,
                **place,
            }
            for k, place in enumerate(places)
        ]


def _event(type_: str, space: str, at_s: int, places: Mapping[str, str], data: object) -> bytes:
    event = {
        "id": f"event_{type_}_{space}_{at_s}_{'_'.join(places.values())}",
        "type": type_,
        "timestamp": at_s * 1000,
        "version": "v1.0.0",
        "metadata": {"floor_id": space, **places},
        "data": data,
    }
    return orjson.dumps(event)
