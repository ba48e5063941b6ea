"""Pure functions over maps and series: hot zones, comparisons, utilization, patterns."""
