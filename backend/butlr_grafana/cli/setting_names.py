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

GRAFANA = "GRAFANA_"
"""Grafana's own environment has names that begin like this (GRAFANA_HOME), so only near ones are reported."""

NEAR_OF_GRAFANA = 0.75
"""From this similarity of what follows GRAFANA_ on, a name is taken for a misspelt one (`difflib`)."""

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
    every = list(names)
    for name in _foreign(every):
        if near := _nearest(name, NEAR):
            yield _sentence(name, near)
    yield from misspelt_of_grafana(every)


def misspelt_of_grafana(names: Iterable[str]) -> Iterator[str]:
    """The same for names that begin with GRAFANA_."""
    ours = [name.removeprefix(GRAFANA) for name in known_names() if name.startswith(GRAFANA)]
    for name in sorted(names):
        rest = name.removeprefix(GRAFANA)
        if name.startswith(GRAFANA) and rest not in ours:
            for near in get_close_matches(rest, ours, n=1, cutoff=NEAR_OF_GRAFANA):
                yield _sentence(name, GRAFANA + near)


def unknown(names: Iterable[str]) -> Iterator[str]:
    """A sentence for each name that begins as settings do, but is none. With GRAFANA_, only for near ones."""
    every = list(names)
    for name in _foreign(every):
        yield _sentence(name, _nearest(name, SIMILAR))
    yield from misspelt_of_grafana(every)


def _sentence(name: str, near: str) -> str:
    return f"{name} is not a setting and has no effect" + (f"; did you mean {near}?" if near else "")


def _foreign(names: Iterable[str]) -> Iterator[str]:
    known = {*known_names(), *OF_COMPOSE}
    return (name for name in sorted(names) if name.startswith(PREFIXES) and name not in known)


def _nearest(name: str, cutoff: float) -> str:
    return next(iter(get_close_matches(name, known_names(), n=1, cutoff=cutoff)), "")
