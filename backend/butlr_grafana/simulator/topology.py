"""`POST /api/v3/graphql`: documents run against `schema.graphql`, with Butlr's kinds of errors."""

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

_KEPT_BYTES = 16_000_000
"""Of answers in memory, for each office; one that is more than a tenth of that is not kept."""
_NOWHERE = "http://nowhere.invalid"
"""Stands in kept answers for the address that a client knows this server by."""

_SDL = files(__package__).joinpath("schema.graphql").read_text()


def schema_of(forms: Forms) -> GraphQLSchema:
    """The schema less what this account's lacks; a name that is not in it is a ValueError."""
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


def answer(
    people: People,
    body: Mapping[str, Any],
    now_s: float,
    base_url: str,
    forms: Forms | None = None,
    *,
    subscriptions: Subscriptions | None = None,
) -> Any:
    """Runs a document; what it gets wrong is in `errors`, and the status stays 200.

    A refused document has `data: null`. A field that fails leaves the others: partial `data` beside `errors`.
    """
    source, variables, operation = (body.get(key) for key in ("query", "variables", "operationName"))
    if not isinstance(source, str):
        raise Refusal(400, "query: a GraphQL document")
    if not isinstance(variables, dict | None) or not isinstance(operation, str | None):
        raise Refusal(400, "variables: an object; operationName: a string")
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
        found = _told(run())
    else:
        found = _KEPT.of(people, (source, operation, int(now_s), forms), lambda: _told(run()))
    here = orjson.dumps(base_url)[1:-1]
    return orjson.loads(found.replace(_NOWHERE.encode(), here))


class _Kept:
    """The newest answers of each office. They only change with the clock and with outages."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: WeakKeyDictionary[People, dict[Hashable, bytes]] = WeakKeyDictionary()

    def of(self, people: People, question: Hashable, make: Callable[[], bytes]) -> bytes:
        outages = people.outages
        with self._lock:
            answers = self._answers.setdefault(people, {})
            known = answers.get((question, outages))
        if known is not None:
            return known
        found = make()
        # Outages that begin meanwhile may be in it.
        if len(found) <= _KEPT_BYTES // 10 and people.outages is outages:
            with self._lock:
                answers[question, outages] = found
                while sum(map(len, answers.values())) > _KEPT_BYTES:
                    del answers[next(iter(answers))]
        return found


_KEPT = _Kept()


def _only_reads(document: DocumentNode) -> bool:
    return all(
        part.operation is OperationType.QUERY
        for part in document.definitions
        if isinstance(part, OperationDefinitionNode)
    )


def _told(result: ExecutionResult) -> bytes:
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
    """What a dead token gets, with the status 200."""
    return {"data": None, "errors": [{"message": message, "extensions": {"code": "UNAUTHENTICATED"}}]}


def _refused(errors: Collection[GraphQLError], code: str) -> dict[str, Any]:
    """What a document gets that is not run at all."""
    told = [{"message": error.message, "extensions": {"code": code}} for error in errors]
    return {"data": None, "errors": told}


def _formatted(error: GraphQLError) -> dict[str, Any]:
    told: dict[str, Any] = {"message": error.message}
    if error.path:
        told["path"] = error.path
    cause = error.original_error
    if isinstance(cause, Failure) and cause.code:
        told["extensions"] = {"code": cause.code}
    elif cause is None:
        told["extensions"] = {"code": "BAD_USER_INPUT"}
    return told
