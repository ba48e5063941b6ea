"""What all dashboards share: uids, units, colours, thresholds, texts."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

INFINITY_UID, SIMPOD_UID, PROMETHEUS_UID = "butlr", "butlr-json", "butlr-prometheus"
"""Data sources, as provisioned; alert rules count on these, dashboards' variables begin with them."""

HIDDEN = 2
"""Grafana's number for a variable that no page shows."""

IN_MENU = 3
"""Grafana's number for a variable that few change: (from 12.3) in the menu beside the others."""

FOLDER = "Butlr alerts"
"""Of the alert rules. Grafana makes it by its name, before those of dashboards: two would be named alike."""

TAG, TAG_JSON = "butlr", "butlr-json"
"""The tag of the dashboards of one data source."""

TAG_MENU = "butlr-menu"
"""The tag of the dashboards in the menu *Pages*: all but those that have a link of their own."""

REFRESH, SINCE, UNTIL = "5m", "now-7d", "now"
SCHEMA_VERSION = 42

SQUARE_METRES, COUNT = "areaM2", "locale"
MOMENT = "time:D MMM HH:mm"
METRES, HOURS = "suffix:m", "suffix:h"
"""As they are: Grafana's own units would write 0.75 m as 750 mm, and 168 h as 1 week."""

CALM, GOOD, WARNING, BAD, COOL = "text", "green", "orange", "red", "blue"
"""Colours by Grafana's names, so that each theme shows its own shade."""

FREE_COLOUR, TAKEN, UNKNOWN = "#1a7f37", "#b42318", "#5c6370"
"""Behind white words, which stand out from each by at least 4.5 to 1; beside them the words are the same for
those who tell no red from green.
"""

UNDERUSED = "purple"
"""No warning: a room that few use is none. One colour for it on all pages."""

HEAT: Json = {
    "mode": "scheme",
    "scheme": "Plasma",
    "fill": "dark-orange",
    "scale": "exponential",
    "exponent": 0.5,
    "steps": 64,
    "reverse": False,
    "min": 0,
}
"""More is further from the background: Grafana turns this scheme round on the light theme.

Its lightness grows evenly, so that colour-blind people and grey prints read it too. It begins with a blue
that stands out from a dark panel: Inferno's black cells read as holes. The square-root scale is that of the
backend's picture: a few desks in use all day would leave the rest in one colour.
"""


def steps(*limits: tuple[float | None, str]) -> Json:
    """Thresholds: a colour from each limit upwards. The first limit is `None`."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in limits]}
