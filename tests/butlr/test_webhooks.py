"""Butlr's webhook subscriptions: typed, by the names of its schema, and never with a key in an error."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson
import pytest

from butlr_grafana.base.errors import UpstreamDown, UpstreamError, UpstreamInvalid, UpstreamRefused
from butlr_grafana.butlr.webhooks import Endpoint, InputNames, Post, Webhook, Webhooks, in_schema
from butlr_grafana.simulator import Forms, Simulator
from tests.butlr.wire import Hurried
from tests.support import GRAPHQL

KEY = "k3y-that-nobody-may-see"
HERE = Endpoint("https://butlr.example.com/webhooks/butlr", KEY)
TYPES = ("TRAFFIC", "ROOM_OCCUPANCY_1MIN")


@pytest.fixture
def post(simulator: Simulator, hurried: Hurried) -> Post:
    return partial(hurried(simulator.url).post, GRAPHQL, graphql=True)


@pytest.fixture
def webhooks(post: Post) -> Webhooks:
    return Webhooks(post)


def test_none_are_listed_where_there_are_none(webhooks: Webhooks) -> None:
    assert webhooks.all() == ()


@pytest.mark.parametrize(
    "forms", [Forms(), Forms(webhook_inputs="camel"), Forms(introspection=False)], ids=str
)
def test_made_changed_listed_and_deleted_by_the_names_of_the_schema(
    simulator: Simulator, webhooks: Webhooks, forms: Forms
) -> None:
    simulator.forms = forms
    names = webhooks.input_names()
    made = webhooks.create("butlr-grafana", TYPES, HERE, names)
    assert made == Webhook(made.id, "butlr-grafana", TYPES)
    assert webhooks.all() == (made,)
    [stored] = simulator.subscriptions.all()
    assert (stored.url, stored.headers, stored.timeout_s) == (HERE.url, (("X-Api-Key", KEY),), 5)
    assert webhooks.update(made, Endpoint("https://other.example.com/", "another-key"), names) == made
    [stored] = simulator.subscriptions.all()
    assert (stored.url, stored.headers) == ("https://other.example.com/", (("X-Api-Key", "another-key"),))
    assert stored.event_types == TYPES
    webhooks.delete(made.id)
    assert webhooks.all() == ()


def test_the_schema_says_which_event_types_there_are(simulator: Simulator, webhooks: Webhooks) -> None:
    assert in_schema("ROOM_OCCUPANCY_1MIN", webhooks.input_names()) == "ROOM_OCCUPANCY_1MIN"
    assert in_schema("ROOM_TEMPERATURE", webhooks.input_names()) is None
    simulator.forms = Forms(event_names="1m")
    names = webhooks.input_names()
    assert in_schema("ROOM_OCCUPANCY_1MIN", names) == "ROOM_OCCUPANCY_1M"
    made = webhooks.create("butlr-grafana", ["ROOM_OCCUPANCY_1M"], HERE, names)
    assert made.event_types == ("ROOM_OCCUPANCY_1M",)
    # Where it cannot be read, as the pages have it.
    assert in_schema("ROOM_OCCUPANCY_1MIN", InputNames()) == "ROOM_OCCUPANCY_1MIN"


def test_an_event_type_that_another_has_is_refused_in_butlrs_words(webhooks: Webhooks) -> None:
    first = webhooks.create("another", TYPES[:1], HERE, InputNames())
    with pytest.raises(UpstreamRefused, match="already subscribed to TRAFFIC"):
        webhooks.create("butlr-grafana", TYPES, HERE, InputNames())
    assert webhooks.all() == (first,)
    with pytest.raises(UpstreamRefused, match="not found"):
        webhooks.update(Webhook("webhook_x", "x", TYPES), HERE, InputNames())


class Answering:
    """Passes on what is asked, but loses the answer to the first mutation, or says what a test wants."""

    def __init__(self, post: Post, **responses: bytes | UpstreamError) -> None:
        self.post = post
        self.responses = responses
        self.requested: list[Mapping[str, object]] = []

    def __call__(self, body: Mapping[str, object]) -> bytes:
        self.requested.append(body)
        for word, response in self.responses.items():
            if word in str(body["query"]):
                done = self.post(body)
                if isinstance(response, UpstreamError):
                    raise response
                return response or done
        return self.post(body)


def test_what_was_made_although_its_answer_was_lost_is_found(post: Post) -> None:
    lossy = Webhooks(Answering(post, createWebhooks=UpstreamDown("cut off")))
    made = lossy.create("butlr-grafana", TYPES, HERE, InputNames())
    assert lossy.all() == (made,)
    deleting = Webhooks(Answering(post, deleteWebhooks=UpstreamDown("cut off")))
    deleting.delete(made.id)
    assert lossy.all() == ()


def test_what_was_not_made_is_an_error_beside_one_of_the_same_name(post: Post, webhooks: Webhooks) -> None:
    webhooks.create("butlr-grafana", TYPES[:1], HERE, InputNames())
    with pytest.raises(UpstreamRefused):
        webhooks.create("butlr-grafana", TYPES, HERE, InputNames())


def answering(document: Any) -> Webhooks:
    return Webhooks(lambda _: orjson.dumps(document))


@pytest.mark.parametrize("listed", [None, []])
def test_a_list_that_is_null_is_empty(listed: Any) -> None:
    assert answering({"data": {"__typename": "Query", "webhooks": listed}}).all() == ()


def test_names_and_types_may_be_null() -> None:
    found = answering({"data": {"webhooks": [{"id": "w", "name": None, "event_types": None}]}}).all()
    assert found == (Webhook("w", "", ()),)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"data": None},
        {"data": {"webhooks": [{"name": "x"}]}},
        {"data": {"webhooks": ["x"]}},
        {"data": {"webhooks": [{"id": "w", "event_types": "TRAFFIC"}]}},
    ],
    ids=str,
)
def test_what_is_no_list_is_no_list(document: Any) -> None:
    with pytest.raises(UpstreamInvalid):
        answering(document).all()


def test_a_list_that_may_not_be_read_is_an_error_and_not_empty() -> None:
    refused = {"data": {"__typename": "Query", "webhooks": None}, "errors": [{"message": "forbidden"}]}
    with pytest.raises(UpstreamRefused, match="forbidden"):
        answering(refused).all()


@pytest.mark.parametrize(
    "response",
    [
        orjson.dumps({"data": None, "errors": [{"message": f"{'x' * 180} {KEY} is no key"}]}),
        orjson.dumps({"data": None, "errors": [{"message": f"value {KEY}"}]}),
        UpstreamRefused("Butlr answered 400 on /graphql", butlr_text=f"you sent {KEY}"),
        UpstreamRefused("Butlr answered 400 on /graphql", butlr_text=f"you sent {KEY[:9]}"),
    ],
)
def test_no_error_quotes_the_key(response: bytes | UpstreamError, webhooks: Webhooks, post: Post) -> None:
    made = webhooks.create("butlr-grafana", TYPES, HERE, InputNames())
    quoting = Webhooks(Answering(post, updateWebhooks=response))
    with pytest.raises(UpstreamError) as caught:
        quoting.update(made, HERE, InputNames())
    assert KEY[:9] not in f"{caught.value} {caught.value.butlr_text} {caught.value!r}"
    assert KEY not in repr(HERE)


def test_secrets_are_never_requested(post: Post) -> None:
    asking = Answering(post)
    webhooks = Webhooks(asking)
    made = webhooks.create("butlr-grafana", TYPES, HERE, webhooks.input_names())
    webhooks.update(made, HERE, InputNames())
    webhooks.all()
    selected = " ".join(str(body["query"]) for body in asking.requested)
    assert not {"api_key", "basic_auth", "endpoint_config"} & set(selected.replace("{", " ").split())
