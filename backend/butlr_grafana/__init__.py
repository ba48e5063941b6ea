"""Butlr heat maps in Grafana: `words → Query → segments → grids → grid → answer`."""

__version__ = "0.1.0"
