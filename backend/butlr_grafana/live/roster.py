"""The floors that are served, with their rooms, zones and sensors. Events about anything else are ignored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from butlr_grafana.live.events import Event, PeopleEvent
from butlr_grafana.model.floor import Floor, Topology, as_built
from butlr_grafana.model.sensors import Sensor


class Roster:
    """Read off a topology. While no floor is known everything may be ours."""

    def __init__(self, floors: Iterable[Floor]) -> None:
        self.floors = tuple(floors)
        self.by_id = {floor.id: floor for floor in self.floors}
        self._assets = {
            *(("floor", floor.id) for floor in self.floors),
            *(("room", room.id) for floor in self.floors for room in as_built(floor.rooms)),
            *(("zone", zone.id) for floor in self.floors for zone in as_built(floor.zones)),
        }
        sensors = [sensor for floor in self.floors for sensor in floor.sensors or ()]
        self._by_id = {sensor.id: sensor for sensor in sensors}
        self._by_mac = {sensor.mac.lower(): sensor for sensor in sensors if sensor.mac}

    def has(self, event: PeopleEvent) -> bool:
        return not self.floors or (event.level, event.asset_id) in self._assets

    def sensor(self, sensor_id: str, mac: str) -> Sensor | None:
        """By its address; else by its id, which Butlr's sample has without its prefix."""
        return (
            self._by_mac.get(mac.lower())
            or self._by_id.get(sensor_id)
            or self._by_id.get(f"sensor_{sensor_id}")
        )

    def sensor_key(self, event: Event) -> str | None:
        """Under which name a sensor's movements are kept; `None`: it is foreign."""
        assert not isinstance(event, PeopleEvent)
        sensor = self.sensor(event.sensor_id, event.mac)
        if sensor is not None:
            return sensor.id
        return None if self.floors else event.sensor_id or event.mac


class CurrentRoster:
    """The roster of the topology as it is known now, made anew where that has changed. Thread-safe.

    `served`: the floors that are served; empty: all.
    """

    def __init__(self, topology: Callable[[], Topology], served: Iterable[str] = ()) -> None:
        self._topology = topology
        self._served = frozenset(served)
        self._lock = threading.Lock()
        """Held while a roster is made, so that it is made once."""
        self._of: Topology | None = None
        self._roster = Roster(())

    def __call__(self) -> Roster:
        topology = self._topology()
        if topology is self._of:
            return self._roster
        with self._lock:
            if topology is not self._of:
                floors = topology.floors.values()
                self._roster = Roster(f for f in floors if not self._served or f.id in self._served)
                self._of = topology
            return self._roster
