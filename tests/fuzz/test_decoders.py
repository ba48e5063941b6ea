"""Decoders fed with what no Butlr should send, the same at every run; `make fuzz` goes on with others."""

from __future__ import annotations

import tracemalloc
import zlib
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butlr_grafana.butlr.heatmaps import heat_map
from butlr_grafana.cache.chunks import codec
from tests.fuzz.decoders import DECODERS, HEAD, TRIALS, WHOLE, says

BODIES = 250


@pytest.mark.parametrize("name", DECODERS)
def test_a_body_as_it_came_is_taken(name: str) -> None:
    """Else nothing below would be of real bodies."""
    for body in DECODERS[name].bodies:
        assert DECODERS[name].holds(body)


@pytest.mark.parametrize("name", TRIALS)
def test_a_mangled_body_is_told_exactly_or_refused(name: str) -> None:
    taken: list[bool] = []

    @settings(max_examples=BODIES, derandomize=True, deadline=None, database=None)
    @given(st.integers(0, 2**63))
    def tried(seed: int) -> None:
        taken.append(TRIALS[name](Random(seed)))

    tried()
    assert len(taken) >= BODIES
    assert not all(taken)


def test_the_second_reader_sees_a_wrong_cell() -> None:
    """Else the tests above could not fail."""
    body = DECODERS["heat map"].bodies[0]
    document = orjson.loads(body)
    holder = document["data"][0]["heatmap_v2"]
    holder["array_cells"][0][2] += 1
    assert not says(heat_map(body, 1.0), holder["array_cells"])
    assert says(heat_map(orjson.dumps(document), 1.0), holder["array_cells"])


def test_a_bomb_among_what_is_kept_is_not_unpacked() -> None:
    """Whoever can write into a shared cache must not be able to fill the memory of all who read it."""
    whole = sorted(WHOLE)[0]
    magic, _, length = HEAD.unpack_from(whole)
    header = whole[HEAD.size : HEAD.size + length]
    rest = header + zlib.compress(bytes(300 * 2**20), 9)
    bomb = HEAD.pack(magic, zlib.crc32(rest), length) + rest
    tracemalloc.start()
    try:
        assert codec.decode(bomb) is None
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()


NESTED = ((b"[", b"]"), (b'{"data":', b"}"), (b'{"metadata":', b"}"))


@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_what_is_nested_without_end_is_refused(depth: int) -> None:
    for opened, closed in NESTED:
        body = opened * depth + b"1" + closed * depth
        assert [name for name, decoder in DECODERS.items() if decoder.holds(body)] == []


@pytest.mark.parametrize("depth", [10, 900])
def test_what_is_nested_beside_the_cells_does_not_matter(depth: int) -> None:
    for opened, closed in NESTED:
        body = opened * depth + b"1" + closed * depth
        grid = heat_map(b'{"array_cells": [[0.5, 0.5, 1]], "metadata": {"bounds": %b}}' % body, 1.0)
        assert (grid.total, grid.bounds) == (1, None)
