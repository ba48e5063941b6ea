"""Wiring: settings → the rooms, put together. The only place, beside `cli`, that reads settings."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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
from butlr_grafana.cache.topology import TopologyCache
from butlr_grafana.measure.asking import CALLS_PER_MINUTE
from butlr_grafana.measure.background import Background, Means, assumed_text
from butlr_grafana.measure.factor_learning import observe_floor
from butlr_grafana.measure.factor_store import FactorStore
from butlr_grafana.measure.factor_watch import FactorWatch
from butlr_grafana.measure.verdict_store import VerdictStore, book_for
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, Segment
from butlr_grafana.model.floor import Floor, Room, Topology, Zone
from butlr_grafana.model.privacy import guarded
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.gather import Gatherer
from butlr_grafana.pipeline.in_flight import OF_CLASS
from butlr_grafana.pipeline.run import Pipeline
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parameters import DAY_NAMES
from butlr_grafana.query.scope import Liveness
from butlr_grafana.replicas.chunk_store import SharedStore
from butlr_grafana.replicas.members import Replicas
from butlr_grafana.replicas.rate_limit import SharedRateLimiter
from butlr_grafana.replicas.redis_connection import RedisConnection
from butlr_grafana.replicas.single_flight import SharedSingleFlight
from butlr_grafana.replicas.token_store import Credentials, SharedTokenStore
from butlr_grafana.service.asking_butlr import asking
from butlr_grafana.service.event_log import EventLog
from butlr_grafana.service.last_good import LastGoodCache, RuleData
from butlr_grafana.service.metrics import Telemetry
from butlr_grafana.service.receiving import Receiver, receiver
from butlr_grafana.service.reported_minutes import ReportedMinutes
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
    receiver: Receiver
    link: RedisConnection | None = None
    memory: RateMemory | None = None

    def work_in_background(self) -> None:
        """For a process that goes on: measures what nobody asks for, reads what other replicas receive.
        Commands that end do without.
        """
        self.background.start()
        self.factor_watch.start()
        self.receiver.start()

    def close(self) -> None:
        self.background.close()
        self.receiver.close()
        self.factor_watch.close()
        if self.link is not None:
            # What fails from here on fails because this process ends: no news for other replicas.
            self.link.ending.set()
        self.service.pipeline.gatherer.close()
        self.service.events.close()
        self.service.factors.close()
        self.butlr.close()
        if self.memory is not None:
            self.memory.note(self.butlr.client.gate, at_once=True)
        if self.link is not None:
            self.link.close()


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
        SharedRateLimiter(
            settings.butlr_rate_limit, link, pace.clock, longest_s=settings.butlr_timeout_s, changed=changed
        ),
        SharedTokenStore(link, once, credentials, clock=pace.clock),
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

BEHIND_S = 40.0
"""A call that nobody waits for is put off for so long at most: 3 of 100 calls, at 50 a minute."""


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
        "butlr_calls_rate",
        "Calls per minute that are allowed, as set or as learnt; 0: no limit",
        lambda: gate.rate,
    )
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


def show_rules(telemetry: Telemetry, gatherer: Gatherer, rule_data: RuleData) -> None:
    """Puts on `/metrics` whether those who ask have what they ask for."""
    flights = gatherer.flights
    for need in CallClass:
        name = f"butlr_calls_waiting_{need.name.lower()}"
        telemetry.gauge(name, f"Questions {OF_CLASS[need]} that wait", partial(flights.waiting_of, need))
    telemetry.gauge(
        "butlr_rules_without_data_seconds",
        "Seconds for which the alert rule that has waited longest has had no complete data of a floor",
        rule_data.longest_without_s,
    )


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

    def pushed(segment: Segment) -> Chunk | None:
        return receiving.chunks(segment)

    def live() -> Liveness:
        return receiving.liveness()

    def moved(floor: Floor, level: str, period: Period) -> Mapping[str, tuple[float, float]] | None:
        return receiving.live.movements(floor, level, period)

    telemetry = Telemetry(demo=demo, clock=pace.clock)
    troubles = ButlrIncidents(pace.clock)
    source = source_of(settings, demo=demo)
    memory = RateMemory(Path(settings.cache_dir) / f"rate-{source}.json", now) if settings.cache_dir else None

    def note_rate() -> None:
        if memory is not None:
            memory.note(butlr.client.gate)

    others = replicas(
        settings, source, telemetry, pace=pace, now=by_butlr, stopwatch=stopwatch, changed=note_rate
    )
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
        gate=others.gate if others else RateLimiter(settings.butlr_rate_limit, pace.clock, changed=note_rate),
        shelf=others.shelf if others else None,
        verdicts=verdicts,
        must_answer=known.must_answer,
    )
    if memory is not None:
        memory.recall(butlr.client.gate)
    fetch, together = asking(butlr, troubles, book, others, stopwatch)
    gatherer = Gatherer(
        fetch,
        store(settings, source, by_butlr, telemetry, others),
        workers=settings.butlr_max_concurrency,
        forget_s=settings.deadline_s,
        pushed=pushed,
        now=by_butlr,
        stopwatch=stopwatch,
        clock=pace.clock,
        together=together,
        turns=butlr.client,
        at_a_time=lambda: butlr.client.lanes.open,
        wait=pace.wait,
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
        now=by_butlr,
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
    rule_data = RuleData(stopwatch)
    show(telemetry, troubles, gatherer, butlr)
    show_rules(telemetry, gatherer, rule_data)
    service = Service(
        spaces=spaces,
        pipeline=Pipeline(gatherer, verdicts=verdicts),
        rules=QueryLimits(settings.max_range_days, settings.holidays, DAY_NAMES.index(settings.week_start)),
        telemetry=telemetry,
        pictures=pictures,
        repeats=LastGoodCache(by_butlr, stopwatch),
        rule_data=rule_data,
        events=events,
        factors=factors,
        contact=troubles.contact,
        assumed=lambda: assumed_text(verdicts()),
        demo=demo,
        deadline_s=settings.deadline_s,
        now=by_butlr,
        stopwatch=stopwatch,
        live=live,
        moved=moved,
    )
    may_ask = room_for_more(service, butlr, settings)
    receiving = receiver(
        keys=settings.webhook_keys,
        served=settings.butlr_spaces,
        topology=known.topology,
        reported=ReportedMinutes(service.pipeline, by_butlr),
        # Some calls, which save most of those of rules.
        sampled=ReportedMinutes(service.pipeline, by_butlr, need=CallClass.RULE),
        may_ask=may_ask,
        now=by_butlr,
        telemetry=telemetry,
        link=others.link if others else None,
    )
    known_tokens = tokens or (lambda: settings.tokens + settings.wall_tokens)
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
        book,
        known.topology,
        # The simulator of the demo is ours: nobody else waits for it.
        per_minute=DEMO_PER_MINUTE if demo else settings.butlr_rate_limit or CALLS_PER_MINUTE,
        wait=behind(gatherer, butlr, ending, pace),
    )
    background = Background(means, ending=ending, once=others.once if others else None)
    watch = factor_watch(service, may_ask, pace)
    link = others.link if others else None
    return Application(service, web, butlr, means, background, watch, receiving, link, memory)


def behind(
    gatherer: Gatherer, butlr: Butlr, ending: threading.Event, pace: Timing
) -> Callable[[float], bool]:
    """A wait, at least so many seconds, until nobody else waits for Butlr; at most as long as the share of
    what is in the background lets it take. Tells whether to stop.
    """

    flights, gate = gatherer.flights, butlr.client.gate

    def wait(seconds: float) -> bool:
        waited_s, is_over = seconds, pace.wait(ending, seconds)
        while not is_over and waited_s < BEHIND_S and (flights.waiting or gate.left < 1):
            waited_s, is_over = waited_s + 1.0, pace.wait(ending, 1.0)
        return is_over

    return wait


def room_for_more(service: Service, butlr: Butlr, settings: Settings) -> Callable[[], bool]:
    """Tells whether nothing else waits for Butlr, and Butlr limits nobody: time for what nobody waits for."""
    gate, lanes, flights = butlr.client.gate, butlr.client.lanes, service.pipeline.gatherer.flights
    most, least_left = lanes.open, min(LEAST_LEFT, settings.butlr_rate_limit)

    def may_ask() -> bool:
        is_limiting = gate.paused_s > 0 or lanes.open < most or gate.left < least_left
        return not is_limiting and not flights.waiting and service.contact().reachable

    return may_ask


def factor_watch(service: Service, may_ask: Callable[[], bool], pace: Timing) -> FactorWatch:
    """Asks only where Butlr has time."""
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
