"""The alert rules' source: `limits` (every threshold), `rules` (what is watched), `form` (how Grafana writes
it). Built into `provisioning/alerting/butlr.yaml`.
"""

from __future__ import annotations

from source.alerting.form import document
from source.alerting.rules import GROUPS
from source.house import Json

ALERTING: Json = document(GROUPS)
"""The rules as Grafana reads them from a provisioning file."""
