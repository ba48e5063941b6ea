"""Trials that end with the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults.trial import FrontedTrial, Trial

MakeTrial = Callable[..., Trial]
MakeFronted = Callable[..., FrontedTrial]


@pytest.fixture
def make_trial(tmp_path: Path) -> Iterator[MakeTrial]:
    """Makes trials that end with the test."""
    made: list[Trial] = []

    def make(kind: type[Trial] = Trial, **settings: object) -> Trial:
        made.append(kind(**{"cache_dir": str(tmp_path / "cache"), **settings}))
        return made[-1]

    yield make
    for trial in made:
        trial.close()


@pytest.fixture
def make_fronted(make_trial: MakeTrial) -> MakeFronted:
    """The same with a server of raw bytes before Butlr."""
    return partial(make_trial, FrontedTrial)  # type: ignore[return-value]


@pytest.fixture
def trial(make_trial: MakeTrial) -> Trial:
    return make_trial()


@pytest.fixture
def fronted(make_fronted: MakeFronted) -> FrontedTrial:
    return make_fronted()
