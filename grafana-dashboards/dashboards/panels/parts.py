"""What all panels are made of: where one stands, what it asks, and the JSON around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.sources import Answering, Columns, Infinity, Words
from dashboards.style import Json

ONLY_FRAMES_WITH_FIELDS: Json = {"id": "filterFieldsByName", "options": {"include": {"pattern": ".*"}}}
"""Infinity sends an error with a frame without fields, over which several panels stumble (TypeError)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel stands on the page, in columns (of 24) and rows."""

    x: int
    y: int
    width: int
    height: int

    @property
    def grid(self) -> Json:
        return {"x": self.x, "y": self.y, "w": self.width, "h": self.height}


@dataclass(frozen=True, slots=True)
class Question:
    """A target of the backend and its words."""

    target: str
    words: Words


@dataclass(frozen=True, slots=True)
class Alertable:
    """What an alert rule that is made from a panel asks: rows with texts, its labels, and one number."""

    target: str
    words: Words
    columns: Columns


@dataclass(frozen=True, slots=True)
class Frame:
    """What every panel has: title, description, place, what it asks, and links in its head.

    `alertable`: what *New alert rule* in its menu begins with.
    """

    title: str
    description: str
    at: Place
    asks: Sequence[Question] = ()
    links: Sequence[Json] = ()
    alertable: Alertable | None = None


def panel(kind: str, source: Answering, frame: Frame, **options: object) -> Json:
    """The panel's JSON; `options` are the panel's own keys."""
    asked = frame.alertable
    # The JSON data source runs in browsers only, and Prometheus' queries do for rules as they are.
    for_rules = (
        source.for_rules(asked.target, asked.words, asked.columns)
        if asked and isinstance(source, Infinity)
        else None
    )
    refs = "BCDE" if for_rules else "ABCD"
    targets = [source.target(q.target, q.words, ref) for q, ref in zip(frame.asks, refs, strict=False)]
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
    """Keeps these fields of the answer."""
    return {"id": "filterFieldsByName", "options": {"include": {"names": list(fields)}}}


def in_order(*titles: str) -> Json:
    return {"id": "organize", "options": {"indexByName": {title: i for i, title in enumerate(titles)}}}


def where(title: str, test: str, **options: object) -> Json:
    """Only the rows whose field (by its title) passes one of Grafana's tests: `equal`, `isNotNull`, …"""
    kept = {"fieldName": title, "config": {"id": test, "options": options}}
    return {"id": "filterByValue", "options": {"type": "include", "match": "all", "filters": [kept]}}


def override(field: str, **properties: object) -> Json:
    """Settings of one field; the keys of `properties` are Grafana's, with `__` for a dot."""
    said = [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": field}, "properties": said}
