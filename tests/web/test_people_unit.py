"""Heat in people, through the doors: each target and format, against the simulator's people and a factor."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest

from butlr_grafana.model.factor import Observation
from tests.support import (
    HANG_S,
    NEW_YORK,
    NO_RATE,
    PARIS,
    PARIS_2,
    PEOPLE,
    World,
    at,
    cells_of,
    know_rate,
    truth,
    version_of,
)

Json = dict[str, Any]

DAY = {"from": "2026-06-16T04:00:00Z", "to": "2026-06-16T16:00:00Z"}
HOURS = 12
RATE = 2.5
"""Detections a person and minute, as the backend is told; the simulator's people give one."""

PER_PERSON_HOUR = RATE * 60
REASON = "the number of detections per person on this floor is not known: it has not been measured yet"


@pytest.fixture
def known(world: World) -> World:
    know_rate(world, PARIS, RATE)
    return world


def send_query(world: World, target: str, **params: str) -> Any:
    response = world.http.get(f"/api/v1/{target}", query_string={"space": PARIS, **DAY, **params})
    assert response.status_code == 200, response.text
    return response


def frame(world: World, target: str = "heatmap", **params: str) -> Json:
    [found] = send_query(world, target, **params).get_json()
    own: Json = found
    return own


def rows(world: World, target: str, **params: str) -> list[Json]:
    found: list[Json] = send_query(world, target, format="rows", **params).get_json()
    return found


def field(frame: Json, name: str) -> Json:
    [found] = [field for field in frame["fields"] if field["name"] == name]
    own: Json = found
    return own


def people(resolution_m: float = 0.5, space: str = PARIS, **period: str) -> dict[tuple[float, float], float]:
    """People per m² by cell."""
    start, end = (at({**DAY, **period}[edge]) for edge in ("from", "to"))
    hours = (end - start) / 3600
    return {
        cell: n / PER_PERSON_HOUR / hours / resolution_m**2
        for cell, n in truth(space, start, end, resolution_m).items()
    }


def near(expected: Any) -> Any:
    return pytest.approx(expected, rel=1e-9)


# --- maps -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [{}, {"unit": "people"}, {"unit": "people", "normalize": "hour"}])
def test_a_map_is_in_people_and_has_detections_beside(known: World, params: dict[str, str]) -> None:
    found = frame(known, resolution="0.5", **params)
    beside = "detections_per_hour" if params.get("normalize") == "hour" else "detections"
    assert [f["name"] for f in found["fields"]] == ["x", "y", "people_per_m2", beside]
    value = field(found, "people_per_m2")
    assert value["config"] == {"displayName": "People per m²", "unit": "short"}
    assert value["labels"] == {"space": PARIS}
    x, y, shown, counted = found["fields"]
    assert cells_of({"fields": [x, y, shown]}) == near(people())
    divisor = HOURS if params.get("normalize") == "hour" else 1
    expected = {c: n / divisor for c, n in truth(PARIS, at(DAY["from"]), at(DAY["to"]), 0.5).items()}
    assert cells_of({"fields": [x, y, counted]}) == near(expected)


def test_it_names_the_factor_and_what_it_rests_on(known: World) -> None:
    text = frame(known, resolution="0.5")["meta"]
    total = sum(truth(PARIS, at(DAY["from"]), at(DAY["to"]), 0.5).values())
    assert text["custom"]["unit"] == "people"
    assert text["custom"]["factor"] == {
        "detections_per_person_minute": RATE,
        "version": version_of(known, PARIS),
        "person_minutes": 7e9,
        "days": 7,
    }
    assert text["custom"]["factor_unknown"] is None
    assert text["custom"]["total_detections"] == total
    assert text["custom"]["person_hours"] == near(total / PER_PERSON_HOUR)
    assert text["custom"]["max_people_per_m2"] == near(max(people().values()))
    assert text["notices"] == []


def test_without_a_factor_auto_is_in_detections_and_says_so(world: World) -> None:
    found = frame(world, resolution="0.5")
    assert [f["name"] for f in found["fields"]] == ["x", "y", "detections"]
    custom = found["meta"]["custom"]
    assert (custom["unit"], custom["factor"], custom["factor_unknown"]) == ("detections", None, REASON)
    assert (custom["person_hours"], custom["max_people_per_m2"]) == (None, None)
    assert found["meta"]["notices"] == [NO_RATE]


