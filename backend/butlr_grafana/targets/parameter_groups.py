"""Groups of query parameters that several targets have."""

HEAT_MAP = (
    *("space", "from", "to", "resolution", "columns", "normalize"),
    *("hours", "days", "tz", "holidays", "room", "tag", "type", "require", "unit", "format"),
)
ZONES = tuple(name for name in HEAT_MAP if name != "normalize")
IMAGE = ("width", "theme")
SERIES = (
    *("space", "from", "to", "every", "level", "room", "tag", "type"),
    *("hours", "days", "tz", "holidays", "require", "format"),
)
NOW = ("space", "level", "room", "tag", "type", "require", "max_age", "format")

FRAMES_ROWS_CSV = ("frames", "rows", "csv")

FLOOR = ("space", "floor")
ROOM = ("space", "floor", "room_id", "room")
AGE = ("as_of", "complete", "age_s", "as_of_ms")
LIVE_AGE = ("as_of", "complete", "source", "age_s", "as_of_ms")
"""Of what may be pushed."""
