"""`GET /api/v1/openapi.json`, made from the table that parses the words."""

from __future__ import annotations

from typing import Any

from butlr_grafana import __version__
from butlr_grafana.targets import TARGETS, Target
from butlr_grafana.words import WORDS, Word

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
    "404": "No such target or floor",
    "502": "Butlr cannot be reached or answered nonsense, and nothing is known",
    "503": "Butlr limits calls, or require=complete and a part is missing",
    "504": "Nothing is known yet when the deadline comes",
}


def describe() -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Butlr heat maps in Grafana", "version": __version__},
        "paths": {f"/api/v1/{t.name}": {"get": _operation(t)} for t in TARGETS.values()},
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
            "schemas": {"Error": _ERROR, "Frame": _FRAME},
        },
        "security": [{"bearer": []}, {"basic": []}, {}],
    }


def _operation(target: Target) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for name in target.formats:
        media, schema = MEDIA[name]
        forms = content.setdefault(media, {"schema": {"anyOf": []}})["schema"]["anyOf"]
        if schema not in forms:
            forms.append(schema)
    refused = {
        status: {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
        }
        for status, text in ERRORS.items()
    }
    return {
        "operationId": target.name,
        "summary": target.title,
        "description": target.description,
        "parameters": [*(_parameter(WORDS[name], target) for name in target.words), REF_ID],
        "responses": {"200": {"description": "The answer", "content": content}, **refused},
    }


def _parameter(word: Word, target: Target) -> dict[str, Any]:
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
