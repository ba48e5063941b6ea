"""Panels, by what they show: each function takes a data source and a `Frame`, and returns Grafana's JSON."""