def test_people_where_they_are_not_known_are_null_with_the_reason(world: World) -> None:
    found = frame(world, resolution="0.5", unit="people")
    assert set(field(found, "people_per_m2")["values"]) == {None}
    x, y, _, counted = found["fields"]
    assert cells_of({"fields": [x, y, counted]}) == truth(PARIS, at(DAY["from"]), at(DAY["to"]), 0.5)
    assert found["meta"]["custom"]["unit"] == "people"
    warning = {"severity": "warning", "text": f"Heat in people is not known: {REASON}."}
    assert found["meta"]["notices"] == [warning]


def test_detections_are_what_they_were(known: World, make_world: Callable[..., World]) -> None:
    stranger = make_world()
    for params in ({}, {"normalize": "max"}, {"normalize": "share"}, {"normalize": "hour"}):
        mine, other = (frame(one, unit="detections", **params) for one in (known, stranger))
        assert mine["fields"] == other["fields"]
        assert other["meta"]["notices"] == []
        assert mine["meta"]["custom"]["unit"] == "detections"
    # Shares are the same in any unit, and what asks for detections an hour by name gets them.
    for params in ({"normalize": "max"}, {"normalize": "share"}, {"normalize": "hour"}):
        assert frame(known, **params)["fields"] == frame(stranger, **params)["fields"]


def test_rows_and_csv_have_people_beside_detections(known: World) -> None:
    counts = truth(PARIS, at(DAY["from"]), at(DAY["to"]), 1.0)
    found = {(row["x"], row["y"]): row for row in rows(known, "heatmap", resolution="1.0")}
    assert found.keys() == counts.keys()
    lines = list(
        csv.DictReader(io.StringIO(send_query(known, "heatmap", resolution="1.0", format="csv").text))
    )
    assert list(lines[0]) == ["x_m", "y_m", "detections", "people_per_m2", "person_hours"]
    for line in lines:
        row = found[float(line["x_m"]), float(line["y_m"])]
        n = counts[row["x"], row["y"]]
        assert row["detections"] == n
        assert row["person_hours"] == near(n / PER_PERSON_HOUR)
        assert row["people_per_m2"] == near(n / PER_PERSON_HOUR / HOURS)
        for name in ("detections", "people_per_m2", "person_hours"):
            # A file has six digits.
            assert float(line[name]) == pytest.approx(row[name], rel=1e-5)


def test_rows_and_csv_without_a_factor(world: World) -> None:
    assert {tuple(row) for row in rows(world, "heatmap")} == {("x", "y", "detections")}
    found = rows(world, "heatmap", unit="people", resolution="1.0")
    assert {(row["people_per_m2"], row["person_hours"]) for row in found} == {(None, None)}
    assert sum(row["detections"] for row in found) == sum(
        truth(PARIS, at(DAY["from"]), at(DAY["to"]), 1.0).values()
    )
    lines = send_query(world, "heatmap", unit="people", format="csv", resolution="1.0").text.splitlines()
    assert all(line.endswith(",,") for line in lines[1:])


def test_a_matrix_is_in_people(known: World) -> None:
    counted = rows_of_matrix(send_query(known, "heatmap", format="matrix", unit="detections").get_json())
    shown = rows_of_matrix(send_query(known, "heatmap", format="matrix").get_json())
    assert shown.keys() == counted.keys()
    for place, n in counted.items():
        assert shown[place] == (None if n is None else near(n / PER_PERSON_HOUR / HOURS / 0.25))


def rows_of_matrix(found: list[Json]) -> dict[tuple[float, str], float | None]:
    return {(row["#x"], y): v for row in found for y, v in row.items() if y != "#x"}


def test_the_rooms_requested_are_in_people_too(known: World) -> None:
    kitchen = "room_paris_1_kitchen"
    mine, counted = (rows(known, "heatmap", room=kitchen, unit=unit) for unit in ("people", "detections"))
    assert [r["detections"] for r in mine] == [r["detections"] for r in counted]
    for row in mine:
        assert row["people_per_m2"] == near(row["detections"] / PER_PERSON_HOUR / HOURS / 0.25)


