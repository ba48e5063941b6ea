"""The account itself: scopes of the credential, the rate limit (U11) and the schema (U13)."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from butlr_grafana.measure.finding import Finding, Number, decided, undecided

SCOPES = ("read:spaces", "read:rooms", "read:sensors", "read:hives")
"""What the credential must be allowed to read."""

SCHEMA_TYPES = ("FloorPlan", "EventType", "WebhookCreateInput", "EndpointConfigInput")
_OF_TYPE = "fields { name type { name kind ofType { name } } } enumValues { name } inputFields { name }"
SCHEMA_QUERY = (
    "{ " + " ".join(f'{name}: __type(name: "{name}") {{ {_OF_TYPE} }}' for name in SCHEMA_TYPES) + " }"
)


def lacking_scopes(text: str) -> tuple[str, ...]:
    """The scopes that the login's `scope` does not name, where it names any of Butlr's."""
    named = set(re.split(r"[\s,]+", text.strip()))
    if not any(scope.startswith("read:") for scope in named):
        return ()
    return tuple(scope for scope in SCOPES if scope not in named)


def rate_limit(headers: Mapping[str, str], calls: int) -> Finding:
    """U11. `headers`: those about a limit in any answer, by their name in lower case."""
    assumed = "Butlr names no rate limit"
    limit = next(
        (headers[name] for name in ("x-ratelimit-limit", "ratelimit-limit") if name in headers), None
    )
    number = re.match(r"\d{1,6}", limit or "")
    numbers: dict[str, Number] = {
        "calls": calls,
        "limit": int(number[0]) if number else None,
        "retry_after": "retry-after" in headers,
    }
    if not headers:
        measured = f"no header about a limit in {calls} responses"
        follows = "the limit is learnt from 429 responses"
        return decided("U11", assumed=assumed, measured=measured, follows=follows, same=True, numbers=numbers)
    names = ", ".join(sorted(headers))
    measured = f"headers {names}" + (f"; {number[0]} calls" if number else "")
    follows = f"set BUTLR_RATE_LIMIT to at most {number[0]}" if number else "Retry-After is obeyed"
    return decided("U11", assumed=assumed, measured=measured, follows=follows, same=False, numbers=numbers)


def schema(document: Any) -> Finding:
    """U13. `document`: the answer to `SCHEMA_QUERY`."""
    assumed = "the schema can be read"
    data = document.get("data") if isinstance(document, dict) else None
    known = {name: _names(data.get(name)) for name in SCHEMA_TYPES} if isinstance(data, dict) else {}
    numbers: dict[str, Number] = {name: len(names) for name, names in known.items()}
    if not any(known.values()):
        return undecided(
            "U13",
            assumed=assumed,
            why="Butlr does not allow this credential to read its schema",
            numbers=numbers,
            follows="no effect on panels; webhooks are written as documented",
        )
    found = ", ".join(f"{name} has {len(names)}" for name, names in known.items() if names)
    missing = [name for name, names in known.items() if not names]
    return decided(
        "U13",
        assumed=assumed,
        measured=found + (f"; no {', '.join(missing)}" if missing else ""),
        follows="no effect on panels",
        same=True,
        numbers=numbers | {"plan_rotation": "rotation" in known.get("FloorPlan", ())},
    )


def _names(type_: object) -> Collection[str]:
    text = type_ if isinstance(type_, dict) else {}
    members = [text.get(key) for key in ("fields", "enumValues", "inputFields")]
    return [
        str(member.get("name"))
        for group in members
        for member in (group if isinstance(group, list) else [])
        if isinstance(member, dict)
    ]
