from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "grafana-dashboards"
FILES = sorted(FOLDER.glob("*.json"))


def page(path: Path) -> dict[str, Any]:
    """A dashboard as a viewer has it: without the queries that are there for alert rules alone."""
    document: dict[str, Any] = json.loads(path.read_text("utf-8"))
    for panel in document["panels"]:
        panel["targets"] = [target for target in panel["targets"] if not target.get("hide")]
    return document


def is_for_backend(path: Path) -> bool:
    """Whether its panels ask our data sources; the wall's and the operators' do not."""
    document = json.loads(path.read_text("utf-8"))
    return any(panel["datasource"]["uid"] in ("${ds}", "${ds_json}") for panel in document["panels"])


ASKING = [path for path in FILES if is_for_backend(path)]


@pytest.fixture
def folder() -> Path:
    return FOLDER


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def file(request: pytest.FixtureRequest) -> Path:
    """Every dashboard's file, one after the other."""
    path: Path = request.param
    return path


@pytest.fixture
def dashboard(file: Path) -> dict[str, Any]:
    return page(file)
