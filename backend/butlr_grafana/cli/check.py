"""`butlr-grafana check`: prints one row for each step, for each assumption about Butlr as measured on this
account, and for each API in use.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from math import isnan
from pathlib import Path
from zoneinfo import ZoneInfo

import orjson

from butlr_grafana.app import Application
from butlr_grafana.base.access import SettingError
from butlr_grafana.base.errors import BackendError, UpstreamError
from butlr_grafana.measure.account import lacking_scopes
from butlr_grafana.measure.background import measuring
from butlr_grafana.measure.client import MOST_CALLS
from butlr_grafana.measure.finding import Finding
from butlr_grafana.measure.report import Seen, report
from butlr_grafana.measure.run import ORDER, exit_code
from butlr_grafana.model.calendar import hour_before
from butlr_grafana.model.chunk import Chunk, HeatMapSubject, Segment, StatsSubject, Subject
from butlr_grafana.model.floor import Floor, Topology, as_built
from butlr_grafana.model.subjects import series_subject
from butlr_grafana.model.time import DAY_S, HOUR_S, Period
from butlr_grafana.query.statistics import USED_MEAN
from butlr_grafana.replicas.redis_connection import RedisConnection
from butlr_grafana.settings import DEFAULT_BUTLR_URL, Settings

OK, FAILED, SKIPPED, ASSUMED, WARNING = "ok", "FAILED", "skipped", "assumed", "warning"
NO_FLOORS = "there is no floor to read"

API_CALLS = 4
"""What reading an hour by each API costs."""

TOPOLOGY_CALLS = 4
"""What asking for the topology once more costs, a field that is refused included."""


@dataclass(frozen=True, slots=True)
class Row:
    step: str
    state: str
    result: str

    def __str__(self) -> str:
        return f"{self.step:<19} {self.state:<7} {self.result}"


class Checkup:
    """The rows of `check`.

    `settings_read`: the settings as they were read; those of the application may point to the simulator.
    `grafana`: the rows about Grafana. They take a moment, so they come before Butlr is measured. `show`:
    called with the name of each long step. `report`: the file for a report that a maintainer may see.
    """

    def __init__(
        self,
        application: Application,
        settings_read: Settings,
        *,
        address: str,
        grafana: Iterable[Row] = (),
        show: Callable[[str], None] = lambda _text: None,
        report: Path | None = None,
    ) -> None:
        self._application = application
        self._settings = settings_read
        self._address = address
        self._grafana = grafana
        self._show = show
        self._report = report
        self._topology: Topology | None = None
        self._findings: list[Finding] = []
        self._seen = Seen()
        self._failed = False
        self._yesterday_s = application.service.now() - DAY_S

    @property
    def exit_code(self) -> int:
        """After all rows: 3 if Butlr differs in something that cannot be handled, 1 if a step failed,
        otherwise 0.
        """
        return exit_code(self._findings) or int(self._failed)

    def rows(self) -> Iterator[Row]:
        """The rows, one after the other, so that a slow step is visible. The floors that are served and the
        notes come last.
        """
        for row in self._rows():
            self._failed = self._failed or row.state == FAILED
            yield row

    def _rows(self) -> Iterator[Row]:
        yield _row("settings", lambda: self._address)
        yield _row("exposure", self._exposure)
        if self._settings.cache_url:
            yield _row("shared cache", self._shared)
        yield from self._grafana
        login = _row("login", self._login)
        yield login
        yield _row("topology", self._floors)
        if login.state == OK:
            yield self._scopes()
        floor = self._floor
        if floor:
            yield from self._measured()
        # Read as it was measured.
        for step, probe in (
            ("heat maps", self._heat_map),
            ("metrics", self._metrics),
            ("statistics", self._statistics),
        ):
            yield (_row(step, partial(probe, floor)) if floor else Row(step, SKIPPED, NO_FLOORS))
        yield self._plans()
        yield self._stored()
        if self._report is not None:
            yield _row("report", partial(self._write, self._report))
        for served in self._topology.floors.values() if self._topology else ():
            yield Row(
                "serves", "", f"{served.id:<24} {served.building.name} / {served.name} ({served.timezone})"
            )
        for note in self._topology.notes if self._topology else ():
            yield Row("note", "", f"{note.floor_id or 'all floors':<24} {note.text}")

    def _measured(self) -> Iterator[Row]:
        means = replace(self._application.means, on_response=self._seen.add)
        left = MOST_CALLS - self._application.butlr.client.sent - API_CALLS
        left -= TOPOLOGY_CALLS if self._report else 0
        try:
            for finding in measuring(means, ORDER, most=left, show=self._show):
                self._findings.append(finding)
                yield Row(f"{finding.unknown} {finding.subject}", finding.state, result_text(finding))
        except UpstreamError as error:
            yield Row("measuring", FAILED, str(error))

    def _stored(self) -> Row:
        """Where a running `serve` finds what was measured."""
        places = [
            *(["BACKEND_CACHE_DIR"] if self._settings.cache_dir else []),
            *(["BACKEND_CACHE_URL"] if self._settings.cache_url else []),
        ]
        if places and not self._application.means.verdict_store.is_stored():
            why = (
                "cannot be written; the message above says why, and `serve` would measure again at each start"
            )
            return Row("stored", FAILED, f"{' or '.join(places)} {why}")
        if places:
            return Row("stored", OK, f"in {' and '.join(places)}; a running `serve` reads it within seconds")
        why = "BACKEND_CACHE_DIR is not set: `serve` measures what changes numbers again at each start"
        return Row("stored", SKIPPED, why)

    def _write(self, path: Path) -> str:
        try:
            document = self._application.butlr.topology_document() | {"unanswered": None}
            self._seen.add("topology", orjson.dumps(document))
        except UpstreamError:
            self._show("the topology is not available: its form is not in the report")
        verdict_store = self._application.means.verdict_store
        body = report(
            self._topology,
            self._findings,
            verdict_store.current(),
            self._seen,
            drifts=verdict_store.entry.drifts,
            own_address=self._application.means.access.url == DEFAULT_BUTLR_URL,
        )
        try:
            path.write_bytes(body)
        except OSError as error:
            raise SettingError(f"--report {path}: cannot be written ({error.strerror})") from None
        return f"{path}: {len(body):,} bytes, without names, ids and secrets"

    def _scopes(self) -> Row:
        """Which scopes the credential lacks: by the login response, and by what Butlr then lists."""
        floors = list(self._topology.floors.values()) if self._topology else []
        listed = {
            "read:spaces": bool(floors),
            "read:rooms": any(floor.rooms for floor in floors),
            "read:sensors": any(floor.sensors for floor in floors),
            "read:hives": any(floor.hives for floor in floors),
        }
        partial_errors = lacking_scopes(self._application.butlr.client.scope)
        missing = [scope for scope in partial_errors if not listed[scope]]
        if missing:
            return Row(
                "scopes", FAILED, f"the credential lacks {', '.join(missing)}; ask Butlr's support to add it"
            )
        if self._topology is None:
            return Row("scopes", SKIPPED, NO_FLOORS)
        absent = [scope for scope, is_listed in listed.items() if not is_listed]
        if absent:
            return Row(
                "scopes", ASSUMED, f"Butlr lists nothing for {', '.join(absent)}: the credential may lack it"
            )
        return Row("scopes", OK, "spaces, rooms, sensors and hives can be read")

    @property
    def _floor(self) -> Floor | None:
        floors = self._topology.floors.values() if self._topology else ()
        return next(iter(floors), None)

    def _exposure(self) -> str:
        self._settings.check_exposure()
        return f"{self._settings.host}:{self._settings.port}"

    def _shared(self) -> str:
        with contextlib.closing(RedisConnection(self._settings.cache_url, source="check")) as redis:
            fault = redis.check()
        if fault:
            raise SettingError(f"BACKEND_CACHE_URL: {fault}")
        return "a written value can be read back"

    def _login(self) -> str:
        self._application.butlr.log_in()
        return "Butlr accepts the credentials"

    def _floors(self) -> str:
        spaces = self._application.service.spaces
        found = self._topology = spaces.current(timeout_s=self._settings.deadline_s)
        if spaces.unknown_floors:
            raise SettingError("; ".join(spaces.unknown_floors))
        if fault := spaces.fault(found):
            raise fault
        rooms = sum(len(as_built(f.rooms)) for f in found.floors.values())
        notes = f", {len(found.notes)} notes at the end" if found.notes else ""
        return f"{len(found.floors)} floors, {rooms} rooms{notes}"

    def _heat_map(self, floor: Floor) -> str:
        grid = self._fetch(floor, HeatMapSubject(1.0)).grid
        return f"{grid.value.size} cells, {grid.total:.0f} detections {self._example(floor)}"

    def _metrics(self, floor: Floor) -> str:
        subject = series_subject(floor, "floor_occupancy", "floor", "1h", "mean")
        known = _known(self._fetch(floor, subject))
        # Why there is none, this answer does not say: a sensor may be offline, or not be there.
        people = f"{known[0]:.1f} people on average" if known else "no count"
        return f"{people} {self._example(floor)}"

    def _statistics(self, floor: Floor) -> str:
        items = tuple(room.id for room in as_built(floor.rooms)) or (floor.id,)
        known = _known(self._fetch(floor, StatsSubject((USED_MEAN,), items)))
        return f"a figure for {len(known)} of {len(items)} rooms {self._example(floor)}"

    def _plans(self) -> Row:
        """A picture that cannot be had is no fault: plans are then drawn from their polygons."""
        if self._topology is None:
            return Row("floor plan images", SKIPPED, NO_FLOORS)
        floors = self._topology.floors.values()
        addresses = [floor.plan.url for floor in floors if floor.plan]
        if not addresses:
            return Row("floor plan images", SKIPPED, "Butlr has none")
        try:
            self._application.butlr.pictures.fetch(addresses[0])
        except UpstreamError as error:
            return Row("floor plan images", SKIPPED, str(error))
        return Row("floor plan images", OK, f"{len(addresses)} of {len(floors)} floors have one")

    def _hour(self, floor: Floor) -> Period:
        """The hour that is read as an example: a day ago, by the floor's clock."""
        start_s = hour_before(self._yesterday_s - HOUR_S, ZoneInfo(floor.timezone))
        return Period(start_s, start_s + HOUR_S)

    def _example(self, floor: Floor) -> str:
        """Which hour that is, and of which floor."""
        hour, zone = self._hour(floor), ZoneInfo(floor.timezone)
        start, end = (datetime.fromtimestamp(s, zone) for s in (hour.start_s, hour.end_s))
        return f"on {start:%a %Y-%m-%d} from {start:%H:%M} to {end:%H:%M} ({floor.timezone}) on {floor.id}"

    def _fetch(self, floor: Floor, subject: Subject) -> Chunk:
        hour = self._hour(floor)
        own = self._application.means.verdict_store.current().applied_to(subject)
        return self._application.butlr.fetch(Segment(floor.id, own, hour, settled=True))


def _row(step: str, work: Callable[[], str]) -> Row:
    try:
        return Row(step, OK, work())
    except (BackendError, SettingError) as error:
        return Row(step, FAILED, str(error))


def _known(part: Chunk) -> list[float]:
    return [value for value in part.samples.value.tolist() if not isnan(value)]


def result_text(finding: Finding) -> str:
    """A measurement in one line."""
    assumed = f"assumed: {finding.assumed}; " if finding.assumed else ""
    return f"{assumed}measured: {finding.measured}; so: {finding.follows}"
