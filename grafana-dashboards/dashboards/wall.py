"""*Wall*: one floor, for a large screen that runs for months."""

from __future__ import annotations

from dashboards import variables
from dashboards.page import screen
from dashboards.panels.charts import wall
from dashboards.panels.parts import Frame, Place
from dashboards.sources import Source
from dashboards.style import Json

UID = "butlr-wall"

TEXT = """\
Where people have been since midnight, and how many are here now. If no response arrives, the last good \
picture stays in grey, with its time. The panel recovers by itself."""


def dashboard(source: Source) -> Json:
    """In kiosk mode only the panel is visible. `butlr-grafana wall` creates a copy for each floor, and a
    playlist.
    """
    return screen(
        source,
        UID,
        "Wall",
        "One floor for a large screen: add ?kiosk&autofitpanels, or use a playlist of butlr-grafana wall",
        variables=[variables.floor(source)],
        panel=wall(source, Frame("", TEXT, Place(0, 0, 24, 18))),
    )
