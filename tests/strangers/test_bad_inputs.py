"""Thousands of bad questions, made up from what OpenAPI describes: each is refused in words, and for free.

The same ones at every run. They are put at the application itself; what a server makes of bytes that are no
request at all is in `test_crowded_server.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from werkzeug.test import TestResponse

from butlr_grafana.targets.registry import TARGETS
from butlr_grafana.web.openapi import describe
from tests.strangers.routes import HOUR, RULE, ApiRequest, requests_by_url
from tests.support import DETECTIONS, PARIS, REPORTING, STATS, World

OPENAPI = describe()
LEAST = 2_000
REFUSED: Counter[str] = Counter()
"""Bad inputs by door, over all tests of this module."""


def made_up(examples: int) -> settings:
    """So many examples, the same at every run."""
    unhealthy = [HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, suppress_health_check=unhealthy
    )


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    assert world.http.get("/readyz").status_code == 200
    yield world
    world.close()


def schema(name: str) -> Draft202012Validator:
    reference = {"$ref": f"#/components/schemas/{name}", "components": OPENAPI["components"]}
    return Draft202012Validator(reference)


ERROR, FRAME = schema("Error"), schema("Frame")


def calls_to_butlr(world: World) -> int:
    return sum(world.simulator.count(path) for path in (DETECTIONS, REPORTING, STATS))


def check_refused(world: World, send_query: Callable[[], TestResponse], door: str, *statuses: int) -> None:
    before = calls_to_butlr(world)
    response = send_query()
    text = response.get_data(as_text=True)
    assert response.status_code in statuses, (response.status, text)
    document = orjson.loads(text)
    ERROR.validate(document)
    assert document["error"]["source"] == "caller"
    assert "Traceback" not in text
    assert 'File "' not in text
    assert calls_to_butlr(world) == before
    REFUSED[door] += 1


def parameters(target: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = OPENAPI["paths"][f"/api/v1/{target}"]["get"]["parameters"]
    return found


strange = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        (
            "..",
            "' OR 1=1 --",
            "<script>",
            "%00",
            "${jndi:ldap://x}",
            "{{7*7}}",
            "$(id)",
            "\r\nX: y",
            "NaN",
            "-1e999",
        )
    ),
    st.integers().map(str),
    st.just("9" * 9000),
)
bad_values = st.one_of(strange.map("?".__add__), strange.map("\u0000".__add__), strange.map("\ufffd".__add__))
"""No word may be any of these, whatever follows."""


@pytest.mark.parametrize("target", TARGETS)
def test_a_bad_parameter_in_a_url(world: World, target: str) -> None:
    described = OPENAPI["paths"][f"/api/v1/{target}"]["get"]["responses"]
    needed = {p["name"] for p in parameters(target)}
    # Recorded events may be of a room that is no more: for them any name is one.
    checked = [p for p in parameters(target) if (target, p["name"]) != ("events", "room")]
    good = {name: value for name, value in {**HOUR, "space": PARIS}.items() if name in needed}

    @made_up(70)
    @given(st.sampled_from(checked), bad_values)
    def tried(parameter: dict[str, Any], value: str) -> None:
        api_request = ApiRequest("GET", f"/api/v1/{target}", {**good, parameter["name"]: value})
        assert {"400", "404"} <= set(described)
        check_refused(world, lambda: api_request.put(world.http), f"GET {target}", 400, 404)

    tried()


anything = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**64 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=20),
        st.sampled_from((*TARGETS, "space", "room", "payload", "target", "range", PARIS)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(
                st.sampled_from(("payload", "target", "targets", "range", "key", "name")), st.text(max_size=8)
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)
no_object = anything.filter(lambda value: not isinstance(value, dict))
POSTS = ("/query", "/variable", "/metric-payload-options", "/tag-values", "/annotations")


@pytest.mark.parametrize("path", POSTS)
def test_a_body_that_is_no_object_or_no_json(world: World, path: str) -> None:
    broken = st.one_of(
        st.binary(max_size=60).filter(lambda body: not _is_object(body)),
        no_object.map(orjson.dumps),
        anything.map(orjson.dumps).map(lambda body: body + b"}"),
    )

    @made_up(60)
    @given(broken)
    def tried(body: bytes) -> None:
        check_refused(world, lambda: world.http.post(path, data=body), path, 400)

    tried()


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(orjson.loads(body), dict)
    except orjson.JSONDecodeError:
        return False


@pytest.mark.parametrize("path", [*POSTS, "/search", "/metrics", "/tag-keys"])
def test_an_object_of_anything(world: World, path: str) -> None:
    """Some of it means nothing and is passed over; what is refused is refused properly."""

    @made_up(80)
    @given(st.dictionaries(st.sampled_from(("payload", "target", "range", "key", "name", "x")), anything))
    def tried(body: dict[str, Any]) -> None:
        before = calls_to_butlr(world)
        response = world.http.post(path, json=body)
        assert calls_to_butlr(world) == before  # without a period nothing is asked
        if response.status_code != 200:
            check_refused(world, lambda: world.http.post(path, json=body), path, 400, 404)

    tried()


panel_targets = st.one_of(
    no_object,
    st.fixed_dictionaries({"refId": anything, "target": bad_values}),
    st.fixed_dictionaries(
        {"target": st.sampled_from(tuple(TARGETS)), "payload": no_object.filter(bool)}
    ).filter(lambda target: not isinstance(target["payload"], str)),
    st.builds(
        lambda target, value: {
            "refId": "A",
            "target": target[0],
            "payload": {"space": PARIS, target[1]: value},
        },
        st.sampled_from(
            [(t.name, word) for t in TARGETS.values() for word in t.parameters if word not in ("from", "to")]
        ).filter(lambda word: word != ("events", "room")),
        bad_values,
    ),
)


def test_a_panel_with_a_bad_query(world: World) -> None:
    @made_up(300)
    @given(st.lists(panel_targets, min_size=1, max_size=3))
    def tried(targets: list[Any]) -> None:
        body = {"range": HOUR, "targets": targets}
        check_refused(world, lambda: world.http.post("/query", json=body), "/query", 400, 404)

    tried()


def test_a_panel_or_an_annotation_with_a_bad_range(world: World) -> None:
    good = {
        "targets": [{"refId": "A", "target": "heatmap", "payload": {"space": PARIS}}],
        "payload": {"space": PARIS},
    }
    bad_ranges = st.one_of(
        no_object,
        st.fixed_dictionaries({"from": bad_values, "to": st.just(HOUR["to"])}),
        st.fixed_dictionaries(
            {"from": st.just(HOUR["from"]), "to": st.one_of(no_object.filter(_is_no_time), bad_values)}
        ),
        st.just({"from": HOUR["to"], "to": HOUR["from"]}),
        st.just({"from": "2012-01-01T00:00:00Z", "to": HOUR["to"]}),
        st.just({"from": "2050-01-01T00:00:00Z", "to": "2051-01-01T00:00:00Z"}),
    )

    @made_up(150)
    @given(st.sampled_from(("/query", "/annotations")), bad_ranges)
    def tried(path: str, limits: Any) -> None:
        body = {**good, "range": limits}
        check_refused(world, lambda: world.http.post(path, json=body), path, 400)

    tried()


def _is_no_time(value: Any) -> bool:
    return not isinstance(value, int) or isinstance(value, bool)


def test_there_were_enough_of_them_on_every_route() -> None:
    """The last of this module: how many bad inputs the tests above have put in."""
    assert sum(REFUSED.values()) >= LEAST, REFUSED
    assert set(REFUSED) >= {*POSTS, *(f"GET {target}" for target in TARGETS)}


@pytest.mark.parametrize("target", TARGETS)
def test_a_good_question_is_answered_as_described(world: World, target: str) -> None:
    """In every format: the status, the kind of content, and the form of errors and frames."""
    responses = OPENAPI["paths"][f"/api/v1/{target}"]["get"]["responses"]
    answered = set()
    for api_request in requests_by_url({"space": PARIS}):
        if api_request.path != f"/api/v1/{target}":
            continue
        response = api_request.put(world.http)
        assert str(response.status_code) in responses, (api_request, response.get_data(as_text=True))
        if response.status_code != 200:
            ERROR.validate(response.get_json())
            assert api_request.params.get("level") or api_request.params.get("require") == RULE["require"]
            continue
        assert response.mimetype in responses["200"]["content"]
        written = api_request.params.get("format", TARGETS[target].formats[0])
        answered.add(written)
        if written == "frames":
            for frame in response.get_json():
                FRAME.validate(frame)
    assert answered == set(TARGETS[target].formats)
