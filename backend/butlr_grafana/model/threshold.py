"""The parameter `threshold`: the limit above which something is hot."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.model.chunk import Floats

_NUMBER = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Threshold:
    """A percentile (0 to 100) of the compared values, or a number in their unit."""

    value: float
    is_percentile: bool

    def over(self, values: Sequence[float] | Floats) -> float | None:
        """The lowest value that reaches the threshold; `None` for a percentile without values.

        A percentile between two values is interpolated linearly, as numpy does by default.
        """
        if not self.is_percentile:
            return self.value
        return float(np.percentile(values, self.value)) if len(values) else None

    def __str__(self) -> str:
        return f"p{self.value:g}" if self.is_percentile else f"{self.value:g}"


def parse(name: str, text: str) -> Threshold:
    """Parses `p95` or a number of 0 or more. `name`: the name of the parameter. Raises `BadParameter`."""
    is_percentile = text[:1] in ("p", "P")
    number = text[1:] if is_percentile else text
    value = float(number) if len(number) <= 40 and _NUMBER.fullmatch(number) else math.inf
    if value > 100 if is_percentile else not math.isfinite(value):
        raise BadParameter(
            name,
            f"{text[:60]!r} is not a threshold; use a percentile from p0 to p100 (p95) "
            "or a number of 0 or more (2.5)",
        )
    return Threshold(value, is_percentile)
