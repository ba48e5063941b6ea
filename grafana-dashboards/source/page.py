"""A dashboard around its panels, and links."""

from __future__ import annotations

from collections.abc import Sequence

from source.house import REFRESH, SCHEMA_VERSION, SINCE, TAGS, UNTIL, Json


def page(
    uid: str,
    title: str,
    description: str,
    *,
    variables: Sequence[Json],
    panels: Sequence[Json],
) -> Json:
    """`panels` get their ids by their order. The cursor is each panel's own: axes are metres, not time."""
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": list(TAGS),
        "schemaVersion": SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 0,
        "timezone": "browser",
        "time": {"from": SINCE, "to": UNTIL},
        "timepicker": {},
        "refresh": REFRESH,
        "annotations": {"list": []},
        "templating": {"list": list(variables)},
        "links": [],
        "panels": [{"id": number, **panel} for number, panel in enumerate(panels, start=1)],
    }


def panel_link(title: str, url: str) -> Json:
    """A link in a panel's head, in a new tab; `url` holds the variables that it needs."""
    return {"title": title, "url": url, "targetBlank": True}
