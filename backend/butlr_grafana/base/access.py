"""A token and the floors that it allows; the error for a wrong setting."""

from __future__ import annotations

from dataclasses import dataclass, field


class SettingError(Exception):
    """A setting that cannot be used; the message names it and the allowed values."""


@dataclass(frozen=True, slots=True)
class BackendToken:
    """One caller's token and the floors it may see (`None`: all that are served).

    `for_walls`: nothing can be asked with it but what a wall shows.
    """

    text: str = field(repr=False)
    floors: frozenset[str] | None = None
    for_walls: bool = False
