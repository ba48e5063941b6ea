"""`POST /api/v3/graphql`: runs documents against `schema.graphql`, with Butlr's kinds of errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Hashable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    parse,
    specified_rules,
    validate,
)

from .forms import Forms
from .messages import Failure, Refusal
from .people import People
from .topology_values import Values
from .webhooks import Subscriptions, resolvers

_CACHE_BYTES = 16_000_000
"""Of responses in memory, for each office. One that is more than a tenth of that is not stored."""
_NOWHERE = "http://nowhere.invalid"
"""Replaces, in cached responses, the address by which a client knows this server."""

_SDL = files(__package__).joinpath("schema.graphql").read_text()


def schema_of(forms: Forms) -> GraphQLSchema:
    """The schema without the fields that this account lacks. Raises `ValueError` for an unknown field."""
    missing = forms.missing_fields | (frozenset() if forms.plan_rotation else {"FloorPlan.rotation"})
    return _without(missing, forms.webhook_inputs, forms.event_names)


_CAMEL = {"http_timeout: Int": "httpTimeout: Int", "api_key: ApiKeyInput": "apiKey: ApiKeyInput"}
"""How the inner names of inputs may be written."""


@lru_cache(maxsize=32)
def _without(names: Collection[str], inputs: str, event_names: str) -> GraphQLSchema:
    text = _SDL.replace("_1MIN", "_1M") if event_names == "1m" else _SDL
    if inputs == "camel":
        head, mark, tail = text.partition("input EndpointConfigInput")
        for snake, camel in _CAMEL.items():
            tail = tail.replace(snake, camel)
        text = head + mark + tail
    schema = build_schema(text)
    for name in sorted(names):
        type_name, _, field = name.partition(".")
        owner = schema.type_map.get(type_name)
        if not isinstance(owner, GraphQLObjectType) or field not in owner.fields:
            raise ValueError(f"missing_fields: {name} is not in the schema")
        del owner.fields[field]
    return schema


def build_response(
    people: People,
    body: Mapping[str, Any],
    now_s: float,
    base_url: str,
    forms: Forms | None = None,
    *,
    subscriptions: Subscriptions | None = None,
) -> Any:
    """Runs a document. Errors are in `errors`, and the status stays 200.

    A document that is not valid has `data: null`. If one field fails, the others are returned: partial `data`
    and `errors`.
    """
    source, variables, operation = (body.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(source, str):
        raise Refusal(400, "query: is not a GraphQL document")
    if not isinstance(variables, dict | None) or not isinstance(operation, str | None):
        raise Refusal(400, "variables must be an object, and operationName a text")
    forms = forms or Forms()
    schema = schema_of(forms)
    document = _document(source, schema, introspection=forms.introspection)
    if not isinstance(document, DocumentNode):
        return document

    def run() -> ExecutionResult:
        values = Values(people, int(now_s), _NOWHERE, forms)
        root = {**values.root(), **resolvers(subscriptions or Subscriptions())}
        return execute_sync(schema, document, root, variable_values=variables, operation_name=operation)

    if variables or (subscriptions and subscriptions.all()) or not _only_reads(document):
        found = _encoded(run())
    else:
        found = _CACHE.of(people, (source, operation, int(now_s), forms), lambda: _encoded(run()))
    here = orjson.dumps(base_url)[1:-1]
    return orjson.loads(found.replace(_NOWHERE.encode(), here))


class _ResponseCache:
    """The newest responses of each office. They only change with the clock and with outages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._responses: WeakKeyDictionary[People, dict[Hashable, bytes]] = WeakKeyDictionary()

    def of(self, people: People, query: Hashable, make: Callable[[], bytes]) -> bytes:
        outages = people.outages
        with self._lock:
            responses = self._responses.setdefault(people, {})
            known = responses.get((query, outages))
        if known is not None:
            return known
        found = make()
        # Outages that begin meanwhile may be in it.
        if len(found) <= _CACHE_BYTES // 10 and people.outages is outages:
            with self._lock:
                responses[query, outages] = found
                while sum(map(len, responses.values())) > _CACHE_BYTES:
                    del responses[next(iter(responses))]
        return found


_CACHE = _ResponseCache()


def _only_reads(document: DocumentNode) -> bool:
    return all(
        part.operation is OperationType.QUERY
        for part in document.definitions
        if isinstance(part, OperationDefinitionNode)
    )


def _encoded(result: ExecutionResult) -> bytes:
    """As JSON."""
    causes = [error.original_error for error in result.errors or ()]
    for cause in causes:
        if isinstance(cause, Refusal):
            raise cause
    errors = {"errors": [_formatted(error) for error in result.errors]} if result.errors else {}
    return orjson.dumps({"data": result.data, **errors})


@lru_cache(maxsize=64)
def _document(source: str, schema: GraphQLSchema, *, introspection: bool) -> DocumentNode | dict[str, Any]:
    """A document that may be run, or else the answer that refuses it."""
    try:
        document = parse(source)
    except GraphQLError as error:
        return _refused([error], "GRAPHQL_PARSE_FAILED")
    closed = () if introspection else (NoSchemaIntrospectionCustomRule,)
    wrong = validate(schema, document, [*specified_rules, *closed])
    return _refused(wrong, "GRAPHQL_VALIDATION_FAILED") if wrong else document


def unauthenticated(message: str) -> Any:
    """The response for an invalid token, with the status 200."""
    return {"data": None, "errors": [{"message": message, "extensions": {"code": "UNAUTHENTICATED"}}]}


def _refused(errors: Collection[GraphQLError], code: str) -> dict[str, Any]:
    """What a document gets that is not run at all."""
    listed = [{"message": error.message, "extensions": {"code": code}} for error in errors]
    return {"data": None, "errors": listed}


def _formatted(error: GraphQLError) -> dict[str, Any]:
    body: dict[str, Any] = {"message": error.message}
    if error.path:
        body["path"] = error.path
    cause = error.original_error
    if isinstance(cause, Failure) and cause.code:
        body["extensions"] = {"code": cause.code}
    elif cause is None:
        body["extensions"] = {"code": "BAD_USER_INPUT"}
    return body
