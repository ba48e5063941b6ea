"""The forms of Butlr's responses where nobody has read or seen them: one choice for each unknown.

The defaults are documented or were seen. Each choice can be changed: `Simulator(forms=Forms(…))`,
`simulator.forms = replace(simulator.forms, …)` while it runs, `butlr-grafana simulate --form name=value`. The
U numbers are those of the list of unknowns that `butlr-grafana check` measures.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

NESTINGS: Mapping[str, tuple[str | int, ...]] = {
    "top": (),
    "data": ("data",),
    "data0": ("data", 0),
    "heatmap_v2": ("heatmap_v2",),
    "results0": ("results", 0),
    "data.heatmap_v2": ("data", "heatmap_v2"),
    "data0.heatmap_v2": ("data", 0, "heatmap_v2"),
    "results0.heatmap_v2": ("results", 0, "heatmap_v2"),
}
"""Where `array_cells` and `metadata` of a heat map may lie."""

SCOPES = ("read:spaces", "read:rooms", "read:sensors", "read:hives")
APIS = ("heat", "reporting", "stats", "topology")


def _one_of(default: str, *alternatives: str) -> Any:
    return field(default=default, metadata={"choices": (default, *alternatives)})


def _some_of(*choices: str) -> Any:
    return field(default=frozenset(), metadata={"choices": choices})


def _any_value(default: Any, *alternatives: Any) -> Any:
    """Any value will do; `alternatives` are those that `single_changes` and `random_forms` take."""
    return field(default=default, metadata={"others": alternatives})


@dataclass(frozen=True)
class Forms:
    """One choice for each open question. A value that is none of the choices is a ValueError.

    Heat maps:
    - `heat_nesting` (U1): a key of `NESTINGS`. `heat_bounds` (U1): how `metadata.bounds` is written.
    - `heat_stop` (U2): `inclusive` counts the detections of the second `stop` too.
    - `grid_phase` (U3): cells lie on one grid a floor, or on a grid of each call's own.
    - `heat_y` (U9): `flipped` mirrors the cells within the bounds, so that they do not fit the polygons.
    - `detections_per_minute` (U10): of a person; None: each floor's own.
    - `ghost_heat` (U18): a presence clone shows its twin's detections a second time, around its own centre.
    - `totals_add_up` (U21): else `max_value` and `total_detections` are larger than the cells.
    - `empty_heat`: a map without cells has `[]`, or `null` for both cells and bounds.

    Reporting:
    - `window_labels` (U4): `time` of uncalibrated rows is the window's end or start.
    - `day_windows` (U5): windows of 1d are days of `window.timezone` or of UTC. `day_labels` (U5): as other
      windows, or their own end or start.
    - `calibrated_day` (U6): door counts start anew at midnight of `window.timezone` or of UTC.
    - `presence_names` (U7): `level` has `floor_`, `room_` and `zone_presence_time_secs`; `floor_only` only
      the first; `plain` has `presence_time_secs` for all. Other names are a 400.
    - `rows_without_group_by`, `raw_without_order` (U8): a list, or `{asset: {time: [row]}}`.
    - `page_cap` (U12): the most rows of a page, whatever `limit` says; None: no cap. `page_totals` (U12):
      whether `page_info` counts when pages are asked for.
    - `data_incomplete` (U14): `rows` and `stats` mark those that lack minutes with `data_incomplete` and
      `null_percentage`, and have null values where there is no minute at all.
    - `id_limits` (U16): of what 1m windows take only so many ids.
    - `create_empty_fills` (U19): whether `create_empty` gives doors without movement rows of 0.
    - `entrance_rooms`: `counted`: the room that an entrance's sensor names has a door-based occupancy of it.
    - `drift`: door-based occupancy of today, calibrated, has people too many (see `calibration`), and is
      corrected `final_after_s` after the day's end.

    Statistics:
    - `weekday_case` (U17): how weekdays are written; one that is written otherwise excludes nothing.

    Devices:
    - `sensors_of_dead_hives`: while its hive is offline a sensor is told to be offline, or online still.

    All of them:
    - `rate_limit_headers` (U11): names of the headers that count; none by default. `retry_after` (U11):
      whether a 429 has one.
    - `heat_late_s`, `traffic_late_s`, `minutes_late_s` (U15): how much younger than now the newest data are.
      `minutes_move_s` (U15): occupancy of minutes younger than that has one person too many.
    - `introspection` (U13): of GraphQL. `missing_fields` (U13): `Type.field` that this account's schema
      lacks. `plan_rotation`: `FloorPlan` has a `rotation`.
    - `webhook_inputs` (U13): how the inner names of webhooks' inputs are written. `event_names` (U13): how
      the event types by the minute end.
    - `pushed_people` (U20): what the events of rooms and floors carry. `pushed_times`: whether the time of an
      event of a minute is its start or its end.
    - `missing_scopes`: what the credential may not read. `without_scope`: it gets a 403, or empty lists.
    - `unreadable`: APIs whose every key has another name, as on the day on which the vendor changes them.
    """

    heat_nesting: str = _one_of(
        "data0.heatmap_v2", *(name for name in NESTINGS if name != "data0.heatmap_v2")
    )
    heat_bounds: str = _one_of("min_x", "x_min", "points", "pairs")
    heat_stop: str = _one_of("exclusive", "inclusive")
    grid_phase: str = _one_of("floor", "call")
    heat_y: str = _one_of("polygons", "flipped")
    detections_per_minute: int | None = _any_value(None, 60, 180)
    ghost_heat: bool = False
    totals_add_up: bool = True
    empty_heat: str = _one_of("list", "null")

    window_labels: str = _one_of("end", "start")
    day_windows: str = _one_of("local", "utc")
    day_labels: str = _one_of("as_windows", "end", "start")
    calibrated_day: str = _one_of("window", "utc")
    presence_names: str = _one_of("level", "floor_only", "plain")
    rows_without_group_by: str = _one_of("flat", "nested")
    raw_without_order: str = _one_of("flat", "nested")
    page_cap: int | None = _any_value(1000, 100, None)
    page_totals: bool = True
    data_incomplete: str = _one_of("absent", "rows", "stats")
    id_limits: str = _one_of("zones+rooms", "zones", "none")
    create_empty_fills: bool = True
    entrance_rooms: str = _one_of("none", "counted")
    drift: bool = True
    final_after_s: int = _any_value(3 * 3600, 0, 9 * 3600)

    weekday_case: str = _one_of("capital", "lower", "any")

    sensors_of_dead_hives: str = _one_of("offline", "online")

    rate_limit_headers: str = _one_of("none", "x-ratelimit", "ratelimit")
    retry_after: bool = True
    heat_late_s: int = _any_value(0, 600)
    traffic_late_s: int = _any_value(0, 600)
    minutes_late_s: int = _any_value(60, 0, 120)
    minutes_move_s: int = _any_value(0, 300)
    introspection: bool = True
    missing_fields: frozenset[str] = _any_value(
        frozenset(),
        frozenset({"Room.rotation", "Zone.rotation"}),
        frozenset({"Sensor.is_sleep_time", "Hive.is_sleep_time"}),
        frozenset({"Floor.floor_plans", "Floor.installation_date"}),
    )
    plan_rotation: bool = False
    webhook_inputs: str = _one_of("snake", "camel")
    event_names: str = _one_of("1min", "1m")
    pushed_people: str = _one_of("presence", "doors", "higher")
    pushed_times: str = _one_of("start", "end")
    missing_scopes: frozenset[str] = _some_of(*SCOPES)
    without_scope: str = _one_of("403", "empty")
    unreadable: frozenset[str] = _some_of(*APIS)

    def __post_init__(self) -> None:
        for item in fields(self):
            value, choices = getattr(self, item.name), item.metadata.get("choices")
            found = value if isinstance(value, frozenset) else {value}
            if choices is not None and not found <= set(choices):
                raise ValueError(f"{item.name}: {_written(value)} is unknown; allowed: {', '.join(choices)}")

    @classmethod
    def read(cls, texts: Sequence[str]) -> Forms:
        """The forms of `name=value` texts. A set is a comma list. A wrong name or value is a `ValueError`."""
        return replace(cls(), **dict(_read(text) for text in texts))


_ITEMS = {item.name: item for item in fields(Forms)}
_FLAGS = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}


_ACCOUNTS = ("missing_scopes", "without_scope", "unreadable")
"""With these forms an account cannot work."""


def alternatives(name: str) -> tuple[Any, ...]:
    """The values of a form other than its default, for `single_changes` and `random_forms`."""
    item = _ITEMS[name]
    if isinstance(item.default, bool):
        return (not item.default,)
    if isinstance(item.default, str):
        return tuple(choice for choice in item.metadata["choices"] if choice != item.default)
    found: tuple[Any, ...] = item.metadata["others"]
    return found


def single_changes() -> dict[str, Forms]:
    """All forms with one changed choice, by `name=value`. Choices with which no account works are
    left out.
    """
    return {
        f"{name}={_text(value)}": Forms(**{name: value})
        for name in _ITEMS
        if name not in _ACCOUNTS
        for value in alternatives(name)
    }


def random_forms(seed: int) -> Forms:
    """A random combination of choices. It is the same for the same seed."""
    rng = random.Random(seed)  # noqa: S311 - nothing secret
    found: dict[str, Any] = {}
    for name in _ITEMS:
        if name not in _ACCOUNTS and rng.random() < 0.5:
            found[name] = rng.choice(alternatives(name))
    return Forms(**found)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ",".join(sorted(value)) if isinstance(value, frozenset) else str(value).lower()


def _read(written: str) -> tuple[str, Any]:
    name, equals, text = written.partition("=")
    item = _ITEMS.get(name)
    if item is None or not equals:
        raise ValueError(f"{written}: is not name=value; allowed names: {', '.join(_ITEMS)}")
    default = item.default
    if isinstance(default, bool):
        if text not in _FLAGS:
            raise ValueError(f"{name}: {text!r} is unknown; allowed: on, off")
        return name, _FLAGS[text]
    if isinstance(default, frozenset):
        return name, frozenset(filter(None, text.split(",")))
    if isinstance(default, str):
        return name, text
    if text == "none" and "None" in str(item.type):
        return name, None
    if not text.isdecimal():
        raise ValueError(f"{name}: {text!r} is not a whole number")
    return name, int(text)


def _written(value: Any) -> str:
    return ", ".join(sorted(value)) if isinstance(value, frozenset) else repr(value)


def renamed(value: Any) -> Any:
    """A JSON value in which every key has another name."""
    if isinstance(value, dict):
        return {f"{key}V9": renamed(item) for key, item in value.items()}
    return [renamed(item) for item in value] if isinstance(value, list | tuple) else value
