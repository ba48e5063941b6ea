"""A token and the floors that it allows; the errors for a wrong setting and of commands."""

from __future__ import annotations

from dataclasses import dataclass, field


class CommandError(Exception):
    """A command cannot do its work; the message says why, to the person who runs it."""


class SettingError(CommandError):
    """A setting that cannot be used; the message names it and the allowed values."""


@dataclass(frozen=True, slots=True)
class BackendToken:
    """One caller's token and the floors that the caller may see (`None`: all floors that are served).

    `for_walls`: the token allows only the requests of a TV wall.
    """

    text: str = field(repr=False)
    floors: frozenset[str] | None = None
    for_walls: bool = False
