"""*Free rooms*: a page for a screen in a lobby, readable from four metres away."""

from __future__ import annotations

from dashboards import variables
from dashboards.page import screen
from dashboards.panels.charts import free_rooms
from dashboards.panels.parts import Frame, Place
from dashboards.sources import Source
from dashboards.style import Json

UID = "butlr-free-rooms"

TEXT = """\
Which rooms are free now. Free rooms come first, the smallest of them at the top. A room is free if nobody \
was counted in it for five minutes. If no response arrives for three minutes, no room is shown as free. The \
panel recovers by itself."""


def dashboard(source: Source) -> Json:
    """In kiosk mode only the panel is visible. `butlr-grafana wall` adds a copy to its playlist."""
    return screen(
        source,
        UID,
        "Free rooms",
        "Which rooms are free, for a screen: ?kiosk&autofitpanels, or a playlist made by butlr-grafana wall",
        variables=[variables.floors(source), variables.least_capacity(), variables.types(source)],
        panel=free_rooms(source, Frame("", TEXT, Place(0, 0, 24, 18))),
    )
