"""Full garbage collections happen when they are due, and at no other time."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from butlr_grafana.base.full_collections import FullCollections

pytestmark = pytest.mark.fast

FULL = 2
"""The generation of a full collection."""


class Circle:
    """An object that refers to itself: only a collection frees it."""

    def __init__(self) -> None:
        self.own = self


def old_circle() -> weakref.ref[Circle]:
    """Of the oldest objects, which only a full collection looks at."""
    circle = Circle()
    gc.collect(0)
    gc.collect(1)
    return weakref.ref(circle)


@pytest.fixture
def seconds() -> list[float]:
    return [1000.0]


@pytest.fixture
def collections(seconds: list[float]) -> Iterator[FullCollections]:
    collections = FullCollections(lambda: seconds[0], every_s=600)
    collections.begin()
    yield collections
    collections.end()


def test_a_circle_of_old_objects_is_freed_when_a_full_collection_is_due(
    collections: FullCollections, seconds: list[float]
) -> None:
    circle = old_circle()
    seconds[0] += 599.0
    collections.collect_if_due()
    assert circle() is not None

    seconds[0] += 1.0
    collections.collect_if_due()
    assert circle() is None


def test_the_next_full_collection_is_due_after_the_same_time(
    collections: FullCollections, seconds: list[float]
) -> None:
    seconds[0] += 600.0
    collections.collect_if_due()
    circle = old_circle()
    seconds[0] += 599.0
    collections.collect_if_due()
    assert circle() is not None


def test_python_starts_no_full_collection_of_its_own(collections: FullCollections) -> None:
    found: list[int] = []

    def note(phase: str, about: dict[str, int]) -> None:
        found.append(about["generation"]) if phase == "start" else None

    gc.callbacks.append(note)
    try:
        stored = [[number] for number in range(3_000_000)]
    finally:
        gc.callbacks.remove(note)
    assert len(stored) == 3_000_000
    # So young objects are still collected, and without `begin` the same list causes full collections.
    assert found
    assert FULL not in found


def test_the_end_restores_what_was_before() -> None:
    before = gc.get_threshold()
    collections = FullCollections(lambda: 0.0)
    collections.begin()
    assert gc.get_threshold() != before
    assert gc.get_freeze_count() > 0
    collections.end()
    assert (gc.get_threshold(), gc.get_freeze_count()) == (before, 0)
