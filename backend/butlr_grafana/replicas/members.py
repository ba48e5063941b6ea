"""All that one process shares with others of the same account."""

from __future__ import annotations

from dataclasses import dataclass

from butlr_grafana.replicas.chunk_store import SharedStore
from butlr_grafana.replicas.rate_limit import SharedRateLimiter
from butlr_grafana.replicas.redis_connection import RedisConnection
from butlr_grafana.replicas.single_flight import SharedSingleFlight
from butlr_grafana.replicas.token_store import Credentials, SharedTokenStore


@dataclass(frozen=True)
class Replicas:
    """What this process has in common with others of the same tenant."""

    redis: RedisConnection
    single_flight: SharedSingleFlight
    store: SharedStore
    credentials: Credentials
    rate_limiter: SharedRateLimiter
    token_store: SharedTokenStore
