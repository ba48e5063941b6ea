"""The plans' pictures as they are kept: asked for once, renewed behind the viewers' backs, never a storm."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from butlr_grafana.base.errors import UpstreamDown, UpstreamRefused
from butlr_grafana.cache import floorplan_images
from butlr_grafana.cache.floorplan_images import RENEW_S, RETRY_S, FloorPlanImages, LineArt
from butlr_grafana.model.floor import Building, Floor, FloorPlanPicture

SQUARE = ((0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (0.0, 3.0))
URL = "https://plans.example.com/one.png"
SOON = 20.0
"""Seconds that are only waited if a test fails."""


def floor(url: str | None = URL, name: str = "space_1", rotation: float = 0.0) -> Floor:
    plan = FloorPlanPicture(url, SQUARE, rotation) if url else None
    return Floor(name, "F", Building("b", "B", "S"), "UTC", plan=plan)


class Source:
    """Where pictures come from: counts who asks, can be held, fails on demand. Its pictures are numbered."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self.shift_s = 0.0
        self.requested: list[str] = []
        self.fails: Exception | None = None
        self.refuses = False
        self.open = threading.Event()
        self.open.set()
        self.at_once = self.most = 0
        self._lock = threading.Lock()

    def allow(self, url: str) -> None:
        if self.refuses:
            raise UpstreamRefused("not from there")

    def fetch(self, url: str) -> LineArt:
        with self._lock:
            self.requested.append(url)
            number = len(self.requested)
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        assert self.open.wait(SOON)
        with self._lock:
            self.at_once -= 1
        if self.fails is not None:
            raise self.fails
        return np.full((3, 4), number, np.uint8)

    def pictures(self, folder: Path | None = None, source: str = "tenant") -> FloorPlanImages:
        """`now_s` is the stopwatch; the wall clock is `shift_s` ahead of it."""
        return FloorPlanImages(
            self.allow,
            self.fetch,
            source=source,
            folder=folder,
            now=lambda: self.now_s + self.shift_s,
            stopwatch=lambda: self.now_s,
        )


@pytest.fixture
def source() -> Source:
    return Source()


def number(pictures: FloorPlanImages, of: Floor | None = None, timeout_s: float = SOON) -> int | None:
    """Which picture is shown."""
    drawing = pictures.of(of or floor(), timeout_s=timeout_s)
    return int(drawing.line_art[0, 0]) if drawing else None


def settled(pictures: FloorPlanImages) -> None:
    """Until nothing is being fetched."""
    with pictures._condition:
        assert pictures._condition.wait_for(lambda: not pictures._loading, SOON)


def test_a_picture_is_fetched_once_and_then_there(source: Source) -> None:
    pictures = source.pictures()
    assert [number(pictures) for _ in range(3)] == [1, 1, 1]
    assert source.requested == [URL]


def test_a_floor_without_a_picture_asks_nobody(source: Source) -> None:
    assert number(source.pictures(), floor(None)) is None
    assert source.requested == []


def test_it_comes_with_its_place_as_the_topology_has_it_now(source: Source) -> None:
    pictures = source.pictures()
    pictures.of(floor(), timeout_s=SOON)
    drawing = pictures.of(floor(rotation=90.0), timeout_s=SOON)
    assert drawing is not None
    assert drawing.plan == FloorPlanPicture(URL, SQUARE, 90.0)
    assert len(source.requested) == 1


def test_a_slow_picture_is_not_waited_out_and_there_at_the_next_look(source: Source) -> None:
    pictures = source.pictures()
    source.open.clear()
    assert number(pictures, timeout_s=0.01) is None
    assert number(pictures, timeout_s=0.0) is None
    source.open.set()
    assert number(pictures) == 1
    assert len(source.requested) == 1


def test_many_viewers_share_a_call(source: Source) -> None:
    pictures = source.pictures()
    source.open.clear()
    seen: list[int | None] = []
    viewers = [threading.Thread(target=lambda: seen.append(number(pictures))) for _ in range(20)]
    for viewer in viewers:
        viewer.start()
    source.open.set()
    for viewer in viewers:
        viewer.join(SOON)
    assert seen == [1] * 20
    assert len(source.requested) == 1


