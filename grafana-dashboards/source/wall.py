"""*Wall*: one floor, made for a screen that is looked at from four metres away, for months."""

from __future__ import annotations

from source import variables
from source.house import Json
from source.page import page
from source.panels.charts import wall
from source.panels.parts import Frame, Place
from source.sources import Source

UID = "butlr-wall"
HIDDEN = 2
"""Grafana's number for a variable that no page shows."""

TEXT = """\
Where people have been since midnight, and how many are here now. If no response arrives, the last good \
picture stays in grey, with its time. The panel recovers by itself."""


def dashboard(source: Source) -> Json:
    """In kiosk it is the panel alone; `butlr-grafana wall` makes a copy for each floor and a playlist."""
    built = page(
        source,
        UID,
        "Wall",
        "One floor for a large screen: add ?kiosk&autofitpanels, or use a playlist of butlr-grafana wall",
        variables=[variables.floor(source)],
        panels=[wall(source, Frame("", TEXT, Place(0, 0, 24, 18)))],
        since="now/d",
    )
    for variable in built["templating"]["list"]:
        # A kiosk shows the variables that are not hidden; on a screen nobody chooses a data source.
        if variable["type"] == "datasource":
            variable["hide"] = HIDDEN
    return {
        **built,
        "refresh": "1m",
        "timepicker": {"hidden": True},
        "links": [],
    }
