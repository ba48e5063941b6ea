"""A CSV is opened in spreadsheets: what a room is called must not run there."""

from __future__ import annotations

import csv
import io

import pytest

from butlr_grafana.present.frames import table

pytestmark = pytest.mark.fast


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_name_that_would_be_a_formula_is_a_text(name: str) -> None:
    [_, [text, value]] = csv.reader(io.StringIO(table.csv(["room", "people"], [[name, -1.5]]), newline=""))
    assert text == f"'{name}"
    assert float(value) == -1.5


def test_other_names_are_left_as_they_are() -> None:
    [_, [text]] = csv.reader(io.StringIO(table.csv(["room"], [['Salle "Éole", 1=2']]), newline=""))
    assert text == 'Salle "Éole", 1=2'
