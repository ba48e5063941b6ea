"""The two data sources of the backend, each with its own form of a query; and Prometheus.

A query is a target of the backend and its parameters (`space`, `resolution`, …); a value may contain Grafana
variables. For Prometheus a query is an expression. Facts are from Infinity 3.11.1 and simPod JSON 0.6.5 on
Grafana 12.3.0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from dashboards.style import IN_MENU, INFINITY_UID, PROMETHEUS_UID, SIMPOD_UID, Json

Parameters = Mapping[str, str]

RULES_REF = "A"
"""What Grafana takes as the input of a rule that is made from a panel."""

INFINITY_TYPE, SIMPOD_TYPE = "yesoreyeram-infinity-datasource", "simpod-json-datasource"

PERIOD: Parameters = {"from": "${__from}", "to": "${__to}"}
"""The dashboard's time range, for questions by URL."""


Columns = Mapping[str, tuple[str, str]]
"""A table's columns by name: the row's key, and Infinity's type (`string`, `number`, `timestamp`)."""

EVENT: Columns = {
    "Time": ("time", "timestamp"),
    "Until": ("timeEnd", "timestamp"),
    "What": ("text", "string"),
    "Tags": ("tags", "string"),
}
"""Of an event, by their titles, which frames have of themselves; the keys are those of an annotation."""


def _chooser(name: str, label: str, kind: str, uid: str, shown: str) -> Json:
    """A dashboard's variable for its data source: any of its kind, ours where it is there.

    The only variable that holds a value: of several data sources of a kind Grafana would take the first.
    Where ours is not there, as where a data source was made by hand, it takes the first all the same.
    """
    return {
        "type": "datasource",
        "name": name,
        "label": label,
        "query": kind,
        "regex": "",
        "current": {"selected": False, "text": shown, "value": uid},
        "multi": False,
        "includeAll": False,
        "hide": IN_MENU,
    }


class DataSource(Protocol):
    """A data source, and how a panel queries it."""

    @property
    def uid(self) -> str:
        """The uid in panels, links and pictures: a variable of the dashboard, or the data source's
        own uid.
        """

    @property
    def variable(self) -> Json:
        """The variable of the dashboard in `uid`."""

    @property
    def suffix(self) -> str:
        """The end of a dashboard's uid, so that one Grafana can have the dashboards of both data sources."""

    @property
    def ref(self) -> Json:
        """The data source in panels and variables."""

    def target(self, name: str, parameters: Parameters, ref: str) -> Json:
        """A panel's query for frames over the dashboard's time range. `ref`: the id of the query in the
        panel.
        """


class Source(DataSource, Protocol):
    """A data source of the backend, and how a variable queries it."""

    def floors(self) -> Json:
        """The query of a variable: floors, with building and name."""

    def rooms(self, space: str) -> Json:
        """The query of a variable: the rooms of a floor."""

    def types(self) -> Json:
        """The query of a variable: the room types on all floors."""

    def events(self, parameters: Parameters) -> Json:
        """The query of an annotation: events with the columns of `EVENT`."""


@dataclass(frozen=True, slots=True)
class Infinity:
    """Infinity. Its URLs are relative to the data source's URL, so dashboards contain no host."""

    uid: str = "${ds}"
    suffix: str = ""

    @property
    def variable(self) -> Json:
        return _chooser("ds", "Data source", INFINITY_TYPE, INFINITY_UID, "Butlr")

    @property
    def ref(self) -> Json:
        return {"type": INFINITY_TYPE, "uid": self.uid}

    def target(self, name: str, parameters: Parameters, ref: str) -> Json:
        """`as-is` takes the response's frames with their meta and notices; only the browser's parser can."""
        # Infinity hands frames on as they come, so the response must contain the query's refId.
        sent = {**parameters, **PERIOD, **({} if ref == "A" else {"refId": ref})}
        query = self._query(name, sent, parser="simple", format_="as-is", columns={})
        return {"refId": ref, "datasource": self.ref, **query}

    def for_rules(self, name: str, parameters: Parameters, columns: Columns) -> Json:
        """A panel's query that is there for alert rules made from the panel.

        Hidden, so a page never asks it. *New alert rule* takes it all the same, and as its input, because
        it is the query A; frames are handed on by a browser, and a rule has none.

        Of now, without a period: Grafana would write the page's into the rule, where it would stay for ever.
        """
        query = self.rows(name, parameters, columns)
        return {"refId": RULES_REF, "datasource": self.ref, "hide": True, **query}

    def floors(self) -> Json:
        return self._choices("spaces", {"level": "floor"})

    def rooms(self, space: str) -> Json:
        return self._choices("spaces", {"level": "room", "space": space})

    def types(self) -> Json:
        return self._choices("room-types", {}, value="type")

    def events(self, parameters: Parameters) -> Json:
        """A table from Grafana's server: frames handed on by the browser's parser mark nothing."""
        query = self.rows("events", {**parameters, **PERIOD}, EVENT)
        return {"refId": "Anno", "datasource": self.ref, **query}

    def _choices(self, target: str, parameters: Parameters, *, value: str = "id") -> Json:
        """By texts that are each of one floor, room or type, as names are not."""
        query = self.rows(target, parameters, {"__text": ("choice", "string"), "__value": (value, "string")})
        return {"refId": "variable", "queryType": "infinity", "infinityQuery": {"refId": "variable", **query}}

    def rows(self, name: str, parameters: Parameters, columns: Columns) -> Json:
        """A table of the result's rows. Grafana's server builds it."""
        sent = {**parameters, "format": "rows"}
        return self._query(name, sent, parser="backend", format_="table", columns=columns)

    def _query(
        self, name: str, parameters: Parameters, *, parser: str, format_: str, columns: Columns
    ) -> Json:
        return {
            "type": "json",
            "source": "url",
            "parser": parser,
            "format": format_,
            "url": f"/api/v1/{name}",
            "url_options": {
                "method": "GET",
                "data": "",
                "params": [{"key": key, "value": value} for key, value in parameters.items()],
            },
            "root_selector": "",
            "columns": [{"text": to, "selector": of, "type": kind} for to, (of, kind) in columns.items()],
            "filters": [],
        }


