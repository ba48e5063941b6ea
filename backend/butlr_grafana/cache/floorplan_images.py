"""Images of floor plans: fetched in the background, stored, refreshed daily. A request waits for them only
briefly.

An image is optional: without it, a plan is drawn from its polygons. So a failed fetch is logged once and not
repeated for some minutes, and the last good image is used while Butlr does not answer.
"""

from __future__ import annotations

import hashlib
import io
import logging
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray
from PIL import Image

from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.base.request_id import with_request_id
from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.model.floor import Floor, FloorPlanPicture, PlanDrawing
from butlr_grafana.model.time import DAY_S

log = logging.getLogger(__name__)

RENEW_S = DAY_S
RETRY_S = 300.0
MAX_CONCURRENT = 4
"""Pictures fetched at a time."""
MEMORY_BYTES = 64 * 2**20
DISK_BYTES = 64 * 2**20

LineArt = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _CachedImage:
    """`fetched_at`: on the stopwatch."""

    line_art: LineArt
    fetched_at: float


class FloorPlanImages:
    """Thread-safe. `allow` raises `UpstreamError` if a URL must not be used, `fetch` → its line art.

    `folder`: where pictures are stored; `source` names the tenant of each file. `now`: the wall clock, by
    which files are dated; `stopwatch`: how old pictures are.
    """

    def __init__(
        self,
        allow: Callable[[str], object],
        fetch: Callable[[str], LineArt],
        *,
        source: str = "",
        folder: Path | None = None,
        now: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = stopwatch,
    ) -> None:
        self._allow = allow
        self._fetch = fetch
        self._source = source
        self._folder = folder
        self._now = now
        self._stopwatch = stopwatch
        self._condition = threading.Condition()
        self._cached: LRUCache[str, _CachedImage] = LRUCache(
            MEMORY_BYTES, getsizeof=lambda cached: cached.line_art.nbytes
        )
        self._failed: dict[str, tuple[float, str]] = {}
        self._loading: set[str] = set()
        self._turns = threading.Semaphore(MAX_CONCURRENT)

    def request(self, floor: Floor) -> None:
        """Starts to fetch the floor's picture if it has one and that is due; returns at once."""
        if floor.plan is None:
            return
        key = self._key(floor, floor.plan)
        with self._condition:
            if key in self._loading or not self._is_due(key):
                return
            self._loading.add(key)
        load = with_request_id(self._load)
        threading.Thread(target=load, args=(key, floor, floor.plan), name="plan", daemon=True).start()

    def of(self, floor: Floor, *, timeout_s: float) -> PlanDrawing | None:
        """The cached picture, however old; waits for it only if none is cached."""
        if floor.plan is None:
            return None
        self.request(floor)
        key = self._key(floor, floor.plan)
        with self._condition:
            self._condition.wait_for(lambda: key in self._cached or key not in self._loading, timeout_s)
            cached = self._cached.get(key)
        return PlanDrawing(floor.plan, cached.line_art) if cached else None

    def _key(self, floor: Floor, plan: FloorPlanPicture) -> str:
        # Without the query string: its signature changes from one topology to the next, the picture does not.
        named = f"{self._source} {floor.id} {plan.url.partition('?')[0]}"
        return hashlib.sha256(named.encode()).hexdigest()[:32]

    def _is_due(self, key: str) -> bool:
        cached = self._cached.get(key)
        if cached is not None and self._is_young(cached):
            return False
        failed_at, _ = self._failed.get(key, (-math.inf, ""))
        return self._stopwatch() - failed_at >= RETRY_S

    def _is_young(self, cached: _CachedImage) -> bool:
        return self._stopwatch() - cached.fetched_at < RENEW_S

    def _load(self, key: str, floor: Floor, plan: FloorPlanPicture) -> None:
        try:
            with self._turns:
                self._load_now(key, plan.url)
        except UpstreamError as error:
            self._note(key, floor, str(error))
        except Exception as error:  # a bug costs the picture, not the response, and is logged
            log.exception("the floor-plan image of %s failed for an unexpected reason", floor.id)
            self._note(key, floor, type(error).__name__)
        finally:
            with self._condition:
                self._loading.discard(key)
                self._condition.notify_all()

    def _load_now(self, key: str, url: str) -> None:
        self._allow(url)
        if self._read_from_disk(key) is None:
            requested_at = self._stopwatch()
            cached = _CachedImage(self._fetch(url), requested_at)
            self._learn(key, cached)
            self._write_to_disk(key, cached)
        with self._condition:
            self._failed.pop(key, None)

    def _learn(self, key: str, cached: _CachedImage) -> None:
        with self._condition:
            if cached.line_art.nbytes <= self._cached.maxsize:
                self._cached[key] = cached
            self._condition.notify_all()

    def _note(self, key: str, floor: Floor, reason: str) -> None:
        _, before = self._failed.get(key, (0.0, ""))
        with self._condition:
            self._failed[key] = (self._stopwatch(), reason)
            instead = "the last known one is used" if key in self._cached else "the plan is drawn without it"
        if reason != before:
            log.warning("the floor-plan image of %s is not available; %s: %s", floor.id, instead, reason)

    def _read_from_disk(self, key: str) -> _CachedImage | None:
        """The picture on disk, cached in memory if it is not yet; `None` if it is old or missing."""
        path = self._path(key)
        if path is None or key in self._cached:
            return None
        try:
            age_s = self._now() - path.stat().st_mtime
            # A date in the future is of a clock that has stepped back: the age is not known.
            fetched_at = self._stopwatch() - age_s if age_s >= 0 else -math.inf
            with Image.open(path, formats=("PNG",)) as image:
                cached = _CachedImage(np.asarray(image.convert("L")), fetched_at)
        except FileNotFoundError:
            return None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            log.warning("a cached floor-plan image cannot be read (%s)", type(error).__name__)
            return None
        self._learn(key, cached)
        return cached if self._is_young(cached) else None

    def _write_to_disk(self, key: str, cached: _CachedImage) -> None:
        path = self._path(key)
        if path is None:
            return
        body = io.BytesIO()
        Image.fromarray(cached.line_art).save(body, "PNG")
        fresh = path.with_suffix(f".{threading.get_ident()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(body.getvalue())
            dated_s = self._now() - (self._stopwatch() - cached.fetched_at)
            os.utime(fresh, (dated_s, dated_s))
            fresh.replace(path)
            _prune(path.parent)
        except OSError as error:
            log.warning("a floor-plan image cannot be stored on disk (%s)", error)

    def _path(self, key: str) -> Path | None:
        return self._folder / f"{key}.png" if self._folder else None


def _prune(folder: Path) -> None:
    """Removes the oldest pictures beyond `DISK_BYTES`: those of floors and URLs that no longer exist."""
    files = sorted(
        ((s.st_mtime, s.st_size, p) for p in folder.glob("*.png") for s in (p.stat(),)), reverse=True
    )
    size = 0
    for _, length, path in files:
        size += length
        if size > DISK_BYTES:
            path.unlink(missing_ok=True)