def test_the_summary_has_both(known: World) -> None:
    counts = truth(PARIS, at(DAY["from"]), at(DAY["to"]), 0.5)
    [row] = rows(known, "heatmap-summary", resolution="0.5")
    total = sum(counts.values())
    assert (row["total_detections"], row["peak"]) == (total, max(counts.values()))
    assert row["person_hours"] == near(total / PER_PERSON_HOUR)
    assert row["people"] == near(total / PER_PERSON_HOUR / HOURS)
    assert row["people_per_m2"] == near(total / PER_PERSON_HOUR / HOURS / row["area_m2"])
    assert row["peak_people_per_m2"] == near(max(people().values()))
    [part] = rows(known, "heatmap-summary", room="room_paris_1_kitchen")
    assert part["people_per_m2"] is None, "a part of the floor has not the floor's area"
    assert part["person_hours"] == near(part["total_detections"] / PER_PERSON_HOUR)


def test_playback_is_in_people_window_by_window(known: World) -> None:
    found = frame(known, "playback", every="1h", resolution="1.0")
    assert [f["name"] for f in found["fields"]] == ["time", "x", "y", "people_per_m2", "detections"]
    time, x, y, shown, counted = (f["values"] for f in found["fields"])
    start = at(DAY["from"])
    expected = {
        (1000 * (start + k * 3600), *cell): n
        for k in range(HOURS)
        for cell, n in truth(PARIS, start + k * 3600, start + (k + 1) * 3600, 1.0).items()
    }
    places = list(zip(time, x, y, strict=True))
    assert dict(zip(places, counted, strict=True)) == expected
    assert dict(zip(places, shown, strict=True)) == near(
        {k: n / PER_PERSON_HOUR for k, n in expected.items()}
    )
    assert found["meta"]["custom"]["unit"] == "people"
    reported = rows(known, "playback", every="1h", resolution="1.0")
    assert [row["people_per_m2"] for row in reported] == shown


def test_playback_without_a_factor_has_no_number(world: World) -> None:
    found = frame(world, "playback", every="1h", resolution="1.0", unit="people")
    assert set(field(found, "people_per_m2")["values"]) == {None}
    assert None not in field(found, "detections")["values"]


# --- what is made of maps ---------------------------------------------------------------------------------


def test_a_comparison_is_in_people_per_m2(known: World) -> None:
    mine, counted = (
        frame(known, "compare", unit=unit, resolution="1.0") for unit in ("people", "detections")
    )
    for name in ("change", "current", "baseline"):
        shown, per_hour = field(mine, name)["values"], field(counted, name)["values"]
        assert shown == [None if v is None else near(v / PER_PERSON_HOUR) for v in per_hour]
    assert field(mine, "change_pct")["values"] == [
        None if v is None else near(v) for v in field(counted, "change_pct")["values"]
    ]
    assert field(mine, "change")["config"]["displayName"] == "Change, people per m²"
    custom = mine["meta"]["custom"]
    assert custom["unit"] == custom["baseline"]["unit"] == "people"
    assert custom["factor"] == custom["baseline"]["factor"]
    reported = {(row["x"], row["y"]): row["current"] for row in rows(known, "compare", resolution="1.0")}
    assert {c: v for c, v in reported.items() if v} == near(people(1.0))


def test_a_comparison_without_a_factor_has_no_number_and_says_why(world: World) -> None:
    found = frame(world, "compare", unit="people")
    for name in ("change", "current", "baseline", "change_pct"):
        assert set(field(found, name)["values"]) == {None}
    assert any(REASON in n["text"] for n in found["meta"]["notices"] if n["severity"] == "warning")


def test_rooms_are_compared_by_their_people(known: World) -> None:
    mine, counted = (
        {row["zone_id"]: row for row in rows(known, "compare-zones", unit=unit)}
        for unit in ("people", "detections")
    )
    assert mine.keys() == counted.keys()
    for zone_id, row in mine.items():
        for name in ("current", "baseline", "change"):
            per_hour = counted[zone_id][name]
            assert row[name] == (None if per_hour is None else near(per_hour / PER_PERSON_HOUR))
        assert row["change_pct"] == (
            None if counted[zone_id]["change_pct"] is None else near(counted[zone_id]["change_pct"])
        )
        assert row["share_change"] == counted[zone_id]["share_change"]
    assert any(row["change"] for row in mine.values())


