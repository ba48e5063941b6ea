"""The documents hold against the code."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support import World

ROOT = Path(__file__).parent.parent


def documents() -> Any:
    """The module that writes them."""
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs/tables.py")
    assert spec is not None
    assert spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    return tables


def test_what_documents_say_of_the_code_is_so() -> None:
    tables = documents()
    for page in (tables.README, tables.ARCHITECTURE):
        text = page.read_text("utf-8")
        assert text == tables.with_tables(text), f"make docs writes {page.name} anew"


def test_the_folders_import_downwards_only_and_are_few() -> None:
    tables = documents()
    assert len(tables.ORDER) <= 22
    order = {name: place for place, name in enumerate(tables.ORDER)}
    found = tables.imports()
    assert len(found) > 40
    assert [(a, b) for a, b in found if order[a] <= order[b]] == []


@pytest.mark.parametrize(
    "page", [p.relative_to(ROOT).as_posix() for p in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]]
)
def test_links_between_documents_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for link, anchor in re.findall(r"\]\(([^)#]*)(#[^)]+)?\)", text):
        if link.startswith("http"):
            continue
        target = (ROOT / page).parent / link if link else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), f"{link}{anchor}"


def anchors(page: Path) -> set[str]:
    """The headings of a page, as a link names them: lower case, without punctuation, `-` for a space."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {"#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_readmes_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|\n)make ([a-z]+)", (ROOT / "README.md").read_text("utf-8")))
    assert {"demo", "test", "bench", "grafana"} <= named
    assert named <= targets


def test_the_guide_names_each_folder_and_file_of_the_package() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text[text.index("| folder |") : text.index("`tests/` has the same folders")]
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for name in re.findall(r"`([\w.]+)/?`", row)
    }
    package = ROOT / "backend/butlr_grafana"
    there = {path.name for path in package.iterdir() if path.is_dir() and list(path.glob("*.py"))}
    there |= {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    assert named == there


def test_the_faults_that_the_page_names_are_tried_and_no_other() -> None:
    page = (ROOT / "docs/faults.md").read_text("utf-8")
    for module in (ROOT / "tests/faults").glob("test_*.py"):
        [section] = re.findall(rf"^## [^\n]*`{module.name}`$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
        tried = set(re.findall(r"^def (test_\w+)", module.read_text("utf-8"), re.MULTILINE))
        assert set(re.findall(r"`(test_\w+)`", section)) == tried


def test_every_metric_is_explained_and_every_explained_one_is_there(world: World) -> None:
    world.http.get("/api/v1/heatmap?resolution=7")
    text = (ROOT / "docs/operations.md").read_text("utf-8")
    families = text_string_to_metric_families(world.http.get("/metrics").get_data(as_text=True))
    reported = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    explained = {
        name
        for row in re.findall(r"^\| (`(?:butlr|process)_.*?) \|", text, re.MULTILINE)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert explained == reported
