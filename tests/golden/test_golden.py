"""Golden answers: what each target says at fixed moments, byte by byte; pictures by what they show.

A change that is meant is written by `make golden` and read in the diff, before it is committed.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from butlr_grafana.targets.registry import TARGETS
from tests.golden.cases import CASES, EACH_FORMAT, PICTURES, Case
from tests.golden.taken import FILES, RESPONSES, Taken, differences, stored_heads, stored_response, take

HEADS = stored_heads()


def quick(case: Case) -> list[pytest.MarkDecorator]:
    """One answer of each target is part of `make check`."""
    return [pytest.mark.fast] if case.name == "plain" and case.format in ("rows", "geojson") else []


@pytest.mark.parametrize("case", [pytest.param(case, id=str(case), marks=quick(case)) for case in CASES])
def test_an_answer_is_the_golden_one(case: Case) -> None:
    golden = stored_response(case, HEADS)
    assert golden is not None, f"no golden file {case}: `make golden` writes it"
    reported = differences(case, golden, take(case))
    assert not reported, "\n    ".join(
        [f"{case} differs; where that is meant, `make golden` writes it:", *reported]
    )


@pytest.mark.parametrize("target", TARGETS)
def test_each_format_of_each_target_has_its_golden_file(target: str) -> None:
    """A new target, or format, needs its line in `EACH_FORMAT`."""
    assert target in EACH_FORMAT, f"{target} has no line in tests/golden/cases.py"
    answered = {c.format for c in CASES if c.target == target and not c.path and is_answered(c)}
    assert answered == set(TARGETS[target].formats)
    # The JSON data source has no other format.
    by_panel = [c for c in CASES if c.target == target and c.path == "/query" and is_answered(c)]
    assert bool(by_panel) == ("frames" in TARGETS[target].formats)


def is_answered(case: Case) -> bool:
    return str(HEADS.get(case.file_name, {}).get("status", "")).startswith("200")


def test_no_two_cases_have_one_file_and_no_file_is_without_a_case() -> None:
    names = [case.file_name for case in CASES]
    assert len(set(names)) == len(names)
    assert {path.name for path in FILES.iterdir()} == {*names, RESPONSES}
    assert set(HEADS) == set(names)


def test_a_picture_may_differ_by_a_little_and_by_no_more() -> None:
    """Letters set otherwise are no difference; another colour of one room is."""
    [case] = [c for c in CASES if c.file_name == "heatmap.plain.png"]
    golden = stored_response(case, HEADS)
    assert golden is not None
    assert case.format in PICTURES
    sheet = np.array(Image.open(io.BytesIO(golden.body)), dtype=np.int16)

    def with_levels(added: int, rows: slice, columns: slice) -> Taken:
        other = sheet.copy()
        other[rows, columns] = np.where(other[rows, columns] > 127, -added, added) + other[rows, columns]
        out = io.BytesIO()
        Image.fromarray(other.astype(np.uint8)).save(out, "PNG")
        return Taken(golden.head, out.getvalue())

    everywhere = slice(None)
    assert differences(case, golden, with_levels(1, everywhere, everywhere)) == []
    assert differences(case, golden, with_levels(60, slice(20, 24), slice(20, 24)))
    assert differences(case, golden, with_levels(4, everywhere, everywhere))
