"""An account with a rate, of whose many floors nothing is known yet, on a simulated clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.bench.simulation import Simulation, simulated

START = "2026-06-17T14:30:05"


@contextmanager
def limited(monkeypatch: pytest.MonkeyPatch, floors: int, per_minute: int) -> Iterator[Simulation]:
    # Tests wait for minutes, to hang rather than to fail; here waiting is on the simulated clock.
    monkeypatch.setattr("butlr_grafana.pipeline.gather.PATIENCE_S", 5.0)
    monkeypatch.setattr("butlr_grafana.service.floor_results.PATIENCE_S", 5.0)
    with simulated(floors, start=START) as simulation:
        simulation.tenant.restart_counting(per_minute)
        simulation.limits(per_minute)
        yield simulation
