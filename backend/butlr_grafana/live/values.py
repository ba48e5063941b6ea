"""Values of pushed minutes for readers, and the time after which a minute has settled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.live.ring import Flags, Floats, Source
from butlr_grafana.model.time import MINUTE_S

SETTLE_S = 360
"""Butlr computes a minute anew for five minutes; one more is for the way and for retries."""

STREAMS = ("floor", "room", "zone", "traffic")


def unsure_s(stream: str) -> int:
    """How long before a silence minutes are not sure: their last values, or movements on their way, would
    have arrived in it.
    """
    return MINUTE_S if stream == "traffic" else SETTLE_S


def has_settled(start_s: float, now_s: float) -> bool:
    """Whether nothing that is pushed changes the minute any more."""
    return start_s + MINUTE_S + SETTLE_S <= now_s


@dataclass(frozen=True, slots=True)
class LiveMinute:
    """People in one minute of an asset. `people` is `None` where reporting knows nothing either.

    `settled`: nothing that is pushed changes it any more.
    """

    start_s: int
    people: float | None
    settled: bool
    source: Source

    @property
    def end_s(self) -> int:
        return self.start_s + MINUTE_S


@dataclass(frozen=True, slots=True, eq=False)
class PeopleTable:
    """People of assets (rows) in minutes (columns), NaN without a number.

    `is_known` is false where nothing is known, or what is may not be the last value.
    """

    start_s: NDArray[np.int64]
    people: Floats
    is_known: Flags


@dataclass(frozen=True, slots=True, eq=False)
class DoorTable:
    """Movements of sensors [sensor, in or out, minute]."""

    start_s: NDArray[np.int64]
    moved: Floats
