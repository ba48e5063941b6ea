"""The numbers of a legend: round, readable, and as many as fit."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from butlr_grafana.present.images.colour import Scale

MINUS = "\N{MINUS SIGN}"

MOST = 6
"""Ticks beyond zero, each way."""


@dataclass(frozen=True, slots=True)
class Tick:
    """`centre_px`: from the legend's left end."""

    value: float
    text: str
    at_px: float
    centre_px: float


def number(value: float, unit: str, *, signed: bool = False) -> str:
    """`1,000`, `0.25`, `12.5 %`; signed: `+5`, and below zero the sign that is as wide as a plus."""
    if signed and value:
        return ("+" if value > 0 else MINUS) + number(abs(value), unit)
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def nice(top: float, *, whole: bool = False) -> list[float]:
    """`top` where it is short to write, and 1, 2, 5 times powers of ten below it, descending."""
    if not 0 < top < math.inf:
        return []
    digits = math.floor(math.log10(top))
    found = [top] if float(f"{top:.1e}") == top else []
    steps = [float(f"{m}e{p}") for p in range(digits, digits - 4, -1) for m in (5, 2, 1)]
    return found + [s for s in steps if s < top * (1 + 1e-9) and s not in found and (s >= 1 or not whole)]


def ticks(
    scale: Scale,
    length_px: float,
    text: Callable[[float], str],
    width_px: Callable[[str], float],
    *,
    gap_px: float,
    whole: bool = False,
) -> list[Tick]:
    """Zero and the largest nice numbers whose texts do not touch; mirrored where the scale diverges."""

    def tick(value: float) -> Tick:
        label = text(value)
        at = float(scale.position(value)) * length_px
        half = width_px(label) / 2
        return Tick(value, label, at, min(max(at, half), max(length_px - half, half)))

    def clear(new: Tick) -> bool:
        return all(
            abs(new.centre_px - old.centre_px) >= (width_px(new.text) + width_px(old.text)) / 2 + gap_px
            for old in chosen
        )

    chosen = [tick(0.0)]
    signs = (1, -1) if scale.diverging else (1,)
    for value in nice(scale.limit, whole=whole):
        # Both sides or neither: minus and plus are equally wide.
        pair = [tick(sign * value) for sign in signs]
        if all(clear(t) for t in pair) and len(chosen) <= MOST * len(signs):
            chosen += pair
    return sorted(chosen, key=lambda t: t.value)
