"""Colour maps that colour-blind people can read, as 256 RGB steps made from a few anchors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rgb = tuple[int, int, int]

_INFERNO: tuple[Rgb, ...] = (
    (22, 11, 57),
    (66, 10, 104),
    (106, 23, 110),
    (147, 38, 103),
    (188, 55, 84),
    (221, 81, 58),
    (243, 120, 25),
    (252, 165, 10),
    (246, 215, 70),
    (252, 255, 164),
)


def ramp(anchors: tuple[Rgb, ...] = _INFERNO, steps: int = 256) -> NDArray[np.uint8]:
    """uint8[steps, 3], linear between the anchors."""
    at = np.linspace(0, len(anchors) - 1, steps)
    table = np.array(anchors, float)
    return np.stack([np.interp(at, np.arange(len(anchors)), table[:, c]) for c in range(3)], axis=1).astype(
        np.uint8
    )


def colours(values: NDArray[np.float64], top: float) -> NDArray[np.uint8]:
    """RGBA for values from 0 to `top`; NaN is transparent.

    The scale is the square root's, as is the Heatmap panel's: a few desks in use all day would leave the
    rest of a floor in one dark colour.
    """
    steps = ramp()
    scaled = np.sqrt(np.clip(np.nan_to_num(values) / top if top > 0 else np.zeros_like(values), 0, 1))
    rgba = np.empty((*values.shape, 4), np.uint8)
    rgba[..., :3] = steps[np.round(scaled * 255).astype(int)]
    rgba[..., 3] = np.where(np.isnan(values), 0, 255)
    return rgba
