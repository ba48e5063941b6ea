"""Splits a caller's text into values, in each of Grafana's formats for several values.

A value from a JSON list or an ad-hoc filter is exact: it is used unchanged. A single text may also be a list:
`a,b` (csv), `{a,b}` (glob), `["a","b"]` (json), `(a|b)` with escapes (regex, the format of the JSON data
source, in which `0.5` arrives as `0\\.5`).

Names of rooms and tags may contain the same characters. So a `Name` is compared with the existing names:
first the whole text, then each format.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import orjson

from butlr_grafana.base.errors import BadParameter

UNSET_VALUES = ("", "$__all", "All", "__all")
"""Values that Grafana sends if a variable is not set."""

UNLIMITED_VALUES = (*UNSET_VALUES, "all")
"""Values that mean all rooms or tags."""

MOST_VALUES = 10_000
LONGEST_NAME, LONGEST_TEXT = 1_000, 200_000

LONGEST_RUN = 20
"""In a comma list, a name may consist of at most so many pieces between commas."""

Known = Callable[[str], bool]


def texts_of(name: str, raw: object) -> list[str]:
    """The values of a parameter whose values contain none of the signs of Grafana's formats. Raises
    `BadParameter`.

    A list contains chosen values. A tuple contains the texts of a parameter that occurs several times in a
    URL.
    """
    if isinstance(raw, list):
        items = (_scalar(name, item) for item in _limited(name, raw))
        return [text for item in items for text in (_alternatives(item) or [item])]
    if isinstance(raw, tuple):
        return [text for item in _limited(name, raw) for text in texts_of(name, item)]
    text = _scalar(name, raw)
    found = _json_list(text)
    return _split(text) if found is None else found


def names_of(name: str, raw: object) -> tuple[Name, ...]:
    """The values of a parameter whose values are names. Lists and tuples are as in `texts_of`. Raises
    `BadParameter`.
    """
    if isinstance(raw, list | tuple):
        chosen = isinstance(raw, list)
        found = [Name(_scalar(name, item), exact=chosen) for item in _limited(name, raw)]
    else:
        found = [Name(_scalar(name, raw))]
    for one in found:
        if one.exact and len(one.text) > LONGEST_NAME:
            raise BadParameter(
                name, f"{one.text[:60]!r} … is longer than any name ({LONGEST_NAME:,} characters)"
            )
        _limited(name, one.text.split(","))
    return tuple(dict.fromkeys(one for one in found if one.text))


@dataclass(frozen=True, slots=True)
class Name:
    """A requested room or tag. `exact`: it was chosen from a list, so the text is the name itself."""

    text: str
    exact: bool = False

    def resolve(self, is_known: Known) -> list[str]:
        """The known names that the text means; empty: no limit. If no interpretation gives known names, the
        simplest interpretation is returned, so that an error can name it.
        """
        if not self.exact and self.text in UNLIMITED_VALUES:
            return []
        if is_known(self.text):
            return [self.text]
        for names in self._interpretations(is_known):
            found = [name for name in names or () if is_known(name) or name not in UNLIMITED_VALUES]
            if names is not None and all(map(is_known, found)):
                return found
        plain = [self.text] if self.exact else _split(self.text)
        return [name for name in plain if name not in UNLIMITED_VALUES]

    def _interpretations(self, is_known: Known) -> Iterator[list[str] | None]:
        if self.exact:
            yield [] if self.text in UNLIMITED_VALUES else None
            # A variable among those chosen in the query builder; one value alone has no brackets.
            several = _alternatives(self.text) or []
            yield several if len(several) > 1 else None
            return
        yield _json_list(self.text)
        yield _alternatives(self.text)
        plain = _unescaped(self.text)
        yield from ([self.text.strip()], [plain], [plain.strip()])
        for listed in dict.fromkeys((self.text, self.text.strip(), plain, plain.strip())):
            inner = listed[1:-1] if re.fullmatch(r"\{.*\}", listed, re.DOTALL) else listed
            yield _names_in(inner, is_known)


def _names_in(text: str, is_known: Known) -> list[str] | None:
    """The known names that a comma list is made of, each as long as possible, for names hold commas too;
    `None` where no names make up all of it.
    """
    pieces = text.split(",")
    # By where they begin: the name there, and where the next begins; from the end, so none is tried twice.
    following: list[tuple[str, int] | None] = [None] * len(pieces) + [("", 0)]
    for at in reversed(range(len(pieces))):
        runs = (
            (name, end)
            for end in range(min(len(pieces), at + LONGEST_RUN), at, -1)
            if following[end] is not None
            for whole in [",".join(pieces[at:end])]
            for name in (whole, whole.strip())
        )
        following[at] = next((run for run in runs if is_known(run[0])), None)
        if following[at] is None and pieces[at].strip() in UNLIMITED_VALUES and following[at + 1] is not None:
            following[at] = "", at + 1
    names: list[str] = []
    at = 0
    while at < len(pieces):
        step = following[at]
        if step is None:
            return None
        name, at = step
        names += [name] if name else []
    return names


def _split(text: str) -> list[str]:
    """A single text by its signs alone."""
    text = text.strip()
    alternatives = _alternatives(text)
    if alternatives is not None:
        return [piece.strip() for piece in alternatives]
    text = _unescaped(text)
    if re.fullmatch(r"\{.*\}", text, re.DOTALL):
        text = text[1:-1]
    return [piece.strip() for piece in text.split(",")]


def _alternatives(text: str) -> list[str] | None:
    """The texts of `(a|b)`; `None` where it is no such text."""
    if not re.fullmatch(r"\(.*\)", text, re.DOTALL):
        return None
    return [_unescaped(piece) for piece in re.findall(r"(?:^|\|)((?:\\.|[^|\\])*)", text[1:-1], re.DOTALL)]


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _json_list(text: str) -> list[str] | None:
    """The texts of `["a","b"]` or `"a"`; `None` where it is no such text."""
    if not text.startswith(("[", '"')):
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    items = found if isinstance(found, list) else [found]
    return items if all(isinstance(item, str) for item in items) else None


def _scalar(name: str, raw: object) -> str:
    """A text, or a number as its text; nothing is an empty text."""
    if raw is None:
        return ""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise BadParameter(name, f"use a text or a number, not {type_name(raw)}")
    text = str(raw)
    if len(text) > LONGEST_TEXT:
        raise BadParameter(name, f"is longer than {LONGEST_TEXT:,} characters")
    return text


def type_name(value: object) -> str:
    """The type of a JSON value, as a word for error texts."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _limited(name: str, raw: Sequence[object]) -> Sequence[object]:
    if len(raw) > MOST_VALUES:
        raise BadParameter(name, f"has {len(raw):,} values; allowed: at most {MOST_VALUES:,}")
    return raw


def every_name(names: tuple[Name, ...], is_known: Known) -> tuple[str, ...]:
    """All names that the texts mean, without duplicates."""
    return tuple(dict.fromkeys(chain.from_iterable(name.resolve(is_known) for name in names)))
