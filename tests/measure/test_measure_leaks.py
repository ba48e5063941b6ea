"""`check --report` of three accounts that are unlike each other holds nothing that belongs to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from butlr_grafana.cli.check import Checkup
from butlr_grafana.settings import Settings
from butlr_grafana.simulator import People, default_office
from butlr_grafana.simulator.world import Office
from tests.measure.accounts import Account, account
from tests.measure.disguise import Disguise


def whole() -> Office:
    return default_office()


def one_small_floor() -> Office:
    office = default_office()
    return replace(office, sites=tuple(site for site in office.sites if "newyork" in site.id))


def no_doors_and_no_zones() -> Office:
    """Presence sensors only."""

    def bare(floor: Any) -> Any:
        stored = tuple(replace(s, zone_id=None) for s in floor.sensors if s.mode == "presence")
        return replace(floor, sensors=stored, zones=(), hives=())

    office = default_office()
    sites = [
        replace(
            site,
            buildings=tuple(replace(b, floors=tuple(map(bare, b.floors))) for b in site.buildings),
        )
        for site in office.sites
        if "paris" in site.id
    ]
    return replace(office, sites=tuple(sites), removed=(), unused_tags=())


@dataclass(frozen=True)
class Case:
    kind: str
    word: str
    office: Office
    forms: tuple[str, ...] = ()


CASES = [
    Case("long", "Quetzalcoatl", whole()),
    Case(
        "uuid",
        "Brünnhilde",
        one_small_floor(),
        ("heat_nesting=top", "rows_without_group_by=nested", "data_incomplete=rows", "window_labels=start"),
    ),
    Case(
        "lower",
        "Zwickmühle",
        no_doors_and_no_zones(),
        ("heat_bounds=pairs", "presence_names=floor_only", "unreadable=stats", "missing_scopes=read:hives"),
    ),
]


@dataclass
class CheckOutput:
    """What `check` wrote, and what must not be in it."""

    report: bytes
    table: list[str]
    texts: set[str]
    tenant: Account


@pytest.fixture(params=CASES, ids=[case.word for case in CASES])
def decided(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[CheckOutput]:
    case: Case = request.param
    disguise = Disguise(case.kind, case.word)
    people = People(disguise.office(case.office), seed=1)
    credentials = {
        "butlr_client_id": f"client-{case.word}-7381",
        "butlr_client_secret": f"s3cret/{case.word}+9924",
    }
    path = tmp_path / "report.json"
    with account(*case.forms, people=people, **credentials) as tenant:
        settings = Settings(butlr_api_url=tenant.simulator.url, **credentials)
        checkup = Checkup(tenant.application, settings, address=tenant.simulator.url, report=path)
        table = [str(row) for row in checkup.rows()]
        texts = disguise.texts | set(credentials.values()) | {case.word, case.word.encode("idna").decode()}
        texts |= set(tenant.simulator._tokens._expires_s)
        texts |= {tenant.simulator.url, tenant.simulator.url.partition("//")[2], "127.0.0.1"}
        texts |= {"Europe/Paris", "America/New_York", "/plans/"}
        yield CheckOutput(path.read_bytes(), table, texts, tenant)


def test_nothing_of_the_account_is_in_the_report(decided: CheckOutput) -> None:
    report = decided.report.decode().lower()
    assert len(decided.texts) > 60
    for text in decided.texts:
        for written in {
            text,
            text.replace("-", ""),
            text.replace("-", ":"),
            orjson.dumps(text)[1:-1].decode(),
        }:
            assert written.lower() not in report, text


def test_the_account_was_really_called_so_there_was_something_to_leak(decided: CheckOutput) -> None:
    bodies = decided.tenant.simulator.count()
    assert bodies > 30
    names = {floor.name for floor in decided.tenant.simulator.people.office.floors}
    # The table is for the account's own people: it may name floors.
    assert all(any(name in line for line in decided.table) for name in names)


def test_it_says_what_a_maintainer_needs(decided: CheckOutput) -> None:
    document = orjson.loads(decided.report)
    assert len(document["findings"]) == 20
    assert {"heat maps", "metrics", "statistics", "topology"} <= document["answers"].keys()
    office = decided.tenant.simulator.people.office
    assert document["account"]["floors"] == len(list(office.floors))
    assert document["account"]["sensors"] == len(list(office.sensors))
    assert document["verdicts"]["values"]["labels"] in ("start", "end")
    [heat] = document["answers"]["heat maps"][:1]
    assert "array_cells" in orjson.dumps(heat).decode()
    # All keys of rows are Butlr's documented ones, so none had to be hidden.
    rows = orjson.dumps(document["answers"]["metrics"]).decode()
    assert '"room_id"' in rows
    assert "(key)" not in rows


def test_no_secret_is_in_the_table_either(decided: CheckOutput) -> None:
    table = "\n".join(decided.table)
    credentials = decided.tenant.application.means.access
    assert credentials.client_secret not in table
    assert not any(token in table for token in decided.tenant.simulator._tokens._expires_s)
