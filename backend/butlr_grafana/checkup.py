"""`butlr-grafana check`: each step and each of Butlr's APIs in use, with one call, as a row of a table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import isnan

from butlr_grafana.app import Application
from butlr_grafana.errors import BackendError, UpstreamError
from butlr_grafana.model import (
    DAY_S,
    HOUR_S,
    Floor,
    HeatMapSubject,
    Part,
    Period,
    Segment,
    StatsSubject,
    Subject,
    Topology,
    as_built,
    floor_to,
)
from butlr_grafana.query_stats import USED_MEAN
from butlr_grafana.settings import SettingError, Settings
from butlr_grafana.shared.link import Link
from butlr_grafana.subjects import series_subject

OK, FAILED, SKIPPED = "ok", "FAILED", "skipped"


@dataclass(frozen=True, slots=True)
class Row:
    step: str
    state: str
    said: str

    def __str__(self) -> str:
        return f"{self.step:<13} {self.state:<7} {self.said}"


class Checkup:
    """`asked_for`: the settings as they were read; those of the application may point to the simulator."""

    def __init__(self, application: Application, asked_for: Settings, *, address: str) -> None:
        self._application = application
        self._settings = asked_for
        self._address = address
        self._topology: Topology | None = None
        end_s = floor_to(application.service.now() - DAY_S, HOUR_S)
        self._hour = Period(end_s - HOUR_S, end_s)

    def rows(self) -> Iterator[Row]:
        """One after the other, so that a slow step is seen to be slow. Then the floors that are served."""
        yield _row("settings", lambda: self._address)
        yield _row("exposure", self._exposure)
        if self._settings.cache_url:
            yield _row("shared cache", self._shared)
        yield _row("login", self._login)
        yield _row("topology", self._floors)
        floor = self._floor
        for step, ask in (
            ("heat maps", self._heat_map),
            ("metrics", self._metrics),
            ("statistics", self._statistics),
        ):
            yield _row(step, partial(ask, floor)) if floor else Row(step, SKIPPED, "no floor to ask for")
        yield self._plans()
        for served in self._topology.floors.values() if self._topology else ():
            yield Row(
                "serves", "", f"{served.id:<24} {served.building.name} / {served.name} ({served.timezone})"
            )

    @property
    def _floor(self) -> Floor | None:
        floors = self._topology.floors.values() if self._topology else ()
        return next(iter(floors), None)

    def _exposure(self) -> str:
        self._settings.check_exposure()
        return f"{self._settings.host}:{self._settings.port}"

    def _shared(self) -> str:
        with contextlib.closing(Link(self._settings.cache_url, source="check")) as link:
            fault = link.check()
        if fault:
            raise SettingError(f"BACKEND_CACHE_URL: {fault}")
        return "what is written there can be read"

    def _login(self) -> str:
        self._application.butlr.log_in()
        return "Butlr takes the credentials"

    def _floors(self) -> str:
        spaces = self._application.service.spaces
        found = self._topology = spaces.current(timeout_s=self._settings.deadline_s)
        missing = [s for s in self._settings.butlr_spaces if s not in found.floors]
        if missing:
            raise SettingError(f"BUTLR_SPACES: Butlr does not know {', '.join(missing)}")
        if not found.floors:
            raise SettingError("Butlr knows no floor of this account")
        rooms = sum(len(as_built(f.rooms)) for f in found.floors.values())
        return "; ".join([f"{len(found.floors)} floors, {rooms} rooms", *(note.text for note in found.notes)])

    def _heat_map(self, floor: Floor) -> str:
        grid = self._fetch(floor, HeatMapSubject(1.0)).grid
        return f"{grid.value.size} cells, {grid.total:.0f} detections in an hour of {floor.id}"

    def _metrics(self, floor: Floor) -> str:
        subject = series_subject(floor, "floor_occupancy", "floor", "1h", "mean")
        known = _known(self._fetch(floor, subject))
        said = f"{known[0]:.1f} people on average" if known else "nobody counted"
        return f"{said} in an hour of {floor.id}"

    def _statistics(self, floor: Floor) -> str:
        items = tuple(room.id for room in as_built(floor.rooms)) or (floor.id,)
        known = _known(self._fetch(floor, StatsSubject((USED_MEAN,), items)))
        return f"somebody in {len(known)} of {len(items)} rooms in an hour of {floor.id}"

    def _plans(self) -> Row:
        """A picture that cannot be had is no fault: plans are then drawn from their polygons."""
        floors = self._topology.floors.values() if self._topology else ()
        addresses = [floor.plan.url for floor in floors if floor.plan]
        if not addresses:
            return Row("plan pictures", SKIPPED, "Butlr has none")
        try:
            self._application.butlr.pictures.fetch(addresses[0])
        except UpstreamError as error:
            return Row("plan pictures", SKIPPED, str(error))
        return Row("plan pictures", OK, f"{len(addresses)} of {len(floors)} floors have one")

    def _fetch(self, floor: Floor, subject: Subject) -> Part:
        return self._application.butlr.fetch(Segment(floor.id, subject, self._hour, settled=True))


def _row(step: str, work: Callable[[], str]) -> Row:
    try:
        return Row(step, OK, work())
    except (BackendError, SettingError) as error:
        return Row(step, FAILED, str(error))


def _known(part: Part) -> list[float]:
    return [value for value in part.samples.value.tolist() if not isnan(value)]
