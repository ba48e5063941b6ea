"""The simulator's office under other names: every name, id and address is one that is found nowhere else."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any

from butlr_grafana.simulator.world import Office

_ID = re.compile(r"(site|building|space|room|zone|sensor|hive|tag|org)_(.+)")
_LETTERS = "bcdfghjklmnpqrstvwxz"

IDS = {"id", "floor_id", "room_id", "zone_id", "twin_id", "org_id", "listed_twice"}
NAMES = {"name", "tags", "unused_tags", "tag"}
NUMBERS = {"serial_number", "hive_serial"}


def _letters(text: str, length: int) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest * 2)[:length]


TAILS: dict[str, Callable[[str], str]] = {
    # Tails as Butlr has them: 27 letters and digits, 24 in lower case, a UUID.
    "long": lambda text: f"2{_letters(text, 20).title()}{_letters(text + 'x', 6).upper()}",
    "lower": lambda text: _letters(text, 24),
    "uuid": lambda text: str(uuid.uuid5(uuid.NAMESPACE_URL, text)),
}


@dataclass
class Disguise:
    """`kind`: a key of `TAILS`; `word`: begins every name. `texts`: all that must not be found."""

    kind: str
    word: str
    texts: set[str] = field(default_factory=set)

    def office(self, office: Office) -> Office:
        dressed: Office = self._dressed(office)
        return dressed

    def _dressed(self, value: Any) -> Any:
        if not is_dataclass(value) or isinstance(value, type):
            return value
        changed = {f.name: self._field(f.name, getattr(value, f.name)) for f in fields(value)}
        return replace(value, **changed)

    def _field(self, name: str, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(self._field(name, one) for one in value)
        if is_dataclass(value):
            return self._dressed(value)
        if not isinstance(value, str) or not value:
            return value
        if name in IDS:
            return self._id(value)
        if name in NAMES:
            return self._reported(f"{self.word} {_letters(self.word + value, 9).title()}")
        if name in NUMBERS:
            return self._reported(_letters(self.word + value, 12).upper())
        return self._mac(value) if name == "mac_address" else value

    def _id(self, value: str) -> str:
        match = _ID.fullmatch(value)
        assert match is not None, value
        return f"{match[1]}_{self._reported(TAILS[self.kind](self.word + match[2]))}"

    def _mac(self, value: str) -> str:
        """The same device, and the same kind of copy of it."""
        head, _, tail = value.partition("-ke-") if value.startswith("fa-ke-") else ("", "", value)
        if value.startswith("mi-rr-or-"):
            return f"mi-rr-or-{self._mac(value.removeprefix('mi-rr-or-'))}"
        octets = tail.split("-") if "-" in tail else tail.split(":")
        made = [
            f"{int(octet, 16) ^ 0xA5:02x}" if re.fullmatch("[0-9a-fA-F]{2}", octet) else octet
            for octet in octets
        ]
        mac = self._reported("-".join(made))
        return f"fa-ke-{mac}" if head else mac

    def _reported(self, text: str) -> str:
        self.texts.add(text)
        return text
