"""A response as the bytes that are sent: encoded once for any number of requests."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

WORTH_SQUEEZING = 1_000
"""Bytes; of less, little is won."""

SQUEEZE_LEVEL = 4
"""Of 1 to 9: numbers of a map are a tenth of their size here already, at a third of the time of 9."""

PACKED = ("image/png", "image/webp")
"""Media that cannot be squeezed further."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """`body` of `media` type; `name`: of the file, where it is one; `complete`: nothing is missing;
    `as_of_s`: up to when a file's heat maps are known.
    """

    body: bytes
    media: str
    name: str | None = None
    complete: bool = True
    as_of_s: float | None = None

    @cached_property
    def etag(self) -> str:
        """Names these very bytes."""
        return hashlib.blake2b(self.body, digest_size=16).hexdigest()

    @cached_property
    def compressed(self) -> bytes | None:
        """The body as gzip, where that is worth it. The same bytes at any time."""
        if self.media in PACKED or len(self.body) < WORTH_SQUEEZING:
            return None
        return gzip.compress(self.body, SQUEEZE_LEVEL, mtime=0)

    @property
    def nbytes(self) -> int:
        """Of memory, at most: squeezed it is never larger than as it is."""
        return 2 * len(self.body) + 500


def as_json(document: Any, media: str = "application/json") -> Encoded:
    """Strict JSON: numpy arrays as they are, NaN as null."""
    return Encoded(orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY), media)


def joined(lists: Iterable[Encoded]) -> Encoded:
    """JSON arrays as one, in their order."""
    found = list(lists)
    if len(found) == 1:
        return found[0]
    inner = [one.body[1:-1] for one in found]
    return Encoded(b"[" + b",".join(filter(None, inner)) + b"]", "application/json")
