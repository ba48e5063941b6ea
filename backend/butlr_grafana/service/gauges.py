"""Gauges on `/metrics`: the calls to Butlr, and the alert rules that wait for data."""

from __future__ import annotations

from functools import partial

from butlr_grafana.base.incidents import ButlrIncidents
from butlr_grafana.butlr.api import Butlr
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.pipeline.call_queue import OF_CLASS
from butlr_grafana.pipeline.gather import Gatherer
from butlr_grafana.service.last_good import RuleData
from butlr_grafana.service.metrics import Telemetry


def add_butlr_gauges(
    telemetry: Telemetry, incidents: ButlrIncidents, gatherer: Gatherer, butlr: Butlr
) -> None:
    """The calls to Butlr, their limits and the incidents."""
    in_flight, rate_limiter, concurrency, clock = (
        gatherer.in_flight,
        butlr.client.rate_limiter,
        butlr.client.concurrency,
        butlr.clock,
    )
    gauge = telemetry.gauge
    gauge("butlr_calls_waiting", "Calls to Butlr that wait in the queue", lambda: in_flight.waiting)
    gauge(
        "butlr_calls_under_way",
        "Calls to Butlr without a result yet, queued or running",
        lambda: in_flight.under_way,
    )
    gauge("butlr_calls_in_flight", "Calls to Butlr that are running now", lambda: concurrency.under_way)
    gauge("butlr_calls_allowed", "Calls to Butlr that may run at the same time", lambda: concurrency.open)
    gauge(
        "butlr_calls_rate",
        "Calls per minute that are allowed, as set or as learnt; 0: no limit",
        lambda: rate_limiter.rate,
    )
    gauge(
        "butlr_calls_left",
        "Calls that the rate limit still allows now; infinite without a limit",
        lambda: rate_limiter.left,
    )
    gauge(
        "butlr_pause_seconds",
        "Seconds until calls continue after a 429 of Butlr",
        lambda: rate_limiter.paused_s,
    )
    gauge(
        "butlr_clock_ahead_seconds",
        "Seconds by which this machine's clock is ahead of Butlr's",
        lambda: clock.ahead_s,
    )
    for kind, incident in incidents.by_kind.items():
        telemetry.incident(kind, incident)


def add_rule_gauges(telemetry: Telemetry, gatherer: Gatherer, rule_data: RuleData) -> None:
    """The calls that wait in each class, and how long a rule has had no complete data."""
    in_flight = gatherer.in_flight
    for call_class in CallClass:
        name = f"butlr_calls_waiting_{call_class.name.lower()}"
        waiting = partial(in_flight.waiting_of, call_class)
        telemetry.gauge(name, f"Calls {OF_CLASS[call_class]} that wait", waiting)
    telemetry.gauge(
        "butlr_rules_without_data_seconds",
        "Seconds for which the alert rule that has waited longest has had no complete data of a floor",
        rule_data.longest_without_s,
    )
