"""What every other folder may import: no knowledge of Butlr, floors or Grafana."""
