"""The verdicts about an account's Butlr, stored where all its processes find them.

They are in a file of the cache folder and, if it is set, in Redis. `check` writes them, `serve` reads them
while it runs. The newest wins. A damaged file counts as missing: then the assumptions apply.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import orjson

from butlr_grafana.base.incidents import Incident
from butlr_grafana.measure.settling import Sample, rows_of, samples_of
from butlr_grafana.model.verdicts import CHANGES_NUMBERS, Verdicts, document_of, verdicts_of
from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable

log = logging.getLogger(__name__)

VERSION = 1
"""Of the documents: one of another version is not read."""

POLL_S = 5.0
"""How long a verdict that another process wrote may stay unseen."""

MOST_DRIFTS = 20

CONTRADICTED_S = 3600.0
"""How often a verdict may be contradicted."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A later answer that contradicted what was measured: `api` and `form` name it, without anything of the
    account in them.
    """

    verdict: str
    api: str
    form: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known at one time. `revision` counts up with each change; `at_s`: when it was measured;
    `samples`: what is being measured over days.
    """

    revision: int = 0
    at_s: float = 0.0
    verdicts: Verdicts = field(default_factory=Verdicts)
    drifts: tuple[Drift, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def rank(self) -> tuple[int, float]:
        return self.revision, self.at_s

    def written(self) -> bytes:
        drifts = [[d.verdict, d.api, d.form, d.at_s] for d in self.drifts]
        head = {"version": VERSION, "revision": self.revision, "at_s": self.at_s, "drifts": drifts}
        return orjson.dumps(head | {"samples": rows_of(self.samples)} | document_of(self.verdicts))

    @staticmethod
    def read(data: bytes) -> Entry:
        """Raises `ValueError` for what is no entry of this version."""
        document = orjson.loads(data)
        if not isinstance(document, dict) or document.get("version") != VERSION:
            raise ValueError("it has another version")
        revision, at_s = document.get("revision"), document.get("at_s")
        if type(revision) is not int or not isinstance(at_s, int | float):
            raise ValueError("it has no revision or time")
        drifts, samples = _drifts_of(document.get("drifts")), samples_of(document.get("samples"))
        return Entry(revision, float(at_s), verdicts_of(document), drifts, samples)


def _drifts_of(raw: object) -> tuple[Drift, ...]:
    drifts = []
    for row in raw if isinstance(raw, list) else []:
        match row:
            case [str(verdict), str(api), str(form), int() | float() as at_s]:
                drifts.append(Drift(verdict, api, form, float(at_s)))
    return tuple(drifts)


class Place(Protocol):
    """Where an entry is stored. Thread-safe; a problem of it never fails a response."""

    def read(self) -> Entry | None:
        """What is there; `None` where nothing is that can be used."""
        ...

    def write(self, entry: Entry) -> None: ...


class FilePlace:
    """A file, replaced as a whole. It is read again only when it has changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_version: tuple[int, int, int] | None = None
        self._entry: Entry | None = None
        self._incident = Incident("what was measured about Butlr", recovery_s=0.0)

    def read(self) -> Entry | None:
        try:
            state = self._path.stat()
            version = (state.st_mtime_ns, state.st_size, state.st_ino)
            if version != self._read_version:
                self._read_version, self._entry = version, None
                self._entry = Entry.read(self._path.read_bytes())
                self._incident.succeeded()
        except FileNotFoundError:
            self._read_version = self._entry = None
        except (OSError, ValueError) as error:
            self._entry = None
            self._incident.failed(f"{self._path} cannot be used ({error}); the assumptions are used")
        return self._entry

    def write(self, entry: Entry) -> None:
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.{secrets.token_hex(4)}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(entry.written())
            fresh.replace(self._path)
            self._incident.succeeded()
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink()
            self._incident.failed(
                f"{self._path} cannot be written ({error}); the measurements are lost when this process ends"
            )


class RedisPlace:
    """Redis; while it cannot be used, what it said last holds."""

    def __init__(self, redis: RedisConnection) -> None:
        self._redis = redis
        self._key = redis.key("verdicts")
        self._entry: Entry | None = None

    def read(self) -> Entry | None:
        try:
            data: Any = self._redis.run(lambda redis: redis.get(self._key), self._key)
            self._entry = Entry.read(data) if isinstance(data, bytes) else None
        except RedisUnavailable:
            pass
        except ValueError:
            self._entry = None
        return self._entry

    def write(self, entry: Entry) -> None:
        try:
            self._redis.run(lambda redis: redis.set(self._key, entry.written()), self._key)
        except RedisUnavailable:
            return
        self._entry = entry


class VerdictStore:
    """Thread-safe. `fixed`: verdicts that a setting names; they win over what is measured.

    `now`: the wall clock; `clock`: how long what was read is taken for new.
    """

    def __init__(
        self,
        places: Iterable[Place] = (),
        *,
        fixed: Mapping[str, object] | None = None,
        known: Verdicts | None = None,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = tuple(places)
        self.fixed = dict(fixed or {})
        self._now = now
        self._clock = clock
        # Held while places are read or written, and never while answers are made of what is known.
        self._lock = threading.Lock()
        self._contradicted: dict[str, float] = {}
        self._own = Entry(verdicts=known) if known else Entry()
        self._entry = self._own
        self._shown = self._entry.verdicts.with_(self.fixed)
        self._read_at: float | None = None

    def current(self) -> Verdicts:
        """What holds now. Places are looked at every `POLL_S`; one caller does that, the others go on."""
        is_due = self._read_at is None or self._clock() - self._read_at >= POLL_S
        if is_due and self._places and self._lock.acquire(blocking=self._read_at is None):
            try:
                self._refresh()
            finally:
                self._lock.release()
        return self._shown

    def newest(self) -> Verdicts:
        """The same, as another process may have written it just now."""
        with self._lock:
            self._refresh()
        return self._shown

    @property
    def entry(self) -> Entry:
        """The same with when it was measured and what contradicted it since."""
        self.current()
        return self._entry

    def is_stored(self) -> bool:
        """Whether every place has what was measured; a place that cannot be written has not."""
        with self._lock:
            found = [place.read() for place in self._places]
            rank = self._entry.rank
        return not self._entry.revision or all(entry and entry.rank >= rank for entry in found)

    def record(self, values: Mapping[str, object], *, tried: Iterable[str] = ()) -> Verdicts:
        """Writes down what was measured, beside what is known already. Raises `ValueError` for a value that a
        verdict cannot have.
        """
        with self._lock:
            self._refresh()
            verdicts = self._entry.verdicts.with_(values, tried=tried)
            drifts = tuple(drift for drift in self._entry.drifts if drift.verdict not in values)
            self._change(replace(self._entry, verdicts=verdicts, drifts=drifts))
        return self._shown

    def record_samples(self, samples: tuple[Sample, ...]) -> None:
        """Writes down how far what is measured over days has come."""
        with self._lock:
            self._refresh()
            self._change(replace(self._entry, samples=samples))

    def contradicted(self, verdict: str, *, api: str, form: str) -> None:
        """A response contradicts a verdict: it counts as assumed until it is measured again.

        `form`: what was found, in our words, without data of the account. Nothing happens if the verdict is a
        setting, or was contradicted within the hour: a new measurement would show nothing new.
        """
        if verdict in self.fixed:
            return
        with self._lock:
            if self._clock() < self._contradicted.get(verdict, -math.inf) + CONTRADICTED_S:
                return
            self._contradicted[verdict] = self._clock()
            self._refresh()
            known = self._entry.verdicts
            if verdict not in known.measured | known.tried:
                return
            drift = Drift(verdict, api, form, self._now())
            drifts = (*self._entry.drifts, drift)[-MOST_DRIFTS:]
            self._change(replace(self._entry, verdicts=known.without(verdict), drifts=drifts))
        log.warning("Butlr's responses on %s have changed: %s; %s will be measured again", api, form, verdict)

    def _change(self, entry: Entry) -> None:
        self._own = replace(entry, revision=self._entry.revision + 1, at_s=self._now())
        for place in self._places:
            place.write(self._own)
        self._take(self._own)

    def _refresh(self) -> None:
        found = [place.read() for place in self._places]
        newest = max([self._own, *filter(None, found)], key=lambda entry: entry.rank)
        for place, entry in zip(self._places, found, strict=True):
            if newest.revision and (entry is None or entry.rank < newest.rank):
                place.write(newest)
        self._take(newest)

    def _take(self, entry: Entry) -> None:
        # In this order: who sees the new time sees the new verdicts.
        if entry is not self._entry or self._read_at is None:
            self._entry, self._shown = entry, entry.verdicts.with_(self.fixed)
        self._read_at = self._clock()


def all_measured(fixed: Mapping[str, object] | None = None) -> VerdictStore:
    """A store in memory only, in which all verdicts that change numbers are measured as assumed."""
    assumed = Verdicts()
    known = assumed.with_({name: getattr(assumed, name) for name in CHANGES_NUMBERS})
    return VerdictStore(known=known, fixed=fixed)


def open_verdict_store(
    source: str,
    *,
    folder: Path | None,
    redis: RedisConnection | None,
    fixed: Mapping[str, object] | None = None,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> VerdictStore:
    """The store of one account. `source` names it, as in the cache; no folder and no Redis: in memory."""
    places: list[Place] = []
    if folder is not None:
        places.append(FilePlace(folder / f"verdicts-{source}.json"))
    if redis is not None:
        places.append(RedisPlace(redis))
    return VerdictStore(places, fixed=fixed, now=now, clock=clock)
