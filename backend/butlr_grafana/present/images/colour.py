"""Values → colours: fixed steps on a square-root scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.model.chunk import Floats
from butlr_grafana.present.images.theme import Rgb, Style, Theme

Bytes = NDArray[np.uint8]

FAINTEST, FULL = 46, 255
"""Alpha of the least and the most in the style `opacity`: the least can still be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Values 0 to `limit`, or -`limit` to `limit` where `diverging`; `steps` uint8[n, 4] is RGBA.

    The scale is the square root's, as is the Heatmap panel's: a few desks in use all day would leave the
    rest of a floor in one colour.
    """

    limit: float
    diverging: bool
    steps: Bytes

    def position(self, values: float | NDArray[Any]) -> Floats:
        """Where on the scale, 0 to 1; what lies beyond is at its end."""
        array = np.asarray(values, np.float64)
        share = np.clip(array / self.limit, -1, 1) if self.limit > 0 else np.zeros_like(array)
        root = np.sign(share) * np.sqrt(np.abs(share))
        return np.asarray(0.5 + root / 2 if self.diverging else np.clip(root, 0, 1))

    def colours(self, values: NDArray[Any]) -> Bytes:
        """RGBA; NaN is transparent."""
        nothing = np.isnan(values)
        at = self.position(np.where(nothing, 0, values)) * (len(self.steps) - 1)
        rgba: Bytes = self.steps[np.rint(at).astype(np.int64)]
        rgba[nothing] = 0
        return rgba


def sequential(limit: float, style: Style, theme: Theme) -> Scale:
    if style != "opacity":
        return Scale(limit, diverging=False, steps=_opaque(theme.gradient, 256))
    steps = np.empty((256, 4), np.uint8)
    steps[:, :3] = theme.hue
    steps[:, 3] = np.linspace(FAINTEST, FULL, 256)
    return Scale(limit, diverging=False, steps=steps)


def diverging(limit: float, theme: Theme) -> Scale:
    # An odd number: no change has a step of its own.
    return Scale(limit, diverging=True, steps=_opaque(theme.diverging, 257))


def _opaque(anchors: tuple[Rgb, ...], steps: int) -> Bytes:
    """uint8[steps, 4], linear between the anchors."""
    at = np.linspace(0, len(anchors) - 1, steps)
    table = np.array(anchors, float)
    rgb = [np.interp(at, np.arange(len(anchors)), table[:, c]) for c in range(3)]
    rgba: Bytes = np.rint(np.stack([*rgb, np.full(steps, 255.0)], axis=1)).astype(np.uint8)
    return rgba
