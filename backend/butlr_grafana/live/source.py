"""The newest people of a list of assets: from pushed minutes where they are fresh, else to be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.values import LiveMinute
from butlr_grafana.model.floor import Floor, Room, Zone

FRESH_S = 180.0
"""A pushed minute that ended longer ago is not shown as now: Butlr pushes one every minute."""

FEWEST_MEMBERS = 2
"""A sum of one small room would be the room itself."""


@dataclass(frozen=True, slots=True)
class LivePeople:
    """People on a floor, or in a room or zone, now.

    `pushed`: `people` were in the minute that ended at `as_of_s`, `age_s` seconds ago. `asked`: nothing fresh
    was pushed, so all three are `None` and reporting is to be asked.
    """

    asset_id: str
    source: Literal["pushed", "asked"]
    people: float | None = None
    as_of_s: float | None = None
    age_s: float | None = None


def newest_people(
    live: LiveMinutes, assets: Sequence[Floor | Room | Zone], now_s: float, *, fresh_s: float = FRESH_S
) -> tuple[LivePeople, ...]:
    """One of each asset, in their order. A room or zone that stands for several small ones (`members`) has
    their sum, as old as the oldest of them, where a fresh number is known of each.
    """
    return tuple(_of(live, asset, now_s, fresh_s) for asset in assets)


def _of(live: LiveMinutes, asset: Floor | Room | Zone, now_s: float, fresh_s: float) -> LivePeople:
    members: Sequence[Room | Zone] = () if isinstance(asset, Floor) else asset.members
    ids = [member.id for member in members] or [asset.id]
    found = [_fresh(live.newest(asset_id), now_s, fresh_s) for asset_id in ids]
    known = [minute for minute in found if minute is not None]
    if len(known) < len(ids) or (members and len(ids) < FEWEST_MEMBERS):
        return LivePeople(asset.id, "asked")
    as_of_s = float(min(minute.end_s for minute in known))
    people = sum(minute.people for minute in known if minute.people is not None)
    return LivePeople(asset.id, "pushed", people, min(as_of_s, now_s), max(0.0, now_s - as_of_s))


def _fresh(minute: LiveMinute | None, now_s: float, fresh_s: float) -> LiveMinute | None:
    """A minute that is new enough; one that reporting told is not pushed."""
    if minute is None or minute.source != "pushed" or now_s - minute.end_s > fresh_s:
        return None
    return minute
