"""Every setting in one table: read from the environment, checked, and written into the README.

For each secret there is also `NAME_FILE`, a path to a file that holds it; both at once are refused.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from butlr_grafana.base.access import BackendToken, SettingError
from butlr_grafana.base.log_format import FORMS, LEVELS
from butlr_grafana.base.urls import is_loopback, named
from butlr_grafana.model.sensors import VirtualRule

DEFAULT_BUTLR_URL = "https://api.butlr.io"
HOLIDAY_YEARS = range(2015, 2046)
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


def _number(low: float, high: float, kind: type = int) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(f"a number from {low:g} to {high:g} is wanted") from None
        if not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g} is wanted")
        return value

    return parse


def _one_of(names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in names:
            raise ValueError(f"{', '.join(names[:-1])} or {names[-1]} is wanted")
        return text.lower()

    return parse


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false"):
        raise ValueError("0 or 1 is wanted")
    return text.lower() in ("1", "true")


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ValueError("an address like https://api.butlr.io is wanted, without user or query")
    return text.rstrip("/")


def _redis_url(text: str) -> str:
    parts = urlsplit(text)
    known = all(name.startswith("ssl_") for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme not in ("redis", "rediss") or not parts.hostname or not known:
        raise ValueError("an address like redis://host:6379/0 or rediss://:password@host is wanted")
    if not re.fullmatch(r"(/\d*)?", parts.path) or parts.port == 0:
        raise ValueError("the path of redis://host:6379/0 is the number of a database")
    return text


def _path(text: str) -> str:
    if not re.fullmatch(r"(/[\w.~-]+)+/?", text, re.ASCII):
        raise ValueError("a path like /v3/detections is wanted")
    return text


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (t.strip() for t in text.split(","))))


def _hosts(text: str) -> tuple[str, ...]:
    hosts = _names(text)
    for host in hosts:
        named(host)
    return hosts


FLOOR_ID = r"space_[A-Za-z0-9_-]+"

_LIMITED_TOKEN = re.compile(rf"(?P<token>.*)=(?P<floors>{FLOOR_ID}(?:\+{FLOOR_ID})*)")
"""A token may itself hold `=` and `+` (those of `openssl rand -base64` end in `=`): only a `=` with floor ids
behind it, up to the end, begins a scope. Everything else belongs to the token.
"""


def _tokens(text: str) -> tuple[BackendToken, ...]:
    return tuple(_token(item) for item in _names(text))


def _token(item: str) -> BackendToken:
    limited = _LIMITED_TOKEN.fullmatch(item)
    token = limited["token"] if limited else item
    if len(token) < 8:
        raise ValueError("a token has at least 8 characters; token=space_…+space_… limits it to floors")
    return BackendToken(token, frozenset(limited["floors"].split("+")) if limited else None)


def _wall_tokens(text: str) -> tuple[BackendToken, ...]:
    return tuple(replace(token, for_walls=True) for token in _tokens(text))


def _webhook_keys(text: str) -> tuple[str, ...]:
    keys = _names(text)
    if any(not re.fullmatch(r"[!#-\[\]-~]{16,200}", key) for key in keys):
        raise ValueError(
            "a key has 16 to 200 letters, digits and signs, no quotation mark, backslash or blank"
        )
    return keys


def _holidays(text: str) -> frozenset[date]:
    """A file of ISO dates, one a line, or a country code (`FR`, `US-NY`)."""
    if re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", text):
        import holidays  # noqa: PLC0415  # slow to import, and most run without

        country, _, region = text.partition("-")
        try:
            return frozenset(holidays.country_holidays(country, subdiv=region or None, years=HOLIDAY_YEARS))
        except NotImplementedError:
            raise ValueError(f"{text} is not a country or region whose holidays are known") from None
    lines = [line.partition("#")[0].strip() for line in _file(text).splitlines()]
    return frozenset(date.fromisoformat(line) for line in lines if line)


@dataclass(frozen=True)
class Settings:
    """The settings, typed. `repr` shows no secret."""

    butlr_api_url: str = setting(
        "BUTLR_API_URL", f"Butlr's address; {DEFAULT_BUTLR_URL} where credentials are set", "", parse=_url
    )
    butlr_client_id: str = setting("BUTLR_CLIENT_ID", "API client; none: demo mode", "")
    butlr_client_secret: str = setting("BUTLR_CLIENT_SECRET", "its secret", "", secret=True)
    butlr_login_path: str = setting(
        "BUTLR_LOGIN_PATH", "path of the login", "/api/v2/clients/login", parse=_path
    )
    butlr_detections_path: str = setting(
        "BUTLR_DETECTIONS_PATH", "path of the heat maps", "/v3/detections", parse=_path
    )
    butlr_reporting_path: str = setting(
        "BUTLR_REPORTING_PATH", "path of the metrics", "/api/v3/reporting", parse=_path
    )
    butlr_stats_path: str = setting(
        "BUTLR_STATS_PATH", "path of the statistics", "/api/v4/reporting/stats", parse=_path
    )
    butlr_graphql_path: str = setting(
        "BUTLR_GRAPHQL_PATH", "path of the topology", "/api/v3/graphql", parse=_path
    )
    butlr_spaces: tuple[str, ...] = setting(
        "BUTLR_SPACES", "floors served, by id; empty: all", (), parse=_names
    )
    butlr_max_concurrency: int = setting(
        "BUTLR_MAX_CONCURRENCY", "calls to Butlr at a time", 8, parse=_number(1, 64)
    )
    butlr_rate_limit: int = setting(
        "BUTLR_RATE_LIMIT",
        "calls to Butlr a minute; 0: learnt from its 429s and headers, and remembered",
        0,
        parse=_number(0, 100_000),
    )
    butlr_timeout_s: float = setting(
        "BUTLR_TIMEOUT_S", "seconds that one call may take", 60.0, parse=_number(0.1, 600, float)
    )
    butlr_plan_hosts: tuple[str, ...] = setting(
        "BUTLR_PLAN_HOSTS",
        "hosts (comma list, each with its port where it is not 443) that floor plans' pictures may come "
        "from; empty: Butlr's own",
        (),
        parse=_hosts,
    )
    butlr_settle_s: int | None = setting(
        "BUTLR_SETTLE_S",
        "how old (seconds) a segment's end must be before it is kept for good; empty: as measured on this "
        "account, 3600 until then",
        None,
        parse=_number(0, 30 * 86_400),
    )
    butlr_y_direction: str = setting(
        "BUTLR_Y_DIRECTION",
        "whether the y of heat maps runs up as the floor plan's does (up), or down from the other side "
        "(down); auto: as measured on this account, up until then",
        "auto",
        parse=_one_of(("auto", "up", "down")),
    )
    virtual_sensors: VirtualRule = setting(  # noqa: RUF009  # as all others; the linter takes the alias for a type
        "BUTLR_VIRTUAL_SENSORS",
        "copies of sensors (clones, mirrors): by-place counts each device once at each place, drop counts "
        "none of them, as Butlr's own client does",
        "by-place",
        parse=_one_of(("by-place", "drop")),
    )
    webhook_keys: tuple[str, ...] = setting(
        "BUTLR_WEBHOOK_KEY",
        "keys with which Butlr may push (X-Api-Key, or the Basic password), comma list, the first is the one "
        "that Butlr is given; empty: nothing is received",
        (),
        parse=_webhook_keys,
        secret=True,
    )
    webhook_port: int = setting(
        "BACKEND_WEBHOOK_PORT",
        "port on which only POST /webhooks/butlr and /healthz are served; 0: BACKEND_PORT serves it too",
        0,
        parse=_number(0, 65_535),
    )
    public_url: str = setting(
        "BACKEND_PUBLIC_URL",
        "where Butlr reaches that port from outside, https://…: it is told to push to /webhooks/butlr there",
        "",
        parse=_url,
    )
    host: str = setting("BACKEND_HOST", "address to listen on", "127.0.0.1")
    port: int = setting("BACKEND_PORT", "port to listen on", 8080, parse=_number(0, 65_535))
    tokens: tuple[BackendToken, ...] = setting(
        "BACKEND_TOKEN",
        "tokens that callers must send (Bearer, or the Basic password), comma list; "
        "token=space_…+space_… limits one to floors",
        (),
        parse=_tokens,
        secret=True,
    )
    wall_tokens: tuple[BackendToken, ...] = setting(
        "BACKEND_WALL_TOKEN",
        "tokens in the same form, with which nothing can be asked but what a TV wall shows: for screens that "
        "anybody may see",
        (),
        parse=_wall_tokens,
        secret=True,
    )
    allow_anonymous: bool = setting(
        "BACKEND_ALLOW_ANONYMOUS", "1: listen beyond this machine without a token", False, parse=_flag
    )
    deadline_s: float = setting(
        "BACKEND_DEADLINE_S",
        "seconds after which an answer is given with what is known",
        25.0,
        parse=_number(0.1, 600, float),
    )
    max_range_days: int = setting(
        "BACKEND_MAX_RANGE_DAYS", "longest range (days) of a query", 400, parse=_number(1, 4000)
    )
    min_capacity: int = setting(
        "BACKEND_MIN_CAPACITY",
        "rooms known to be for fewer people are only shown summed, for privacy; 0: off",
        0,
        parse=_number(0, 1000),
    )
    cache_dir: str = setting("BACKEND_CACHE_DIR", "folder of the disk cache; empty: memory only", "")
    cache_mb: int = setting(
        "BACKEND_CACHE_MB",
        "size of the cache (MB), in memory and on disk each",
        256,
        parse=_number(1, 1_000_000),
    )
    cache_days: int = setting(
        "BACKEND_CACHE_DAYS",
        "how long (days) settled segments are kept on disk and in BACKEND_CACHE_URL",
        400,
        parse=_number(1, 4000),
    )
    cache_url: str = setting(
        "BACKEND_CACHE_URL",
        "Redis or Valkey that several replicas share, redis://… or rediss://…; empty: this is the only one",
        "",
        parse=_redis_url,
        secret=True,
    )
    week_start: str = setting(
        "BACKEND_WEEK_START",
        "first day of a week in tables and charts of the week: mon, sun, or another day",
        "mon",
        parse=_one_of(("mon", "tue", "wed", "thu", "fri", "sat", "sun")),
    )
    holidays: frozenset[date] = setting(
        "BACKEND_HOLIDAYS",
        "file of dates, one a line, or a country code (FR, US-NY), for holidays=out",
        frozenset(),
        parse=_holidays,
    )
    grafana_url: str = setting(
        "BACKEND_GRAFANA_URL",
        "where the preview page's link to Grafana leads",
        "http://localhost:3000",
        parse=_url,
    )
    log: str = setting("BACKEND_LOG", "form of log lines: text or json", "text", parse=_one_of(FORMS))
    log_level: str = setting(
        "BACKEND_LOG_LEVEL",
        "least level logged: debug (each call to Butlr), info (each request), warning (troubles), error",
        "info",
        parse=_one_of(LEVELS),
    )
    threads: int = setting("BACKEND_THREADS", "requests answered at a time", 32, parse=_number(1, 512))
    grafana_token: str = setting(
        "GRAFANA_TOKEN",
        "of a service account; for the commands `install`, `uninstall`, `wall` and `check --grafana`",
        "",
        secret=True,
    )
    grafana_user: str = setting("GRAFANA_USER", "instead of a token, for these commands too", "")
    grafana_password: str = setting("GRAFANA_PASSWORD", "that user's", "", secret=True)

    @property
    def fixed_verdicts(self) -> dict[str, object]:
        """What is not to be measured about Butlr, because it is set."""
        fixed: dict[str, object] = {}
        if self.butlr_settle_s is not None:
            fixed["settle_s"] = self.butlr_settle_s
        if self.butlr_y_direction != "auto":
            fixed["heat_y"] = "as-plan" if self.butlr_y_direction == "up" else "flipped"
        return fixed

    @property
    def webhook_url(self) -> str:
        """What Butlr is told to push to; empty where no public address is set."""
        return f"{self.public_url.removesuffix(WEBHOOK_PATH)}{WEBHOOK_PATH}" if self.public_url else ""

    @property
    def demo(self) -> bool:
        """No credentials and no address: the embedded simulator."""
        return not (self.butlr_client_id or self.butlr_client_secret or self.butlr_api_url)

    def check_exposure(self) -> None:
        """Refuses to listen beyond this machine without a token, unless that is asked for by name."""
        if self.wall_tokens and not self.tokens:
            raise SettingError(
                "BACKEND_WALL_TOKEN needs BACKEND_TOKEN too: a limited token limits nobody else"
            )
        if self.webhook_port and not self.webhook_keys:
            raise SettingError(
                f"BACKEND_WEBHOOK_PORT={self.webhook_port} needs BUTLR_WEBHOOK_KEY: without a key nothing is "
                "received"
            )
        if self.webhook_port and self.webhook_port == self.port:
            raise SettingError(
                f"BACKEND_WEBHOOK_PORT={self.webhook_port} is BACKEND_PORT too: two ports are wanted, or 0"
            )
        if self.tokens or self.allow_anonymous or is_loopback(self.host):
            return
        raise SettingError(
            f"BACKEND_HOST={self.host} is open to others: set BACKEND_TOKEN, or BACKEND_ALLOW_ANONYMOUS=1"
        )


TOKEN_SETTINGS = ("BACKEND_TOKEN", "BACKEND_WALL_TOKEN")


def tokens_of(environment: Mapping[str, str]) -> tuple[BackendToken, ...]:
    """What callers may send, from the environment or its files. Raises `SettingError`."""
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
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        value = _value(spec, environment)
        if value is not None:
            values[spec.name] = value
    settings = Settings(**values)
    if bool(settings.butlr_client_id) != bool(settings.butlr_client_secret):
        raise SettingError("BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET are needed both, or none for demo mode")
    if settings.butlr_api_url and not settings.butlr_client_id:
        raise SettingError("BUTLR_API_URL needs BUTLR_CLIENT_ID and BUTLR_CLIENT_SECRET too")
    return settings


def _text(env: str, environment: Mapping[str, str], *, secret: bool) -> str:
    text = environment.get(env, "").strip()
    path = environment.get(f"{env}_FILE", "").strip() if secret else ""
    if not path:
        return text
    if text:
        raise SettingError(f"{env} and {env}_FILE are both set; one is wanted")
    try:
        secret_text = _file(path).rstrip("\r\n")
    except ValueError as error:
        raise SettingError(f"{env}_FILE={path}: {error}") from None
    if not secret_text:
        # Else a file that was cut short would open the backend to everybody.
        raise SettingError(f"{env}_FILE={path}: is empty; leave {env}_FILE unset where there is no secret")
    return secret_text


def _file(path: str) -> str:
    """A file's text without its byte-order mark, which editors and shells on Windows write unseen: UTF-8, or
    UTF-16 where the mark says so. Raises `ValueError`, which says what to do, and nothing of what it holds.
    """
    try:
        raw = Path(path).read_bytes()
        is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return raw.decode("utf-16" if is_utf16 else "utf-8-sig")
    except PermissionError:
        user = os.geteuid()
        mounted = " (a mounted file: on the host, by its name there)" if path.startswith("/run/") else ""
        raise ValueError(
            f"user {user} may not read this file; run: sudo chown {user} {path}{mounted}"
        ) from None
    except IsADirectoryError:
        raise ValueError(
            "a file is wanted, and this is a folder; Docker makes one where a file is missing"
        ) from None
    except UnicodeDecodeError:
        raise ValueError("this file is no text in UTF-8") from None
    except OSError as error:
        raise ValueError(f"this file cannot be read: {os.strerror(error.errno or 0)}") from None
