"""A part as bytes: exactly itself again, or nothing."""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from butlr_grafana.cache.chunks.codec import MAGIC, decode, encode
from butlr_grafana.model.chunk import Chunk, Grid
from butlr_grafana.model.floor import Bounds
from butlr_grafana.model.time import Period
from tests.cache.chunks.chunks import chunk, same, segment

METRES = st.floats(-1e4, 1e4)
INT32 = st.integers(-(2**31), 2**31 - 1)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    n = draw(st.integers(0, 40))
    return Grid(
        draw(st.sampled_from([0.25, 0.5, 1.0])),
        draw(st.tuples(st.floats(0, 1), st.floats(0, 1))) if n else None,
        draw(npst.arrays(np.int32, n, elements=INT32)),
        draw(npst.arrays(np.int32, n, elements=INT32)),
        draw(npst.arrays(np.float64, n, elements=st.floats(0, 2.0**50))),
        draw(st.none() | st.builds(Bounds, METRES, METRES, METRES, METRES)),
        draw(st.booleans()),
    )


@st.composite
def parts(draw: st.DrawFn) -> Chunk:
    start_s = draw(st.integers(0, 4_000_000_000))
    period = Period(start_s, start_s + draw(st.integers(1, 604_800)))
    return Chunk(period, draw(grids()), draw(st.floats(0, 4e9)), draw(st.booleans()))


WHOLE = chunk(segment(), cells=5, value=2.5)
ENCODED = encode(WHOLE)


@given(parts())
def test_a_part_comes_back_as_it_was(stored: Chunk) -> None:
    assert same(decode(encode(stored)), stored)


def test_an_empty_part_comes_back() -> None:
    stored = Chunk(Period(0, 60), Grid.empty(0.5), 7.0, settled=True)
    back = decode(encode(stored))
    assert same(back, stored)
    assert back is not None
    assert (back.grid.phase_m, back.grid.value.size) == (None, 0)


def test_what_comes_back_can_be_written_to() -> None:
    """Arrays over bytes are read-only, which would only show in a later sum."""
    back = decode(ENCODED)
    assert back is not None
    for column in (back.grid.ix, back.grid.iy, back.grid.value):
        column[0] = 9
    assert (back.grid.ix[0], back.grid.iy[0], back.grid.value[0]) == (9, 9, 9.0)


@given(parts(), st.data())
def test_any_flipped_bits_of_any_byte_are_nothing(stored: Chunk, data: st.DataObject) -> None:
    damaged = bytearray(encode(stored))
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    assert decode(bytes(damaged)) is None


@pytest.mark.parametrize("at", range(12))
def test_every_bit_of_the_head_counts(at: int) -> None:
    for bit in range(8):
        damaged = bytearray(ENCODED)
        damaged[at] ^= 1 << bit
        assert decode(bytes(damaged)) is None


def test_any_cut_is_nothing() -> None:
    assert [n for n in range(len(ENCODED)) if decode(ENCODED[:n]) is not None] == []
    assert [n for n in range(1, len(ENCODED)) if decode(ENCODED[n:]) is not None] == []


def test_anything_behind_is_nothing() -> None:
    assert decode(ENCODED + b"\0") is None


@given(st.binary(max_size=200))
def test_any_other_bytes_are_nothing(data: bytes) -> None:
    assert decode(data) is None
    assert decode(MAGIC + data) is None


def sealed(header: object, columns: bytes = b"", magic: bytes = MAGIC) -> bytes:
    """A body whose checksum is right, whatever is in it; as documented at the top of the codec."""
    head = orjson.dumps(header)
    body = head + zlib.compress(columns)
    return struct.pack("<4sII", magic, zlib.crc32(body), len(head)) + body


HEADER = {
    "kind": "grid",
    "period": [0, 3600],
    "fetched_at_s": 1.0,
    "settled": True,
    "resolution_m": 0.5,
    "phase_m": [0.25, 0.1],
    "bounds": None,
    "rebinned": False,
    "n": 1,
}
COLUMNS = struct.pack("<iid", 3, -4, 7.0)


def test_the_layout_is_the_documented_one() -> None:
    back = decode(sealed(HEADER, COLUMNS))
    assert back is not None
    grid = back.grid
    assert (grid.ix.tolist(), grid.iy.tolist(), grid.value.tolist()) == ([3], [-4], [7.0])
    assert (back.period, back.fetched_at_s, back.settled) == (Period(0, 3600), 1.0, True)
    assert (grid.resolution_m, grid.phase_m, grid.bounds) == (0.5, (0.25, 0.1), None)


def test_the_layout_of_samples_is_the_documented_one() -> None:
    header = {
        "kind": "samples",
        "period": [0, 3600],
        "fetched_at_s": 1.0,
        "settled": True,
        "series": [["room_1", "in"], ["room_1", "out"]],
        "incomplete": 4,
        "n": 2,
    }
    columns = struct.pack("<iiqqdd", 0, 1, 60, 2**40, 3.0, float("nan"))
    back = decode(sealed(header, columns))
    assert back is not None
    samples = back.samples
    assert samples.series == (("room_1", "in"), ("room_1", "out"))
    assert (samples.index.tolist(), samples.start_s.tolist()) == ([0, 1], [60, 2**40])
    assert samples.value[0] == 3.0
    assert math.isnan(samples.value[1])
    assert samples.incomplete == 4
    again = decode(encode(back))
    assert again is not None
    assert (again.samples.series, again.samples.value.tobytes()) == (samples.series, samples.value.tobytes())


@pytest.mark.parametrize("magic", [b"BGP0", b"BGP2", b"BGP4", b"\0\0\0\0"])
def test_another_version_is_nothing(magic: bytes) -> None:
    assert decode(sealed(HEADER, COLUMNS, magic)) is None


@pytest.mark.parametrize(
    "header",
    [
        [],
        None,
        "x",
        {},
        {**HEADER, "n": 2},
        {**HEADER, "n": "1"},
        {**HEADER, "n": -5},
        {**HEADER, "period": [3600, 0]},
        {**HEADER, "period": [0]},
        {**HEADER, "period": None},
        {**HEADER, "bounds": [1, 2, 3]},
        {**HEADER, "bounds": 5},
        {**HEADER, "phase_m": 5},
        {key: value for key, value in HEADER.items() if key != "settled"},
    ],
)
def test_a_header_that_is_sealed_but_odd_is_nothing(header: object) -> None:
    assert decode(sealed(header, COLUMNS)) is None
