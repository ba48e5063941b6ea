"""The names of the IANA time zones, read once.

To be asked by membership, never by opening: odd names (absolute paths, `..`) must not reach the file system.
"""

from __future__ import annotations

from zoneinfo import available_timezones

TIME_ZONES = frozenset(available_timezones())
