"""Internet addresses, parsed strictly: an address that two parsers could understand differently is an error.

An origin is the scheme, the host and the port: `https://plans.example.com:443`.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

DEFAULT_PORTS = {"http": 80, "https": 443}

_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)*")
"""Host names in lower-case ASCII, without a dot at the end. International names have their `xn--` form."""


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address. `target`: the path with the query string."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def address_of(url: str) -> Address:
    """Parses an address. Raises `ValueError`; its text does not contain the address, because that may hold a
    secret.
    """
    if not re.fullmatch(r"[!-~]+", url, re.ASCII) or "\\" in url:
        raise ValueError("an address must not contain spaces, backslashes or non-ASCII letters")
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or "@" in parts.netloc:
        raise ValueError("an address must begin with https:// or http:// and must not contain a user")
    try:
        port = DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        port = 0
    host = _host(parts.hostname or "")
    if host is None or not port:
        raise ValueError("an address needs a host such as plans.example.com, and a port from 1 to 65535")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, host, port, target)


def origin_of(url: str) -> str:
    """The origin of an address; empty if the address is wrong."""
    try:
        return address_of(url).origin
    except ValueError:
        return ""


def host_and_port(text: str) -> tuple[str, int | None]:
    """Splits `plans.example.com` or `plans.example.com:8443`; the port is `None` if it is missing. Raises
    `ValueError`.
    """
    if re.search(r"[/?#@]", text):
        raise ValueError("use hosts such as plans.example.com or plans.example.com:8443")
    address = address_of(f"https://{text.lower()}")
    return address.host, address.port if re.search(r":\d+$", text) else None


def plan_origins(butlr_url: str, hosts: Iterable[str]) -> frozenset[str]:
    """The origins from which floor-plan images may come: `hosts`, or Butlr's own host if `hosts` is empty.

    Only https is allowed. http is allowed only for this machine, if Butlr's address is also on this machine.
    """
    try:
        own = address_of(butlr_url)
    except ValueError:
        own = None
    here = own is not None and own.scheme == "http" and is_loopback(own.host)
    allowed: set[str] = set()
    for host, port in map(host_and_port, hosts):
        allowed.add(Address("https", host, port or DEFAULT_PORTS["https"], "").origin)
        if here and is_loopback(host):
            allowed.add(Address("http", host, port or DEFAULT_PORTS["http"], "").origin)
    if own is not None and not allowed and (here or own.scheme == "https"):
        allowed.add(own.origin)
    return frozenset(allowed)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _host(text: str) -> str | None:
    if ":" in text and "%" not in text:
        try:
            return str(ipaddress.IPv6Address(text))
        except ValueError:
            return None
    return text if _NAME.fullmatch(text) else None
