"""Addresses, credentials and limits of Butlr's API, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ButlrConfig:
    """`url` without a trailing slash; paths begin with one. The secret never shows in `repr`."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    login_path: str = "/api/v2/clients/login"
    detections_path: str = "/v3/detections"
    reporting_path: str = "/api/v3/reporting"
    stats_path: str = "/api/v4/reporting/stats"
    graphql_path: str = "/api/v3/graphql"
    audience: str = "https://butlrauth/"
    timeout_s: float = 60.0
    max_concurrency: int = 8
    rate_per_minute: int = 0
    plan_origins: frozenset[str] = frozenset()
    """Where plans' pictures may come from."""
