"""No file of observations, and no connection to Redis, stays open after its test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from butlr_grafana.measure.factor_store import FactorStore
from butlr_grafana.replicas.redis_connection import RedisConnection


@pytest.fixture(autouse=True)
def no_store_stays_open(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    opened: list[FactorStore | RedisConnection] = []
    begin = FactorStore.__init__

    def begun(factor_store: FactorStore, *params: Any, **more: Any) -> None:
        begin(factor_store, *params, **more)
        opened.append(factor_store)
        if more.get("redis"):
            opened.append(more["redis"])

    monkeypatch.setattr(FactorStore, "__init__", begun)
    yield
    for factor_store in opened:
        factor_store.close()
