"""Butlr's webhook subscriptions: listed, created, updated and deleted through its GraphQL.

An organisation has one subscription per event type. Butlr's pages differ on two things: the names of the
inner fields of the inputs, and whether the types by the minute end in `_1MIN` or `_1M`. Both are read from
the schema if that is allowed, otherwise as on the schema page. Keys and passwords are sent and never
requested, because Butlr would return them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from butlr_grafana.base.errors import UpstreamError, UpstreamInvalid, UpstreamRefused
from butlr_grafana.butlr.graphql import response_of
from butlr_grafana.butlr.heatmaps import quote

Post = Callable[[Mapping[str, object]], bytes]
"""Sends a body to Butlr's GraphQL and gives the answer's."""

KEY_HEADER = "X-Api-Key"
HTTP_TIMEOUT_S = 5
"""How long Butlr waits for our answer; it comes within milliseconds, or the backend is not there."""

LONGEST_NAME = 200

_SCHEMA_TYPES = ("EventType", "WebhookCreateInput", "WebhookUpdateInput", "EndpointConfigInput")
_SCHEMA_QUERY = (
    "{ "
    + " ".join(
        f'{name}: __type(name: "{name}") {{ enumValues {{ name }} '
        "inputFields { name type { name kind ofType { name kind ofType { name kind } } } } }"
        for name in _SCHEMA_TYPES
    )
    + " }"
)
_LIST = "{ __typename webhooks { id name event_types } }"
"""With a field that is never null, so that no webhooks (`null`) are told from no answer."""

_CREATE = "mutation($input: [WebhookCreateInput!]!) { createWebhooks(input: $input) { id name event_types } }"
_UPDATE = "mutation($input: [WebhookUpdateInput!]!) { updateWebhooks(input: $input) { id name event_types } }"
_DELETE = "mutation($ids: [ID!]!) { deleteWebhooks(ids: $ids) }"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A subscription of the organisation. Butlr would return its address with its key, so it is not
    requested.
    """

    id: str
    name: str
    event_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events are to be sent, and the key that they bring along."""

    url: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class InputNames:
    """How Butlr's inputs name what we send; the defaults are those of its schema page."""

    event_types: str = "eventTypes"
    endpoint: str = "endpointConfig"
    timeout: str = "http_timeout"
    api_key: str = "api_key"
    known_types: frozenset[str] = frozenset()
    """The event types that there are; empty: Butlr does not tell."""


class Webhooks:
    """Every method raises `UpstreamError`; no message of one holds the key."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def all(self) -> tuple[Webhook, ...]:
        """The subscriptions of the organisation."""
        listed = self._query(_LIST).get("webhooks")
        return tuple(_webhook(one) for one in (listed if isinstance(listed, list) else []))

    def input_names(self) -> InputNames:
        """As the schema has them, where Butlr lets it be read."""
        try:
            types = self._query(_SCHEMA_QUERY)
        except (UpstreamRefused, UpstreamInvalid):
            return InputNames()
        fields, endpoint = (
            _members(types.get(name), "inputFields") for name in ("WebhookCreateInput", "EndpointConfigInput")
        )
        names = InputNames()
        return replace(
            names,
            event_types=_written(names.event_types, fields),
            endpoint=_written(names.endpoint, fields),
            timeout=_written(names.timeout, endpoint),
            api_key=_written(names.api_key, endpoint),
            known_types=frozenset(_members(types.get("EventType"), "enumValues")),
        )

    def create(self, name: str, event_types: Sequence[str], endpoint: Endpoint, names: InputNames) -> Webhook:
        """A new subscription. Butlr refuses an event type that another one has."""
        known = {one.id for one in self.all()}
        new = {"name": name, names.event_types: list(event_types), names.endpoint: _config(endpoint, names)}
        try:
            return _only(self._query(_CREATE, {"input": [new]}, endpoint.key), "createWebhooks")
        except UpstreamError:
            # A call whose answer was lost may have been done.
            created = self._found(lambda one: one.id not in known and one.name == name)
            if created is None or set(created.event_types) != set(event_types):
                raise
            return created

    def update(self, webhook: Webhook, endpoint: Endpoint, names: InputNames) -> Webhook:
        """Another address and key, the same event types."""
        changed = {
            "id": webhook.id,
            "name": webhook.name,
            names.event_types: list(webhook.event_types),
            names.endpoint: _config(endpoint, names),
        }
        return _only(self._query(_UPDATE, {"input": [changed]}, endpoint.key), "updateWebhooks")

    def delete(self, webhook_id: str) -> None:
        try:
            self._query(_DELETE, {"ids": [webhook_id]})
        except UpstreamError:
            if self._found(lambda one: one.id == webhook_id) is not None:
                raise

    def _found(self, wanted: Callable[[Webhook], bool]) -> Webhook | None:
        return next(filter(wanted, self.all()), None)

    def _query(
        self, query: str, variables: Mapping[str, object] | None = None, key: str = ""
    ) -> dict[str, Any]:
        body = {"query": query} if variables is None else {"query": query, "variables": variables}
        try:
            data, faults = response_of(self._post(body), "answer about webhooks")
        except UpstreamError as error:
            raise _without_key(error, key) from None
        if data is None or faults:
            message = "; ".join(fault.message for fault in faults)
            raise UpstreamRefused("Butlr refused it", butlr_text=quote(_without(message, key).encode()))
        return data


def in_schema(event_type: str, names: InputNames) -> str | None:
    """An event type as this account's schema writes it; `None`: it has none such.

    `_1MIN` of the pages may be `_1M`. Where the schema cannot be read, the pages' name is taken.
    """
    written = (event_type, re.sub("_1MIN$", "_1M", event_type))
    return (
        next((one for one in written if one in names.known_types), None) if names.known_types else event_type
    )


def _config(endpoint: Endpoint, names: InputNames) -> dict[str, object]:
    return {
        "url": endpoint.url,
        names.timeout: HTTP_TIMEOUT_S,
        names.api_key: {"key": KEY_HEADER, "value": endpoint.key},
    }


def _written(name: str, members: Collection[str]) -> str:
    """The member that is the same name in camel or snake case; the name itself where there is none."""
    plain = name.replace("_", "").lower()
    return next((one for one in members if one.replace("_", "").lower() == plain), name)


def _members(type_: object, key: str) -> list[str]:
    members = type_.get(key) if isinstance(type_, dict) else None
    return [
        str(member["name"])
        for member in (members if isinstance(members, list) else [])
        if isinstance(member, dict) and "name" in member
    ]


def _only(data: Mapping[str, Any], mutation: str) -> Webhook:
    created = data.get(mutation)
    if not isinstance(created, list) or len(created) != 1:
        raise UpstreamInvalid(f"Butlr's answer to {mutation} is not one webhook")
    return _webhook(created[0])


def _webhook(raw: object) -> Webhook:
    fields = raw if isinstance(raw, dict) else {}
    types, name = fields.get("event_types"), fields.get("name")
    if not isinstance(fields.get("id"), str) or not isinstance(types, list | None):
        raise UpstreamInvalid("Butlr's list of webhooks holds one without an id")
    listed = tuple(one for one in types or () if isinstance(one, str))
    return Webhook(fields["id"], name[:LONGEST_NAME] if isinstance(name, str) else "", listed)


def _without(text: str, key: str) -> str:
    return text.replace(key, "***") if key else text


def _without_key(error: UpstreamError, key: str) -> UpstreamError:
    """The same error; of one that came of a body with our key, without Butlr's words: some servers quote what
    they were sent, and what is quoted is cut.
    """
    return error.without_butlr_text() if key else error
