"""Occupancy that doors count: who came less who went since midnight, and what calibration makes of it.

Uncalibrated it knows nobody who was in at midnight, so it goes below zero when they leave. Calibrated it
never does: `"true"` starts anew at zero whenever it would, `"raw"` only shows zero.

Doors miss people, and Butlr corrects that only overnight: until a day is final its calibrated values have one
person too many for every `STEPS_A_PERSON` steps in or out since its midnight.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from .stays import Ints

Calibrated = Literal["true", "raw", "false"]

STEPS_A_PERSON = 40


def occupancy(entered: Ints, left: Ints, calibrated: Calibrated, *, provisional: bool) -> Ints:
    """People at the end of each minute of one day, from midnight on: `[row, minute]`."""
    people: Ints = np.cumsum(entered - left, axis=1)
    if calibrated == "false":
        return people
    if calibrated == "raw":
        people = np.maximum(people, 0)
    else:
        people = people - np.minimum(0, np.minimum.accumulate(people, axis=1))
    return people + drift(entered, left) if provisional else people


def drift(entered: Ints, left: Ints) -> Ints:
    """The number of people that is too high while a day is not final: `[row, minute]`."""
    steps: Ints = np.cumsum(entered + left, axis=1)
    return steps // STEPS_A_PERSON
