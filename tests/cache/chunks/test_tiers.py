"""Memory over disk, as one store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from butlr_grafana.cache.chunks.disk import DiskStore
from butlr_grafana.cache.chunks.memory import MemoryStore
from butlr_grafana.cache.chunks.tiers import TieredStore
from butlr_grafana.model.time import Period
from tests.cache.chunks.chunks import HALF, SPACE, chunk, same, segment

ALWAYS = Period(0, 10**9)


@pytest.fixture
def memory() -> MemoryStore:
    return MemoryStore(10**6)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[DiskStore]:
    store = DiskStore(tmp_path, source="me", max_bytes=10**7, max_age_s=10**6, now=lambda: 0.0)
    yield store
    store.close()


def test_what_is_put_is_in_every_tier(memory: MemoryStore, disk: DiskStore) -> None:
    TieredStore(memory, disk).put(segment(), chunk(segment()))
    assert same(memory.get(segment()), chunk(segment()))
    assert same(disk.get(segment()), chunk(segment()))


def test_what_is_found_on_disk_is_kept_in_memory_too(memory: MemoryStore, disk: DiskStore) -> None:
    disk.put(segment(), chunk(segment()))
    found = TieredStore(memory, disk).get(segment())
    assert same(found, chunk(segment()))
    assert memory.get(segment()) is found


def test_what_is_in_memory_is_not_looked_for_on_disk(memory: MemoryStore, disk: DiskStore) -> None:
    disk.put(segment(), chunk(segment(), value=1.0))
    memory.put(segment(), chunk(segment(), value=2.0))
    assert same(TieredStore(memory, disk).get(segment()), chunk(segment(), value=2.0))


def test_a_find_in_the_last_of_three_goes_to_all_before_it(disk: DiskStore) -> None:
    first, second = MemoryStore(10**6), MemoryStore(10**6)
    disk.put(segment(), chunk(segment()))
    TieredStore(first, second, disk).get(segment())
    assert same(first.get(segment()), chunk(segment()))
    assert same(second.get(segment()), chunk(segment()))


def test_what_no_tier_has_is_not_there(memory: MemoryStore, disk: DiskStore) -> None:
    assert TieredStore(memory, disk).get(segment()) is None
    assert memory.within(SPACE, HALF, ALWAYS) == []


def test_within_is_what_any_tier_has_once(memory: MemoryStore, disk: DiskStore) -> None:
    tiers = TieredStore(memory, disk)
    tiers.put(segment(0, 10), chunk(segment(0, 10)))
    memory.put(segment(10, 20), chunk(segment(10, 20)))
    disk.put(segment(20, 30), chunk(segment(20, 30)))
    assert sorted(tiers.within(SPACE, HALF, ALWAYS)) == [Period(0, 10), Period(10, 20), Period(20, 30)]


def test_what_still_changes_is_only_in_memory(memory: MemoryStore, disk: DiskStore) -> None:
    live = segment(settled=False)
    TieredStore(memory, disk).put(live, chunk(live))
    assert memory.get(live) is not None
    assert disk.get(live) is None


def test_a_restart_finds_on_disk_what_memory_has_lost(
    tmp_path: Path, memory: MemoryStore, disk: DiskStore
) -> None:
    TieredStore(memory, disk).put(segment(), chunk(segment()))
    disk.close()
    again = DiskStore(tmp_path, source="me", max_bytes=10**7, max_age_s=10**6, now=lambda: 0.0)
    assert same(TieredStore(MemoryStore(10**6), again).get(segment()), chunk(segment()))
    again.close()


def test_what_can_still_change_is_looked_for_in_slower_tiers_once_it_is_too_old(memory: MemoryStore) -> None:
    slower, live = MemoryStore(10**6), segment(settled=False)
    older, newer = chunk(live, fetched_at_s=9_000.0), chunk(live, fetched_at_s=9_500.0)
    tiers = TieredStore(memory, slower)
    memory.put(live, older)
    slower.put(live, newer)
    assert tiers.get(live, 9_000.0) is older
    assert tiers.get(live, 9_001.0) is newer
    assert memory.get(live) is newer


def test_the_newest_there_is_where_none_is_new_enough(memory: MemoryStore) -> None:
    slower, live = MemoryStore(10**6), segment(settled=False)
    older, newer = chunk(live, fetched_at_s=9_000.0), chunk(live, fetched_at_s=9_500.0)
    memory.put(live, newer)
    slower.put(live, older)
    assert TieredStore(memory, slower).get(live, 9_900.0) is newer
    assert slower.get(live) is older


def test_a_settled_part_is_good_however_old_and_better_than_a_later_opinion(memory: MemoryStore) -> None:
    slower, live = MemoryStore(10**6), segment(settled=False)
    settled, opinion = chunk(segment(), fetched_at_s=100.0), chunk(live, fetched_at_s=9_500.0)
    memory.put(live, opinion)
    slower.put(live, settled)
    assert TieredStore(memory, slower).get(segment(), 9_900.0) is settled
    assert TieredStore(memory, slower).get(segment(), 9_900.0) is settled
