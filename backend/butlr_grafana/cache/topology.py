"""The topology that is served: loaded once, then refreshed in the background; the last good copy is kept.

A floor plan that is some minutes old is still right; without one, no query has a result. So a failed refresh
keeps the last good copy, which is also stored on disk for a restart while Butlr does not answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.errors import NoFloors, UpstreamError, UpstreamInvalid, UpstreamLate
from butlr_grafana.base.request_id import with_request_id
from butlr_grafana.base.single_flight import SingleFlight, SingleFlightEntry
from butlr_grafana.cache.named_floors import NamedFloors
from butlr_grafana.model.floor import Floor, Note, Room, Topology, Zone, as_built

log = logging.getLogger(__name__)

RENEW_S = 300.0
RETRY_S = 10.0
REMOVED_S = 86_400.0
"""How long a note says that a floor, room or zone is no longer listed."""

AS_OF = "asked_at_s"
"""The key of the stored document for when it was requested, by the wall clock."""

LEFT_OUT = "Butlr left out {}; its last known data are used"
REMOVED = "Butlr no longer lists {} ({})"

Document = dict[str, Any]


class TopologyCache:
    """Thread-safe. `fetch` → the vendor's document, `read` makes a `Topology` of it. `served`: the floors of
    BUTLR_SPACES, none for all; `tokens`: the current ones, of which some are limited to floors.
    """

    def __init__(
        self,
        fetch: Callable[[], Document],
        read: Callable[[Document], Topology],
        *,
        served: tuple[str, ...] = (),
        tokens: Callable[[], Sequence[BackendToken]] = tuple,
        stored_in: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._read = read
        self._named = NamedFloors(frozenset(served), tokens)
        self._listed = Topology({}, partial=True)
        """All that Butlr listed last, served or not."""
        self._logged_unknown: tuple[str, ...] = ()
        self._file = stored_in
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        """Held while the topology, and when a load is due, is read or changed; a load changes both before it
        ends.
        """
        self._topology: Topology | None = None
        self._error: UpstreamError | None = None
        self._loads: SingleFlight[None, None] = SingleFlight()
        self._due_at = 0.0
        self._logged: frozenset[Note] = frozenset()
        self._removed: dict[Note, float] = {}

    def current(self, *, timeout_s: float) -> Topology:
        """The floors served. Waits only if none is known yet; raises `UpstreamError` if that fails."""
        if self._clock() < self._due_at and (known := self._topology) is not None:
            # Nearly always, at each request, without a lock: a load sets what is known before what is due.
            return known
        load = self._load_if_due()
        if self._topology is None and load is not None:
            load.wait(timeout_s)
        with self._lock:
            if self._topology is None:
                raise self._error or UpstreamLate(
                    "Butlr has not listed its floors yet; the request is still running"
                )
            return self._topology

    @property
    def limited(self) -> bool:
        """Whether Butlr has floors that are not served."""
        return bool(self._named.served)

    @property
    def unknown(self) -> tuple[str, ...]:
        """What is wrong with floors that settings name, without their ids: to be told to anybody."""
        return self._named.warnings(self._listed)

    @property
    def unknown_floors(self) -> tuple[str, ...]:
        """The same with the ids, and with those that are allowed: for whoever runs the backend."""
        return self._named.lines(self._listed)

    def of_caller(self, served: Topology, visible: frozenset[str] | None) -> Topology:
        """The floors of `current` that a caller may see. Raises `NoFloors` if there is none."""
        return self._named.of_caller(served, visible)

    def fault(self, served: Topology) -> NoFloors | None:
        """Why nobody can query a floor, if that is so. `served`: as `current` returns it."""
        return self._named.fault(served)

    def renew(self, *, timeout_s: float) -> None:
        """Refreshes the topology if that is due, and waits until that has succeeded or failed."""
        load = self._load_if_due()
        if load is not None:
            load.wait(timeout_s)

    def _load_if_due(self) -> SingleFlightEntry[None] | None:
        """The load in progress, started here if one is due."""
        with self._lock:
            if self._clock() < self._due_at:
                return self._loads.under_way(None)
            load, begins = self._loads.join(None)
        if begins:
            work = with_request_id(lambda: load.run(self._load))
            threading.Thread(target=work, name="topology", daemon=True).start()
        return load

    @property
    def known(self) -> bool:
        return self._topology is not None

    def _load(self) -> None:
        # Whatever happens, the known topology stays.
        topology: Topology | None = self._topology
        error: UpstreamError | None = None
        try:
            requested_at_s = self._now()
            document, unanswered = self._fetched(topology)
            found = replace(self._read(document), as_of_s=requested_at_s)
            found = self._with_known(found)
            topology = self._limited(found)
            self._note_unknown(found)
            if not topology.partial and unanswered is None:
                self._write_to_disk({**document, AS_OF: requested_at_s})
            self._log_notes(topology.notes)
        except UpstreamError as fault:
            topology, error = self._instead(topology, fault), fault
        except Exception:  # a bug must reach those who wait at once
            log.exception("reading Butlr's topology failed for an unexpected reason")
            error = UpstreamInvalid("Butlr's topology cannot be read; the backend's log has the reason")
            topology = self._instead(topology, error)
        finally:
            with self._lock:
                self._topology, self._error = topology, error
                self._due_at = self._clock() + (RETRY_S if error else RENEW_S)

    def _fetched(self, known: Topology | None) -> tuple[Document, UpstreamError | None]:
        """Butlr's response, and the reason if a part of it is missing. If Butlr failed between two calls and
        a topology is known, the known one is more complete: then the error is raised.
        """
        document = self._fetch()
        unanswered: UpstreamError | None = document.pop("unanswered", None)
        if unanswered is not None and known is not None:
            raise unanswered
        return document, unanswered

    def _instead(self, known: Topology | None, error: UpstreamError) -> Topology | None:
        """What is used if Butlr has no response: the known topology, otherwise the one on disk."""
        topology = known or self._read_from_disk()
        instead = "the last known topology is used" if topology else "no query can be answered yet"
        if self._error is None:  # else it has been logged
            log.warning("Butlr's topology is not available; %s: %s", instead, error)
        return topology

    def _with_known(self, topology: Topology) -> Topology:
        """The topology with notes on what was listed before and is not now, for a day. If Butlr's response is
        partial, the floors that it left out stay as they were.
        """
        known, now_s = self._topology or Topology({}), self._clock()
        if topology.partial:
            left_out = {k: floor for k, floor in known.floors.items() if k not in topology.floors}
            notes = [Note(k, LEFT_OUT.format(floor.name)) for k, floor in left_out.items()]
            return replace(topology, floors={**topology.floors, **left_out}, notes=(*topology.notes, *notes))
        for note in removed(known, topology):
            self._removed.setdefault(note, now_s)
        ids = {asset.id for floor in topology.floors.values() for asset in _all_on(floor)}
        self._removed = {
            note: since_s
            for note, since_s in self._removed.items()
            if now_s - since_s < REMOVED_S and ids.isdisjoint(note.of or (note.floor_id,))
        }
        return replace(topology, notes=(*topology.notes, *self._removed))

    def _log_notes(self, notes: Sequence[Note]) -> None:
        """Each note once in the log, for as long as it is valid."""
        for note in notes:
            if note not in self._logged:
                log.log(logging.INFO if note.is_neutral else logging.WARNING, "topology: %s", note.text)
        self._logged = frozenset(notes)

    def _note_unknown(self, listed: Topology) -> None:
        """Logs unknown floors in settings. Without a warning they would only be missing."""
        self._listed = listed
        if listed.partial:
            return
        lines = self._named.lines(listed)
        for line in lines:
            if line not in self._logged_unknown:
                log.warning("%s", line)
        self._logged_unknown = lines

    def _limited(self, topology: Topology) -> Topology:
        return self._named.limited(topology)

    def _write_to_disk(self, document: Document) -> None:
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_suffix(".new")
            fresh.write_bytes(orjson.dumps(document))
            fresh.replace(self._file)
        except OSError as error:
            log.warning("the topology cannot be stored on disk (%s)", error)

    def _read_from_disk(self) -> Topology | None:
        if self._file is None:
            return None
        try:
            document = orjson.loads(self._file.read_bytes())
            requested_at_s = document.get(AS_OF) if isinstance(document, dict) else None
            as_of_s = float(requested_at_s) if isinstance(requested_at_s, int | float) else None
            return self._limited(replace(self._read(document), as_of_s=as_of_s))
        except (OSError, orjson.JSONDecodeError, UpstreamInvalid):
            return None


def removed(known: Topology, topology: Topology) -> Iterator[Note]:
    """What is no longer listed: floors, and rooms and zones of listed floors. One that is now only part of a
    sum is still listed.
    """
    for key, floor in known.floors.items():
        after = topology.floors.get(key)
        if after is None:
            yield Note(key, REMOVED.format(floor.name, key), "gone")
            continue
        ids = {asset.id for asset in _all_on(after)}
        assets: list[Room | Zone] = [*floor.rooms, *floor.zones]
        for asset in assets:
            if asset.id not in ids and not asset.members:
                yield Note(key, REMOVED.format(asset.name, asset.id), "places", (asset.id,))


def _all_on(floor: Floor) -> list[Floor | Room | Zone]:
    """The floor and everything on it, each by itself."""
    return [floor, *as_built(floor.rooms), *as_built(floor.zones)]
