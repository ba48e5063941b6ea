"""What can happen to a body on its way: bits flipped, pieces lost or doubled, values of another kind."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

ODD = (
    *("null", "true", "false", "0", "-1", "-0.0", "1e308", "-1e308", "1e400", "1e-400", "9" * 25, "9" * 400),
    *("18446744073709551616", "-9223372036854775809", "0.1", "NaN", "Infinity", "1.", "01", "+1", "0x10"),
    *(
        '""',
        '"1"',
        '"\\ud800"',
        '"\\u0000"',
        '"\\r\\nX: y"',
        '"' + "x" * 5000 + '"',
        '"2026-06-10T10:00:00Z"',
    ),
    *('"9999-12-31T23:59:59-23:59"', '"0001-01-01T00:00:00+23:59"', '"\u2028<script>\'"', '"__proto__"'),
    *(
        "[]",
        "{}",
        "[[]]",
        "[null]",
        "[[0,0],[4,0],[4,3]]",
        "[[0,0],[0,0],[0,0]]",
        '{"max": 1e300, "mid": -5}',
    ),
    *("[" * 900 + "]" * 900, "[" * 5000 + "]" * 5000, '{"a":' * 900 + "1" + "}" * 900),
)
"""Values as they would be written, some of them no JSON."""

MARK = "\u0001mark"


def mangled(body: bytes, chance: Random) -> bytes:
    """Another body, made of this one by one to four changes."""
    for _ in range(chance.randint(1, 4)):
        body = chance.choice((*BYTES, *VALUES, *VALUES))(body, chance)
    return body


def _flipped(body: bytes, chance: Random) -> bytes:
    changed = bytearray(body)
    for _ in range(chance.randint(1, 8)):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(body: bytes, chance: Random) -> bytes:
    return body[: chance.randint(0, len(body))]


def _without(body: bytes, chance: Random) -> bytes:
    start, end = sorted(chance.randint(0, len(body)) for _ in range(2))
    return body[:start] + body[min(end, start + 200) :]


def _doubled(body: bytes, chance: Random) -> bytes:
    start, end = sorted(chance.randint(0, len(body)) for _ in range(2))
    return body[:end] + body[max(start, end - 200) :]


def _strewn(body: bytes, chance: Random) -> bytes:
    at = chance.randint(0, len(body))
    return body[:at] + bytes(chance.randrange(256) for _ in range(chance.randint(1, 9))) + body[at:]


BYTES = (_flipped, _cut, _without, _doubled, _strewn)


def _odd_value(body: bytes, chance: Random) -> bytes:
    return _changed(body, chance, lambda holder, key: holder.__setitem__(key, MARK))


def _lost(body: bytes, chance: Random) -> bytes:
    return _changed(body, chance, lambda holder, key: holder.__delitem__(key))


def _renamed(body: bytes, chance: Random) -> bytes:
    def rename(holder: Any, key: Any) -> None:
        if isinstance(holder, dict):
            holder[chance.choice(("x", "", "data", "array_cells", "id", "time", key + "s"))] = holder.pop(key)

    return _changed(body, chance, rename)


def _repeated(body: bytes, chance: Random) -> bytes:
    """A list's item, or an object's key, twice."""

    def repeat(holder: Any, key: Any) -> None:
        if isinstance(holder, list):
            holder.insert(key, holder[key])
        else:
            holder[f"{MARK}{key}"] = holder[key]

    return _changed(body, chance, repeat).replace(json.dumps(MARK)[1:-1].encode(), b"")


def _moved(body: bytes, chance: Random) -> bytes:
    """A value inside another: one level more, or a text of a number."""
    wrap = chance.choice((lambda v: [v], lambda v: {"data": v}, str, lambda v: [v, v]))
    return _changed(body, chance, lambda holder, key: holder.__setitem__(key, wrap(holder[key])))


VALUES = (_odd_value, _odd_value, _lost, _renamed, _repeated, _moved)


def _changed(body: bytes, chance: Random, change: Any) -> bytes:
    """With one value of the document changed; as it is where it is no document any more."""
    try:
        root = [json.loads(body)]
    except (ValueError, RecursionError):
        return body
    change(*_somewhere(root, chance))
    if not root:
        return b""
    try:
        text = json.dumps(root[0], ensure_ascii=True)
    except RecursionError:  # one level more than could be read
        return body
    while (written := json.dumps(MARK)) in text:
        text = text.replace(written, chance.choice(ODD), 1)
    return text.encode("utf-8", "surrogatepass")


def _somewhere(root: list[Any], chance: Random) -> tuple[Any, Any]:
    """A list or an object, and an index or a key in it: of all there are, or on one way down, where the few
    values near the top come as often as the many at the bottom.
    """
    if chance.random() < 0.5:
        return chance.choice(list(_places(root)))
    holder: Any = root
    key: Any = 0
    depth = chance.randint(0, 14)
    while depth and isinstance(holder[key], dict | list) and holder[key]:
        holder, depth = holder[key], depth - 1
        key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    return holder, key


def _places(root: Any) -> Iterator[tuple[Any, Any]]:
    """From the top down. A document may be nested deeper than Python calls itself."""
    holders = [root]
    while holders:
        holder = holders.pop()
        if isinstance(holder, dict | list):
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            for key in keys:
                yield holder, key
            holders += [holder[key] for key in keys]
