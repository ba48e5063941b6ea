"""How wide a text is on a page of Grafana 12.3: letters of Inter at 14 px, medium as in headings."""

from __future__ import annotations

WIDTHS_PX = {
    3.6: "ijl",
    3.8: " ",
    4.0: "I",
    4.6: ".,:';",
    4.8: "t",
    5.4: "/()f",
    5.6: "r",
    6.0: "1",
    6.6: "²-_",
    7.6: "s",
    8.0: "xakzL7",
    8.4: "cvyJeF",
    8.8: "bdghnopquE235",
    9.2: "BPRSTZ046789&",
    9.8: "KY+",
    10.2: "AVXD",
    10.6: "CUGHN",
    11.8: "wOQ",
    12.8: "mM…",
    14.4: "W%⚠",
}
BY_LETTER = {letter: px for px, letters in WIDTHS_PX.items() for letter in letters}
SPACING_PX = 0.15
"""Grafana's body text has so much between its letters."""


def width_px(text: str) -> float:
    """At most a pixel or two more than the text takes; letters that are not listed count as wide."""
    return sum(BY_LETTER.get(letter, 12.8) + SPACING_PX for letter in text)


def longest_word_px(text: str) -> float:
    """A text that may break needs as much."""
    return max((width_px(word) for word in text.split()), default=0.0)
