"""Butlr heat maps in Grafana: `parameters → ParsedQuery → Scope → chunks → result → response`."""

__version__ = "0.1.0"
