"""Text in images: the font, texts that fit into a width, characters that the font has.

The font is Source Sans, from its own package: the font inside Pillow has no accents, and a container has no
other.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from math import ceil, floor

from PIL import Image, ImageDraw, ImageFont

from butlr_grafana.present.images.theme import Rgb

FINER = 4
"""Letters are drawn this much larger and then reduced: FreeType rounds letters' widths to pixels."""

ENGINE = ImageFont.Layout.BASIC
"""Pillow's own. The other one, Raqm, is only there where the system has FriBidi, and sets letters in other
places: a picture would depend on the machine. What only Raqm can do is for letters that the font has not."""

OPTICAL = 1.1
"""Source Sans draws its letters small for its size."""

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

_NO_CHARACTER = "\U0010fffd"


@lru_cache(maxsize=4)
def _file(name: str) -> bytes:
    return files("font_source_sans_pro").joinpath("files", name).read_bytes()


@lru_cache(maxsize=64)
def font(size: int, *, medium: bool = False) -> Font:
    name = f"SourceSansPro-{'Semibold' if medium else 'Regular'}.ttf"
    return ImageFont.truetype(BytesIO(_file(name)), round(size * OPTICAL), layout_engine=ENGINE)


def width(text: str, size: int, *, medium: bool = False) -> float:
    """In pixels."""
    return font(size * FINER, medium=medium).getlength(text) / FINER


def write(
    image: Image.Image,
    at: tuple[float, float],
    text: str,
    size: int,
    paint: Rgb | int,
    *,
    anchor: str = "lm",
    medium: bool = False,
    stroke: float = 0,
) -> None:
    """A line of text; `anchor` is l, m or r and then m, as Pillow names them; `stroke` makes it fatter."""
    across = width(text, size, medium=medium)
    reach = ceil(stroke) + 2
    left = at[0] - {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * across
    corner = (floor(left) - reach, floor(at[1] - size) - reach)
    box = (ceil(across) + 2 * reach + 1, 2 * size + 2 * reach + 1)
    large = Image.new("L", (box[0] * FINER, box[1] * FINER), 0)
    ImageDraw.Draw(large).text(
        ((left - corner[0]) * FINER, (at[1] - corner[1]) * FINER),
        text,
        255,
        font(size * FINER, medium=medium),
        anchor="lm",
        stroke_width=round(stroke * FINER),
    )
    image.paste(paint, (*corner, corner[0] + box[0], corner[1] + box[1]), large.reduce(FINER))


def line_height(size: int) -> int:
    return round(size * 1.32)


def shorten(text: str, size: int, width_px: float, *, medium: bool = False) -> str:
    """The text, or as much of its beginning as fits with an ellipsis; empty where not even that does."""
    if width(text, size, medium=medium) <= width_px:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width(text[:middle].rstrip() + "…", size, medium=medium) <= width_px
        low, high = (middle, high) if fits else (low, middle - 1)
    return text[:low].rstrip() + "…" if low else ""


def wrap(text: str, size: int, width_px: float, *, most: int, medium: bool = False) -> list[str]:
    """At most `most` lines broken at spaces; what is left over is cut from the last one."""
    lines: list[str] = []
    words = text.split()
    while words and len(lines) < most - 1:
        taken = 1
        while taken < len(words) and width(" ".join(words[: taken + 1]), size, medium=medium) <= width_px:
            taken += 1
        lines.append(shorten(" ".join(words[:taken]), size, width_px, medium=medium))
        words = words[taken:]
    if words:
        lines.append(shorten(" ".join(words), size, width_px, medium=medium))
    return [line for line in lines if line]


def readable(text: str, otherwise: str) -> str:
    """The text in letters that the font has, accents dropped where it must be; else `otherwise`, an id."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if all(map(_has, text)):
        return text
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return plain if plain and all(map(_has, plain)) else otherwise


@lru_cache(maxsize=4096)
def _has(character: str) -> bool:
    if character.isspace():
        return True
    return bytes(font(20).getmask(character)) != bytes(font(20).getmask(_NO_CHARACTER))
