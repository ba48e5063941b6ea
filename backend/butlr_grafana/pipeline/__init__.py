"""The stages of a query: split into calls of at most 7 days, gather, add up, resample."""
