"""Our side of Butlr's API against the simulator's, over HTTP; neither knows the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from butlr_grafana.butlr.api import Butlr, ButlrConfig
from butlr_grafana.simulator import Simulator
from tests.support import PEOPLE, at

NOW_S = float(at("2025-06-11T12:00:00"))  # a Wednesday


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(PEOPLE, clock=lambda: NOW_S) as running:
        yield running


@pytest.fixture(autouse=True)
def _as_it_was(simulator: Simulator) -> Iterator[None]:
    forms, clock = simulator.forms, simulator.clock
    yield
    simulator.forms, simulator.clock = forms, clock
    simulator.faults.clear()
    simulator.clear_calls()


@pytest.fixture
def butlr(simulator: Simulator) -> Iterator[Butlr]:
    made = Butlr(ButlrConfig(simulator.url, "demo", "demo"), now=lambda: NOW_S + 0.5)
    yield made
    made.close()
