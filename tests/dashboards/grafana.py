"""What Grafana makes of a dashboard's query before it is sent: variables filled in, the plugin's shape."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

Json = dict[str, Any]
Value = str | list[str]
Values = Mapping[str, Value]

REFERENCE = re.compile(r"\$\{(\w+)(?::(\w+)(?::([\w-]+))?)?\}|\$([A-Za-z_]\w*)")
"""Name, format and the format's argument, or a bare name. `$1` and the like are groups of a regular
expression.
"""


def references(document: object) -> set[str]:
    """Names of the variables that a document uses, Grafana's own (`__from`, …) included."""
    return {found[0] or found[3] for text in _texts(document) for found in REFERENCE.findall(text)}


def _texts(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, Mapping):
        for value in document.values():
            yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)


def fill(text: str, values: Values, default: str = "glob") -> str:
    """A text with its variables, in the format that each asks for or else in the plugin's."""

    def value_of(found: re.Match[str]) -> str:
        if found[2] == "queryparam":
            # Of a hidden variable without a value, nothing.
            return _in_address(f"var-{found[1]}", values.get(found[1], []))
        if found[2] == "customqueryparam":
            # Of all values, Grafana (scenes 6.45) writes what the variable sends for them, without a name.
            value = values[found[1]]
            return "All" if value == "All" else _in_address(found[3], value)
        return _formatted(values[found[1] or found[4]], found[2] or default)

    return REFERENCE.sub(value_of, text)


def _in_address(name: str, value: Value) -> str:
    return urlencode([(name, one) for one in ([value] if isinstance(value, str) else value)])


def _formatted(value: Value, form: str) -> str:
    if form == "json":
        return json.dumps(value)
    if isinstance(value, str):
        return value
    return ",".join(value) if form == "csv" or len(value) == 1 else "{" + ",".join(value) + "}"


def shown(panel: Json, frames: list[Json]) -> list[Json]:
    """The frames as the panel's `filterFieldsByName` leave them, those for one query only included."""
    for step in panel["transformations"]:
        if step["id"] != "filterFieldsByName":
            continue
        only_ref = step.get("filter", {}).get("options")
        include = step["options"]["include"]
        frames = [
            frame
            if only_ref not in (None, frame["refId"])
            else {**frame, "fields": [f for f in frame["fields"] if _included(f["name"], include)]}
            for frame in frames
        ]
    return frames


def _included(name: str, include: Json) -> bool:
    return name in include["names"] if "names" in include else bool(re.search(include["pattern"], name))


def file_links(panel: Json) -> list[Json]:
    """The links in a panel's header that lead to files; the others lead to pages."""
    return [link for link in panel["links"] if not link["url"].startswith("d/")]


def drawn(panel: Json) -> list[str]:
    """What a panel's script asks the backend for, from Grafana's root, with the variables in it."""
    return re.findall(r"replaceVariables\('(api/[^']+[^'/])'\)", panel["options"].get("getOption", ""))


def infinity_request(query: Json, values: Values) -> str:
    """The path and query that Infinity asks the backend for."""
    params = {p["key"]: fill(p["value"], values) for p in query["url_options"]["params"]}
    return f"{query['url']}?{urlencode(params)}"


def simpod_payload(payload: str, values: Values) -> Json:
    """The payload in `code` mode: variables as JSON, the quotes of a text being those around its name."""

    def value_of(found: re.Match[str]) -> str:
        text = fill(found[0], values, "json")
        return str(json.loads(text)) if text.startswith('"') else text

    document: Json = json.loads(REFERENCE.sub(value_of, payload))
    return document
