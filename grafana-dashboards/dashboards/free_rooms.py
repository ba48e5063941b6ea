"""*Free rooms*: a board for a lobby's screen, made to be read from four metres."""

from __future__ import annotations

from dashboards import variables
from dashboards.page import screen
from dashboards.panels.charts import free_rooms
from dashboards.panels.parts import Frame, Place
from dashboards.sources import Source
from dashboards.style import Json

UID = "butlr-free-rooms"

TEXT = """\
Which rooms are free now: free ones first, then the smallest. A room is free when nobody was counted in it \
for five minutes. When no answer comes for three minutes, no room is shown as free; the list comes back by \
itself."""


def dashboard(source: Source) -> Json:
    """In kiosk it is the panel alone; `butlr-grafana wall` puts a copy into its playlist."""
    return screen(
        source,
        UID,
        "Free rooms",
        "Which rooms are free, for a screen: ?kiosk&autofitpanels, or a playlist made by butlr-grafana wall",
        variables=[variables.floors(source), variables.least_capacity(), variables.types(source)],
        panel=free_rooms(source, Frame("", TEXT, Place(0, 0, 24, 18))),
    )
