"""The topology's questions against a schema that is written from what is known of Butlr's, not from them."""

from __future__ import annotations

from importlib.resources import files

import pytest
from graphql import build_schema, parse, validate

from butlr_grafana.butlr.graphql import GraphqlQuery, written
from butlr_grafana.butlr.graphql_queries import hives_query, sensors_query, sites_query

SCHEMA = build_schema(files("butlr_grafana.simulator").joinpath("schema.graphql").read_text("utf-8"))
QUESTIONS = [sites_query(), sensors_query(), hives_query()]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: next(iter(q.selection)))
def test_butlrs_schema_takes_the_question(question: GraphqlQuery) -> None:
    text, _ = written(question.selection)
    assert validate(SCHEMA, parse(text)) == []


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: next(iter(q.selection)))
def test_nothing_is_requested_that_must_not_be(question: GraphqlQuery) -> None:
    """Sensors' camel-case ids fail one by one; sites and buildings have no tags; secrets are never read."""
    _, columns = written(question.selection)
    for path in columns.values():
        assert path[-1] not in ("floorID", "roomID", "hiveID", "api_key", "basic_auth")
        assert path[-1] != "tags" or path[-2] in ("floors", "rooms", "zones")


@pytest.mark.parametrize(
    "text",
    [
        "{ sites { data { buildings { floors { tags } } } } }",
        "{ sites { data { buildings { floors { capacity } } } } }",
        "{ sites { data { tags { id } } } }",
        "{ sites { data { buildings { floors { rooms { coordinates { x } } } } } } }",
    ],
)
def test_the_schema_refuses_what_butlr_refuses(text: str) -> None:
    assert validate(SCHEMA, parse(text)) != []
