"""What a viewer of the floor page asks at each refresh, from the dashboard's JSON."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from tests.bench.page import PAGE
from tests.dashboards.grafana import infinity_request
from tests.dashboards.test_queries import start_values
from tests.support import PARIS

PANELS = 10
START, END = "111111111", "999999999"
"""Stand for the page's period until a viewer looks."""

UNIT_S = {"h": 3600, "d": 86_400}


def page() -> tuple[list[str], int]:
    """Paths of the page's ten queries, the plan under its map included, and how many seconds it shows."""
    dashboard: dict[str, Any] = json.loads(PAGE.read_text("utf-8"))
    values = {**start_values(dashboard), "__from": START, "__to": END}
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]
    found = re.fullmatch(r"now-(\d+)([hd])", dashboard["time"]["from"])
    assert found
    paths = [infinity_request(target, values) for target in targets] + [f"/api/v1/floorplan?space={PARIS}"]
    return paths[-PANELS:], int(found[1]) * UNIT_S[found[2]]


def requests_of_view(paths: list[str], length_s: int) -> list[str]:
    """The paths for the period that ends now, as Grafana has it: in milliseconds."""
    now_ms = int(time.time() * 1000)
    return [p.replace(START, str(now_ms - length_s * 1000)).replace(END, str(now_ms)) for p in paths]