@dataclass(frozen=True, slots=True)
class SimPod:
    """simPod JSON. Each request contains the time range. `code` keeps payloads as JSON."""

    uid: str = "${ds_json}"
    suffix: str = "-json"

    @property
    def variable(self) -> Json:
        """Not named as Infinity's: links keep variables, and one's data source is none of the other's."""
        return _chooser("ds_json", "Data source", SIMPOD_TYPE, SIMPOD_UID, "Butlr (JSON)")

    @property
    def ref(self) -> Json:
        return {"type": SIMPOD_TYPE, "uid": self.uid}

    def target(self, name: str, parameters: Parameters, ref: str) -> Json:
        """The payload is JSON text: as an object its values would arrive escaped as regular expressions."""
        payload = json.dumps(dict(parameters), indent=2)
        return {
            "refId": ref,
            "datasource": self.ref,
            "editorMode": "code",
            "target": name,
            "payload": payload,
        }

    def floors(self) -> Json:
        return self._choices({"target": "floors"})

    def rooms(self, space: str) -> Json:
        return self._choices({"target": "rooms", "space": space})

    def types(self) -> Json:
        return self._choices({"target": "types"})

    def events(self, parameters: Parameters) -> Json:
        return self.target("events", parameters, "Anno")

    def _choices(self, payload: Parameters) -> Json:
        return {"refId": "variable", "format": "json", "query": json.dumps(dict(payload))}


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The Prometheus that collects the backend's metrics."""

    uid: str = "${prometheus}"
    suffix: str = ""

    @property
    def variable(self) -> Json:
        return _chooser("prometheus", "Data source", "prometheus", PROMETHEUS_UID, "Butlr (Prometheus)")

    @property
    def ref(self) -> Json:
        return {"type": "prometheus", "uid": self.uid}

    def target(self, name: str, parameters: Parameters, ref: str) -> Json:
        """`name` is an expression. Parameters: `legend`, the name of a line, which may contain `{{label}}`;
        `when`: with `now`, the query returns only the current value.
        """
        only_now = parameters.get("when") == "now"
        return {
            "refId": ref,
            "datasource": self.ref,
            "editorMode": "code",
            "expr": name,
            "legendFormat": parameters["legend"],
            "instant": only_now,
            "range": not only_now,
        }


INFINITY: Source = Infinity()
INFINITY_OF_RULES = Infinity(INFINITY_UID)
"""Rules have no variables: the data source as provisioned; `butlr-grafana install` writes another's uid."""

SIMPOD: Source = SimPod()
PROMETHEUS: DataSource = Prometheus()


def through_grafana(source: Source, name: str, parameters: Parameters, period: Parameters = PERIOD) -> str:
    """The backend's response through Grafana's proxy: viewers need neither its address nor its token.

    Without a `/` in front: Grafana's pages have its root as their base, which may be a sub-path of a host.
    """
    query = "&".join(f"{key}={quote(value, safe='${}:_')}" for key, value in {**parameters, **period}.items())
    return f"api/datasources/proxy/uid/{source.uid}/api/v1/{name}?{query}"
