"""Every number on every dashboard, reckoned anew from the simulator's people."""

from __future__ import annotations

import json
from typing import Any

from tests.dashboards.grafana import Values, fill, simpod_payload
from tests.dashboards.reckoning import CHECKS
from tests.dashboards.test_queries import END, START, file, frames, start_values  # noqa: F401  # `file`: a fixture
from tests.support import World, at

Json = dict[str, Any]


def asked(target: Json, values: Values) -> tuple[str, dict[str, str]]:
    """What a panel's query asks for: the target and its words."""
    if "infinity" in target["datasource"]["type"]:
        params = {p["key"]: fill(p["value"], values) for p in target["url_options"]["params"]}
        return target["url"].rpartition("/")[2], params
    return target["target"], simpod_payload(target["payload"], values)


def test_numbers_are_those_of_the_people(dashboard: Json, world: World) -> None:
    values = start_values(dashboard)
    done: set[str] = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            name, words = asked(target, values)
            key = json.dumps([name, words], sort_keys=True)
            if key not in done:
                found = frames(world, target, values)
                CHECKS[name](found, words, at(START), at(END), int(world.now_s))
            done.add(key)
    assert done
