"""Butlr's API: one client for limits, retries and errors; a module for each kind of data."""
