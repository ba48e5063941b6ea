"""The floors that settings name: which of them Butlr does not list, and what follows if none is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.errors import NoFloors, unknown_value
from butlr_grafana.model.floor import Topology

SPACES, TOKENS, WALL_TOKENS = "BUTLR_SPACES", "BACKEND_TOKEN", "BACKEND_WALL_TOKEN"

NOT_LISTED = "Butlr lists no floor for this account: `butlr-grafana check` shows whether a scope is missing"
PART_LISTED = "Butlr has listed a part of its floors only, and none that this backend serves; try again later"
ONLY_UNKNOWN = (
    f"{SPACES} names only floors that Butlr does not list; set it to ids of floors, or leave it empty for "
    "all (`butlr-grafana check` lists the ids)"
)
NONE_FOR_CALLERS = (
    "{} limits every token to floors that are not served; name served floors (`butlr-grafana check` lists "
    "their ids)"
)
NONE_FOR_TOKEN = (
    f"this token is limited to floors that are not served: whoever runs the backend must change {TOKENS} "
    f"or {WALL_TOKENS}"
)


@dataclass(frozen=True, slots=True)
class NamedFloors:
    """`served`: the floors of BUTLR_SPACES, none for all. `tokens`: the current tokens."""

    served: frozenset[str]
    tokens: Callable[[], Sequence[BackendToken]]

    def limited(self, listed: Topology) -> Topology:
        """The floors that are served, of those that Butlr lists."""
        return listed.restricted_to(self.served or None)

    def unknown(self, listed: Topology) -> dict[str, set[str]]:
        """By setting, the floors that it names and that cannot be served. None if Butlr's list is partial: a
        missing floor may still exist.
        """
        if listed.partial:
            return {}
        served = self.limited(listed).floors.keys()
        of_setting = {
            SPACES: self.served - listed.floors.keys(),
            TOKENS: self._of_tokens(for_walls=False) - served,
            WALL_TOKENS: self._of_tokens(for_walls=True) - served,
        }
        return {setting: set(unknown) for setting, unknown in of_setting.items() if unknown}

    def lines(self, listed: Topology) -> tuple[str, ...]:
        """A line for each unknown floor, with what is allowed: for the log, not for callers."""
        allowed = {SPACES: listed.floors}
        served = self.limited(listed).floors
        return tuple(
            f"{setting}: {unknown_value(space, allowed.get(setting, served))}"
            for setting, unknown in self.unknown(listed).items()
            for space in sorted(unknown)
        )

    def warnings(self, listed: Topology) -> tuple[str, ...]:
        """For anybody: without an id."""
        return tuple(
            f"{setting} names {len(unknown)} unknown floors"
            if len(unknown) > 1
            else f"{setting} names an unknown floor"
            for setting, unknown in self.unknown(listed).items()
        )

    def fault(self, served: Topology) -> NoFloors | None:
        """Why nobody can query a floor; for anybody. `served`: the floors that are served."""
        if not served.floors:
            return self._nothing_served(served)
        callers = self.tokens()
        if callers and all(t.floors is not None and t.floors.isdisjoint(served.floors) for t in callers):
            names = {WALL_TOKENS if token.for_walls else TOKENS for token in callers}
            return NoFloors(NONE_FOR_CALLERS.format(" and ".join(sorted(names))))
        return None

    def _nothing_served(self, served: Topology) -> NoFloors:
        if served.partial:
            return NoFloors(PART_LISTED)
        return NoFloors(ONLY_UNKNOWN if self.served else NOT_LISTED)

    def of_caller(self, served: Topology, visible: frozenset[str] | None) -> Topology:
        """The served floors that a caller may see. Raises `NoFloors` if there is none."""
        if not served.floors:
            raise self._nothing_served(served)
        own = served.restricted_to(visible)
        if not own.floors:
            raise NoFloors(NONE_FOR_TOKEN)
        return own

    def _of_tokens(self, *, for_walls: bool) -> frozenset[str]:
        return frozenset(
            floor for token in self.tokens() if token.for_walls == for_walls for floor in token.floors or ()
        )
