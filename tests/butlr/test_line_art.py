"""A plan's picture → ink: every way a plan is drawn, and everything that is no picture to take."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr import line_art
from butlr_grafana.butlr.line_art import LineArt, line_art_of

pytestmark = pytest.mark.fast

SIZE = (60, 40)
BAR = (5, 5, 24, 14)
"""A bar in the upper left: left, top, right, bottom, the ends included."""


def plan(mode: str = "RGB", paper: Any = "white", line: Any = "black") -> Image.Image:
    image = Image.new(mode, SIZE, paper)
    ImageDraw.Draw(image).rectangle(BAR, fill=line)
    return image


def body(image: Image.Image, kind: str = "PNG", **params: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **params)
    return out.getvalue()


def parts(found: LineArt) -> tuple[LineArt, LineArt]:
    """The ink of the bar, and that of the paper, two pixels off the edges between them."""
    left, top, right, bottom = BAR
    outside = found.copy()
    outside[top - 2 : bottom + 3, left - 2 : right + 3] = 0
    return found[top + 2 : bottom - 1, left + 2 : right - 1], outside


def is_the_bar(found: LineArt, *, least: int = 250) -> bool:
    bar, paper = parts(found)
    return found.shape == SIZE[::-1] and bool((bar >= least).all()) and not paper.any()


@pytest.mark.parametrize(
    ("kind", "params"),
    [("PNG", {}), ("JPEG", {"quality": 95}), ("WEBP", {"lossless": True}), ("WEBP", {"quality": 60})],
)
def test_png_jpeg_and_webp_are_taken(kind: str, params: dict[str, Any]) -> None:
    assert is_the_bar(line_art_of(body(plan(), kind, **params)), least=240)


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (plan("L", 255, 0), "grey"),
        (plan("1", 1, 0), "black and white"),
        (plan("P", 0, 1), "a palette"),
        (plan("RGB", "black", "white"), "light on dark"),
        (plan("RGB", (12, 40, 90), "white"), "a blueprint"),
        (plan("RGBA", (0, 0, 0, 0), (0, 0, 0, 255)), "dark lines on nothing"),
        (plan("RGBA", (255, 255, 255, 0), (255, 255, 255, 255)), "light lines on nothing"),
        (plan("LA", (0, 0), (0, 255)), "grey lines on nothing"),
        (Image.fromarray(np.asarray(plan("L", 255, 0)).astype(np.uint16) * 257), "sixteen bits"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_lines_are_what_differs_from_the_paper(image: Image.Image, what: str) -> None:
    if image.mode == "P":
        image.putpalette([255, 255, 255, 0, 0, 0])
    assert is_the_bar(line_art_of(body(image)), least=190 if what == "a blueprint" else 250), what


def test_half_as_dark_is_half_the_ink() -> None:
    bar, _ = parts(line_art_of(body(plan("L", 255, 127))))
    assert set(bar.ravel().tolist()) == {128}


def test_off_white_paper_is_paper_and_what_is_lighter_is_no_ink() -> None:
    image = plan("L", 240, 0)
    image.paste(255, (40, 20, 60, 40))
    assert is_the_bar(line_art_of(body(image)))


def test_a_picture_taken_askew_is_turned_as_its_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    lying = plan("L", 255, 0).rotate(90, expand=True)
    assert is_the_bar(line_art_of(body(lying, "JPEG", exif=exif, quality=95)), least=240)


def test_nothing_but_pixels_is_kept() -> None:
    info = PngInfo()
    info.add_text("Author", "somebody")
    found = line_art_of(body(plan(), pnginfo=info))
    assert (type(found), found.dtype, found.ndim) == (np.ndarray, np.uint8, 2)
    assert is_the_bar(found)


def test_a_large_picture_is_reduced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_art, "LARGEST_SIDE_PX", 25)
    found = line_art_of(body(plan()))
    assert found.shape == (14, 20)
    assert found[3, 3] == 255
    assert not found[8:].any()


def test_a_picture_without_anything_on_it_has_no_ink() -> None:
    assert not line_art_of(body(Image.new("RGB", SIZE, "pink"))).any()
    assert not line_art_of(body(Image.new("RGBA", SIZE, (0, 0, 0, 0)))).any()
    assert line_art_of(body(Image.new("L", (1, 1), 7))).shape == (1, 1)


# What is not taken


def claims(width: int, height: int) -> bytes:
    """A small PNG that says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(2**16))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def webp_claims(width: int, height: int) -> bytes:
    """A WebP canvas of that size with nothing on it."""
    canvas = struct.pack("<B3x", 2) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"VP8X" + struct.pack("<I", len(canvas)) + canvas + b"ANIM" + struct.pack("<IIH", 6, 0, 0)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>'


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (claims(4000, 4001), "4000 x 4001 pixels; at most 16,000,000"),
        (claims(30_000, 30_000), "PNG, JPEG or WebP"),
        (claims(2**31 - 1, 2**31 - 1), "PNG, JPEG or WebP"),
        (claims(4000, 4000), "PNG, JPEG or WebP"),
        (webp_claims(16_000, 16_000), "PNG, JPEG or WebP"),
        (b"", "PNG, JPEG or WebP"),
        (b"<html>sign in first</html>", "PNG, JPEG or WebP"),
        (svg(), "PNG, JPEG or WebP"),
        (body(plan(), "GIF"), "PNG, JPEG or WebP"),
        (body(plan(), "TIFF"), "PNG, JPEG or WebP"),
        (body(plan(), "BMP"), "PNG, JPEG or WebP"),
        (body(plan(), "ICO"), "PNG, JPEG or WebP"),
        (body(plan(), "PDF"), "PNG, JPEG or WebP"),
        (body(plan())[:-30], "PNG, JPEG or WebP"),
        (body(plan(), "JPEG")[:-200], "PNG, JPEG or WebP"),
        (body(plan(), "WEBP")[:-20], "PNG, JPEG or WebP"),
    ],
    ids=range(16),
)
def test_what_is_no_picture_to_take_is_refused_in_words(data: bytes, says: str) -> None:
    with pytest.raises(UpstreamInvalid, match=says):
        line_art_of(data)


@given(st.binary(max_size=40), st.integers(0, 200), st.sampled_from(["PNG", "JPEG", "WEBP"]))
def test_whatever_is_broken_is_a_picture_or_a_refusal(noise: bytes, at: int, kind: str) -> None:
    whole = body(plan(), kind)
    try:
        found = line_art_of(whole[:at] + noise + whole[at + len(noise) :])
    except UpstreamInvalid:
        return
    assert found.dtype == np.uint8
