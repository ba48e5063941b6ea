"""People now: two measurements in one call of `POST /api/v3/reporting`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from butlr_grafana.butlr import Butlr, reporting
from butlr_grafana.errors import UpstreamInvalid
from butlr_grafana.model import Period, Segment, SeriesSubject
from butlr_grafana.simulator import Simulator
from tests.support import PARIS, PEOPLE, at

BOTH = SeriesSubject("room_occupancy+traffic_room_occupancy", "room", "1m", "median", "Europe/Paris")
MINUTES = Period(at("2025-06-10T12:00"), at("2025-06-10T12:05"))


def test_the_question_names_both_and_orders_by_them() -> None:
    asked: Any = reporting.question(PARIS, BOTH, MINUTES, page=1)
    assert asked["filter"]["measurements"] == ["room_occupancy", "traffic_room_occupancy"]
    assert asked["group_by"]["order"] == ["time", "room_id", "measurement", "field"]


def test_each_measurement_is_a_field_of_its_own(butlr: Butlr, simulator: Simulator) -> None:
    samples = butlr.fetch(Segment(PARIS, BOTH, MINUTES, settled=True)).samples
    rooms = [room.id for room in PEOPLE.office.by_id[PARIS].rooms]
    seen = {asset for asset, field in samples.series if field == "room_occupancy"}
    by_doors = {asset for asset, field in samples.series if field == "traffic_room_occupancy"}
    assert seen & by_doors
    assert {field for _, field in samples.series} == {"room_occupancy", "traffic_room_occupancy"}
    for number, (asset, field) in enumerate(samples.series):
        if field == "room_occupancy" and not PEOPLE.offline(asset, MINUTES.start_s, MINUTES.end_s):
            own = samples.index == number
            order = np.argsort(samples.start_s[own])
            truth = PEOPLE.occupancy(PARIS, rooms.index(asset), MINUTES.start_s, MINUTES.end_s)
            assert samples.value[own][order].tolist() == truth.tolist()
    assert simulator.count("/api/v3/reporting") == 1


@pytest.mark.parametrize("measurement", [None, "zone_occupancy"])
def test_a_row_of_neither_is_an_error(measurement: str | None) -> None:
    row = {"time": "2025-06-10T12:00:00Z", "room_id": "r", "field": "value", "value": 1}
    with pytest.raises(UpstreamInvalid, match="not asked for"):
        reporting.samples([{**row, "measurement": measurement}], BOTH, MINUTES)
