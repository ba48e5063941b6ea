"""What `alert` writes: the rule of docs/alerting-examples/own-rule.yaml for another room or floor, and a
contact point. Pure functions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from butlr_grafana.install.documents import Json, Names, addressed, updated_rule
from butlr_grafana.install.places import Place

EXAMPLE_FILE = "provisioning/http-api/own-rule.json"
"""The example's group of rules, in the form of Grafana's API (`make dashboards`)."""

MOST_TITLE = 190
"""Characters of a rule's title; Grafana takes no more."""

_HIDDEN = "[REDACTED]"
"""What Grafana shows of a contact point's secret. It keeps the secret itself, by the contact point's uid."""


@dataclass(frozen=True, slots=True)
class Limit:
    """More than `people` for `lasts` (a duration such as `10m`)."""

    people: int
    lasts: str

    @property
    def ends_below(self) -> int:
        """A tenth less, at least one person less; so a room near the limit fires only once."""
        return max(self.people - max(self.people // 10, 1), 1)


@dataclass(frozen=True, slots=True)
class Example:
    """The example: the title of its folder, its group, the group's interval, and its rule."""

    folder: str
    group: str
    every_s: int
    rule: Json


def example_in(root: Path) -> Example:
    """`root`: a folder with the same folders as the repository."""
    group = orjson.loads((root / EXAMPLE_FILE).read_bytes())
    [rule] = group["rules"]
    return Example(group["folder"], group["name"], 60 * int(group["interval"].removesuffix("m")), rule)


def uid_of(place: Place, names: Names) -> str:
    """The uid of the place's rule: always the same, so that a second `alert` finds it."""
    digest = hashlib.sha256(f"{place.space} {place.room}".encode()).hexdigest()
    return names.uid(f"our-{digest[:16]}")


def title_of(place: Place) -> str:
    return f"Many people: {place.name}"[:MOST_TITLE]


def rule_for(place: Place, limit: Limit, example: Json, names: Names, *, source: str, root: str) -> Json:
    """The example for this place and limit, without a folder. `source`: the data source's uid. `root`:
    Grafana's address.
    """
    made = addressed(example, names, source, root)
    made["uid"], made["title"], made["for"] = uid_of(place, names), title_of(place), limit.lasts
    made["data"] = [_step(step, place, limit) for step in made["data"]]
    annotations = made["annotations"]
    annotations["summary"] = annotations["summary"].replace("limit is 20.", f"limit is {limit.people}.")
    if not place.room:
        annotations["summary"] = annotations["summary"].replace(
            "{{ .Labels.room }} ({{ .Labels.floor }})", "{{ .Labels.floor }}"
        )
        annotations["dashboard"] = annotations["dashboard"].replace("&var-room={{ .Labels.room_id }}", "")
    return made


def _step(step: Json, place: Place, limit: Limit) -> Json:
    model = dict(step["model"])
    if "url_options" in model:
        own = {"space": place.space, **({"room": place.room} if place.room else {"level": "floor"})}
        others = [one for one in model["url_options"]["params"] if one["key"] not in ("space", "room")]
        parameters = [{"key": key, "value": value} for key, value in own.items()]
        model["url_options"] = {**model["url_options"], "params": [*parameters, *others]}
        if not place.room:
            model["columns"] = [c for c in model["columns"] if c["selector"] not in ("room_id", "room")]
    if "conditions" in model:
        [condition] = model["conditions"]
        evaluators = (("evaluator", limit.people), ("unloadEvaluator", limit.ends_below))
        changed = {name: {**condition[name], "params": [number]} for name, number in evaluators}
        model["conditions"] = [{**condition, **changed}]
    return {**step, "model": model}


def renewed(made: Json, there: Mapping[str, Any], *, given: Collection[str]) -> Json:
    """Our rule with what people have changed in it. `given`: the fields that the command line names; of the
    others, theirs stay.
    """
    wanted = updated_rule(made, there)
    for name in ("title", "notification_settings"):
        if name in given:
            wanted[name] = made[name]
        elif there.get(name):
            wanted[name] = there[name]
    wanted["labels"] = {**made["labels"], **(there.get("labels") or {})}
    return wanted


def email_point(address: str) -> Json:
    """The contact point that sends e-mail to this address and nowhere else."""
    return {"name": f"E-mail to {address}", "type": "email", "settings": {"addresses": address}}


def trial_message(name: str, points: Collection[Mapping[str, Any]], title: str) -> Json:
    """What makes Grafana send a message to a contact point now. `points`: its parts, as Grafana shows them.
    A part may have another name than the contact point.
    """
    parts = [
        {
            "uid": point["uid"],
            "name": point["name"],
            "type": point["type"],
            "disableResolveMessage": point.get("disableResolveMessage", False),
            "settings": _shown(point["settings"]),
        }
        for point in points
    ]
    summary = f"This is a test message of the alert rule '{title}'. Nothing has happened."
    return {
        "alert": {"labels": {"alertname": f"Test: {title}"}, "annotations": {"summary": summary}},
        "receivers": [{"name": name, "grafana_managed_receiver_configs": parts}],
    }


def _shown(settings: Mapping[str, Any]) -> Json:
    """Without secrets: Grafana would take the text that it shows for a new one."""
    return {
        key: _shown(value) if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if value != _HIDDEN
    }


def fault_in(response: Mapping[str, Any]) -> str:
    """Why a test message was not sent; empty if it was."""
    parts = [
        part
        for receiver in response.get("receivers") or []
        for part in receiver.get("grafana_managed_receiver_configs") or []
    ]
    if not parts:
        return str(response.get("message") or "it gives no reason")
    failed = [str(part.get("error") or "it gives no reason") for part in parts if part.get("status") != "ok"]
    return "; ".join(dict.fromkeys(failed))
