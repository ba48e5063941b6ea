"""Business Charts (ECharts with ECharts-GL) for everything that Grafana's own panels cannot draw. The scripts
are in `scripts/`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from dashboards.panels.parts import ONLY_FRAMES_WITH_FIELDS, Frame, Query, only, panel
from dashboards.sources import Source, through_grafana
from dashboards.style import FREE_COLOUR, TAKEN, UNKNOWN, Json

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"

WIDEST_PICTURE_PX, WIDEST_FILM_PX = 2400, 1200
"""A film with many windows would take the backend seconds at the size of a picture."""


def script(*names: str, **texts: str) -> str:
    """Joins scripts. `__NAME__` in them is replaced by the text with that name."""
    code = "\n".join((SCRIPTS / f"{name}.js").read_text("utf-8") for name in names)
    for name, text in texts.items():
        code = code.replace(f"__{name.upper()}__", text)
    return code


def week(source: Source, frame: Frame) -> Json:
    """A table of weekdays and hours from rows of a `pattern`, with the busiest hour as text. Grafana's own
    Heatmap panel labels an hour by its end.
    """
    return _chart(source, frame, script("zone", "week"))


def by_day(source: Source, frame: Frame, field: str, unit: str) -> Json:
    """Bars by day, from series in windows of a day. Each floor has its own calendar."""
    return _chart(source, frame, script("days", field=field, unit=unit))


def presence_strips(source: Source, frame: Frame) -> Json:
    """One row for each room, and one box for each window by the floor's clock, with the colour scale.
    Grafana's own Status history panel has no colour scale.
    """
    return _chart(source, frame, script("zone", "strips"))


def picture(source: Source, frame: Frame, query: Query, alternative: str, field: str) -> Json:
    """A picture that the backend draws. The panel's own query is for its notices: what is missing, and that
    people are simulated. Only one `field` of its result is used. When it arrives, the picture loads again.
    """
    address = _address(source, query, "png")
    code = script(
        "zone",
        "fetched",
        "picture",
        address=address,
        widest=str(WIDEST_PICTURE_PX),
        alternative=alternative,
    )
    return _redrawn(_chart(source, frame, f"{code}\nreturn picture();\n", field), address)


def styled_picture(source: Source, frame: Frame, query: Query, alternative: str) -> Json:
    """A floor's heat map in the style of the variable `look`. The panel's own query has the cells of the 3D
    surface, and the notices of all styles. No style has calls of its own, so each costs the same.
    """
    address = _address(source, query, "png")
    texts = {"address": address, "widest": str(WIDEST_PICTURE_PX), "alternative": alternative}
    drawn = script("zone", "fetched", "picture", **texts)
    landscape = f"function surface() {{\n{script('surface')}}}\n"
    chart = _chart(source, frame, f"{drawn}\n{landscape}\n{script('styled_picture')}")
    return _redrawn(chart, address)


def film(source: Source, frame: Frame, query: Query, field: str) -> Json:
    """An animation from the backend that can be paused and stepped. `field`: as for `picture`."""
    address = _address(source, query, "webp")
    code = script("zone", "fetched", "film", address=address, widest=str(WIDEST_FILM_PX))
    return _redrawn(_chart(source, frame, code, field), address)


def wall(source: Source, frame: Frame) -> Json:
    """A floor that fills the screen."""
    return _screen(source, frame, script("screen", "wall"))


def free_rooms(source: Source, frame: Frame) -> Json:
    """A list of rooms; each has its state as a word on a colour."""
    colours = {"free": FREE_COLOUR, "occupied": TAKEN, "unknown": UNKNOWN}
    return _screen(source, frame, script("screen", "free", **colours))


def _screen(source: Source, frame: Frame, code: str) -> Json:
    """A panel whose script sends requests. The query is Grafana's own: it tells the script when to do so."""
    tick = {"type": "grafana", "uid": "grafana"}
    chart = {
        **_chart(source, replace(frame, queries=()), code),
        "datasource": tick,
        "targets": [{"refId": "A", "datasource": tick, "queryType": "randomWalk"}],
        "transformations": [],
        "transparent": True,
    }
    return _redrawn(chart, " ".join(re.findall(r"replaceVariables\('([^']*)'\)", code)))


def _address(source: Source, query: Query, form: str) -> str:
    """Without the time range, which the script takes from the panel's data."""
    return through_grafana(source, query.target, {**query.parameters, "format": form}, period={})


def _redrawn(chart: Json, address: str) -> Json:
    """A script runs when Grafana has sent the panel's query again, which it does for each variable in it. So
    the variables of an address are there too, under a key that no data source reads.
    """
    names = dict.fromkeys(re.findall(r"\$\{(\w+)", address))
    *others, query = chart["targets"]
    return {
        **chart,
        "targets": [*others, {**query, "redrawnFor": " ".join(f"${{{name}}}" for name in names)}],
    }


def _chart(source: Source, frame: Frame, code: str, *fields: str) -> Json:
    """`fields`: the fields of the result to use; default: all."""
    options = {
        "renderer": "canvas",
        "map": "none",
        "editorMode": "code",
        "getOption": code,
        "editor": {"format": "auto"},
        "themeEditor": {"name": "default", "config": "{}"},
    }
    transformations = [ONLY_FRAMES_WITH_FIELDS, *([only(*fields)] if fields else [])]
    return panel("volkovlabs-echarts-panel", source, frame, options=options, transformations=transformations)
