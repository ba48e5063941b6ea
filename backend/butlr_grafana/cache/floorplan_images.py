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
from butlr_grafana.base.request_id import carried
from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.model.floor import Floor, FloorPlanPicture, PlanDrawing
from butlr_grafana.model.time import DAY_S

log = logging.getLogger(__name__)

RENEW_S = DAY_S
RETRY_S = 300.0
AT_ONCE = 4
"""Pictures fetched at a time."""
MEMORY_BYTES = 64 * 2**20
DISK_BYTES = 64 * 2**20

LineArt = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class _Known:
    """`fetched_at`: on the stopwatch."""

    line_art: LineArt
    fetched_at: float


class FloorPlanImages:
    """Thread-safe. `allow` raises `UpstreamError` where an address must not be used, `fetch` → its ink.

    `folder`: where pictures are kept; `source` names the tenant, of whom each file is. `now`: the wall clock,
    by which files are dated; `stopwatch`: how old pictures are.
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
        self._known: LRUCache[str, _Known] = LRUCache(
            MEMORY_BYTES, getsizeof=lambda known: known.line_art.nbytes
        )
        self._failed: dict[str, tuple[float, str]] = {}
        self._loading: set[str] = set()
        self._turns = threading.Semaphore(AT_ONCE)

    def ask(self, floor: Floor) -> None:
        """Sees to it that the floor's picture is there soon, if it has one; returns at once."""
        if floor.plan is None:
            return
        key = self._key(floor, floor.plan)
        with self._condition:
            if key in self._loading or not self._is_due(key):
                return
            self._loading.add(key)
        load = carried(self._load)
        threading.Thread(target=load, args=(key, floor, floor.plan), name="plan", daemon=True).start()

    def of(self, floor: Floor, *, timeout_s: float) -> PlanDrawing | None:
        """The picture as far as it is known, however old; waits for it only where none is."""
        if floor.plan is None:
            return None
        self.ask(floor)
        key = self._key(floor, floor.plan)
        with self._condition:
            self._condition.wait_for(lambda: key in self._known or key not in self._loading, timeout_s)
            known = self._known.get(key)
        return PlanDrawing(floor.plan, known.line_art) if known else None

    def _key(self, floor: Floor, plan: FloorPlanPicture) -> str:
        # Without the query: a signature in it changes from one topology to the next, the picture does not.
        named = f"{self._source} {floor.id} {plan.url.partition('?')[0]}"
        return hashlib.sha256(named.encode()).hexdigest()[:32]

    def _is_due(self, key: str) -> bool:
        known = self._known.get(key)
        if known is not None and self._is_young(known):
            return False
        failed_at, _ = self._failed.get(key, (-math.inf, ""))
        return self._stopwatch() - failed_at >= RETRY_S

    def _is_young(self, known: _Known) -> bool:
        return self._stopwatch() - known.fetched_at < RENEW_S

    def _load(self, key: str, floor: Floor, plan: FloorPlanPicture) -> None:
        try:
            with self._turns:
                self._load_now(key, plan.url)
        except UpstreamError as error:
            self._note(key, floor, str(error))
        except Exception as error:  # a bug costs the ornament, not the answer, and is said
            log.exception("the floor-plan image of %s failed for an unexpected reason", floor.id)
            self._note(key, floor, type(error).__name__)
        finally:
            with self._condition:
                self._loading.discard(key)
                self._condition.notify_all()

    def _load_now(self, key: str, url: str) -> None:
        self._allow(url)
        if self._kept(key) is None:
            asked_at = self._stopwatch()
            known = _Known(self._fetch(url), asked_at)
            self._learn(key, known)
            self._keep(key, known)
        with self._condition:
            self._failed.pop(key, None)

    def _learn(self, key: str, known: _Known) -> None:
        with self._condition:
            if known.line_art.nbytes <= self._known.maxsize:
                self._known[key] = known
            self._condition.notify_all()

    def _note(self, key: str, floor: Floor, reason: str) -> None:
        _, before = self._failed.get(key, (0.0, ""))
        with self._condition:
            self._failed[key] = (self._stopwatch(), reason)
            instead = "the last known one is used" if key in self._known else "the plan is drawn without it"
        if reason != before:
            log.warning("the floor-plan image of %s is not available; %s: %s", floor.id, instead, reason)

    def _kept(self, key: str) -> _Known | None:
        """What is on disk, learned if it is news; `None` where it is old or missing."""
        path = self._path(key)
        if path is None or key in self._known:
            return None
        try:
            age_s = self._now() - path.stat().st_mtime
            # One of the future was dated by a clock that has stepped back: its age is not known.
            fetched_at = self._stopwatch() - age_s if age_s >= 0 else -math.inf
            with Image.open(path, formats=("PNG",)) as image:
                known = _Known(np.asarray(image.convert("L")), fetched_at)
        except FileNotFoundError:
            return None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            log.warning("a cached floor-plan image cannot be read (%s)", type(error).__name__)
            return None
        self._learn(key, known)
        return known if self._is_young(known) else None

    def _keep(self, key: str, known: _Known) -> None:
        path = self._path(key)
        if path is None:
            return
        body = io.BytesIO()
        Image.fromarray(known.line_art).save(body, "PNG")
        fresh = path.with_suffix(f".{threading.get_ident()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(body.getvalue())
            dated_s = self._now() - (self._stopwatch() - known.fetched_at)
            os.utime(fresh, (dated_s, dated_s))
            fresh.replace(path)
            _prune(path.parent)
        except OSError as error:
            log.warning("a floor-plan image cannot be stored on disk (%s)", error)

    def _path(self, key: str) -> Path | None:
        return self._folder / f"{key}.png" if self._folder else None


def _prune(folder: Path) -> None:
    """Removes the oldest pictures beyond `DISK_BYTES`, those of floors and addresses that are gone."""
    files = sorted(
        ((s.st_mtime, s.st_size, p) for p in folder.glob("*.png") for s in (p.stat(),)), reverse=True
    )
    size = 0
    for _, length, path in files:
        size += length
        if size > DISK_BYTES:
            path.unlink(missing_ok=True)