def test_few_are_fetched_at_a_time_and_all_come(source: Source) -> None:
    pictures = source.pictures()
    source.open.clear()
    floors = [floor(f"{URL}{k}", f"space_{k}") for k in range(6)]
    for one in floors:
        pictures.request(one)
    source.open.set()
    assert sorted(number(pictures, one) or 0 for one in floors) == [1, 2, 3, 4, 5, 6]
    assert source.most <= floorplan_images.MAX_CONCURRENT


def test_it_is_renewed_after_a_day_while_the_old_one_is_shown(source: Source) -> None:
    pictures = source.pictures()
    assert number(pictures) == 1
    source.now_s += RENEW_S - 1
    assert number(pictures) == 1
    settled(pictures)
    assert len(source.requested) == 1
    source.now_s += 1
    source.open.clear()
    assert number(pictures) == 1
    source.open.set()
    settled(pictures)
    assert number(pictures) == 2


@pytest.mark.parametrize("step_s", [-10 * RENEW_S, -RENEW_S, -RENEW_S / 2, RENEW_S])
def test_a_clock_that_steps_makes_no_picture_older_or_younger(source: Source, step_s: float) -> None:
    pictures = source.pictures()
    number(pictures)
    source.shift_s += step_s
    source.now_s += RENEW_S - 1
    number(pictures)
    settled(pictures)
    assert len(source.requested) == 1
    source.now_s += 1
    number(pictures)
    settled(pictures)
    assert number(pictures) == 2


def test_a_kept_one_that_is_dated_in_the_future_is_shown_and_renewed(source: Source, tmp_path: Path) -> None:
    """After a restart the date is all there is; by a clock that has stepped back it tells no age."""
    first = source.pictures(tmp_path)
    number(first)
    settled(first)
    source.shift_s -= RENEW_S / 2
    source.open.clear()
    pictures = source.pictures(tmp_path)
    assert number(pictures) == 1
    source.open.set()
    settled(pictures)
    assert number(pictures) == 2


def test_a_failure_rests_as_long_whatever_the_clock_does(source: Source) -> None:
    source.fails = UpstreamDown("gone")
    pictures = source.pictures()
    number(pictures)
    settled(pictures)
    source.shift_s -= RETRY_S * 1.5
    source.now_s += RETRY_S - 1
    number(pictures)
    settled(pictures)
    assert len(source.requested) == 1
    source.now_s += 1
    number(pictures)
    settled(pictures)
    assert len(source.requested) == 2


