"""Wiring: builds the application from the settings. Only this module and `cli` read settings."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from butlr_grafana.base.incidents import ButlrIncidents
from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.base.urls import plan_origins
from butlr_grafana.butlr.api import REAL_TIME, Butlr, ButlrConfig, Timing
from butlr_grafana.butlr.client import ATTEMPTS
from butlr_grafana.butlr.limits import RateLimiter
from butlr_grafana.butlr.rate_memory import RateMemory
from butlr_grafana.butlr.topology import topology
from butlr_grafana.cache.chunks.counted import CountedStore
from butlr_grafana.cache.chunks.disk import DiskStore
from butlr_grafana.cache.chunks.memory import MemoryStore
from butlr_grafana.cache.chunks.store import Store
from butlr_grafana.cache.chunks.tiers import TieredStore
from butlr_grafana.cache.floorplan_images import FloorPlanImages
from butlr_grafana.cache.reported_topology import ReportedTopology
from butlr_grafana.cache.topology import TopologyCache
from butlr_grafana.measure.background import Background, Means, assumed_text
from butlr_grafana.measure.client import CALLS_PER_MINUTE
from butlr_grafana.measure.factor_store import FactorStore
from butlr_grafana.measure.factor_watch import FactorWatch
from butlr_grafana.measure.verdict_store import VerdictStore, open_verdict_store
from butlr_grafana.model.privacy import guarded
from butlr_grafana.pipeline.gather import Gatherer
from butlr_grafana.pipeline.run import Pipeline
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parameter_values import DAY_NAMES
from butlr_grafana.replicas.chunk_store import SharedStore
from butlr_grafana.replicas.members import Replicas
from butlr_grafana.replicas.rate_limit import SharedRateLimiter
from butlr_grafana.replicas.redis_connection import RedisConnection
from butlr_grafana.replicas.single_flight import SharedSingleFlight
from butlr_grafana.replicas.token_store import Credentials, SharedTokenStore
from butlr_grafana.service.background_calls import has_spare_calls, wait_for_idle, watches
from butlr_grafana.service.butlr_fetch import fetchers
from butlr_grafana.service.event_log import EventLog
from butlr_grafana.service.gauges import add_butlr_gauges, add_rule_gauges
from butlr_grafana.service.last_good import LastGoodCache, RuleData
from butlr_grafana.service.metrics import Telemetry
from butlr_grafana.service.portfolio_watch import Looks, PortfolioWatch
from butlr_grafana.service.receiving import Receiver, receiver
from butlr_grafana.service.service import Service
from butlr_grafana.settings import DEFAULT_BUTLR_URL, Settings
from butlr_grafana.web.app import build
from butlr_grafana.web.auth import Tokens

MB = 2**20
DEMO_PER_MINUTE = 60_000


@dataclass(frozen=True)
class Application:
    """All parts of the running backend. `close` ends them."""

    service: Service
    web: Flask
    butlr: Butlr
    means: Means
    background: Background
    factor_watch: FactorWatch
    portfolio_watch: PortfolioWatch
    receiver: Receiver
    redis: RedisConnection | None = None
    memory: RateMemory | None = None

    def work_in_background(self) -> None:
        """Starts the threads that measure Butlr and read what other replicas receive. Only for `serve`, not
        for commands that end.
        """
        self.background.start()
        self.factor_watch.start()
        self.portfolio_watch.start()
        self.receiver.start()

    def close(self) -> None:
        self.background.close()
        self.receiver.close()
        self.factor_watch.close()
        self.portfolio_watch.close()
        if self.redis is not None:
            # Calls that fail now fail because this process ends; other replicas must not count them.
            self.redis.ending.set()
        self.service.pipeline.gatherer.close()
        self.service.events.close()
        self.service.factors.close()
        self.butlr.close()
        if self.memory is not None:
            self.memory.note(self.butlr.client.rate_limiter, at_once=True)
        if self.redis is not None:
            self.redis.close()


def replicas(
    settings: Settings,
    source: str,
    telemetry: Telemetry,
    *,
    pace: Timing,
    now: Callable[[], float],
    stopwatch: Callable[[], float],
    changed: Callable[[], None],
) -> Replicas | None:
    if not settings.cache_url:
        return None
    redis = RedisConnection(settings.cache_url, source=source, clock=pace.clock)
    telemetry.incident("shared", redis.incident)
    timeout_s = settings.butlr_timeout_s
    single_flight = SharedSingleFlight(redis, patience_s=ATTEMPTS * timeout_s, waited=telemetry.waited)
    # With the address: all simulators have the same source, but different tokens.
    where = f"{source} {access(settings).url}"
    credentials = Credentials.of(settings.butlr_client_secret, where=where)
    return Replicas(
        redis,
        single_flight,
        SharedStore(redis, max_age_s=settings.cache_days * 86_400, now=now, stopwatch=stopwatch),
        credentials,
        SharedRateLimiter(settings.butlr_rate_limit, redis, pace.clock, longest_s=timeout_s, changed=changed),
        SharedTokenStore(redis, single_flight, credentials, clock=pace.clock),
    )


def access(settings: Settings) -> ButlrConfig:
    return ButlrConfig(
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
        plan_origins=plan_origins(settings.butlr_api_url or DEFAULT_BUTLR_URL, settings.butlr_plan_hosts),
    )


def source_of(settings: Settings, *, demo: bool) -> str:
    """An id of the account whose data are stored: other accounts and the simulator share nothing with it."""
    account = "simulator" if demo else f"{access(settings).url} {settings.butlr_client_id}"
    return hashlib.sha256(account.encode()).hexdigest()[:16]


def cache_folder(settings: Settings) -> Path | None:
    return Path(settings.cache_dir) if settings.cache_dir else None


def store(
    settings: Settings,
    source: str,
    now: Callable[[], float],
    telemetry: Telemetry,
    others: Replicas | None,
) -> Store:
    tiers: dict[str, Store] = {"memory": MemoryStore(settings.cache_mb * MB)}
    if others is not None:
        tiers["shared"] = others.store
    if folder := cache_folder(settings):
        disk = DiskStore(
            folder,
            source=source,
            max_bytes=settings.cache_mb * MB,
            max_age_s=settings.cache_days * 86_400,
            now=now,
        )
        telemetry.incident("disk", disk.incident)
        tiers["disk"] = disk
    return TieredStore(*(CountedStore(tier, telemetry.tier(name)) for name, tier in tiers.items()))


def redis_of(settings: Settings, *, demo: bool) -> RedisConnection:
    """A separate connection to Redis, with the key prefix of this account."""
    return RedisConnection(settings.cache_url, source=source_of(settings, demo=demo))


def open_verdicts(
    settings: Settings,
    *,
    demo: bool,
    redis: RedisConnection | None,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> VerdictStore:
    """The measurements of this account, in the cache folder and in Redis. Settings override them."""
    return open_verdict_store(
        source_of(settings, demo=demo),
        folder=cache_folder(settings),
        redis=redis,
        fixed=settings.fixed_verdicts,
        now=now,
        clock=clock,
    )


def create_app(
    settings: Settings,
    *,
    demo: bool = False,
    now: Callable[[], float] = time.time,
    stopwatch: Callable[[], float] = stopwatch,
    pace: Timing = REAL_TIME,
    verdict_store: VerdictStore | None = None,
    tokens: Tokens | None = None,
) -> Application:
    """The application. It does not call Butlr before the first request.

    `now`: the wall clock, which may step. `stopwatch`: never steps; for the age of data. `pace`: the clock of
    tokens and pauses. `verdict_store`: the measurements of this account; default: those in the cache folder
    and in Redis. `tokens`: the tokens that callers may send; default: those in the settings.
    """

    def by_butlr() -> float:
        """The wall clock, but never later than Butlr's clock."""
        return butlr.clock.now()

    telemetry = Telemetry(demo=demo, clock=pace.clock)
    incidents = ButlrIncidents(pace.clock)
    source, folder = source_of(settings, demo=demo), cache_folder(settings)
    memory = RateMemory(folder / f"rate-{source}.json", now) if folder else None

    def note_rate() -> None:
        if memory is not None:
            memory.note(butlr.client.rate_limiter)

    others = replicas(
        settings, source, telemetry, pace=pace, now=by_butlr, stopwatch=stopwatch, changed=note_rate
    )
    redis, clock = others.redis if others else None, pace.clock
    verdict_store = verdict_store or open_verdicts(settings, demo=demo, redis=redis, now=now, clock=clock)
    verdicts = verdict_store.current
    reported = ReportedTopology()
    limiter = RateLimiter(settings.butlr_rate_limit, pace.clock, changed=note_rate)
    butlr = Butlr(
        access(settings),
        observe=telemetry.called,
        now=now,
        pace=pace,
        rate_limiter=others.rate_limiter if others else limiter,
        token_store=others.token_store if others else None,
        verdicts=verdicts,
        must_have_rows=reported.must_have_rows,
    )
    if memory is not None:
        memory.recall(butlr.client.rate_limiter)
    fetch, together = fetchers(butlr, incidents, verdict_store, others, stopwatch)
    gatherer = Gatherer(
        fetch,
        store(settings, source, by_butlr, telemetry, others),
        workers=settings.butlr_max_concurrency,
        forget_s=settings.deadline_s,
        pushed=lambda segment: receiving.chunks(segment),  # noqa: PLW0108  # `receiving` is made below
        now=by_butlr,
        stopwatch=stopwatch,
        clock=pace.clock,
        together=together,
        turns=butlr.client,
        at_a_time=lambda: butlr.client.concurrency.open,
        wait=pace.wait,
    )
    known_tokens = tokens or (lambda: settings.tokens + settings.wall_tokens)
    spaces = TopologyCache(
        incidents.recorded(butlr.topology_document, lambda: "floors"),
        # Here, so that no other part sees the rooms that privacy leaves out.
        lambda document: guarded(
            reported.remember(topology(document, settings.virtual_sensors)), settings.min_capacity
        ),
        served=settings.butlr_spaces,
        tokens=known_tokens,
        stored_in=folder / f"topology-{source}.json" if folder else None,
        clock=pace.clock,
        now=by_butlr,
    )
    pictures = FloorPlanImages(
        butlr.pictures.check,
        butlr.pictures.fetch,
        source=source,
        folder=folder / "plans" if folder else None,
        now=by_butlr,
        stopwatch=stopwatch,
    )
    events = EventLog(folder, source=source)
    factors = FactorStore(folder, source=source, redis=redis, clock=pace.clock)
    rule_data = RuleData(stopwatch)
    add_butlr_gauges(telemetry, incidents, gatherer, butlr)
    add_rule_gauges(telemetry, gatherer, rule_data)
    service = Service(
        spaces=spaces,
        pipeline=Pipeline(gatherer, verdicts=verdicts),
        rules=QueryLimits(settings.max_range_days, settings.holidays, DAY_NAMES.index(settings.week_start)),
        telemetry=telemetry,
        pictures=pictures,
        repeats=LastGoodCache(by_butlr, stopwatch),
        looks=Looks(stopwatch),
        rule_data=rule_data,
        events=events,
        factors=factors,
        contact=incidents.contact,
        assumed=lambda: assumed_text(verdicts()),
        demo=demo,
        deadline_s=settings.deadline_s,
        now=by_butlr,
        stopwatch=stopwatch,
        live=lambda: receiving.liveness(),  # noqa: PLW0108
        moved=lambda floor, level, period: receiving.live.movements(floor, level, period),  # noqa: PLW0108
    )
    may_call = has_spare_calls(service, butlr, rate_limit=settings.butlr_rate_limit)
    receiving = receiver(
        keys=settings.webhook_keys,
        served=settings.butlr_spaces,
        topology=reported.topology,
        pipeline=service.pipeline,
        may_call=may_call,
        now=by_butlr,
        telemetry=telemetry,
        redis=redis,
    )
    web = build(
        service,
        receiving,
        tokens=known_tokens,
        grafana_url=settings.grafana_url,
        simulator_url=settings.butlr_api_url if demo else "",
        webhooks_elsewhere=settings.webhook_port > 0,
    )
    ending = threading.Event()
    means = Means(
        butlr,
        access(settings),
        verdict_store,
        reported.topology,
        # No other client uses the demo's simulator.
        per_minute=DEMO_PER_MINUTE if demo else settings.butlr_rate_limit or CALLS_PER_MINUTE,
        wait=wait_for_idle(gatherer, butlr, ending, pace),
    )
    background = Background(means, ending=ending, single_flight=others.single_flight if others else None)
    watching = watches(service, may_call, pace)
    return Application(service, web, butlr, means, background, *watching, receiving, redis, memory)
