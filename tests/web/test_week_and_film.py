"""Hours of the week and windows of a film: what is asked for beyond what can be had is answered as far as it
goes, and says so.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.support import PARIS, PEOPLE, World, at

DAY, HOUR = 86_400, 3600
ZONE = ZoneInfo("Europe/Paris")
NOW = at("2026-06-17T12:00")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def send_query(world: World, target: str, span: float, **params: str) -> Any:
    query = {"space": PARIS, "from": str(int(NOW - span * DAY) * 1000), "to": str(NOW * 1000), **params}
    response = world.http.get(f"/api/v1/{target}", query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def hour_of_week(instant_s: int) -> tuple[int, int]:
    wall = datetime.fromtimestamp(instant_s, ZONE)
    return wall.weekday(), wall.hour


def test_the_busiest_hour_is_said_with_both_its_ends(world: World) -> None:
    [frame] = send_query(world, "pattern", 7, metric="occupancy")
    known: dict[tuple[int, int], list[float]] = {}
    for t in range(NOW - 7 * DAY, NOW, HOUR):
        known.setdefault(hour_of_week(t), []).append(PEOPLE.occupancy(PARIS, None, t, t + HOUR).mean())
    means = {hour: float(np.mean(values)) for hour, values in known.items()}
    # The Project room's sensor was silent for four days: people there were seen by nobody.
    rows = {
        (row["weekday"], row["hour"]): row["value"] for row in send_query(world, "pattern", 7, format="rows")
    }
    (day, hour), _ = max(means.items(), key=lambda one: rows[WEEKDAYS[one[0][0]], one[0][1]])
    custom = frame["meta"]["custom"]["busiest"]
    assert custom["value"] == max(value for value in rows.values() if value is not None)
    assert (custom["weekday"], custom["hour"]) == (day + 1, hour)
    assert custom["text"] == f"Busiest: {WEEKDAYS[day]} {hour}\u2013{hour + 1}, {custom['value']:.0f} people"


def test_where_no_hour_counts_none_is_the_busiest(world: World) -> None:
    [frame] = send_query(world, "pattern", 1, metric="occupancy", days="sun")
    assert frame["meta"]["custom"]["busiest"] is None


def test_a_week_begins_where_the_setting_says(make_world: Any) -> None:
    for start, first in (("sun", "Sunday"), ("mon", "Monday")):
        rows = send_query(make_world(week_start=start), "pattern", 7, format="rows", metric="occupancy")
        days = list(dict.fromkeys(row["weekday"] for row in rows))
        assert (days[0], len(days)) == (first, 7)
        assert {row["weekday"]: row["weekday_number"] for row in rows} == {
            day: k for k, day in enumerate(WEEKDAYS, start=1)
        }


def test_heat_of_a_longer_range_is_that_of_its_last_14_days(world: World) -> None:
    [long], [short] = (send_query(world, "pattern", span, metric="heatmap") for span in (30, 14))
    assert [f["values"] for f in long["fields"]] == [f["values"] for f in short["fields"]]
    notice_texts = {n["text"]: n["severity"] for n in long["meta"]["notices"]}
    assert notice_texts["Only the last 14 days are counted here, from 3 Jun 2026."] == "warning"
    assert not any("last 14 days" in n["text"] for n in short["meta"]["notices"])


@pytest.mark.parametrize(
    ("span", "params", "windows", "step_s"),
    [
        (0.25, {}, 24, 900),
        (1, {}, 24, HOUR),
        (2, {}, 48, HOUR),
        (3, {}, 4, DAY),
        # 2,880 quarters of an hour and 720 hours are too many.
        (30, {"every": "15m"}, 31, DAY),
        (30, {"every": "1h"}, 31, DAY),
        (14, {"every": "1d", "days": "mon-fri"}, 11, DAY),
        (2, {"hours": "08:00-18:00"}, 6 + 10 + 4, HOUR),
    ],
)
def test_windows_of_a_film(
    world: World, span: float, params: dict[str, str], windows: int, step_s: int
) -> None:
    [frame] = send_query(world, "playback", span, resolution="1.0", **params)
    assert frame["meta"]["custom"]["windows"] == windows
    times = sorted({t // 1000 for t in frame["fields"][0]["values"]})
    # But for the first, which begins with the range, each begins where a window does.
    assert all(datetime.fromtimestamp(t, ZONE).timestamp() % min(step_s, HOUR) == 0 for t in times[1:])
    if step_s == DAY:
        assert all(datetime.fromtimestamp(t, ZONE).hour == 0 for t in times[1:])
    reported = [n["text"] for n in frame["meta"]["notices"] if "too many windows" in n["text"]]
    assert bool(reported) == (params.get("every") in ("15m", "1h"))
    if reported:
        assert reported[0].endswith("days are shown.")


def test_of_a_year_of_days_the_last_ones_are_shown(world: World) -> None:
    [frame] = send_query(world, "playback", 300, resolution="1.0", every="1d", hours="12:00-13:00")
    assert frame["meta"]["custom"]["windows"] == 200
    assert any("Only the last 200 days are shown" in n["text"] for n in frame["meta"]["notices"])
