"""One request under one deadline: last-good results, response cache, event log, our own metrics."""
