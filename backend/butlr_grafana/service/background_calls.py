"""When calls in the background may run: only while no other call waits and no limit of Butlr holds."""

from __future__ import annotations

import threading
from collections.abc import Callable

from butlr_grafana.butlr.api import Butlr, Timing
from butlr_grafana.measure.factor_learning import observe_floor
from butlr_grafana.measure.factor_watch import FactorWatch
from butlr_grafana.pipeline.gather import Gatherer
from butlr_grafana.service.portfolio_watch import PortfolioWatch
from butlr_grafana.service.service import Service

LEAST_LEFT = 5
"""The rate limit must still allow so many calls before a job in the background starts. A job
makes two or three calls."""

BEHIND_S = 40.0
"""Longest delay of a call in the background: so it has 3 of 100 calls, at 50 calls a minute."""


def wait_for_idle(
    gatherer: Gatherer, butlr: Butlr, ending: threading.Event, pace: Timing
) -> Callable[[float], bool]:
    """A function that waits at least the given seconds, and then until no other call waits, but at most
    `BEHIND_S` in total. It returns whether the process ends.
    """
    in_flight, rate_limiter = gatherer.in_flight, butlr.client.rate_limiter

    def wait(seconds: float) -> bool:
        waited_s, is_over = seconds, pace.wait(ending, seconds)
        while not is_over and waited_s < BEHIND_S and (in_flight.waiting or rate_limiter.left < 1):
            waited_s, is_over = waited_s + 1.0, pace.wait(ending, 1.0)
        return is_over

    return wait


def has_spare_calls(service: Service, butlr: Butlr, *, rate_limit: int) -> Callable[[], bool]:
    """A function that tells whether no call waits for Butlr and no limit of Butlr holds now.

    `rate_limit`: calls per minute as set; 0: none is set.
    """
    rate_limiter, concurrency, in_flight = (
        butlr.client.rate_limiter,
        butlr.client.concurrency,
        service.pipeline.gatherer.in_flight,
    )
    most, least_left = concurrency.open, min(LEAST_LEFT, rate_limit)

    def may_call() -> bool:
        is_limiting = rate_limiter.paused_s > 0 or concurrency.open < most or rate_limiter.left < least_left
        return not is_limiting and not in_flight.waiting and service.contact().reachable

    return may_call


def factor_watch(service: Service, may_call: Callable[[], bool], pace: Timing) -> FactorWatch:
    """Learns each floor's factor of people per detection, while `may_call` allows calls."""
    return FactorWatch(
        service.factors,
        lambda: service.spaces.current(timeout_s=service.deadline_s),
        lambda floor, day: observe_floor(
            service.pipeline, floor, day, now_s=service.now(), rules=service.rules
        ),
        may_call,
        settle_s=lambda: service.pipeline.settled_after_s,
        now=service.now,
        clock=pace.clock,
    )


def watches(
    service: Service, may_call: Callable[[], bool], pace: Timing
) -> tuple[FactorWatch, PortfolioWatch]:
    """What runs in the background of `serve` while `may_call` allows calls."""
    return factor_watch(service, may_call, pace), portfolio_watch(service, may_call, pace)


def portfolio_watch(service: Service, may_call: Callable[[], bool], pace: Timing) -> PortfolioWatch:
    """Keeps pages of many floors warm, while `may_call` allows calls."""
    return PortfolioWatch(
        service.looks,
        service.pipeline,
        service.known_topology,
        may_call,
        limits=service.rules,
        live=service.live,
        now=service.now,
        clock=pace.clock,
        timeout_s=service.deadline_s,
    )
