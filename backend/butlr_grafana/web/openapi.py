"""`GET /api/v1/openapi.json`, made from the table that parses the words."""

from __future__ import annotations

from typing import Any

from butlr_grafana import __version__
from butlr_grafana.query.parameters import PARAMETERS, Parameter
from butlr_grafana.targets.base import Target
from butlr_grafana.targets.registry import TARGETS

MEDIA = {
    "frames": ("application/json", {"type": "array", "items": {"$ref": "#/components/schemas/Frame"}}),
    "rows": ("application/json", {"type": "array", "items": {"type": "object"}}),
    "matrix": ("application/json", {"type": "array", "items": {"type": "object"}}),
    "csv": ("text/csv", {"type": "string"}),
    "png": ("image/png", {"type": "string", "format": "binary"}),
    "webp": ("image/webp", {"type": "string", "format": "binary"}),
    "geojson": ("application/geo+json", {"type": "object"}),
}

ERRORS = {
    "400": "A word is wrong; the message says which, and what it may be",
    "401": "No token, or not a known one",
    "403": "A wall's token, and a question that no wall asks",
    "404": "No such target or floor",
    "405": "Another method is wanted; the message and the header `Allow` say which",
    "413": "The body is larger than 256 KB",
    "414": "The URL is longer than 8,190 characters: send long lists by POST",
    "431": "There are too many headers, or one is too long",
    "500": "A fault of the backend that nobody foresaw; its log has the details",
    "502": "Butlr cannot be reached or answered nonsense, and nothing is known",
    "503": "Butlr limits calls, too much is being asked, or require=complete and a part is missing",
    "504": "Nothing is known yet when the deadline comes",
}
"""What each of our routes may refuse with, in the one form of errors."""

JSON = "application/json"
Schema = dict[str, Any]


def describe() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Butlr heat maps in Grafana", "version": __version__},
        # Relative to this document, so that it is right behind any prefix.
        "servers": [{"url": "../.."}],
        "paths": {
            **{f"/api/v1/{t.name}": {"get": _operation(t), "post": _by_body(t)} for t in TARGETS.values()},
            **{path: {"post": _posted(path, *said)} for path, said in POSTED.items() if path != "/metrics"},
            **{path: {"get": _got(path, *said)} for path, said in GOT.items() if path != "/metrics"},
            "/metrics": {
                "get": _got("/metrics", *GOT["/metrics"]),
                "post": _posted("/metrics", *POSTED["/metrics"]),
            },
            "/webhooks/butlr": {"post": _pushed()},
        },
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
                "webhook_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
            "schemas": {"Error": _ERROR, "Frame": _FRAME},
        },
        "security": [{"bearer": []}, {"basic": []}, {}],
    }


def _object(*required: str, **properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, **({"required": list(required)} if required else {})}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


TEXT: Schema = {"type": "string"}
ANY_OBJECT: Schema = {"type": "object"}
RANGE = _object(
    "from", "to", **{"from": {"type": ["string", "integer"]}, "to": {"type": ["string", "integer"]}}
)
PAYLOAD: Schema = {"type": ["object", "string", "null"]}
FILTERS = _list(
    _object("key", "value", key=TEXT, operator={"enum": ["=", "=|"]}, value=TEXT, values=_list(TEXT))
)
FRAMES = _list({"$ref": "#/components/schemas/Frame"})

POSTED: dict[str, tuple[str, Schema, Schema]] = {
    "/metrics": ("The targets, each with the form of its words", ANY_OBJECT, _list(ANY_OBJECT)),
    "/metric-payload-options": (
        "What a word of the form may be: floors, rooms or tags",
        _object("name", name={"enum": ["space", "room", "tag", "type"]}, payload=PAYLOAD),
        _list(_object("label", "value", label=TEXT, value=TEXT)),
    ),
    "/query": (
        "Frames for a panel's targets",
        _object(
            "range",
            "targets",
            range=RANGE,
            maxDataPoints={"type": "number"},
            targets={**_list(_object("target", target=TEXT, refId=TEXT, payload=PAYLOAD)), "maxItems": 50},
            adhocFilters=FILTERS,
        ),
        FRAMES,
    ),
    "/variable": (
        "A variable's choices: buildings, floors, rooms or zones",
        _object("payload", payload=PAYLOAD),
        _list(_object("__text", "__value", __text=TEXT, __value=TEXT)),
    ),
    "/tag-keys": ("What ad-hoc filters may filter by", ANY_OBJECT, _list(ANY_OBJECT)),
    "/tag-values": (
        "What an ad-hoc filter may be set to",
        _object("key", key={"enum": ["room", "tag", "type"]}),
        _list(_object("text", text=TEXT)),
    ),
    "/search": ("The targets' names, for older clients", ANY_OBJECT, _list(TEXT)),
    "/annotations": (
        "Gaps in the data, and when zones were hot",
        _object("range", range=RANGE, annotation=ANY_OBJECT, payload=PAYLOAD),
        _list(ANY_OBJECT),
    ),
}
"""The JSON data source's routes: what they are for, the body's schema, the answer's."""

