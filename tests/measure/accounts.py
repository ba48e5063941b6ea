"""Simulated accounts to measure, on one frozen clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from butlr_grafana.app import Application, create_app
from butlr_grafana.butlr.api import Timing
from butlr_grafana.measure.background import measuring
from butlr_grafana.measure.finding import Finding
from butlr_grafana.measure.run import ORDER
from butlr_grafana.measure.verdict_store import VerdictStore
from butlr_grafana.settings import Settings
from butlr_grafana.simulator import People, Simulator
from butlr_grafana.simulator.forms import Forms
from tests.support import HANG_S, PEOPLE, at

NOON = "2026-06-17T12:34:56"


@dataclass
class RecordedPauses:
    """Time as the pace takes it: pauses are not waited, but noted."""

    paused_s: list[float] = field(default_factory=list)

    def pace(self) -> Timing:
        def wait(event: threading.Event, seconds: float) -> bool:
            self.paused_s.append(seconds)
            return event.is_set()

        return Timing(wait=wait)


@dataclass
class Account:
    simulator: Simulator
    application: Application
    pauses: RecordedPauses

    def findings(self, unknowns: tuple[str, ...] = ORDER, **params: Any) -> dict[str, Finding]:
        return {found.unknown: found for found in measuring(self.application.means, unknowns, **params)}

    @property
    def verdict_store(self) -> VerdictStore:
        return self.application.means.verdict_store


@contextmanager
def account(*forms: str, people: People = PEOPLE, now: str = NOON, **settings: Any) -> Iterator[Account]:
    """An account whose Butlr has these forms (`name=value`), its topology known, nothing measured."""
    client_id, secret = settings.get("butlr_client_id", "demo"), settings.get("butlr_client_secret", "demo")
    simulator = Simulator(
        people, clock=lambda: at(now), client_id=client_id, client_secret=secret, forms=Forms.read(forms)
    )
    simulator.token_lifetime_s = 1e9
    pauses = RecordedPauses()
    with simulator:
        reached = {"butlr_api_url": simulator.url, "butlr_client_id": "demo", "butlr_client_secret": "demo"}
        application = create_app(
            Settings(**{**reached, **settings}),
            now=lambda: at(now),
            pace=pauses.pace(),
            verdict_store=VerdictStore(),
        )
        try:
            application.service.spaces.current(timeout_s=HANG_S)
            yield Account(simulator, application, pauses)
        finally:
            application.close()
