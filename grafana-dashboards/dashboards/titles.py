"""What Grafana's transformations call a field: the title that the backend's frames give it.

They look fields up by what a person sees, so sorting and filtering need the titles when a page is built.
"""

from __future__ import annotations

from butlr_grafana.present.frames.notices import QUANTITIES
from butlr_grafana.targets.base import TableTarget
from butlr_grafana.targets.columns import COLUMNS
from butlr_grafana.targets.registry import TARGETS

DETECTIONS = QUANTITIES["none"].title
"""The title of a heat map's value without normalising."""


def title(table: str, field: str) -> str:
    """The title of a column of a tabular target. `table`: the target; for `pattern` with its metric."""
    target = TARGETS[table.split("/", maxsplit=1)[0]]
    assert isinstance(target, TableTarget), table
    return (target.own_columns(table).get(field) or COLUMNS[field]).title
