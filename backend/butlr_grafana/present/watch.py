"""The rows of what alert rules watch, beside hot zones and people now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from butlr_grafana.insight.balance import Balance
from butlr_grafana.insight.freshness import Freshness
from butlr_grafana.insight.unusual import Unusual
from butlr_grafana.model import iso
from butlr_grafana.present.table import Row
from butlr_grafana.trouble import Contact


def levels(found: Sequence[Unusual]) -> list[Row]:
    """A row a room: its people, what is usual, and how the two compare."""
    return [
        {
            "space": one.floor.id,
            "floor": one.floor.name,
            "room_id": one.room.id,
            "room": one.room.name,
            **{
                f.name: getattr(one, f.name)
                for f in fields(one)
                if f.name not in ("floor", "room", "as_of_s")
            },
            "has_data": int(one.has_data),
            "as_of": iso(one.as_of_s),
            "complete": int(one.complete),
        }
        for one in found
    ]


def balances(found: Sequence[Balance], level: str) -> list[Row]:
    """A row a floor or room: entries and exits by its own doors."""
    return [
        {
            "space": one.floor.id,
            "floor": one.floor.name,
            **({} if level == "floor" else {"room_id": one.id, "room": one.name}),
            "in": one.entered,
            "out": one.left,
            "inside": one.inside,
            "capacity": one.capacity,
            "beyond": one.beyond,
            "as_of": iso(one.as_of_s),
            "complete": int(one.complete),
        }
        for one in found
    ]


def freshness(found: Sequence[Freshness], metric: str) -> list[Row]:
    """A row a floor; `as_of` is up to when its data are known."""
    return [
        {
            "space": one.floor.id,
            "floor": one.floor.name,
            "metric": metric,
            "as_of": iso(one.known_until_s),
            "complete": int(one.complete),
            "reason": one.reason,
        }
        for one in found
    ]


def status(contact: Contact, now_s: float) -> list[Row]:
    """One row; `as_of` is when Butlr last answered, or when this process began."""
    return [
        {
            "source": "butlr",
            "reachable": int(contact.reachable),
            "as_of": iso(now_s - contact.silent_s),
            "rules_without_data_s": round(contact.rules_without_data_s, 1),
            "reason": contact.why or "",
        }
    ]
