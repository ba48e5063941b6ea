"""The topology as Butlr reported it last, before rooms are left out for privacy."""

from __future__ import annotations

from collections.abc import Sequence

from butlr_grafana.model.floor import Room, Topology, Zone


class ReportedTopology:
    """For the calls to Butlr: it tells for which rooms and zones a response must have rows."""

    def __init__(self) -> None:
        self._topology = Topology({})

    def topology(self) -> Topology:
        """The whole topology, also what viewers may not see."""
        return self._topology

    def remember(self, topology: Topology) -> Topology:
        self._topology = topology
        return topology

    def must_have_rows(self, space: str, level: str) -> frozenset[str]:
        """The rooms or zones of a floor that have a working presence sensor."""
        floor = self._topology.floors.get(space)
        assets: Sequence[Room | Zone] = (
            () if floor is None else floor.zones if level == "zone" else floor.rooms
        )
        return frozenset(asset.id for asset in assets if asset.online)
