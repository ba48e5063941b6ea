"""TV walls through Grafana's API."""