def test_rooms_that_cannot_be_compared_in_people_say_why(world: World) -> None:
    for row in rows(world, "compare-zones", unit="people"):
        assert row["change"] is None
        assert row["reason"]
    assert any(row["reason"] == REASON for row in rows(world, "compare-zones", unit="people"))


def test_hot_zones_have_people_beside_detections(known: World) -> None:
    found = rows(known, "hot-zones")
    reported = [row for row in found if row["per_m2_hour"] is not None]
    for row in reported:
        assert row["people_per_m2"] == near(row["per_m2_hour"] / PER_PERSON_HOUR)
    for row in found:
        if row["detections"] is not None:
            assert row["person_hours"] == near(row["detections"] / PER_PERSON_HOUR)
    heats = [row["people_per_m2"] for row in reported]
    assert heats == sorted(heats, reverse=True)
    assert len(reported) > 5


def test_a_number_as_threshold_is_in_the_unit_requested(known: World) -> None:
    """Without a unit it stays in detections, whatever becomes known."""
    found = rows(known, "hot-zones")
    second = sorted((row["people_per_m2"] or 0.0 for row in found), reverse=True)[1]
    limit = f"{second * 0.999:.9f}"
    assert sum(row["hot"] for row in rows(known, "hot-zones", unit="people", threshold=limit)) == 2
    in_detections = f"{second * 0.999 * PER_PERSON_HOUR:.9f}"
    for unit in ("auto", "detections"):
        hot = rows(known, "hot-zones", unit=unit, threshold=in_detections)
        assert sum(row["hot"] for row in hot) == 2
    assert frame(known, "hot-zones", threshold=in_detections)["meta"]["custom"]["unit"] == "detections"


def test_hot_spots_have_people_and_are_found_by_them(known: World) -> None:
    [first, *_] = rows(known, "hotspots", resolution="0.5")
    assert first["person_hours"] == near(first["total"] / PER_PERSON_HOUR)
    assert first["people_per_m2"] == near(first["total"] / PER_PERSON_HOUR / HOURS / first["area_m2"])
    assert first["peak_people_per_m2"] == near(first["peak"] / PER_PERSON_HOUR / HOURS / 0.25)
    limit = max(people().values()) * 0.999
    [hottest] = rows(known, "hotspots", resolution="0.5", unit="people", threshold=f"{limit:.9f}")
    assert hottest["peak_people_per_m2"] >= limit


def test_hot_spots_in_people_are_not_known_without_a_factor(world: World) -> None:
    assert rows(world, "hotspots", unit="people") == []
    notices = frame(world, "hotspots", unit="people")["meta"]["notices"]
    assert any(n["text"].startswith("Hot spots are not known: ") for n in notices)


def test_the_week_of_the_heat_map_is_in_people(known: World) -> None:
    params = {"metric": "heatmap", "resolution": "1.0"}
    mine, counted = (rows(known, "pattern", unit=unit, **params) for unit in ("auto", "detections"))
    assert [r["value"] for r in mine] == [
        None if r["value"] is None else near(r["value"] / PER_PERSON_HOUR) for r in counted
    ]
    assert any(row["value"] for row in mine)
    title = field(frame(known, "pattern", **params), "value")["config"]["displayName"]
    assert title == "People, mean"


def test_utilization_has_people_per_m2(known: World) -> None:
    found = rows(known, "utilization")
    heat = {row["zone_id"]: row["people_per_m2"] for row in rows(known, "hot-zones")}
    assert {row["room_id"]: row["people_per_m2"] for row in found} == {
        row["room_id"]: heat[row["room_id"]] for row in found
    }
    assert any(heat.values())


# --- several floors, and factors that change --------------------------------------------------------------


def test_each_floor_has_its_own_factor_and_the_ranking_has_one_unit(world: World) -> None:
    rates = {PARIS: 1.0, PARIS_2: 4.0}
    for space, rate in rates.items():
        know_rate(world, space, rate)
    found = rows(world, "hot-zones", space="all")
    for row in found:
        if row["space"] == NEW_YORK:
            assert (row["people_per_m2"], row["person_hours"], row["hot"]) == (None, None, 0)
            assert row["reason"]
        elif row["per_m2_hour"] is not None:
            assert row["people_per_m2"] == near(row["per_m2_hour"] / rates[row["space"]] / 60)
    ranked = [row["people_per_m2"] for row in found if row["people_per_m2"] is not None]
    assert ranked == sorted(ranked, reverse=True)
    assert [row["space"] for row in found[len(ranked) :] if row["detections"] is not None].count(NEW_YORK)
    custom = frame(world, "hot-zones", space="all")["meta"]["custom"]["floors"]
    assert {space: own["unit"] for space, own in custom.items()} == dict.fromkeys(custom, "people")
    assert {space: own["factor"] and own["factor"]["version"] for space, own in custom.items()} == {
        PARIS: version_of(world, PARIS),
        PARIS_2: version_of(world, PARIS_2),
        NEW_YORK: None,
    }


