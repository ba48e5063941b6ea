"""How Grafana 12.3 writes alert rules in a provisioning file.

In annotations `{{ .Labels.x }}` and `{{ .Values.A.Value }}` stand for a row's texts and numbers. They are
written without Grafana's `$labels` and `$values`: a dollar in a provisioning file has to be doubled in some
of its versions, and must not be in others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from dashboards import floor
from dashboards.alerting.limits import Limit
from dashboards.sources import INFINITY_OF_RULES, PERIOD, Parameters
from dashboards.style import FOLDER, Json

RUNBOOKS = f"{{{{ externalURL }}}}api/datasources/proxy/uid/{INFINITY_OF_RULES.uid}/runbooks"
"""The address of the runbooks: the backend serves them, through Grafana's proxy."""

KEEP = "KeepLast"
"""Without data, and after an error, an alert keeps its state: it neither fires nor ends."""

GONE_AFTER_S = 24 * 3600
"""In seconds. If a row is missing (one floor may be missing while others are there), its alert keeps its
state for so long.
"""

VALUE, OVER, UNTIL, SINCE = "A", "B", "T", "F"
"""The steps of a rule: the rows, whether a row's value is beyond the limit, up to when it is known (epoch
ms), and an hour before that.
"""


@dataclass(frozen=True, slots=True)
class Page:
    """The dashboard to which an alert links: its module, and the column of the row with the room."""

    of: ModuleType = floor
    room: str | None = None

    @property
    def uid(self) -> str:
        found: str = self.of.UID
        return found


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule over all rows of a target, with one alert per row.

    `labels`: the columns that identify a row. `value`: the column that is compared. `minutes`: the length of
    the queried period. `severity`: how soon somebody should look. `pages_on_error`: the rule fires if the
    query itself fails. `summary`: it is also sent when the alert has ended, so it says the value beside the
    limit, and not that the value is above it.
    """

    uid: str
    title: str
    target: str
    parameters: Parameters
    labels: tuple[str, ...]
    value: str
    limit: Limit
    severity: str
    summary: str
    description: str
    page: Page
    minutes: int = 10
    pages_on_error: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are evaluated together, once per `interval`."""

    name: str
    interval: str
    every_s: int
    rules: tuple[Rule, ...]


def label(name: str) -> str:
    """A text of the alert's row."""
    return f"{{{{ .Labels.{name} }}}}"


def value(form: str = "%.0f") -> str:
    """The compared value, in a Go format."""
    return f'{{{{ printf "{form}" .Values.{VALUE}.Value }}}}'


def percent() -> str:
    """The compared value, a share, in per cent."""
    return f"{{{{ humanizePercentage .Values.{VALUE}.Value }}}}"


def duration() -> str:
    """The compared value, in seconds, as a duration for people."""
    return f"{{{{ humanizeDuration .Values.{VALUE}.Value }}}}"


def document(groups: Sequence[Group]) -> Json:
    return {"apiVersion": 1, "groups": [_group(group) for group in groups]}


def api_groups(groups: Sequence[Group]) -> list[Json]:
    """The same rules for Grafana's HTTP API. The caller adds the folder."""
    return [
        {
            "title": group.name,
            "interval": group.every_s,
            "rules": [_api_rule(rule, group) for rule in group.rules],
        }
        for group in groups
    ]


def _api_rule(rule: Rule, group: Group) -> Json:
    """In the API all names are in camel case."""
    own = _rule(rule, group)
    evaluations = own.pop("missing_series_evals_to_resolve")
    return {**own, "missingSeriesEvalsToResolve": evaluations}


def _group(group: Group) -> Json:
    return {
        "orgId": 1,
        "name": group.name,
        "folder": FOLDER,
        "interval": group.interval,
        "rules": [_rule(rule, group) for rule in group.rules],
    }


def _rule(rule: Rule, group: Group) -> Json:
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": OVER,
        "for": rule.limit.lasts,
        "noDataState": KEEP,
        "execErrState": "Alerting" if rule.pages_on_error else KEEP,
        "missing_series_evals_to_resolve": GONE_AFTER_S // group.every_s,
        "labels": {"product": "butlr", "severity": rule.severity},
        "annotations": _annotations(rule),
        "isPaused": False,
        "data": [
            _rows(rule, VALUE, rule.value),
            _threshold(rule.limit),
            _rows(rule, UNTIL, "as_of_ms"),
            _expression(SINCE, {"type": "math", "expression": f"${{{UNTIL}}} - 3600000"}),
        ],
    }


def _rows(rule: Rule, ref: str, column: str) -> Json:
    """The target's rows; a rule takes one number of each, the texts beside it become the alert's labels."""
    columns = {**{name: (name, "string") for name in rule.labels}, column: (column, "number")}
    query = INFINITY_OF_RULES.rows(rule.target, {**rule.parameters, **PERIOD}, columns)
    return {
        "refId": ref,
        "relativeTimeRange": {"from": rule.minutes * 60, "to": 0},
        "datasourceUid": INFINITY_OF_RULES.uid,
        "model": {"refId": ref, "datasource": INFINITY_OF_RULES.ref, **query},
    }


def _threshold(limit: Limit) -> Json:
    condition = {
        "evaluator": {"type": "gt", "params": [limit.fires_above]},
        "unloadEvaluator": {"type": "lt", "params": [limit.ends_below]},
    }
    return _expression(OVER, {"type": "threshold", "expression": VALUE, "conditions": [condition]})


def _expression(ref: str, model: Json) -> Json:
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": "__expr__",
        "model": {"refId": ref, "datasource": {"type": "__expr__", "uid": "__expr__"}, **model},
    }


def _annotations(rule: Rule) -> Mapping[str, str]:
    """Without `__dashboardUid__`: for it, Grafana adds buttons to its e-mails, larger than our links, which
    open the dashboard without the alert's floor.
    """
    return {
        "summary": rule.summary,
        "description": rule.description,
        "runbook_url": f"{RUNBOOKS}/{rule.uid.removeprefix('butlr-')}",
        **(_links(rule) if "space" in rule.labels else {}),
    }


def _links(rule: Rule) -> Mapping[str, str]:
    """To the rule's page, on the alert's floor, room and hour, and to a picture of the floor's map."""
    since, until = (f'{{{{ printf "%.0f" .Values.{ref}.Value }}}}' for ref in (SINCE, UNTIL))
    space = label("space")
    room = f"&var-room={label(rule.page.room)}" if rule.page.room else ""
    uid = INFINITY_OF_RULES.uid
    proxy = f"api/datasources/proxy/uid/{uid}/api/v1/heatmap"
    # An alert rings at any hour, and pages open with working hours.
    always = "&var-hours=00:00-24:00&var-days=mon-sun"
    # The page of sensors is of several floors.
    floors = "" if rule.page.of is floor else f"&var-floors={space}"
    page = f"d/{rule.page.uid}?var-ds={uid}&var-space={space}{floors}{room}{always}"
    return {
        "dashboard": f"{{{{ externalURL }}}}{page}&from={since}&to={until}",
        "image": f"{{{{ externalURL }}}}{proxy}?space={space}&from={since}&to={until}&format=png",
    }
