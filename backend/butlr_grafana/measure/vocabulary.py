"""The words that keys and values in a report may have.

They are the words of Butlr's documents, of its captured responses, and ours. A key with any other word may be
the name of a room.
"""

from __future__ import annotations

import re

PARAMETERS = frozenset(
    """
    1 1d 1h 1m 1min 2 5m activity address aggregator all angle answer api area array as avg basic
    battery bottom bounds building buildings by calibrated capacity capitalised cell cells center
    centre change client clone code column comparison config coordinates count country create custom
    data data0 date day days details detection detections direction door down due empty end endpoint
    entrance error errors event every exclusive expected extensions factor field fields filter
    filters first fixed flag flat flipped floor floors form ft2 function grid group headcount health
    heartbeat heat heatic heatmap height hive hives hour http id ids in inclusive incomplete info
    input inside installation installed invalid is item items json key keys kind label labels last
    late left length level limit limited line lines list local locations lower m2 mac map max mean
    measurement measurements median message messages meta metadata mid min mirror mode model motion
    name names net next no none null number occupancy of offset omit on online operation options
    order org organization orientation origin other otherwise out outside page pages parallel path
    percentage physical pir plan plans point points power preprocessed presence previous query range
    ranges rate raw reference refused reporting resolution response result results retry right room
    rooms rotation row rows schema scope secs send sensor sensors serial series site sites size
    space spaces span sqft stability start stats status std stddev stdev stop streaming sum supply
    tag tags time times timestamp timezone to top total totals traffic type typename types
    uninstalled unit unreadable untagged upper upstream url use used user utc v2 v3 v4 value values
    version wall webhook webhooks width window windows wired world x y zone zones
    """.split()  # noqa: SIM905  # a list to read
)

SHOWN_VALUES = frozenset(
    {"measurement", "field", "mode", "unit", "power_type", "installation_status", "type"}
)
"""Keys whose values are words of Butlr's, and tell a form."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9]+(?:[_.][A-Za-z0-9]+)*")
_PARTS = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z0-9]+|[A-Z]|[0-9]+")
LONGEST = 60


def is_safe(word: str) -> bool:
    """Whether a key or a text of Butlr has known words only: `room_id`, `floorNumber`, `min_x`."""
    word = word.removeprefix("__")
    if not _IDENTIFIER.fullmatch(word) or len(word) > LONGEST:
        return False
    pieces = re.split(r"[_.]", word)
    parts = [part.lower() for piece in pieces for part in _PARTS.findall(piece)]
    return "".join(parts) == "".join(pieces).lower() and all(part in PARAMETERS for part in parts)
