"""Wiring: settings → the rooms, put together. The only place, beside `cli`, that reads settings."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from butlr_grafana.butlr import Access, Butlr
from butlr_grafana.butlr.topology import topology
from butlr_grafana.gather import Gatherer
from butlr_grafana.pipeline import Pipeline
from butlr_grafana.query import Rules
from butlr_grafana.service import Service
from butlr_grafana.settings import DEFAULT_BUTLR_URL, Settings
from butlr_grafana.spaces import Spaces
from butlr_grafana.store import Store
from butlr_grafana.store.disk import DiskStore
from butlr_grafana.store.memory import MemoryStore
from butlr_grafana.store.tiers import TieredStore
from butlr_grafana.telemetry import Telemetry
from butlr_grafana.web import build

MB = 2**20


@dataclass(frozen=True)
class Application:
    """Everything that runs, and how to end it."""

    service: Service
    web: Flask
    butlr: Butlr

    def close(self) -> None:
        self.service.pipeline.gatherer.flights.close()
        self.butlr.close()


def access(settings: Settings) -> Access:
    return Access(
        url=settings.butlr_api_url or DEFAULT_BUTLR_URL,
        client_id=settings.butlr_client_id,
        client_secret=settings.butlr_client_secret,
        login_path=settings.butlr_login_path,
        detections_path=settings.butlr_detections_path,
        reporting_path=settings.butlr_reporting_path,
        stats_path=settings.butlr_stats_path,
        graphql_path=settings.butlr_graphql_path,
        timeout_s=settings.butlr_timeout_s,
        max_concurrency=settings.butlr_max_concurrency,
        rate_per_minute=settings.butlr_rate_limit,
    )


def source_of(settings: Settings, *, demo: bool) -> str:
    """Names the tenant whose data is kept: another account, or the simulator, shares nothing with it."""
    account = "simulator" if demo else f"{access(settings).url} {settings.butlr_client_id}"
    return hashlib.sha256(account.encode()).hexdigest()[:16]


def store(settings: Settings, source: str) -> Store:
    memory = MemoryStore(settings.cache_mb * MB)
    if not settings.cache_dir:
        return memory
    disk = DiskStore(
        Path(settings.cache_dir),
        source=source,
        max_bytes=settings.cache_mb * MB,
        max_age_s=settings.cache_days * 86_400,
    )
    return TieredStore(memory, disk)


def create_app(
    settings: Settings, *, demo: bool = False, now: Callable[[], float] = time.time
) -> Application:
    """The application; Butlr is not asked before the first request. `now` is the wall clock."""
    telemetry = Telemetry()
    butlr = Butlr(access(settings), observe=telemetry.called, now=now)
    source = source_of(settings, demo=demo)
    gatherer = Gatherer(butlr.fetch, store(settings, source), workers=settings.butlr_max_concurrency, now=now)
    spaces = Spaces(
        butlr.topology_document,
        topology,
        served=settings.butlr_spaces,
        keep_in=Path(settings.cache_dir) / f"topology-{source}.json" if settings.cache_dir else None,
    )
    telemetry.gauge("butlr_calls_waiting", "Questions waiting for Butlr", lambda: gatherer.flights.waiting)
    telemetry.gauge("butlr_calls_under_way", "Questions not answered yet", lambda: gatherer.flights.under_way)
    telemetry.gauge(
        "butlr_pause_seconds", "How long Butlr's limit still lasts", lambda: butlr.client.gate.paused_s
    )
    service = Service(
        spaces=spaces,
        pipeline=Pipeline(gatherer, settle_s=settings.butlr_settle_s),
        rules=Rules(settings.max_range_days, settings.holidays),
        telemetry=telemetry,
        demo=demo,
        deadline_s=settings.deadline_s,
        now=now,
    )
    web = build(service, tokens=settings.tokens, grafana_url=settings.grafana_url)
    return Application(service, web, butlr)
