"""Environment variables that look like a setting but are none: they would be ignored without a word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from difflib import get_close_matches

from butlr_grafana.settings import Settings

PREFIXES = ("BACKEND_", "BUTLR_")
OF_COMPOSE = frozenset(
    {
        "BACKEND_REPLICAS",
        "BUTLR_BACKEND_AUTHORIZATION",
        "BUTLR_BACKEND_URL",
        "BUTLR_DASHBOARDS_DIR",
        "BUTLR_PROMETHEUS_URL",
    }
)
"""Names that docker-compose.yml and Grafana's provisioning use."""

NEAR = 0.88
"""From this similarity on, a name is taken for a misspelt one (`difflib`)."""

SIMILAR = 0.6
"""From this similarity on, a name is suggested to a person who looks at the settings anyway."""


def known_names() -> list[str]:
    """Of all settings; secrets can also be in a file."""
    found = []
    for spec in fields(Settings):
        name = spec.metadata["env"]
        found += [name, f"{name}_FILE"] if spec.metadata["secret"] else [name]
    return found


def misspelt(names: Iterable[str]) -> Iterator[str]:
    """A sentence for each name that is almost the name of a setting. Other names may be of other programs."""
    for name in _foreign(names):
        if near := _nearest(name, NEAR):
            yield f"{name} is not a setting and has no effect; did you mean {near}?"


def unknown(names: Iterable[str]) -> Iterator[str]:
    """A sentence for each name that begins as settings do, but is none."""
    for name in _foreign(names):
        near = _nearest(name, SIMILAR)
        yield f"{name} is not a setting and has no effect" + (f"; did you mean {near}?" if near else "")


def _foreign(names: Iterable[str]) -> Iterator[str]:
    known = {*known_names(), *OF_COMPOSE}
    return (name for name in sorted(names) if name.startswith(PREFIXES) and name not in known)


def _nearest(name: str, cutoff: float) -> str:
    return next(iter(get_close_matches(name, known_names(), n=1, cutoff=cutoff)), "")
