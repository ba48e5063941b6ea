"""The look of images: the two themes, and the options of a caller.

In both themes, higher values are further from the background, as in Grafana, which reverses its colour
schemes on its light theme.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Rgb = tuple[int, int, int]
Style = Literal["gradient", "opacity", "smooth"]
"""Colours from least to most; one colour, the stronger the more; or colours that run into one another."""

ThemeName = Literal["light", "dark"]

SMALLEST_PX, LARGEST_PX = 100, 4096
NARROW_PX = 320
"""Below it a line holds few words."""

DESIGN_PX = 1200
"""The width for which sizes are written down; `Sizes` scales them."""

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
"""Matplotlib's Inferno: its lightness grows evenly, so that colour-blind people and grey prints read it."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours by what they are for. Greys have no hue, so that colour always means a value."""

    paper: Rgb
    foreground: Rgb
    faint: Rgb
    ground: Rgb
    """The floor between the rooms."""
    floor: Rgb
    """An empty room: where nobody was detected."""
    apart: Rgb
    """A room that was not asked for."""
    wall: Rgb
    thin_wall: Rgb
    hatch: Rgb
    warning: Rgb
    hue: Rgb
    """The one colour of the style `opacity`."""
    drawing: float
    """How strongly the ink of a plan's own picture shows, of 1."""
    gradient: tuple[Rgb, ...]
    """From least to most."""
    diverging: tuple[Rgb, ...]
    """From less over no change to more; ColorBrewer's RdBu, which colour-blind people can read."""


LIGHT = Theme(
    paper=(255, 255, 255),
    foreground=(29, 32, 38),
    faint=(98, 103, 112),
    ground=(246, 247, 248),
    floor=(236, 238, 240),
    apart=(250, 250, 251),
    wall=(66, 71, 80),
    thin_wall=(178, 183, 190),
    hatch=(170, 175, 183),
    warning=(176, 72, 0),
    hue=(214, 74, 0),
    drawing=0.4,
    gradient=((250, 226, 104), *_INFERNO[-3::-1]),
    diverging=(
        (5, 48, 97),
        (33, 102, 172),
        (67, 147, 195),
        (146, 197, 222),
        (255, 255, 255),
        (244, 165, 130),
        (214, 96, 77),
        (178, 24, 43),
        (103, 0, 31),
    ),
)

DARK = Theme(
    paper=(17, 18, 23),
    foreground=(226, 228, 233),
    faint=(158, 163, 172),
    ground=(26, 28, 33),
    floor=(38, 41, 47),
    apart=(22, 23, 28),
    wall=(140, 146, 156),
    thin_wall=(92, 98, 108),
    hatch=(84, 89, 98),
    warning=(255, 152, 64),
    hue=(255, 160, 60),
    drawing=0.36,
    gradient=((78, 18, 116), *_INFERNO[2:]),
    diverging=(
        (190, 225, 255),
        (122, 186, 242),
        (60, 134, 206),
        (38, 84, 134),
        (64, 67, 74),
        (140, 62, 40),
        (212, 96, 54),
        (250, 150, 98),
        (255, 214, 184),
    ),
)

THEMES: dict[str, Theme] = {"light": LIGHT, "dark": DARK}


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """What a caller may choose. Raises `ValueError`, which names the option and what it may be.

    `top`: the value of the last colour, where pictures are to be compared; else the picture's own largest.
    """

    style: Style = "gradient"
    theme: ThemeName = "light"
    width: int = DESIGN_PX
    labels: bool = True
    top: float | None = None

    def __post_init__(self) -> None:
        for name, value, known in (("style", self.style, Style), ("theme", self.theme, ThemeName)):
            if value not in get_args(known):
                raise ValueError(f"{name} is {' or '.join(get_args(known))}, not {value!r}")
        if not SMALLEST_PX <= self.width <= LARGEST_PX:
            raise ValueError(f"width is {SMALLEST_PX} to {LARGEST_PX} pixels, not {self.width}")
        if self.top is not None and not 0 < self.top < float("inf"):
            raise ValueError(f"top is a number above 0, not {self.top}")

    @property
    def smooth(self) -> bool:
        return self.style == "smooth"

    @property
    def colours(self) -> Theme:
        return THEMES[self.theme]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Design sizes in the pixels of a picture of this width; letters are never too small to read."""

    width: int

    def px(self, design: float, least: int = 1) -> int:
        return max(least, round(design * self.width / DESIGN_PX))

    @property
    def margin(self) -> int:
        return self.px(28, 12)

    @property
    def content(self) -> int:
        return self.width - 2 * self.margin

    @property
    def lines(self) -> int:
        """How many lines a text may take: in a narrow picture about as many as it needs."""
        return 2 if self.width >= NARROW_PX else 8

    @property
    def title(self) -> int:
        return self.px(28, 17)

    @property
    def text(self) -> int:
        return self.px(17, 12)

    @property
    def small(self) -> int:
        return self.px(14.5, 11)

    @property
    def label(self) -> int:
        return self.px(15, 11)

    @property
    def least_label(self) -> int:
        return self.px(11, 9)

    @property
    def wall(self) -> float:
        return max(1.0, 2.4 * self.width / DESIGN_PX)
