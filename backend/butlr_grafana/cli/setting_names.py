"""Environment variables that are almost the name of a setting: they would be ignored without a word."""

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


def known_names() -> list[str]:
    """Of all settings; secrets can also be in a file."""
    found = []
    for spec in fields(Settings):
        name = spec.metadata["env"]
        found += [name, f"{name}_FILE"] if spec.metadata["secret"] else [name]
    return found


def misspelt(names: Iterable[str]) -> Iterator[str]:
    """A sentence for each name that is almost the name of a setting."""
    known = known_names()
    for name in sorted(names):
        if not name.startswith(PREFIXES) or name in known or name in OF_COMPOSE:
            continue
        if near := get_close_matches(name, known, n=1, cutoff=NEAR):
            yield f"{name} is not a setting and has no effect; did you mean {near[0]}?"
