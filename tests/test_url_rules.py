"""Rules that are compiled once are Werkzeug's own."""

from __future__ import annotations

import pytest
from werkzeug.routing import Map, Rule

from tests.url_rules import RuleCompiledOnce

pytestmark = pytest.mark.fast

RULES = ["/", "/runbooks/<name>", "/static/<path:filename>", "/<int:number>/of/<name>"]


def addresses(rule_class: type[Rule]) -> list[str]:
    rules = [rule_class(rule, endpoint=rule) for rule in RULES]
    # The same text, but other values belong to it.
    rules += [rule_class("/page/<name>", endpoint=str(n), defaults={"number": n}) for n in range(3)]
    urls = Map(rules).bind("host")
    values = {"name": "a b", "filename": "c/d", "number": 7, "unknown": "ü"}
    return [
        *(urls.build(rule, values) for rule in RULES),
        *(urls.build(rule, values, append_unknown=False) for rule in RULES),
        *(urls.build(str(n), {"name": "x", "number": n}) for n in range(3)),
    ]


def test_their_addresses_are_the_same_the_second_time_too() -> None:
    wanted = addresses(Rule)
    assert wanted[1] == "/runbooks/a%20b?filename=c/d&number=7&unknown=%C3%BC"
    assert [addresses(RuleCompiledOnce) for _ in range(2)] == [wanted, wanted]
