"""What all panels have: place, queries, and the JSON around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.sources import Columns, DataSource, Infinity, Parameters
from dashboards.style import Json

ONLY_FRAMES_WITH_FIELDS: Json = {"id": "filterFieldsByName", "options": {"include": {"pattern": ".*"}}}
"""With an error, Infinity sends a frame without fields. Several panels fail on such a frame (TypeError)."""


@dataclass(frozen=True, slots=True)
class Place:
    """The position and size of a panel, in columns (of 24) and rows."""

    x: int
    y: int
    width: int
    height: int

    @property
    def grid(self) -> Json:
        return {"x": self.x, "y": self.y, "w": self.width, "h": self.height}


@dataclass(frozen=True, slots=True)
class Query:
    """A target of the backend and its query parameters."""

    target: str
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Alertable:
    """The query of an alert rule created from a panel: rows with texts (its labels) and one number."""

    target: str
    parameters: Parameters
    columns: Columns


@dataclass(frozen=True, slots=True)
class Frame:
    """What every panel has: title, description, place, queries, and links in its header. `alertable`: the
    query of *New alert rule* in the panel's menu.
    """

    title: str
    description: str
    at: Place
    queries: Sequence[Query] = ()
    links: Sequence[Json] = ()
    alertable: Alertable | None = None


def panel(kind: str, source: DataSource, frame: Frame, **options: object) -> Json:
    """The panel's JSON; `options` are the panel's own keys."""
    alertable = frame.alertable
    # The JSON data source runs in browsers only, and Prometheus' queries do for rules as they are.
    for_rules = (
        source.for_rules(alertable.target, alertable.parameters, alertable.columns)
        if alertable and isinstance(source, Infinity)
        else None
    )
    refs = "BCDE" if for_rules else "ABCD"
    targets = [
        source.target(q.target, q.parameters, ref) for q, ref in zip(frame.queries, refs, strict=False)
    ]
    return {
        "type": kind,
        "title": frame.title,
        "description": frame.description,
        "gridPos": frame.at.grid,
        "datasource": source.ref,
        "targets": [*([for_rules] if for_rules else []), *targets],
        "links": list(frame.links),
        "transformations": [ONLY_FRAMES_WITH_FIELDS],
        "fieldConfig": {"defaults": {}, "overrides": []},
        **options,
    }


def only(*fields: str) -> Json:
    """Keeps only these fields of the result."""
    return {"id": "filterFieldsByName", "options": {"include": {"names": list(fields)}}}


def in_order(*titles: str) -> Json:
    return {"id": "organize", "options": {"indexByName": {title: i for i, title in enumerate(titles)}}}


def override(field: str, **properties: object) -> Json:
    """Settings of one field; the keys of `properties` are Grafana's, with `__` for a dot."""
    overrides = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": field}, "properties": overrides}
