"""What Grafana's transformations call a field: the title that the backend's frames give it.

They look fields up by what a person sees, so sorting and filtering need the titles when a page is built.
"""

from __future__ import annotations

from butlr_grafana.present.frames.columns import column
from butlr_grafana.present.frames.notices import QUANTITIES

DETECTIONS = QUANTITIES["none"].title
"""The value of a heat map that is not normalised."""


def title(target: str, field: str) -> str:
    """The title of a tabular target's column."""
    return column(target, field).title
