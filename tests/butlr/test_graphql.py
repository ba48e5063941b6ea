"""Questions that lose a refused field and not the floors, and errors inside a 200."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.graphql import GraphqlQuery, is_unauthenticated, response_of, written

FLOORS = {
    "sites": {
        "data": {
            "id": None,
            "timezone": None,
            "floors": {"id": None, "timezone": None, "tags": {"id": None}, "plans": {"rotation": None}},
        }
    }
}
NEEDED = (("sites",), ("sites", "data"), ("sites", "data", "floors"), ("sites", "data", "floors", "id"))
DATA = {"sites": {"data": []}}


def refusing(*responses: object) -> tuple[Callable[[dict[str, str]], bytes], list[str]]:
    """A Butlr that gives these answers one after the other, and what it was asked."""
    requested: list[str] = []
    left = list(responses)

    def post(body: dict[str, str]) -> bytes:
        requested.append(body["query"])
        return orjson.dumps(left.pop(0))

    return post, requested


def errors(*messages: str, **more: object) -> dict[str, object]:
    return {"data": None, "errors": [{"message": message, **more} for message in messages]}


def test_a_selection_is_written_as_graphql_and_knows_its_columns() -> None:
    text, columns = written(FLOORS)
    assert text == "{ sites { data { id timezone floors { id timezone tags { id } plans { rotation } } } } }"
    for column, path in columns.items():
        assert text[column - 1 :].startswith(path[-1])
    assert len(columns) == 11


def test_a_question_that_is_taken_is_asked_once() -> None:
    post, requested = refusing({"data": DATA})
    result = GraphqlQuery(FLOORS, NEEDED).run(post)
    assert (result.data, result.lost, len(requested)) == (DATA, (), 1)


def test_a_field_that_the_schema_lacks_is_lost_alone() -> None:
    post, requested = refusing(errors('Cannot query field "rotation" on type "Plan".'), {"data": DATA})
    result = GraphqlQuery(FLOORS, NEEDED).run(post)
    assert result.lost == (("sites", "data", "floors", "plans", "rotation"),)
    assert requested[1] == "{ sites { data { id timezone floors { id timezone tags { id } } } } }"


def test_of_two_fields_of_one_name_the_refused_type_loses_it() -> None:
    post, requested = refusing(errors('Cannot query field "timezone" on type "Floor".'), {"data": DATA})
    result = GraphqlQuery(FLOORS, NEEDED).run(post)
    assert result.lost == (("sites", "data", "floors", "timezone"),)
    assert "data { id timezone floors { id tags" in requested[1]


def test_where_the_server_names_the_place_only_that_field_is_lost() -> None:
    _, columns = written(FLOORS)
    [column] = [at for at, path in columns.items() if path == ("sites", "data", "timezone")]
    refusal = errors(
        'Cannot query field "timezone" on type "Area".', locations=[{"line": 1, "column": column}]
    )
    post, _ = refusing(refusal, {"data": DATA})
    assert GraphqlQuery(FLOORS, NEEDED).run(post).lost == (("sites", "data", "timezone"),)


@pytest.mark.parametrize(
    "message",
    [
        'Field "tags" of type "[Tag!]" must have a selection of subfields.',
        'Field "tags" of type "[Tag!]" must have a sub selection.',
        'Field "tags" must not have a selection since type "[String!]" has no subfields.',
    ],
)
def test_a_field_in_another_form_is_lost_too(message: str) -> None:
    post, requested = refusing(errors(message), {"data": DATA})
    GraphqlQuery(FLOORS, NEEDED).run(post)
    assert "tags" not in requested[1]


def test_what_was_lost_is_not_requested_again() -> None:
    question = GraphqlQuery(FLOORS, NEEDED)
    post, _ = refusing(errors('Cannot query field "rotation" on type "Plan".'), {"data": DATA})
    question.run(post)
    post, requested = refusing({"data": DATA})
    question.run(post)
    assert "rotation" not in requested[0]


def test_without_a_needed_field_there_is_no_answer() -> None:
    post, requested = refusing(errors('Cannot query field "floors" on type "Site".'))
    with pytest.raises(UpstreamInvalid, match='Cannot query field "floors"'):
        GraphqlQuery(FLOORS, NEEDED).run(post)
    assert len(requested) == 1


def test_a_refusal_that_names_no_field_leaves_what_is_requested_at_the_least() -> None:
    least = {"sites": {"data": {"id": None, "floors": {"id": None}}}}
    post, requested = refusing(errors("bad question"), {"data": DATA})
    result = GraphqlQuery(FLOORS, NEEDED, (least,)).run(post)
    assert requested[1] == "{ sites { data { id floors { id } } } }"
    assert ("sites", "data", "timezone") in result.lost
    assert ("sites", "data", "id") not in result.lost


def test_an_error_that_refuses_no_field_is_no_reason_to_ask_again() -> None:
    post, requested = refusing(errors("internal system error"))
    with pytest.raises(UpstreamInvalid, match="internal system error"):
        GraphqlQuery(FLOORS, NEEDED).run(post)
    assert len(requested) == 1


def test_a_server_that_refuses_the_same_for_ever_is_called_once_more() -> None:
    refusal = errors('Cannot query field "rotation" on type "Plan".')
    post, requested = refusing(refusal, refusal, refusal)
    with pytest.raises(UpstreamInvalid):
        GraphqlQuery(FLOORS, NEEDED).run(post)
    assert len(requested) == 2


def test_a_part_beside_errors_is_used_and_told() -> None:
    post, _ = refusing({"data": DATA, "errors": [{"message": "internal system error", "path": ["sites"]}]})
    result = GraphqlQuery(FLOORS, NEEDED).run(post)
    assert (result.data, [fault.message for fault in result.faults]) == (DATA, ["internal system error"])


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"7",
        b"{}",
        b'{"data": null}',
        b'{"data": {"sites": null}}',
        b'{"data": [], "errors": 7}',
    ],
)
def test_an_answer_without_data_and_reason_is_invalid(body: bytes) -> None:
    with pytest.raises(UpstreamInvalid):
        response_of(body)


@pytest.mark.parametrize(
    ("body", "dead"),
    [
        (b'{"data":null,"errors":[{"message":"x","extensions":{"code":"UNAUTHENTICATED"}}]}', True),
        (b'{"data":{"a":"UNAUTHENTICATED"}}', False),
        (b'{"errors":[{"message":"UNAUTHENTICATED"}]}', False),
        (b'{"errors":[{"extensions":{"code":"NOT_FOUND"}}]}', False),
        (b"UNAUTHENTICATED", False),
    ],
)
def test_a_dead_token_is_told_by_its_code(body: bytes, dead: bool) -> None:
    assert is_unauthenticated(body) is dead
