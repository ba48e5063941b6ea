"""Frozen values, geometry, calendar and privacy: no I/O, no clock."""
