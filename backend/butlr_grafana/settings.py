"""Every setting in one table: read from the environment, checked, and written into the README.

For each secret there is also `NAME_FILE`, a path to a file that holds it; both at once are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import date
from typing import Any

from butlr_grafana.base import setting_values as values
from butlr_grafana.base.access import BackendToken, SettingError
from butlr_grafana.base.log_format import FORMS, LEVELS
from butlr_grafana.base.urls import is_loopback
from butlr_grafana.model.sensors import VirtualRule

DEFAULT_BUTLR_URL = "https://api.butlr.io"
WEBHOOK_PATH = "/webhooks/butlr"


def setting(
    env: str,
    description: str,
    default: Any = MISSING,
    *,
    parse: Callable[[str], Any] = str,
    secret: bool = False,
) -> Any:
    meta = {"env": env, "description": description, "parse": parse, "secret": secret}
    if isinstance(default, list | set | dict):
        raise TypeError("defaults are immutable")
    return field(default=default, metadata=meta, repr=not secret)


@dataclass(frozen=True)
class Settings:
    """The settings, typed. `repr` shows no secret."""

    butlr_api_url: str = setting(
        "BUTLR_API_URL",
        f"Butlr's address; if it is empty and credentials are set: {DEFAULT_BUTLR_URL}",
        "",
        parse=values.url,
    )
    butlr_client_id: str = setting("BUTLR_CLIENT_ID", "client id of Butlr's API; empty: demo mode", "")
    butlr_client_secret: str = setting("BUTLR_CLIENT_SECRET", "client secret of Butlr's API", "", secret=True)
    butlr_login_path: str = setting(
        "BUTLR_LOGIN_PATH", "path of the login", "/api/v2/clients/login", parse=values.path
    )
    butlr_detections_path: str = setting(
        "BUTLR_DETECTIONS_PATH", "path of the heat maps", "/v3/detections", parse=values.path
    )
    butlr_reporting_path: str = setting(
        "BUTLR_REPORTING_PATH", "path of the metrics", "/api/v3/reporting", parse=values.path
    )
    butlr_stats_path: str = setting(
        "BUTLR_STATS_PATH", "path of the statistics", "/api/v4/reporting/stats", parse=values.path
    )
    butlr_graphql_path: str = setting(
        "BUTLR_GRAPHQL_PATH", "path of the topology", "/api/v3/graphql", parse=values.path
    )
    butlr_spaces: tuple[str, ...] = setting(
        "BUTLR_SPACES",
        "ids of the floors that the backend serves, comma list; empty: all",
        (),
        parse=values.comma_list,
    )
    butlr_max_concurrency: int = setting(
        "BUTLR_MAX_CONCURRENCY",
        "maximum number of calls to Butlr at the same time",
        8,
        parse=values.number(1, 64),
    )
    butlr_rate_limit: int = setting(
        "BUTLR_RATE_LIMIT",
        "maximum number of calls to Butlr per minute; 0: the backend learns it from Butlr's 429 responses "
        "and headers, and stores it",
        0,
        parse=values.number(0, 100_000),
    )
    butlr_timeout_s: float = setting(
        "BUTLR_TIMEOUT_S",
        "longest duration of one call to Butlr, in seconds",
        60.0,
        parse=values.number(0.1, 600, float),
    )
    butlr_plan_hosts: tuple[str, ...] = setting(
        "BUTLR_PLAN_HOSTS",
        "hosts from which floor-plan images may come (comma list, with the port if it is not 443); "
        "empty: Butlr's own host",
        (),
        parse=values.hosts,
    )
    butlr_settle_s: int | None = setting(
        "BUTLR_SETTLE_S",
        "seconds after the end of a segment until it is stored permanently; empty: as measured on this "
        "account, 3600 until then",
        None,
        parse=values.number(0, 30 * 86_400),
    )
    butlr_y_direction: str = setting(
        "BUTLR_Y_DIRECTION",
        "direction of the y axis of heat maps: up (as in the floor plan) or down (reversed); auto: as "
        "measured on this account, up until then",
        "auto",
        parse=values.one_of(("auto", "up", "down")),
    )
    virtual_sensors: VirtualRule = setting(  # noqa: RUF009  # as all others; the linter takes the alias for a type
        "BUTLR_VIRTUAL_SENSORS",
        "how copies of sensors count (Butlr calls them clones and mirrors); by-place: at each place a device "
        "counts once, also if only a copy of it is there; drop: no copy counts, as in Butlr's own client",
        "by-place",
        parse=values.one_of(("by-place", "drop")),
    )
    webhook_keys: tuple[str, ...] = setting(
        "BUTLR_WEBHOOK_KEY",
        "keys that Butlr must send with webhook events (as X-Api-Key, or as the Basic password), comma "
        "list; the subscription gets the first one; empty: the backend receives no events",
        (),
        parse=values.webhook_keys,
        secret=True,
    )
    webhook_port: int = setting(
        "BACKEND_WEBHOOK_PORT",
        "port that serves only POST /webhooks/butlr and /healthz; 0: BACKEND_PORT serves this path too",
        0,
        parse=values.number(0, 65_535),
    )
    public_url: str = setting(
        "BACKEND_PUBLIC_URL",
        "address at which Butlr reaches that port, https://…; the subscription gets this address with "
        "/webhooks/butlr",
        "",
        parse=values.url,
    )
    host: str = setting("BACKEND_HOST", "address to listen on", "127.0.0.1")
    port: int = setting("BACKEND_PORT", "port to listen on", 8080, parse=values.number(0, 65_535))
    tokens: tuple[BackendToken, ...] = setting(
        "BACKEND_TOKEN",
        "tokens that requests must have (as Bearer, or as the Basic password), comma list; "
        "token=space_…+space_… limits one to floors",
        (),
        parse=values.tokens,
        secret=True,
    )
    wall_tokens: tuple[BackendToken, ...] = setting(
        "BACKEND_WALL_TOKEN",
        "tokens in the same form that allow only what a TV wall shows; for screens that anybody can see",
        (),
        parse=values.wall_tokens,
        secret=True,
    )
    allow_anonymous: bool = setting(
        "BACKEND_ALLOW_ANONYMOUS",
        "1: accept connections from other machines without a token",
        False,
        parse=values.flag,
    )
    deadline_s: float = setting(
        "BACKEND_DEADLINE_S",
        "seconds after which a request is answered with the data that have arrived",
        25.0,
        parse=values.number(0.1, 600, float),
    )
    max_range_days: int = setting(
        "BACKEND_MAX_RANGE_DAYS", "longest range of a query, in days", 400, parse=values.number(1, 4000)
    )
    min_capacity: int = setting(
        "BACKEND_MIN_CAPACITY",
        "rooms with a known capacity below this number are shown only as a sum, for privacy; 0: off",
        0,
        parse=values.number(0, 1000),
    )
    cache_dir: str = setting("BACKEND_CACHE_DIR", "folder of the disk cache; empty: memory only", "")
    cache_mb: int = setting(
        "BACKEND_CACHE_MB",
        "size of the cache (MB), in memory and on disk each",
        256,
        parse=values.number(1, 1_000_000),
    )
    cache_days: int = setting(
        "BACKEND_CACHE_DAYS",
        "days for which settled segments are stored on disk and in BACKEND_CACHE_URL",
        400,
        parse=values.number(1, 4000),
    )
    cache_url: str = setting(
        "BACKEND_CACHE_URL",
        "Redis or Valkey that several replicas share, redis://… or rediss://…; empty: there is only one "
        "replica",
        "",
        parse=values.redis_url,
        secret=True,
    )
    week_start: str = setting(
        "BACKEND_WEEK_START",
        "first day of a week in tables and charts of the week: mon, sun, or another day",
        "mon",
        parse=values.one_of(("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
    )
    holidays: frozenset[date] = setting(
        "BACKEND_HOLIDAYS",
        "file with one date per line, or a country code (FR, US-NY), for holidays=out",
        frozenset(),
        parse=values.holidays,
    )
    grafana_url: str = setting(
        "BACKEND_GRAFANA_URL",
        "address of Grafana, for the link on the preview page",
        "http://localhost:3000",
        parse=values.url,
    )
    log: str = setting("BACKEND_LOG", "format of log lines: text or json", "text", parse=values.one_of(FORMS))
    log_level: str = setting(
        "BACKEND_LOG_LEVEL",
        "lowest level that is logged: debug (each call to Butlr), info (each request), warning "
        "(incidents), error",
        "info",
        parse=values.one_of(LEVELS),
    )
    threads: int = setting(
        "BACKEND_THREADS",
        "maximum number of requests that are answered at the same time",
        32,
        parse=values.number(1, 512),
    )
    grafana_token: str = setting(
        "GRAFANA_TOKEN",
        "token of a service account; for `install`, `uninstall`, `alert`, `wall` and `check --grafana`",
        "",
        secret=True,
    )
    grafana_user: str = setting("GRAFANA_USER", "user, instead of a token, for the same commands", "")
    grafana_password: str = setting("GRAFANA_PASSWORD", "password of that user", "", secret=True)

    @property
    def fixed_verdicts(self) -> dict[str, object]:
        """The properties of Butlr that are set, so that they are not measured."""
        fixed: dict[str, object] = {}
        if self.butlr_settle_s is not None:
            fixed["settle_s"] = self.butlr_settle_s
        if self.butlr_y_direction != "auto":
            fixed["heat_y"] = "as-plan" if self.butlr_y_direction == "up" else "flipped"
        return fixed

    @property
    def webhook_url(self) -> str:
        """The address to which Butlr pushes; empty if no public address is set."""
        return f"{self.public_url.removesuffix(WEBHOOK_PATH)}{WEBHOOK_PATH}" if self.public_url else ""

    def check_webhook_url(self) -> None:
        """Refuses an address to which Butlr sends no events; a simulated one (http://) also sends to http://."""
        if not self.public_url:
            raise SettingError(
                "set BACKEND_PUBLIC_URL to the address at which Butlr reaches this backend, https://…"
            )
        if self.public_url.startswith("http://") and not self.butlr_api_url.startswith("http://"):
            raise SettingError(
                f"BACKEND_PUBLIC_URL={self.public_url}: Butlr sends events only to an https:// address, "
                "because they contain the key; put a proxy with TLS in front of the port"
            )

    @property
    def demo(self) -> bool:
        """Whether neither credentials nor an address are set: then the embedded simulator is used."""
        return not (self.butlr_client_id or self.butlr_client_secret or self.butlr_api_url)

    def check_exposure(self) -> None:
        """Raises `SettingError` if the backend would listen to other machines without a token, unless
        `BACKEND_ALLOW_ANONYMOUS` is set.
        """
        if self.wall_tokens and not self.tokens:
            raise SettingError(
                "BACKEND_WALL_TOKEN is set without BACKEND_TOKEN, so all other requests would need no "
                "token: set both"
            )
        if self.webhook_port and not self.webhook_keys:
            raise SettingError(
                f"BACKEND_WEBHOOK_PORT={self.webhook_port} needs BUTLR_WEBHOOK_KEY: without a key, no "
                "events are accepted"
            )
        if self.webhook_port and self.webhook_port == self.port:
            raise SettingError(
                f"BACKEND_WEBHOOK_PORT={self.webhook_port} is the same as BACKEND_PORT; "
                "set another port, or 0"
            )
        if self.tokens or self.allow_anonymous or is_loopback(self.host):
            return
        raise SettingError(
            f"BACKEND_HOST={self.host} accepts connections from other machines: set BACKEND_TOKEN, or "
            "BACKEND_ALLOW_ANONYMOUS=1"
        )


TOKEN_SETTINGS = ("BACKEND_TOKEN", "BACKEND_WALL_TOKEN")


def tokens_of(environment: Mapping[str, str]) -> tuple[BackendToken, ...]:
    """The tokens of callers, from the environment or its files. Raises `SettingError`."""
    found: list[BackendToken] = []
    for spec in fields(Settings):
        if spec.metadata["env"] in TOKEN_SETTINGS:
            found += _value(spec, environment) or ()
    return tuple(found)


def _value(spec: Field[Any], environment: Mapping[str, str]) -> Any:
    """`None` where it is not set. Raises `SettingError`."""
    text = _text(spec.metadata["env"], environment, secret=spec.metadata["secret"])
    if not text:
        return None
    try:
        return spec.metadata["parse"](text)
    except ValueError as error:
        shown = "" if spec.metadata["secret"] else f"={text[:60]!r}"
        raise SettingError(f"{spec.metadata['env']}{shown}: {error}") from None


def read(environment: Mapping[str, str]) -> Settings:
    """Settings from environment variables; empty ones count as not set. Raises `SettingError`."""
    by_field: dict[str, Any] = {}
    for spec in fields(Settings):
        value = _value(spec, environment)
        if value is not None:
            by_field[spec.name] = value
    settings = Settings(**by_field)
    if bool(settings.butlr_client_id) != bool(settings.butlr_client_secret):
        raise SettingError("BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET: set both, or none for demo mode")
    if settings.butlr_api_url and not settings.butlr_client_id:
        raise SettingError("BUTLR_API_URL needs BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET too")
    return settings


def _text(env: str, environment: Mapping[str, str], *, secret: bool) -> str:
    text = environment.get(env, "").strip()
    path = environment.get(f"{env}_FILE", "").strip() if secret else ""
    if not path:
        return text
    if text:
        raise SettingError(f"{env} and {env}_FILE are both set; set one of them")
    try:
        secret_text = values.text_of_file(path).rstrip("\r\n")
    except ValueError as error:
        raise SettingError(f"{env}_FILE={path}: {error}") from None
    if not secret_text:
        # Else a file that was cut short would open the backend to everybody.
        raise SettingError(f"{env}_FILE={path}: is empty; if there is no secret, do not set {env}_FILE")
    return secret_text
