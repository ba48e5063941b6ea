"""Wiring: settings → the rooms, put together. The only place, beside `cli`, that reads settings."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from butlr_grafana.base.errors import UpstreamDiffers
from butlr_grafana.base.incidents import ButlrIncidents
from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.base.urls import plan_origins
from butlr_grafana.butlr.api import REAL_TIME, Butlr, ButlrConfig, Timing
from butlr_grafana.butlr.client import ATTEMPTS
from butlr_grafana.butlr.topology import topology
from butlr_grafana.cache.chunks.counted import CountedStore
from butlr_grafana.cache.chunks.disk import DiskStore
from butlr_grafana.cache.chunks.memory import MemoryStore
from butlr_grafana.cache.chunks.store import Store
from butlr_grafana.cache.chunks.tiers import TieredStore
from butlr_grafana.cache.floorplan_images import FloorPlanImages
from butlr_grafana.cache.topology import TopologyCache
from butlr_grafana.measure.asking import CALLS_PER_MINUTE
from butlr_grafana.measure.background import Background, Means, assumed_text
from butlr_grafana.measure.factor_learning import observe_floor
from butlr_grafana.measure.factor_store import FactorStore
from butlr_grafana.measure.factor_watch import FactorWatch
from butlr_grafana.measure.verdict_store import VerdictStore, book_for
from butlr_grafana.model.chunk import Chunk, HeatMapSubject, Segment, SeriesSubject, StatsSubject
from butlr_grafana.model.floor import Room, Topology, Zone
from butlr_grafana.model.privacy import guarded
from butlr_grafana.pipeline.gather import Gatherer, is_fresh, stamped
from butlr_grafana.pipeline.in_flight import FORGET_S, rest_s
from butlr_grafana.pipeline.run import Pipeline
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parameters import DAY_NAMES
from butlr_grafana.replicas.chunk_store import SharedStore
from butlr_grafana.replicas.fetch_once import Fetch, shared
from butlr_grafana.replicas.rate_limit import SharedRateLimiter
from butlr_grafana.replicas.redis_connection import RedisConnection
from butlr_grafana.replicas.single_flight import SharedSingleFlight
from butlr_grafana.replicas.token_store import Credentials, SharedTokenStore
from butlr_grafana.service.event_log import EventLog
from butlr_grafana.service.last_good import LastGoodCache
from butlr_grafana.service.metrics import Telemetry
from butlr_grafana.service.service import Service
from butlr_grafana.settings import DEFAULT_BUTLR_URL, Settings
from butlr_grafana.web.app import build
from butlr_grafana.web.auth import Tokens

MB = 2**20

DEMO_PER_MINUTE = 60_000


@dataclass(frozen=True)
class Application:
    """Everything that runs, and how to end it."""

    service: Service
    web: Flask
    butlr: Butlr
    means: Means
    background: Background
    factor_watch: FactorWatch
    link: RedisConnection | None = None

    def work_in_background(self) -> None:
        """For a process that goes on: measures what nobody asks for. Commands that end do without."""
        self.background.start()
        self.factor_watch.start()

    def close(self) -> None:
        self.background.close()
        self.factor_watch.close()
        if self.link is not None:
            # What fails from here on fails because this process ends: no news for other replicas.
            self.link.ending.set()
        self.service.pipeline.gatherer.close()
        self.service.events.close()
        self.service.factors.close()
        self.butlr.close()
        if self.link is not None:
            self.link.close()


@dataclass(frozen=True)
class Replicas:
    """What this process has in common with others of the same tenant."""

    link: RedisConnection
    once: SharedSingleFlight
    store: SharedStore
    credentials: Credentials
    gate: SharedRateLimiter
    shelf: SharedTokenStore


def replicas(
    settings: Settings,
    source: str,
    telemetry: Telemetry,
    *,
    pace: Timing,
    now: Callable[[], float],
    stopwatch: Callable[[], float],
) -> Replicas | None:
    if not settings.cache_url:
        return None
    link = RedisConnection(settings.cache_url, source=source, clock=pace.clock)
    telemetry.trouble("shared", link.trouble)
    once = SharedSingleFlight(link, patience_s=ATTEMPTS * settings.butlr_timeout_s, waited=telemetry.waited)
    # With the address: simulators have one tenant in common, but no tokens.
    where = f"{source} {access(settings).url}"
    credentials = Credentials.of(settings.butlr_client_secret, where=where)
    return Replicas(
        link,
        once,
        SharedStore(link, max_age_s=settings.cache_days * 86_400, now=now, stopwatch=stopwatch),
        credentials,
        SharedRateLimiter(settings.butlr_rate_limit, link, pace.clock),
        SharedTokenStore(link, once, credentials, clock=pace.clock),
    )


def asked_once(fetch: Fetch, others: Replicas, stopwatch: Callable[[], float]) -> Fetch:
    return shared(
        fetch,
        others.once,
        others.store,
        scope=others.credentials.scope,
        is_fresh=lambda segment, part: is_fresh(segment, part, stopwatch()),
        rest_s=rest_s,
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
    """Names the tenant whose data is kept: another account, or the simulator, shares nothing with it."""
    account = "simulator" if demo else f"{access(settings).url} {settings.butlr_client_id}"
    return hashlib.sha256(account.encode()).hexdigest()[:16]


LEAST_LEFT = 5
"""Calls that the rate must still allow before something is asked that nobody waits for: it takes two or
three.
"""

APIS = {HeatMapSubject: "heat maps", SeriesSubject: "metrics", StatsSubject: "statistics"}
"""Butlr's APIs by what is asked of them, for people; `floors` comes beside."""


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
    if settings.cache_dir:
        disk = DiskStore(
            Path(settings.cache_dir),
            source=source,
            max_bytes=settings.cache_mb * MB,
            max_age_s=settings.cache_days * 86_400,
            now=now,
        )
        telemetry.trouble("disk", disk.trouble)
        tiers["disk"] = disk
    return TieredStore(*(CountedStore(tier, telemetry.tier(name)) for name, tier in tiers.items()))


