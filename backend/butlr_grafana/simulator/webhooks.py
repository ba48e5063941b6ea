"""Webhook subscriptions, as Butlr's GraphQL keeps them: one an event type and organisation.

Which inner names the inputs have is a choice of `Forms.webhook_inputs`; secrets are answered to whoever asks
for them, as Butlr does.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .messages import Failure


@dataclass(frozen=True)
class Subscription:
    """The address to which events of some types are sent. `headers`: the headers of each push, for
    authentication.
    """

    id: str
    name: str
    event_types: tuple[str, ...]
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    username: str | None = None
    password: str | None = None
    timeout_s: float = 10.0


class Subscriptions:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, Subscription] = {}

    def all(self) -> list[Subscription]:
        """All subscriptions, in the order in which they were created."""
        with self._lock:
            return list(self._known.values())

    def add(self, subscription: Subscription) -> Subscription:
        """Adds a subscription. Raises `Failure` if an event type already has one."""
        with self._lock:
            self._refuse_taken(subscription)
            self._known[subscription.id] = subscription
            return subscription

    def change(self, subscription_id: str, **changes: Any) -> Subscription:
        """Changes some fields."""
        with self._lock:
            if subscription_id not in self._known:
                raise Failure(f"webhook {subscription_id} not found", "NOT_FOUND")
            changed = replace(self._known[subscription_id], **changes)
            self._refuse_taken(changed)
            self._known[subscription_id] = changed
            return changed

    def remove(self, ids: Iterable[str]) -> None:
        """Removes subscriptions. If one does not exist, nothing is removed. Raises `Failure`."""
        with self._lock:
            wanted = list(ids)
            unknown = [one for one in wanted if one not in self._known]
            if unknown:
                raise Failure(f"webhook {unknown[0]} not found", "NOT_FOUND")
            for one in wanted:
                del self._known[one]

    def to(self, event_type: str) -> Subscription | None:
        """The subscription to a type of events."""
        return next((one for one in self.all() if event_type in one.event_types), None)

    def _refuse_taken(self, new: Subscription) -> None:
        for one in self._known.values():
            both = set(one.event_types) & set(new.event_types)
            if one.id != new.id and both:
                raise Failure(f"already subscribed to {min(both)}", "BAD_USER_INPUT")


def resolvers(subscriptions: Subscriptions) -> dict[str, Any]:
    """The fields of `Query` and `Mutation` about webhooks."""
    return {
        "webhooks": lambda _: [_as_value(one) for one in subscriptions.all()],
        "createWebhooks": lambda _, input: [_as_value(_create(subscriptions, one)) for one in input],  # noqa: A006
        "updateWebhooks": lambda _, input: [_as_value(_update(subscriptions, one)) for one in input],  # noqa: A006
        "deleteWebhooks": lambda _, ids: _delete(subscriptions, ids),
    }


def _create(subscriptions: Subscriptions, given: Mapping[str, Any]) -> Subscription:
    values = _snake(given)
    return subscriptions.add(
        Subscription(
            f"webhook_{secrets.token_hex(8)}",
            values["name"],
            tuple(values["event_types"]),
            **_endpoint(values["endpoint_config"]),
        )
    )


def _update(subscriptions: Subscriptions, given: Mapping[str, Any]) -> Subscription:
    values = _snake(given)
    changes: dict[str, Any] = {"name": values["name"]} if values.get("name") is not None else {}
    if values.get("event_types") is not None:
        changes["event_types"] = tuple(values["event_types"])
    if values.get("endpoint_config") is not None:
        changes |= _endpoint(values["endpoint_config"])
    return subscriptions.change(values["id"], **changes)


def _delete(subscriptions: Subscriptions, ids: Iterable[str]) -> bool:
    subscriptions.remove(ids)
    return True


def _endpoint(given: Mapping[str, Any]) -> dict[str, Any]:
    values = _snake(given)
    api_key, basic = values.get("api_key"), values.get("basic_auth")
    if bool(api_key) == bool(basic):
        raise Failure("endpoint_config: use either api_key or basic_auth", "BAD_USER_INPUT")
    return {
        "url": values["url"],
        "timeout_s": float(values.get("http_timeout") or 10),
        "headers": ((api_key["key"], api_key["value"]),) if api_key else (),
        "username": basic["username"] if basic else None,
        "password": basic["password"] if basic else None,
    }


def _as_value(one: Subscription) -> dict[str, Any]:
    key = {"key": one.headers[0][0], "value": one.headers[0][1]} if one.headers else None
    basic = None if one.username is None else {"username": one.username, "password": one.password}
    return {
        "id": one.id,
        "name": one.name,
        "event_types": list(one.event_types),
        "status": "ACTIVE",
        "endpoint_config": {
            "url": one.url,
            "http_timeout": int(one.timeout_s),
            "api_key": key,
            "basic_auth": basic,
        },
    }


def _snake(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name): value
        for name, value in values.items()
    }
