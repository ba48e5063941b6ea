"""The topology that is being served: one loading for all, renewal behind their backs, never forgotten."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.errors import UpstreamDown, UpstreamInvalid, UpstreamLate
from butlr_grafana.butlr.api import Butlr, ButlrConfig
from butlr_grafana.butlr.topology import topology
from butlr_grafana.cache.named_floors import NamedFloors
from butlr_grafana.cache.topology import RENEW_S, RETRY_S, TopologyCache
from butlr_grafana.model.floor import Building, Floor, Topology
from butlr_grafana.simulator import Simulator
from tests.butlr.wire import AtOnce, FakeTime
from tests.support import HANG_S, floors_are_loaded


def read(document: dict[str, Any]) -> Topology:
    """`{"floors": [ids]}` → a topology; anything else is no document."""
    if not isinstance(document, dict) or "floors" not in document:
        raise UpstreamInvalid("no floors")
    building = Building("b", "B", "S")
    return Topology({floor: Floor(floor, floor, building, "UTC") for floor in document["floors"]})


class Source:
    """A vendor that answers what it is told to, and counts."""

    def __init__(self, *floors: str) -> None:
        self.response: dict[str, Any] | Exception = {"floors": list(floors)}
        self.requested = 0
        self.open = threading.Event()
        self.open.set()

    def __call__(self) -> dict[str, Any]:
        self.requested += 1
        assert self.open.wait(HANG_S)
        if isinstance(self.response, Exception):
            raise self.response
        return self.response


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    yield
    floors_are_loaded()


def floors(spaces: TopologyCache) -> list[str]:
    return list(spaces.current(timeout_s=HANG_S).floors)


def test_many_threads_load_it_once(at_once: AtOnce) -> None:
    source = Source("a", "b")
    source.open.clear()
    spaces = TopologyCache(source, read)
    begun: list[int] = []

    def asks() -> list[str]:
        begun.append(1)
        if len(begun) == 20:
            source.open.set()
        return floors(spaces)

    assert at_once(asks, 20) == [["a", "b"]] * 20
    assert source.requested == 1


def test_nothing_is_asked_before_the_first_question() -> None:
    source = Source("a")
    spaces = TopologyCache(source, read)
    assert (source.requested, spaces.known) == (0, False)
    assert floors(spaces) == ["a"]
    assert spaces.known


def test_it_is_renewed_after_five_minutes_and_not_before(fake: FakeTime) -> None:
    source = Source("a")
    spaces = TopologyCache(source, read, clock=fake)
    floors(spaces)
    floors_are_loaded()
    source.response = {"floors": ["a", "new"]}
    fake.now_s += RENEW_S - 1
    assert floors(spaces) == ["a"]
    floors_are_loaded()
    assert source.requested == 1
    fake.now_s += 1
    floors(spaces)
    floors_are_loaded()
    assert floors(spaces) == ["a", "new"]
    assert source.requested == 2


def test_nobody_waits_for_a_renewal(fake: FakeTime, at_once: AtOnce) -> None:
    source = Source("a")
    spaces = TopologyCache(source, read, clock=fake)
    floors(spaces)
    floors_are_loaded()
    fake.now_s += RENEW_S
    source.response = {"floors": ["new"]}
    source.open.clear()
    assert at_once(lambda: floors(spaces), 10) == [["a"]] * 10
    assert source.requested == 2
    source.open.set()
    floors_are_loaded()
    assert floors(spaces) == ["new"]


FAULTS = [UpstreamDown("gone"), UpstreamInvalid("nonsense"), RuntimeError("a bug")]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_failing_renewal_keeps_the_old_one_and_tries_again_soon(fake: FakeTime, fault: Exception) -> None:
    source = Source("a")
    spaces = TopologyCache(source, read, clock=fake)
    floors(spaces)
    floors_are_loaded()
    source.response = fault
    fake.now_s += RENEW_S
    floors(spaces)
    floors_are_loaded()
    assert (floors(spaces), spaces.known, source.requested) == (["a"], True, 2)
    source.response = {"floors": ["new"]}
    fake.now_s += RETRY_S - 1
    floors(spaces)
    floors_are_loaded()
    assert source.requested == 2
    fake.now_s += 1
    floors(spaces)
    floors_are_loaded()
    assert (floors(spaces), source.requested) == (["new"], 3)


def test_a_bug_in_the_first_loading_is_said(fake: FakeTime, caplog: pytest.LogCaptureFixture) -> None:
    source = Source("a")
    source.response = RuntimeError("a bug")
    spaces = TopologyCache(source, read, clock=fake)
    with pytest.raises(UpstreamInvalid, match="the backend's log has the reason"):
        spaces.current(timeout_s=HANG_S)
    floors_are_loaded()
    assert "RuntimeError: a bug" in caplog.text
    source.response = {"floors": ["a"]}
    fake.now_s += RETRY_S
    assert floors(spaces) == ["a"]


def test_a_topology_that_cannot_be_read_keeps_the_old_one(fake: FakeTime) -> None:
    source = Source("a")
    spaces = TopologyCache(source, read, clock=fake)
    floors(spaces)
    floors_are_loaded()
    source.response = {"nothing": "of use"}
    fake.now_s += RENEW_S
    floors(spaces)
    floors_are_loaded()
    assert floors(spaces) == ["a"]


def test_the_first_loading_that_fails_says_why_and_is_not_hammered(fake: FakeTime) -> None:
    source = Source()
    source.response = UpstreamDown("Butlr is away")
    spaces = TopologyCache(source, read, clock=fake)
    for _ in range(5):
        with pytest.raises(UpstreamDown, match=r"^Butlr is away$"):
            spaces.current(timeout_s=HANG_S)
    assert (source.requested, spaces.known) == (1, False)
    source.response = {"floors": ["a"]}
    fake.now_s += RETRY_S
    assert floors(spaces) == ["a"]


def test_who_cannot_wait_is_told_it_is_late_and_the_loading_goes_on() -> None:
    source = Source("a")
    source.open.clear()
    spaces = TopologyCache(source, read)
    for timeout_s in (0.0, 0.01):
        with pytest.raises(UpstreamLate, match="has not listed its floors yet"):
            spaces.current(timeout_s=timeout_s)
    source.open.set()
    floors_are_loaded()
    assert floors(spaces) == ["a"]
    assert source.requested == 1


# Which floors


@pytest.mark.parametrize(
    ("served", "expected"), [((), ["a", "b", "c"]), (("c", "a"), ["a", "c"]), (("b", "unknown"), ["b"])]
)
def test_only_served_floors_are_told(served: tuple[str, ...], expected: list[str]) -> None:
    assert floors(TopologyCache(Source("a", "b", "c"), read, served=served)) == expected


@pytest.mark.parametrize(
    ("served", "tokens", "lines", "told"),
    [
        (("a", "b"), (), [], ()),
        (
            ("b", "space_atlantis"),
            (),
            ["BUTLR_SPACES: 'space_atlantis' is unknown; allowed: a, b, c"],
            ("BUTLR_SPACES names an unknown floor",),
        ),
        (
            ("y", "z"),
            (),
            [
                "BUTLR_SPACES: 'y' is unknown; allowed: a, b, c",
                "BUTLR_SPACES: 'z' is unknown; allowed: a, b, c",
            ],
            ("BUTLR_SPACES names 2 unknown floors",),
        ),
        (
            ("a", "b"),
            ("a", "c"),
            ["BACKEND_TOKEN: 'c' is unknown; allowed: a, b"],
            ("BACKEND_TOKEN names an unknown floor",),
        ),
    ],
)
def test_floors_that_settings_name_and_that_there_are_not_are_logged_once_with_the_known_ones(
    caplog: pytest.LogCaptureFixture,
    served: tuple[str, ...],
    tokens: tuple[str, ...],
    lines: list[str],
    told: tuple[str, ...],
) -> None:
    fake = FakeTime()
    limited = [BackendToken("a-long-token", frozenset(tokens))] if tokens else []
    spaces = TopologyCache(Source("a", "b", "c"), read, served=served, tokens=lambda: limited, clock=fake)
    for _ in range(3):
        floors(spaces)
        floors_are_loaded()
        fake.now_s += RENEW_S
    assert [r.getMessage() for r in caplog.records if "unknown; allowed" in r.getMessage()] == lines
    assert all(record.levelno == logging.WARNING for record in caplog.records)
    assert spaces.unknown == told
    # Anybody may read this.
    assert not any(floor in text for floor in ("space_atlantis", "'") for text in told)


def test_a_floor_that_comes_later_ends_the_warning() -> None:
    fake, source = FakeTime(), Source("a")
    spaces = TopologyCache(source, read, served=("a", "b"), clock=fake)
    assert floors(spaces) == ["a"]
    assert spaces.unknown
    source.response = {"floors": ["a", "b"]}
    fake.now_s += RENEW_S
    floors(spaces)
    floors_are_loaded()
    assert floors(spaces) == ["a", "b"]
    assert spaces.unknown == ()


def test_changed_tokens_are_compared_without_a_new_call_to_butlr() -> None:
    source, tokens = Source("a"), [BackendToken("a-long-token", frozenset({"b"}))]
    spaces = TopologyCache(source, read, tokens=lambda: tokens)
    topology = spaces.current(timeout_s=HANG_S)
    floors_are_loaded()
    fault = spaces.fault(topology)
    assert fault is not None
    assert "BACKEND_TOKEN" in fault.message
    assert spaces.unknown == ("BACKEND_TOKEN names an unknown floor",)
    tokens[:] = [BackendToken("a-long-token", frozenset({"a"}))]
    assert (spaces.fault(topology), spaces.unknown, source.requested) == (None, (), 1)


def test_a_part_of_butlrs_list_blames_no_setting() -> None:
    """Nothing is served, but what BUTLR_SPACES names may be in the other part."""
    named = NamedFloors(frozenset({"b"}), tuple)
    listed = replace(read({"floors": ["a"]}), partial=True)
    fault = named.fault(named.limited(listed))
    assert fault is not None
    assert "BUTLR_SPACES" not in fault.message
    assert named.warnings(listed) == ()


# On disk


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "topology.json"


def away() -> Source:
    source = Source()
    source.response = UpstreamDown("Butlr is away")
    return source


def test_a_restart_while_butlr_is_away_has_the_last_known_one(stored: Path) -> None:
    assert floors(TopologyCache(Source("a", "b"), read, stored_in=stored)) == ["a", "b"]
    floors_are_loaded()
    assert floors(TopologyCache(away(), read, stored_in=stored)) == ["a", "b"]


def test_what_is_kept_is_everything_what_is_served_is_decided_anew(stored: Path) -> None:
    floors(TopologyCache(Source("a", "b"), read, stored_in=stored, served=("a",)))
    floors_are_loaded()
    assert floors(TopologyCache(away(), read, stored_in=stored, served=("b",))) == ["b"]


def test_a_restart_asks_butlr_first(stored: Path) -> None:
    floors(TopologyCache(Source("old"), read, stored_in=stored))
    floors_are_loaded()
    assert floors(TopologyCache(Source("new"), read, stored_in=stored)) == ["new"]


def test_what_cannot_be_read_does_not_replace_what_is_kept(stored: Path) -> None:
    floors(TopologyCache(Source("a"), read, stored_in=stored, now=lambda: 7.0))
    floors_are_loaded()
    nonsense = Source()
    nonsense.response = {"nothing": "of use"}
    assert floors(TopologyCache(nonsense, read, stored_in=stored, now=lambda: 9.0)) == ["a"]
    floors_are_loaded()
    assert orjson.loads(stored.read_bytes()) == {"floors": ["a"], "asked_at_s": 7.0}


@pytest.mark.parametrize("content", [b"", b'{"floors": ["a"', b"\xff\x00", b"[]", b"null", b'{"other": 1}'])
@pytest.mark.parametrize("reader", [read, topology], ids=["test", "butlr"])
def test_a_damaged_file_is_no_file(
    stored: Path, content: bytes, reader: Callable[[dict[str, Any]], Topology]
) -> None:
    stored.parent.mkdir()
    stored.write_bytes(content)
    with pytest.raises(UpstreamDown, match="Butlr is away"):
        TopologyCache(away(), reader, stored_in=stored).current(timeout_s=HANG_S)


def test_a_place_that_cannot_be_written_is_a_line_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    spaces = TopologyCache(Source("a"), read, stored_in=tmp_path / "file" / "topology.json")
    assert floors(spaces) == ["a"]
    floors_are_loaded()
    assert "the topology cannot be stored on disk" in caplog.text


def test_a_place_that_cannot_be_written_does_not_lose_what_is_kept(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fills up in the middle of writing."""
    floors(TopologyCache(Source("old"), read, stored_in=stored))
    floors_are_loaded()

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert floors(TopologyCache(Source("new"), read, stored_in=stored)) == ["new"]
    floors_are_loaded()
    assert floors(TopologyCache(away(), read, stored_in=stored)) == ["old"]