def show(telemetry: Telemetry, troubles: ButlrIncidents, gatherer: Gatherer, butlr: Butlr) -> None:
    """Puts on `/metrics` how things stand between us and Butlr."""
    flights, gate, lanes, clock = gatherer.flights, butlr.client.gate, butlr.client.lanes, butlr.clock
    gauge = telemetry.gauge
    gauge("butlr_calls_waiting", "Calls to Butlr that wait in the queue", lambda: flights.waiting)
    gauge(
        "butlr_calls_under_way",
        "Calls to Butlr without a result yet, queued or running",
        lambda: flights.under_way,
    )
    gauge("butlr_calls_in_flight", "Calls to Butlr that are running now", lambda: lanes.under_way)
    gauge("butlr_calls_allowed", "Calls to Butlr that may run at the same time", lambda: lanes.open)
    gauge(
        "butlr_calls_left",
        "Calls that the rate limit still allows now; infinite without a limit",
        lambda: gate.left,
    )
    gauge("butlr_pause_seconds", "Seconds until calls continue after a 429 of Butlr", lambda: gate.paused_s)
    gauge(
        "butlr_clock_ahead_seconds",
        "Seconds by which this machine's clock is ahead of Butlr's",
        lambda: clock.ahead_s,
    )
    for kind, trouble in troubles.by_kind.items():
        telemetry.trouble(kind, trouble)


class Known:
    """The topology as Butlr told it last, for the vendor's side: whose rows must exist."""

    def __init__(self) -> None:
        self._topology = Topology({})

    def topology(self) -> Topology:
        """All of it, also what is not to be told."""
        return self._topology

    def remember(self, topology: Topology) -> Topology:
        self._topology = topology
        return topology

    def must_answer(self, space: str, level: str) -> frozenset[str]:
        """The rooms or zones of a floor that have a working presence sensor."""
        floor = self._topology.floors.get(space)
        assets: Sequence[Room | Zone] = (
            () if floor is None else floor.zones if level == "zone" else floor.rooms
        )
        return frozenset(asset.id for asset in assets if asset.online)


def noticed(fetch: Fetch, book: VerdictStore) -> Fetch:
    """`fetch`; an answer that contradicts what was measured makes that an assumption again."""

    def fetching(segment: Segment) -> Chunk:
        try:
            return fetch(segment)
        except UpstreamDiffers as error:
            if error.verdict:
                book.contradicted(error.verdict, api=APIS[type(segment.subject)], form=error.form)
            raise

    return fetching


def link_of(settings: Settings, *, demo: bool) -> RedisConnection:
    """A connection to Redis of its own, with the names of this account."""
    return RedisConnection(settings.cache_url, source=source_of(settings, demo=demo))


