"""A part as bytes: a header, then the three columns, compressed, behind a checksum.

Layout (little-endian): magic with version, CRC-32 of all that follows, header length, header (JSON),
zlib of ix (int32[n]), iy (int32[n]), value (float64[n]). Whatever does not check is `None`, not an error:
a store that was cut, overwritten or written by another version holds nothing.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import orjson

from butlr_grafana.model import Bounds, Grid, Part, Period

MAGIC = b"BGP1"
_HEAD = struct.Struct("<4sII")


def encode(part: Part) -> bytes:
    grid = part.grid
    b = grid.bounds
    header = orjson.dumps(
        {
            "period": [part.period.start_s, part.period.end_s],
            "fetched_at_s": part.fetched_at_s,
            "settled": part.settled,
            "resolution_m": grid.resolution_m,
            "phase_m": grid.phase_m,
            "bounds": [b.min_x, b.min_y, b.max_x, b.max_y] if b else None,
            "rebinned": grid.rebinned,
            "n": grid.value.size,
        }
    )
    columns = (
        grid.ix.astype("<i4").tobytes() + grid.iy.astype("<i4").tobytes() + grid.value.astype("<f8").tobytes()
    )
    body = header + zlib.compress(columns, 1)
    return _HEAD.pack(MAGIC, zlib.crc32(body), len(header)) + body


def decode(data: bytes) -> Part | None:
    try:
        magic, checksum, header_length = _HEAD.unpack_from(data)
        body = data[_HEAD.size :]
        if magic != MAGIC or zlib.crc32(body) != checksum:
            return None
        head = orjson.loads(body[:header_length])
        columns = zlib.decompress(body[header_length:])
        n = head["n"]
        grid = Grid(
            head["resolution_m"],
            tuple(head["phase_m"]) if head["phase_m"] else None,
            np.frombuffer(columns, "<i4", n).astype(np.int32),
            np.frombuffer(columns, "<i4", n, offset=4 * n).astype(np.int32),
            np.frombuffer(columns, "<f8", n, offset=8 * n).astype(np.float64),
            Bounds(*head["bounds"]) if head["bounds"] else None,
            head["rebinned"],
        )
        return Part(Period(*head["period"]), grid, head["fetched_at_s"], head["settled"])
    except (struct.error, zlib.error, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
