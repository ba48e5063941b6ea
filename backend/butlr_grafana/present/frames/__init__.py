"""Results as Grafana data frames, rows, CSV and GeoJSON."""
