"""Which queries of hot zones are looks that are recorded."""

from __future__ import annotations

import pytest

from butlr_grafana.insight.hot_events import RELEASE_SHARE, Watch
from butlr_grafana.model.time import Period
from butlr_grafana.targets.hot_zones import watch_of
from butlr_grafana.targets.registry import read

RULE = {
    "from": "2026-06-17T12:24:56Z",
    "to": "2026-06-17T12:34:56Z",
    "require": "complete",
    "threshold": "30",
}
PERIOD = Period(0, 600)


@pytest.mark.parametrize(
    ("change", "watch"),
    [
        ({}, Watch("room", 600, 30, 30 * RELEASE_SHARE)),
        ({"release": "20"}, Watch("room", 600, 30, 20)),
        ({"release": "99"}, Watch("room", 600, 30, 30)),
        ({"level": "zone", "threshold": "2.5", "release": "2"}, Watch("zone", 600, 2.5, 2)),
        ({"room": "Kitchen"}, Watch("room", 600, 30, 24)),
        ({"unit": "people", "threshold": "0.5"}, Watch("room", 600, 0.5, 0.4, "people")),
        ({"unit": "detections"}, Watch("room", 600, 30, 24)),
        ({"unit": "auto"}, Watch("room", 600, 30, 24)),
        ({"threshold": "p95"}, None),
        ({"require": "any"}, None),
        ({"hours": "08:00-18:00"}, None),
        ({"days": "mon-fri"}, None),
        ({"from": "2026-06-17T10:34:56Z"}, None),
    ],
)
def test_what_is_a_watch(change: dict[str, str], watch: Watch | None) -> None:
    assert watch_of(read("hot-zones", {**RULE, **change}), PERIOD) == watch
