"""Files for a spreadsheet: columns that say their unit, the same name for the same thing, names that say what
a file is of.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest

from butlr_grafana.present.images import heatmap_image
from butlr_grafana.present.spreadsheet import rounded
from tests.support import NEW_YORK, PARIS, World, know_rate

WEEK = {"from": "2026-06-08T22:00:00Z", "to": "2026-06-16T22:00:00Z"}


def send_query(world: World, target: str, **params: str) -> Any:
    query = {**WEEK, "space": PARIS, "format": "csv", **params}
    result = world.http.get(f"/api/v1/{target}", query_string=query)
    assert result.status_code == 200, result.get_data(as_text=True)
    return result


def lines(result: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.get_data(as_text=True))))


def test_the_same_thing_has_the_same_name_in_every_file(world: World) -> None:
    know_rate(world, PARIS, 1.25)
    targets = (
        "hot-zones",
        "compare-zones",
        "utilization",
        "occupancy",
        "presence",
        "occupancy-now",
        "free-rooms",
        "unusual",
    )
    files = {target: lines(send_query(world, target))[0] for target in targets}
    for head in files.values():
        assert {"floor_id", "room_id", "room"} <= head.keys()
        assert not {"space", "zone", "zone_id", "value", "age_s", "as_of_ms", "share"} & head.keys()
    assert "people" in files["occupancy"]
    assert "presence_minutes" in files["presence"]
    assert "capacity_used_percent" in files["occupancy-now"]
    assert {"people_now", "people_then", "people_change"} <= files["compare-zones"].keys()
    shares = {name for head in files.values() for name in head if "percent" in name}
    assert not any(name.replace("_percent", "") in head for head in files.values() for name in shares)


def test_local_time_and_its_zone_stand_beside_utc(world: World) -> None:
    first = lines(send_query(world, "occupancy", every="1h", space=NEW_YORK))[0]
    assert first["time_utc"] == "2026-06-08T22:00:00Z"
    assert (first["time_local"], first["time_zone"]) == ("2026-06-08 18:00:00", "America/New_York")
    both = lines(send_query(world, "traffic", every="1d", space="all", level="floor"))
    assert {row["time_zone"] for row in both} == {"Europe/Paris", "America/New_York"}
    assert {row["time_local"][11:] for row in both} == {"00:00:00"}


def test_a_mark_for_excel_where_it_is_requested(world: World) -> None:
    for target in ("heatmap", "hot-zones"):
        plain, marked = (send_query(world, target, bom=bom).data for bom in ("0", "1"))
        assert marked == b"\xef\xbb\xbf" + plain
        assert send_query(world, target).data == plain


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({}, "space_paris_1_hot-zones_2026-06-09_2026-06-17"),
        (
            {"hours": "08:00-18:00", "days": "mon-fri"},
            "space_paris_1_hot-zones_2026-06-09_2026-06-17_08.00-18.00_mon-fri",
        ),
        ({"days": "mon,wed"}, "space_paris_1_hot-zones_2026-06-09_2026-06-17_mon-wed"),
        ({"room": "room_paris_1_kitchen"}, "space_paris_1_hot-zones_2026-06-09_2026-06-17_Kitchen"),
        (
            {"room": "room_paris_1_kitchen,room_paris_1_library"},
            "space_paris_1_hot-zones_2026-06-09_2026-06-17_2-rooms",
        ),
        ({"space": "all"}, "floors_hot-zones_2026-06-09_2026-06-17"),
    ],
)
def test_a_file_is_called_after_what_it_is_of(world: World, params: dict[str, str], name: str) -> None:
    text = send_query(world, "hot-zones", **params).headers["Content-Disposition"]
    assert re.search(r'filename="?([^";]+)', text)[1] == f"{name}.csv"  # type: ignore[index]


def test_of_simulated_people_the_files_name_says_so(make_world: Any) -> None:
    world = make_world()
    object.__setattr__(world.application.service, "demo", True)
    text = send_query(world, "hot-zones").headers["Content-Disposition"]
    assert "_simulated.csv" in text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1 / 3, 0.333333),
        (2.0, 2),
        (1234567.89, 1234567.9),
        (123456.789, 123457.0),
        (-0.00012345678, -0.000123457),
    ],
)
def test_numbers_have_six_digits(value: float, written: float) -> None:
    assert rounded(value) == written


def test_the_picture_of_a_change_names_hours_and_days(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    message: list[str] = []
    head = heatmap_image.head

    def watched(lines: Any, *more: Any) -> Any:
        message.extend(line.text for line in lines)
        return head(lines, *more)

    monkeypatch.setattr(heatmap_image, "head", watched)
    send_query(world, "compare", format="png", hours="08:00-18:00", days="mon-fri")
    assert "08:00-18:00 Mon to Fri" in message