GOT: dict[str, tuple[str, dict[str, Schema]]] = {
    "/": ("That the backend is there; a browser gets a page", {JSON: ANY_OBJECT, "text/html": TEXT}),
    "/api/v1/openapi.json": ("This document", {JSON: ANY_OBJECT}),
    "/healthz": ("The process is up; needs no token", {JSON: ANY_OBJECT}),
    "/readyz": ("Answers can be given; needs no token", {JSON: ANY_OBJECT}),
    "/metrics": ("Figures for Prometheus", {"text/plain": TEXT}),
    "/webhooks/status": ("What Butlr pushed in the last minutes", {JSON: ANY_OBJECT}),
}


def _answers(text: str, content: dict[str, Any]) -> dict[str, Any]:
    """The good answer and all errors."""
    error = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    refused = {status: {"description": said, "content": error} for status, said in ERRORS.items()}
    return {"200": {"description": text, "content": content}, **refused}


def _posted(path: str, summary: str, body: Schema, answer: Schema) -> dict[str, Any]:
    return {
        "operationId": f"post_{path.strip('/').replace('-', '_')}",
        "summary": summary,
        "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
        "responses": _answers("The answer", {JSON: {"schema": answer}}),
    }


def _pushed() -> dict[str, Any]:
    """What Butlr pushes: an event, or a list of them."""
    answers = _answers("", {})
    del answers["200"]
    return {
        "operationId": "receive_webhook",
        "summary": "Takes what Butlr pushes, with a key of BUTLR_WEBHOOK_KEY",
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"anyOf": [ANY_OBJECT, _list(ANY_OBJECT)]}}},
        },
        "responses": {"204": {"description": "Taken, whatever was in it"}, **answers},
        "security": [{"webhook_key": []}, {"basic": []}],
    }


def _got(path: str, summary: str, content: dict[str, Schema]) -> dict[str, Any]:
    return {
        "operationId": f"get_{path.rpartition('/')[2].partition('.')[0] or 'home'}",
        "summary": summary,
        "responses": _answers("The answer", {media: {"schema": schema} for media, schema in content.items()}),
    }


def _by_body(target: Target[Any]) -> dict[str, Any]:
    """The same as by URL, for lists that no URL holds."""
    asked = _operation(target)
    words = {p["name"]: {"description": p["description"], **_in_json(p)} for p in asked.pop("parameters")}
    return {
        **asked,
        "operationId": f"{target.name}_by_body",
        "requestBody": {"required": True, "content": {JSON: {"schema": _object(**words)}}},
    }


def _in_json(parameter: dict[str, Any]) -> Schema:
    """A word's value: a list of texts, which are taken as they are, where it may have several."""
    schema: Schema = parameter["schema"]
    word = PARAMETERS.get(parameter["name"])
    return {"anyOf": [schema, _list(TEXT)]} if word and word.many else schema


def _operation(target: Target[Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name in target.formats:
        media, schema = MEDIA[name]
        forms = content.setdefault(media, {"schema": {"anyOf": []}})["schema"]["anyOf"]
        if schema not in forms:
            forms.append(schema)
    return {
        "operationId": target.name,
        "summary": target.title,
        "description": target.description,
        "parameters": [*(_parameter(PARAMETERS[name], target) for name in target.parameters), REF_ID],
        "responses": _answers("The answer", content),
    }


def _parameter(word: Parameter, target: Target[Any]) -> dict[str, Any]:
    choices = target.formats if word.name == "format" else word.choices
    schema: dict[str, Any] = {"type": "string"}
    if choices:
        schema["enum"] = list(choices)
    default = target.formats[0] if word.name == "format" else word.default
    if default is not None:
        schema["default"] = default
    return {
        "name": word.name,
        "in": "query",
        "required": word.name in ("from", "to"),
        "description": word.description,
        "schema": schema,
        **({"example": word.example} if word.example else {}),
    }


REF_ID = {
    "name": "refId",
    "in": "query",
    "required": False,
    "description": "the panel's name for the query, repeated in each frame",
    "schema": {"type": "string", "default": "A", "pattern": "^[A-Za-z0-9_]{1,20}$"},
}

_ERROR = {
    "type": "object",
    "required": ["message", "error"],
    "properties": {
        "message": {"type": "string"},
        "error": {
            "type": "object",
            "required": ["code", "message", "source"],
            "properties": {
                "code": {"type": "string"},
                "message": {"type": "string"},
                "source": {"enum": ["caller", "backend", "upstream"]},
            },
        },
    },
}

_FRAME = {
    "type": "object",
    "required": ["refId", "name", "meta", "fields"],
    "properties": {
        "refId": {"type": "string"},
        "name": {"type": "string"},
        "meta": {"type": "object"},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "type", "config", "values"],
                "properties": {
                    "name": {"type": "string"},
                    "type": {"enum": ["number", "string", "time"]},
                    "config": {"type": "object"},
                    "labels": {"type": "object"},
                    "values": {"type": "array"},
                },
            },
        },
    },
}
