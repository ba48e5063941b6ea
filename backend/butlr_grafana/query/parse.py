"""Text from a URL or a JSON payload becomes a `ParsedQuery`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from butlr_grafana.base.errors import BadParameter, unknown_value
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.threshold import Threshold
from butlr_grafana.model.time import MINUTE_S
from butlr_grafana.query.parameter_values import Baseline
from butlr_grafana.query.parameters import PARAMETERS, Parameter
from butlr_grafana.query.room_names import rooms_named, tags_of, texts_of_rooms, types_of
from butlr_grafana.query.spec import TargetSpec
from butlr_grafana.query.texts import UNSET_VALUES, Name, names_of, texts_of

COLUMNS = 100
"""The default of `columns`: the most columns of cells."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Only rooms with one of the values: the id or name (`room`), a tag (`tag`) or the type (`type`).

    `parameter`: where the filter comes from, the dashboard's ad-hoc filters or the parameter `type`. A filter
    without any room is no error: a page keeps its chosen types for a floor that has no such room.
    """

    key: str
    values: tuple[str, ...]
    parameter: str = "adhocFilters"

    def matching_rooms(self, floor: Floor) -> set[str]:
        """The ids of the floor's rooms that match the filter."""
        if self.key == "tag":
            return {room.id for room in floor.rooms if not set(self.values).isdisjoint(room.tags)}
        if self.key == "type":
            return {room.id for room in floor.rooms if room.type in self.values}
        return {room.id for value in self.values for room in rooms_named(value, floor)}

    def is_known(self, value: str, floor: Floor) -> bool:
        known = {"room": texts_of_rooms, "tag": tags_of, "type": types_of}[self.key]
        return value in known(floor)


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query as typed values, with all defaults that need no floor; `None`: not set (or `auto`).

    `room`, `tag` and `type` are resolved when the floors are known (see `with_names`). Then `type` becomes
    one of the `filters`.
    """

    spec: TargetSpec
    spaces: tuple[str, ...] = ()
    start_s: int | None = None
    end_s: int | None = None
    resolution: float | None = None
    columns: int = COLUMNS
    normalize: str = "none"
    hours: tuple[int, int] | None = None
    days: frozenset[int] | None = None
    tz: str | None = None
    holidays: str = "in"
    room: tuple[Name, ...] = ()
    tag: tuple[Name, ...] = ()
    type: tuple[Name, ...] = ()
    least_capacity: int = 0
    filters: tuple[Filter, ...] = ()
    require: str = "any"
    requested_by: str | None = None
    max_age_s: int = 0
    level: str | None = None
    every: str = "auto"
    statistic: str = "mean"
    metric: str = "occupancy"
    baseline: Baseline = Baseline()  # noqa: RUF009  # frozen
    threshold: Threshold = Threshold(95.0, is_percentile=True)  # noqa: RUF009  # frozen
    release: float | None = None
    window_s: int = 10 * MINUTE_S
    area: str = "m2"
    empty: str = "omit"
    kind: str | None = None
    by: str = "building"
    only: str = "all"
    underused: float = 0.1
    unit: str = "auto"
    width: int = 1200
    theme: str = "light"
    style: str = "gradient"
    bom: str = "0"
    format: str = ""

    @property
    def target(self) -> str:
        """The target's name."""
        return self.spec.name

    @property
    def call_class(self) -> CallClass:
        """The class of the query's calls. A query that accepts only complete results comes from an alert
        rule: it waits only seconds, and is repeated every minute.
        """
        requested_by = self.requested_by or ("rule" if self.require == "complete" else "viewer")
        return CallClass[requested_by.upper()]


def parse(spec: TargetSpec, parameters: Mapping[str, object]) -> ParsedQuery:
    """Parses all parameters. An unknown parameter or value is an error that names it and the allowed values.

    Dashboards send the same parameters to all panels. A parameter that the target does not use is checked, so
    that a wrong value is an error everywhere, and then ignored. Raises `BadParameter`.
    """
    values: dict[str, Any] = {}
    # `tz` first: times without an offset are read by it.
    for name, raw in sorted(parameters.items(), key=lambda item: item[0] != "tz"):
        if name.startswith("_"):  # cache busters and the like
            continue
        if name not in PARAMETERS:
            raise BadParameter(
                name[:60], unknown_value(name, PARAMETERS).replace("is unknown", "is not a query parameter")
            )
        parameter = PARAMETERS[name]
        names, texts = (names_of(name, raw), ()) if parameter.is_name else ((), _texts(name, raw))
        if not (names or texts):
            continue
        value = names or _value(parameter, texts, values.get("tz"))
        if name in spec.parameters:
            values[parameter.field] = value
    values.setdefault("format", spec.formats[0])
    parsed = ParsedQuery(spec, **values)
    if parsed.format not in spec.formats:
        raise BadParameter("format", unknown_value(parsed.format, spec.formats))
    return parsed


def check_choice(name: str, value: str, *may_be: str) -> None:
    """For a target that takes only some of a parameter's choices. Raises `BadParameter`."""
    if value not in may_be:
        raise BadParameter(name, unknown_value(value, may_be).replace("is unknown", "is not for this target"))


def _texts(name: str, raw: object) -> tuple[str, ...]:
    return tuple(text for text in texts_of(name, raw) if text not in UNSET_VALUES)


def _value(parameter: Parameter, texts: Sequence[str], tz: str | None) -> Any:
    if parameter.is_time and tz and len(texts) == 1:
        return parameter.parse(parameter.name, texts[0], tz)
    if parameter.many:
        return tuple(dict.fromkeys(parameter.parse(parameter.name, t) for t in texts))
    if len(texts) > 1 and parameter.name != "days":
        raise BadParameter(parameter.name, f"has {len(texts)} values; use one value")
    return parameter.parse(parameter.name, ",".join(texts))