def test_what_all_floors_lack_is_said_once(world: World) -> None:
    notices = [n["text"] for n in frame(world, "hot-zones", space="all")["meta"]["notices"]]
    [message] = [text for text in notices if text.startswith("Heat is in detections")]
    assert all(floor.name in message for floor in PEOPLE.office.floors)


def test_a_new_factor_makes_a_new_answer_that_names_it(world: World) -> None:
    """Kept answers are by their factors: what was given stays what it was."""
    factor_store = world.application.service.factors
    send_query(world, "heatmap")
    without = frame(world)
    factor_store.note(PARIS, Observation("2026-06-15", 24.0, 2_000.0, 1_000.0))
    first, again = frame(world), frame(world)
    factor_store.note(PARIS, Observation("2026-06-16", 24.0, 6_000.0, 1_000.0))
    second = frame(world)
    assert first == again
    rates = [one["meta"]["custom"]["factor"] for one in (without, first, second)]
    assert rates[0] is None
    assert [rate["detections_per_person_minute"] for rate in rates[1:]] == [2.0, 4.0]
    assert rates[1]["version"] != rates[2]["version"]
    assert field(first, "detections") == field(second, "detections") == field(without, "detections")
    assert field(first, "people_per_m2")["values"] == [
        None if v is None else near(2 * v) for v in field(second, "people_per_m2")["values"]
    ]


# --- alerts and words -------------------------------------------------------------------------------------


def test_a_wrong_unit_is_an_error_that_names_it(world: World) -> None:
    response = world.http.get("/api/v1/heatmap", query_string={"space": PARIS, **DAY, "unit": "persons"})
    assert response.status_code == 400
    message = response.get_json()["message"]
    assert all(word in message for word in ("unit", "auto", "people", "detections"))


def test_pictures_speak_of_people(known: World) -> None:
    """By their pixels: the same map, another legend."""
    # The plan's own picture may come a moment later than the first answer.
    service = known.application.service
    floor, pictures = service.topology(None, deadline=service.deadline()).floors[PARIS], service.pictures
    pictures.request(floor)
    assert pictures.of(floor, timeout_s=HANG_S) is not None
    for target in ("heatmap", "compare"):
        mine, counted = (
            send_query(known, target, format="png", unit=unit).data for unit in ("people", "detections")
        )
        assert mine[:8] == counted[:8] == b"\x89PNG\r\n\x1a\n"
        assert mine != counted
        assert send_query(known, target, format="png").data == mine
    assert send_query(known, "playback", format="webp", width="300").data != (
        send_query(known, "playback", format="webp", width="300", unit="detections").data
    )


def test_the_topology_tells_each_floors_factor(known: World) -> None:
    found = {row["id"]: row for row in rows(known, "spaces", space="all")}
    names = ("detections_per_person_minute", "factor_version", "factor_days", "factor_unknown")
    assert [found[PARIS][name] for name in names] == [RATE, version_of(known, PARIS), 7, None]
    assert [found[NEW_YORK][name] for name in names] == [None, None, None, "it has not been measured yet"]
    assert [found["room_paris_1_kitchen"][name] for name in names] == [None] * 4


def test_the_preview_page_has_people_where_they_are_known(world: World) -> None:
    def page() -> str:
        params = {"space": PARIS, "period": "1"}
        return world.http.get("/", query_string=params, headers={"Accept": "text/html"}).text

    assert 'id="people"' not in page()
    know_rate(world, PARIS, RATE)
    end = int(world.now_s) // 60 * 60
    total = sum(truth(PARIS, end - 86_400, end, 0.5).values())
    assert f'id="people">{total / PER_PERSON_HOUR / 24:,.1f}<' in page()