def test_a_failure_is_remembered_for_minutes_and_said_once(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = source.pictures()
    source.fails = UpstreamDown("https://plans.example.com:443 answered 500 instead of an image")
    with caplog.at_level(logging.WARNING):
        assert [number(pictures) for _ in range(5)] == [None] * 5
        assert len(source.requested) == 1
        source.now_s += RETRY_S
        assert number(pictures) is None
        assert len(source.requested) == 2
    [text] = [record.getMessage() for record in caplog.records]
    assert "space_1" in text
    assert "drawn without it" in text
    assert "answered 500" in text
    source.fails = None
    source.now_s += RETRY_S
    assert number(pictures) == 3


def test_the_last_known_one_is_used_while_butlr_is_gone(source: Source) -> None:
    pictures = source.pictures()
    number(pictures)
    source.fails = UpstreamDown("gone")
    for _ in range(3):
        source.now_s += RENEW_S
        assert number(pictures) == 1
        settled(pictures)
    assert len(source.requested) == 4


def test_a_fault_that_nobody_foresaw_costs_the_picture_only(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    pictures = source.pictures()
    source.fails = ZeroDivisionError("a bug")
    assert number(pictures) is None
    assert "ZeroDivisionError" in caplog.text
    source.fails, source.now_s = None, source.now_s + RETRY_S
    assert number(pictures) == 2


def test_a_signature_that_changes_is_no_other_picture(source: Source) -> None:
    pictures = source.pictures()
    assert number(pictures, floor(f"{URL}?signature=a")) == 1
    assert number(pictures, floor(f"{URL}?signature=b")) == 1
    assert number(pictures, floor("https://plans.example.com/two.png")) == 2
    # Renewed by the newest signature.
    source.now_s += RENEW_S
    pictures.request(floor(f"{URL}?signature=c"))
    settled(pictures)
    assert source.requested[-1] == f"{URL}?signature=c"


def test_memory_is_bounded(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floorplan_images, "MEMORY_BYTES", 30)  # a picture has 12
    pictures = source.pictures()
    floors = [floor(f"{URL}{k}", f"space_{k}") for k in range(3)]
    assert [number(pictures, one) for one in floors] == [1, 2, 3]
    assert number(pictures, floors[2]) == 3
    assert number(pictures, floors[0]) == 4


# On disk


def test_a_restart_asks_nobody(source: Source, tmp_path: Path) -> None:
    first = source.pictures(tmp_path)
    shown = first.of(floor(), timeout_s=SOON)
    settled(first)
    again = source.pictures(tmp_path).of(floor(), timeout_s=SOON)
    assert shown is not None
    assert again is not None
    assert np.array_equal(again.line_art, shown.line_art)
    assert len(source.requested) == 1


def test_an_old_one_on_disk_is_shown_and_renewed(source: Source, tmp_path: Path) -> None:
    first = source.pictures(tmp_path)
    number(first)
    settled(first)
    source.now_s += RENEW_S
    source.open.clear()
    pictures = source.pictures(tmp_path)
    assert number(pictures) == 1
    source.open.set()
    settled(pictures)
    assert number(pictures) == 2


def test_after_a_restart_while_butlr_is_gone_the_kept_one_is_used(source: Source, tmp_path: Path) -> None:
    first = source.pictures(tmp_path)
    number(first)
    settled(first)
    source.fails, source.now_s = UpstreamDown("gone"), source.now_s + 3 * RENEW_S
    pictures = source.pictures(tmp_path)
    assert number(pictures) == 1
    settled(pictures)
    assert number(pictures) == 1


@pytest.mark.parametrize("change", [{"source": "other tenant"}, {}])
def test_nothing_is_taken_from_another_tenant_or_a_host_no_longer_allowed(
    source: Source, tmp_path: Path, change: dict[str, str]
) -> None:
    first = source.pictures(tmp_path)
    number(first)
    settled(first)
    source.refuses = not change
    assert number(source.pictures(tmp_path, **change)) == (2 if change else None)


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x89PNG\r\n\x1a\n" + bytes(50)])
def test_a_damaged_file_is_fetched_anew(source: Source, tmp_path: Path, damage: bytes) -> None:
    first = source.pictures(tmp_path)
    number(first)
    settled(first)
    [path] = tmp_path.iterdir()
    path.write_bytes(damage)
    pictures = source.pictures(tmp_path)
    assert number(pictures) == 2
    settled(pictures)
    assert number(source.pictures(tmp_path)) == 2


def test_a_disk_that_cannot_be_written_costs_nothing_but_a_line(
    source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    pictures = source.pictures(blocked / "plans")
    assert number(pictures) == 1
    settled(pictures)
    assert "cannot be stored on disk" in caplog.text


def test_the_disk_is_bounded_and_the_oldest_go_first(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = source.pictures(tmp_path)
    for k in range(6):
        source.now_s += 60
        number(pictures, floor(f"{URL}{k}", f"space_{k}"))
        settled(pictures)
        if k == 2:
            size = sum(path.stat().st_size for path in tmp_path.iterdir())
            monkeypatch.setattr(floorplan_images, "DISK_BYTES", size)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= size
    fresh = source.pictures(tmp_path)
    assert [number(fresh, floor(f"{URL}{k}", f"space_{k}")) for k in (3, 4, 5)] == [4, 5, 6]
    assert not list(tmp_path.glob("*.new"))


def test_the_address_is_shown_nowhere(source: Source, caplog: pytest.LogCaptureFixture) -> None:
    secret = floor(f"{URL}?signature=s3cret")
    pictures = source.pictures()
    source.fails = RuntimeError("a bug")
    pictures.of(secret, timeout_s=SOON)
    assert "s3cret" not in caplog.text + repr(secret)
