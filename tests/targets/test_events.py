"""Which recorded events a query shows."""

from __future__ import annotations

from butlr_grafana.insight.hot_events import Event
from butlr_grafana.model.floor import Topology
from butlr_grafana.targets.events import visible_events
from butlr_grafana.targets.registry import read
from tests.insight.floors import floor, room
from tests.insight.snapshots import WATCH

PERIOD = {"from": "2026-06-17T12:24:56Z", "to": "2026-06-17T12:34:56Z"}


def test_only_what_the_topology_lists_is_shown() -> None:
    """The past of a room that is gone, or now too small to be shown, is hidden too."""
    topology = Topology({"f": floor(room("a", None), room("b", None))})
    events = [Event(WATCH, "f", f"room_{name}", 0, 0, 31.0) for name in ("a", "b", "gone")]

    def ids(**more: str) -> list[str]:
        return [e.zone_id for e in visible_events(events, read("events", {**PERIOD, **more}), topology)]

    assert ids() == ["room_a", "room_b"]
    assert ids(room="room_b") == ids(room="b") == ["room_b"]
    assert ids(level="zone") == []
