"""The names of the IANA time zones, read once.

Test a name with `in`; never open a file by it: names such as absolute paths or `..` must not reach the file
system.
"""

from __future__ import annotations

from zoneinfo import available_timezones

TIME_ZONES = frozenset(available_timezones())
