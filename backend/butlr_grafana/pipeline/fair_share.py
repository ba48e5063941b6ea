"""Who is served next, where several always want more: each gets its share.

Pure: it holds no lock and no clock.

A name that always waits gets at least `(n - names) * weight / weights - 1` of any `n` turns: self-clocked
fair queueing (Golestani 1994) with requests of one length. A name gets what the others do not use, and saves
nothing up while it does not wait.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=IntEnum)


class FairShare(Generic[Name]):
    """Turns by weight. Not thread-safe. Equal turns go to the lowest name first."""

    def __init__(self, weights: Mapping[Name, int]) -> None:
        assert all(weight > 0 for weight in weights.values())
        self._weights = dict(weights)
        self._served = dict.fromkeys(weights, 0.0)
        self._virtual = 0.0

    def joins(self, name: Name) -> None:
        """It waits from now on and did not before: it begins with the others."""
        self._served[name] = max(self._served[name], self._virtual)

    def first(self, waiting: Iterable[Name]) -> Name:
        """Whose turn it is of those that wait."""
        return min(waiting, key=lambda name: (self._tag(name), name))

    def serve(self, name: Name) -> None:
        self._virtual = self._served[name] = self._tag(name)

    def _tag(self, name: Name) -> float:
        """When the next turn of a name is, in turns by weight."""
        return self._served[name] + 1.0 / self._weights[name]
