"""A chunk as bytes: a header, then the columns of its content, compressed, with a checksum.

Layout (little-endian): magic with version, CRC-32 of all that follows, header length, header (JSON), zlib of
the columns one after the other: of a grid ix (int32[n]), iy (int32[n]), value (float64[n]); of samples index
(int32[n]), start_s (int64[n]), value (float64[n]). Bytes that do not fit decode to `None`, not to an error: a
store that was cut, overwritten or written by another version counts as empty.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import orjson

from butlr_grafana.model.chunk import Chunk, Content, Grid, HeatMapSubject, Samples, Segment
from butlr_grafana.model.floor import Bounds
from butlr_grafana.model.time import Period

MAGIC = b"BGP3"
_HEAD = struct.Struct("<4sII")
MOST_BYTES = 2**28
"""Of a chunk's columns: those of a grid with as many cells as a result may have are a quarter of it."""

_COLUMNS = {"grid": ("<i4", "<i4", "<f8"), "samples": ("<i4", "<i8", "<f8")}


def encode(chunk: Chunk) -> bytes:
    described, columns = _described(chunk.content)
    header = orjson.dumps(
        {
            **described,
            "period": [chunk.period.start_s, chunk.period.end_s],
            "fetched_at_s": chunk.fetched_at_s,
            "settled": chunk.settled,
            "n": columns[0].size,
        }
    )
    kinds = _COLUMNS[described["kind"]]
    packed = b"".join(c.astype(kind).tobytes() for c, kind in zip(columns, kinds, strict=True))
    body = header + zlib.compress(packed, 1)
    return _HEAD.pack(MAGIC, zlib.crc32(body), len(header)) + body


def decode(data: bytes) -> Chunk | None:
    try:
        magic, checksum, header_length = _HEAD.unpack_from(data)
        body = data[_HEAD.size :]
        if magic != MAGIC or zlib.crc32(body) != checksum:
            return None
        head = orjson.loads(body[:header_length])
        content = _content(head, _unpacked(head, body[header_length:]))
        return Chunk(Period(*head["period"]), content, head["fetched_at_s"], head["settled"])
    except (struct.error, zlib.error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def decode_for(segment: Segment, data: bytes) -> Chunk | None:
    """The chunk; `None` if it is damaged or of another segment."""
    chunk = decode(data)
    return chunk if chunk is not None and _is_of(chunk, segment) else None


def _is_of(chunk: Chunk, segment: Segment) -> bool:
    if chunk.period != segment.period:
        return False
    if isinstance(segment.subject, HeatMapSubject):
        return isinstance(chunk.content, Grid) and chunk.content.resolution_m == segment.subject.resolution_m
    return isinstance(chunk.content, Samples)


def _described(content: Content) -> tuple[dict[str, Any], tuple[np.ndarray[Any, Any], ...]]:
    """What is not a column, and the columns."""
    if isinstance(content, Samples):
        return {"kind": "samples", "series": content.series, "incomplete": content.incomplete}, (
            content.index,
            content.start_s,
            content.value,
        )
    b = content.bounds
    return {
        "kind": "grid",
        "resolution_m": content.resolution_m,
        "phase_m": content.phase_m,
        "bounds": [b.min_x, b.min_y, b.max_x, b.max_y] if b else None,
        "rebinned": content.rebinned,
    }, (content.ix, content.iy, content.value)


def _unpacked(head: dict[str, Any], packed: bytes) -> bytes:
    """The columns one after the other; not a byte more than the header promises is unpacked."""
    size = head["n"] * sum(np.dtype(kind).itemsize for kind in _COLUMNS[head["kind"]])
    if not 0 <= size <= MOST_BYTES:
        raise ValueError("larger than any chunk")
    unpack = zlib.decompressobj()
    columns = unpack.decompress(packed, size + 1)
    if len(columns) != size or (size and not unpack.eof):
        raise ValueError("the number of rows differs from the header")
    return columns


def _content(head: dict[str, Any], packed: bytes) -> Content:
    kinds = _COLUMNS[head["kind"]]
    columns: list[np.ndarray[Any, Any]] = []
    offset = 0
    for kind in kinds:
        columns.append(np.frombuffer(packed, kind, head["n"], offset=offset).astype(kind[1:]))
        offset += columns[-1].nbytes
    if head["kind"] == "samples":
        index, start_s, value = columns
        series = tuple((asset, field) for asset, field in head["series"])
        return Samples(series, index, start_s, value, head["incomplete"])
    ix, iy, value = columns
    return Grid(
        head["resolution_m"],
        tuple(head["phase_m"]) if head["phase_m"] else None,
        ix,
        iy,
        value,
        Bounds(*head["bounds"]) if head["bounds"] else None,
        head["rebinned"],
    )