def book_of(
    settings: Settings,
    *,
    demo: bool,
    link: RedisConnection | None,
    now: Callable[[], float] = time.time,
    clock: Callable[[], float] = time.monotonic,
) -> VerdictStore:
    """What was measured about this account, in the cache folder and in Redis; settings win."""
    return book_for(
        source_of(settings, demo=demo),
        folder=Path(settings.cache_dir) if settings.cache_dir else None,
        link=link,
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
    book: VerdictStore | None = None,
    tokens: Tokens | None = None,
) -> Application:
    """The application; Butlr is not asked before the first request.

    `now` is the wall clock, which may step; `stopwatch`, which never does: how old data are; `pace`: how
    tokens age and pauses pass. `book`: what was measured about the account; where left out, the one of the
    cache folder and of Redis. `tokens`: what callers may send; where left out, what the settings hold.
    """

    def by_butlr() -> float:
        """The wall clock, but never later than Butlr's."""
        return butlr.clock.now()

    telemetry = Telemetry(demo=demo, clock=pace.clock)
    troubles = ButlrIncidents(pace.clock)
    source = source_of(settings, demo=demo)
    others = replicas(settings, source, telemetry, pace=pace, now=by_butlr, stopwatch=stopwatch)
    book = book or book_of(
        settings, demo=demo, link=others.link if others else None, now=now, clock=pace.clock
    )
    verdicts = book.current
    known = Known()
    butlr = Butlr(
        access(settings),
        observe=telemetry.called,
        now=now,
        pace=pace,
        gate=others.gate if others else None,
        shelf=others.shelf if others else None,
        verdicts=verdicts,
        must_answer=known.must_answer,
    )
    fetch = noticed(stamped(butlr.fetch, stopwatch), book)
    gatherer = Gatherer(
        troubles.watched(
            asked_once(fetch, others, stopwatch) if others else fetch,
            lambda segment: APIS[type(segment.subject)],
        ),
        store(settings, source, by_butlr, telemetry, others),
        workers=settings.butlr_max_concurrency,
        forget_s=max(FORGET_S, settings.deadline_s),
        now=by_butlr,
        stopwatch=stopwatch,
        clock=pace.clock,
    )
    spaces = TopologyCache(
        troubles.watched(butlr.topology_document, lambda: "floors"),
        # Here, so that no room of the house ever sees what is not to be told.
        lambda document: guarded(
            known.remember(topology(document, settings.virtual_sensors)), settings.min_capacity
        ),
        served=settings.butlr_spaces,
        keep_in=Path(settings.cache_dir) / f"topology-{source}.json" if settings.cache_dir else None,
        clock=pace.clock,
    )
    pictures = FloorPlanImages(
        butlr.pictures.check,
        butlr.pictures.fetch,
        source=source,
        folder=Path(settings.cache_dir) / "plans" if settings.cache_dir else None,
        now=by_butlr,
        stopwatch=stopwatch,
    )
    events = EventLog(Path(settings.cache_dir) if settings.cache_dir else None, source=source)
    factors = FactorStore(
        Path(settings.cache_dir) if settings.cache_dir else None,
        source=source,
        link=others.link if others else None,
        clock=pace.clock,
    )
    show(telemetry, troubles, gatherer, butlr)
    service = Service(
        spaces=spaces,
        pipeline=Pipeline(gatherer, verdicts=verdicts),
        rules=QueryLimits(settings.max_range_days, settings.holidays, DAY_NAMES.index(settings.week_start)),
        telemetry=telemetry,
        pictures=pictures,
        repeats=LastGoodCache(by_butlr, stopwatch),
        events=events,
        factors=factors,
        contact=troubles.contact,
        assumed=lambda: assumed_text(verdicts()),
        demo=demo,
        deadline_s=settings.deadline_s,
        now=by_butlr,
        stopwatch=stopwatch,
    )
    known_tokens = tokens or (lambda: settings.tokens + settings.wall_tokens)
    web = build(
        service,
        tokens=known_tokens,
        grafana_url=settings.grafana_url,
        simulator_url=settings.butlr_api_url if demo else "",
    )
    ending = threading.Event()
    means = Means(
        butlr,
        access(settings),
        book,
        known.topology,
        # The simulator of the demo is ours: nobody else waits for it.
        per_minute=DEMO_PER_MINUTE if demo else settings.butlr_rate_limit or CALLS_PER_MINUTE,
        wait=lambda seconds: pace.wait(ending, seconds),
    )
    background = Background(means, ending=ending, once=others.once if others else None)
    watch = factor_watch(service, butlr, settings, pace)
    return Application(service, web, butlr, means, background, watch, others.link if others else None)


def factor_watch(service: Service, butlr: Butlr, settings: Settings, pace: Timing) -> FactorWatch:
    """Asks only where nothing else waits for Butlr, and Butlr limits nobody."""
    gate, lanes, flights = butlr.client.gate, butlr.client.lanes, service.pipeline.gatherer.flights
    most, least_left = lanes.open, min(LEAST_LEFT, settings.butlr_rate_limit)

    def may_ask() -> bool:
        is_limiting = gate.paused_s > 0 or lanes.open < most or gate.left < least_left
        return not is_limiting and not flights.waiting and service.contact().reachable

    return FactorWatch(
        service.factors,
        lambda: service.topology(None, deadline=service.deadline()),
        lambda floor, day: observe_floor(
            service.pipeline, floor, day, now_s=service.now(), rules=service.rules
        ),
        may_ask,
        settle_s=lambda: service.pipeline.settled_after_s,
        now=service.now,
        clock=pace.clock,
    )
