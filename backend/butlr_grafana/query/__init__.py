"""Query parameters: text becomes a parsed query, then a resolved one."""
