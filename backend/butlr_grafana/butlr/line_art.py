"""The bytes of an image → its line art: how far each pixel is from the background.

A plan is lines on a background. Colours are dropped, because on a heat map colour means people. The image is
decoded completely first: neither the file's name nor the server's content type counts, and only the pixels
are stored.
"""

from __future__ import annotations

import io
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageStat

from butlr_grafana.base.errors import UpstreamInvalid

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_PIXELS = 16_000_000
"""A picture that claims more is refused before it is unpacked, at four bytes a pixel and more."""
LARGEST_SIDE_PX = 3_000
"""Larger ones are reduced: no picture of ours is wider than 4096."""

FAINT = 6
"""Ink up to this is paper that was scanned, or noise of a JPEG."""

LineArt = NDArray[np.uint8]


def line_art_of(body: bytes) -> LineArt:
    """uint8[height, width]: 0 is paper, 255 as far from it as can be. Raises `UpstreamInvalid`."""
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as image:
            _check_size(*image.size)
            image.draft("L", image.size)
            grey = _opaque(ImageOps.exif_transpose(image))
    except UpstreamInvalid:
        raise
    except Exception as error:  # noqa: BLE001  # what was made to break a decoder breaks it in any way
        raise UpstreamInvalid(
            f"the floor-plan image is not a PNG, JPEG or WebP ({type(error).__name__})"
        ) from None
    return _off_paper(np.asarray(grey.reduce(max(1, ceil(max(grey.size) / LARGEST_SIDE_PX)))))


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise UpstreamInvalid(
            f"the floor-plan image has {width} x {height} pixels; at most {MAX_PIXELS:,} are allowed"
        )


def _opaque(image: Image.Image) -> Image.Image:
    """Lightness, a byte a pixel; what is transparent is white, or black under what is drawn in light."""
    if image.mode.startswith("I"):  # 16 bits, which Pillow would cut off rather than scale
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("L")
    if image.mode not in ("RGBA", "LA"):
        image = image.convert("RGBA")
    grey, alpha = image.convert("L"), image.getchannel("A")
    is_light = alpha.getbbox() is not None and ImageStat.Stat(grey, alpha).mean[0] > 127
    paper = Image.new("L", image.size, 0 if is_light else 255)
    paper.paste(grey, mask=alpha)
    return paper


def _off_paper(grey: LineArt) -> LineArt:
    """The distance from the paper's lightness, which is the most frequent one."""
    paper = int(np.bincount(grey.ravel(), minlength=256).argmax())
    far = paper - grey.astype(np.int16) if paper > 127 else grey.astype(np.int16) - paper
    # Dark on light or light on dark: what lies on the paper's other side is no ink.
    line_art = np.clip(far, 0, None).astype(np.float32) * np.float32(255 / max(paper, 255 - paper))
    line_art[line_art <= FAINT] = 0
    rounded: LineArt = np.rint(line_art).astype(np.uint8)
    return rounded
