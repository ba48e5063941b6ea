"""The alert rules' source: `limits` (every threshold), `rules` (what is watched), `form` (how Grafana writes
it). Built into `provisioning/alerting/butlr.yaml`.
"""

from __future__ import annotations

from dashboards.alerting.form import api_groups, document
from dashboards.alerting.rules import GROUPS
from dashboards.style import Json

ALERTING: Json = document(GROUPS)
"""The rules as Grafana reads them from a provisioning file."""

BY_API = api_groups(GROUPS)
"""The same as its HTTP API takes them, for `butlr-grafana install`."""