# With Butlr


def test_with_butlr_up_and_then_down(
    simulator: Simulator, stored: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    butlr = Butlr(ButlrConfig(simulator.url, "demo", "demo"))
    office = ["space_paris_1", "space_paris_2", "space_newyork_1"]
    assert floors(TopologyCache(butlr.topology_document, topology, stored_in=stored)) == office
    floors_are_loaded()
    butlr.close()
    simulator.stop()
    butlr = Butlr(ButlrConfig(simulator.url, "demo", "demo"))
    butlr.client._closing.set()  # so that it does not wait before trying again
    after = TopologyCache(butlr.topology_document, topology, stored_in=stored, served=("space_paris_2",))
    (floor,) = after.current(timeout_s=HANG_S).floors.values()
    butlr.close()
    assert (floor.name, len(floor.rooms), floor.capacity) == ("Paris, 2nd floor", 14, 60)
    assert "Butlr's topology is not available" in caplog.text


def test_where_butlr_goes_away_between_two_questions_the_richer_topology_stays(
    simulator: Simulator, stored: Path, fake: FakeTime
) -> None:
    """Floors that came without their sensors are poorer than those that are known, in memory and on disk."""
    butlr = Butlr(ButlrConfig(simulator.url, "demo", "demo"))
    away: list[UpstreamDown] = []

    def fetch() -> dict[str, Any]:
        document = butlr.topology_document()
        return {**document, "sensors": None, "unanswered": away[0]} if away else document

    spaces = TopologyCache(fetch, topology, stored_in=stored, clock=fake)
    known = spaces.current(timeout_s=HANG_S)
    assert all(floor.sensors is not None for floor in known.floors.values())
    away.append(UpstreamDown("gone"))
    fake.now_s += RENEW_S + 1
    spaces.current(timeout_s=HANG_S)
    floors_are_loaded()
    assert spaces.current(timeout_s=HANG_S) is known
    # Where nothing is known, floors without sensors are better than none; they are not kept on disk.
    anew = TopologyCache(fetch, topology, stored_in=stored.with_name("other"))
    assert all(floor.sensors is None for floor in anew.current(timeout_s=HANG_S).floors.values())
    assert not stored.with_name("other").exists()
    floors_are_loaded()
    butlr.close()
