"""`GET /api/v1/openapi.json`, generated from the table of query parameters."""

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
    "400": "A parameter is wrong; the message names it and the allowed values",
    "401": "The token is missing or unknown",
    "403": "The token is for walls and does not allow this request",
    "404": "The target or the floor does not exist",
    "405": "The method is not allowed; the message and the header `Allow` name the allowed ones",
    "413": "The body is larger than 256 KB",
    "414": "The URL is longer than 8,190 characters: send long lists by POST",
    "431": "There are too many headers, or one is too long",
    "500": "An unexpected error of the backend; its log has the details",
    "502": "Butlr cannot be reached or its response cannot be used, and no data are cached",
    "503": "Butlr limits calls, too many calls are waiting, or require=complete and a part is missing",
    "504": "No data have arrived before the deadline",
}
"""The error statuses of our routes. All errors have the same form."""

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
            **{
                path: {"post": _posted(path, *described)}
                for path, described in POSTED.items()
                if path != "/metrics"
            },
            **{
                path: {"get": _get_operation(path, *described)}
                for path, described in GET_ENDPOINTS.items()
                if path != "/metrics"
            },
            "/metrics": {
                "get": _get_operation("/metrics", *GET_ENDPOINTS["/metrics"]),
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
    "/metrics": ("The targets, each with its parameters", ANY_OBJECT, _list(ANY_OBJECT)),
    "/metric-payload-options": (
        "The values of a parameter: floors, rooms, tags or types",
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
        "The values of a variable: buildings, floors, rooms or zones",
        _object("payload", payload=PAYLOAD),
        _list(_object("__text", "__value", __text=TEXT, __value=TEXT)),
    ),
    "/tag-keys": ("The keys of ad-hoc filters", ANY_OBJECT, _list(ANY_OBJECT)),
    "/tag-values": (
        "The values of an ad-hoc filter",
        _object("key", key={"enum": ["room", "tag", "type"]}),
        _list(_object("text", text=TEXT)),
    ),
    "/search": ("The names of the targets, for older clients", ANY_OBJECT, _list(TEXT)),
    "/annotations": (
        "Gaps in the data, and the times in which zones were hot",
        _object("range", range=RANGE, annotation=ANY_OBJECT, payload=PAYLOAD),
        _list(ANY_OBJECT),
    ),
}
"""The JSON data source's routes: what they are for, the body's schema, the answer's."""

GET_ENDPOINTS: dict[str, tuple[str, dict[str, Schema]]] = {
    "/": ("Says that the backend runs; a browser gets a page", {JSON: ANY_OBJECT, "text/html": TEXT}),
    "/api/v1/openapi.json": ("This document", {JSON: ANY_OBJECT}),
    "/healthz": ("The process is up; needs no token", {JSON: ANY_OBJECT}),
    "/readyz": ("The backend can answer; needs no token", {JSON: ANY_OBJECT}),
    "/metrics": ("Metrics for Prometheus", {"text/plain": TEXT}),
    "/webhooks/status": ("What Butlr pushed in the last minutes", {JSON: ANY_OBJECT}),
}


OK = "The response"


def _responses(text: str, content: dict[str, Any]) -> dict[str, Any]:
    """The good answer and all errors."""
    error = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    refused = {status: {"description": text, "content": error} for status, text in ERRORS.items()}
    return {"200": {"description": text, "content": content}, **refused}


def _posted(path: str, summary: str, body: Schema, response: Schema) -> dict[str, Any]:
    return {
        "operationId": f"post_{path.strip('/').replace('-', '_')}",
        "summary": summary,
        "requestBody": {"required": True, "content": {JSON: {"schema": body}}},
        "responses": _responses(OK, {JSON: {"schema": response}}),
    }


def _pushed() -> dict[str, Any]:
    """What Butlr pushes: an event, or a list of them."""
    responses = _responses("", {})
    del responses["200"]
    return {
        "operationId": "receive_webhook",
        "summary": "Receives what Butlr pushes, with a key of BUTLR_WEBHOOK_KEY",
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": {"anyOf": [ANY_OBJECT, _list(ANY_OBJECT)]}}},
        },
        "responses": {"204": {"description": "Received, whatever it contains"}, **responses},
        "security": [{"webhook_key": []}, {"basic": []}],
    }


def _get_operation(path: str, summary: str, content: dict[str, Schema]) -> dict[str, Any]:
    return {
        "operationId": f"get_{path.rpartition('/')[2].partition('.')[0] or 'home'}",
        "summary": summary,
        "responses": _responses(OK, {media: {"schema": schema} for media, schema in content.items()}),
    }


def _by_body(target: Target[Any]) -> dict[str, Any]:
    """The same as by URL, for lists that are too long for a URL."""
    operation = _operation(target)
    listed = operation.pop("parameters")
    properties = {p["name"]: {"description": p["description"], **_in_json(p)} for p in listed}
    return {
        **operation,
        "operationId": f"{target.name}_by_body",
        "requestBody": {"required": True, "content": {JSON: {"schema": _object(**properties)}}},
    }


def _in_json(parameter: dict[str, Any]) -> Schema:
    """A word's value: a list of texts, which are taken as they are, where it may have several."""
    schema: Schema = parameter["schema"]
    known = PARAMETERS.get(parameter["name"])
    return {"anyOf": [schema, _list(TEXT)]} if known and known.many else schema


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
        "responses": _responses(OK, content),
    }


def _parameter(parameter: Parameter, target: Target[Any]) -> dict[str, Any]:
    choices = target.formats if parameter.name == "format" else parameter.choices
    schema: dict[str, Any] = {"type": "string"}
    if choices:
        schema["enum"] = list(choices)
    default = target.formats[0] if parameter.name == "format" else parameter.default
    if default is not None:
        schema["default"] = default
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.name in ("from", "to"),
        "description": parameter.description,
        "schema": schema,
        **({"example": parameter.example} if parameter.example else {}),
    }


REF_ID = {
    "name": "refId",
    "in": "query",
    "required": False,
    "description": "the panel's name for the query; each frame repeats it",
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
