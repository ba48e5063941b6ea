"""The report's maker lets nothing through that it does not know to be safe."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butlr_grafana.measure import report
from butlr_grafana.measure.finding import decided, failed
from butlr_grafana.measure.verdict_store import Drift
from butlr_grafana.measure.vocabulary import PARAMETERS, is_safe
from butlr_grafana.model.verdicts import Verdicts


@pytest.mark.parametrize(
    "key",
    [
        *("room_id", "floorNumber", "isOnline", "array_cells", "min_x", "ROOM_OCCUPANCY_1MIN", "__typename"),
        *("aggregator_headcount", "netPathStability", "page_item_count", "data_incomplete", "room_custom_id"),
        *("room_presence_time_secs", "battery_change_by_date", "null_percentage", "total_detections"),
    ],
)
def test_keys_of_butlrs_documents_are_shown(key: str) -> None:
    assert is_safe(key)
    assert key in report.tree_of({key: 1})


@pytest.mark.parametrize(
    "key",
    [
        *("Boardroom", "Acme_room", "roomAcme", "ACMERoom", "data room", "room-id", "räume", "", "a" * 70),
        *("roomId7Kx2", "10.0.0.7", "https://acme.example", "room_id\n", "_room_id", "x" * 5),
    ],
)
def test_other_keys_are_not(key: str) -> None:
    tree = report.tree_of({key: 1})
    assert list(tree) == ["(key)"]


def test_ids_become_their_prefix_and_values_their_kind() -> None:
    tree = report.tree_of(
        {
            "data": {
                "room_7Kx2abc": {"2030-01-07T08:00:00Z": [{"value": 3, "room_name": "Boardroom of Acme"}]},
                "room_8": {
                    "2030-01-07T08:00:00Z": [{"value": None, "hive_serial": "SN-1", "time": "2030-01-07"}]
                },
            },
            "mac_address": "00-17-0d-ab-cd-ef",
            "sensor_id": "sensor_fa-ke-17",
            "field": "Acme",
            "measurement": "aggregator_headcount",
            "tag_id": "",
            "is_online": False,
        }
    )
    assert tree == {
        "data": {
            "room_# x2": {
                "(time)": {
                    "(length)": "1",
                    "(list)": {
                        "hive_serial": "text",
                        "room_name": "text",
                        "time": "time",
                        "value": ["null", "number"],
                    },
                }
            }
        },
        "mac_address": "MAC address",
        "sensor_id": "id sensor_#",
        "field": "text",
        "measurement": "text aggregator_headcount",
        "tag_id": "empty text",
        "is_online": "true or false",
    }


def test_a_body_that_is_no_json_is_not_copied() -> None:
    seen = report.Seen()
    seen.add("metrics", b"<html>Acme s3cret</html>")
    assert seen.by_api() == {"metrics": ["not JSON"]}


def test_texts_of_findings_are_left_out_and_hidden_where_they_hide_in_numbers() -> None:
    found = [
        failed("U4", "Butlr answered 400 on /api/v3/reporting: room Boardroom of Acme", "upstream_refused"),
        decided(
            "U1",
            assumed="Acme",
            measured="Acme",
            follows="Acme",
            same=True,
            numbers={"form": "data[0].heatmap_v2", "bounds": "min{x,y}", "limit": "Acme"},
            verdict={"heat_form": "Acme[0]"},
        ),
    ]
    drifts = [Drift("labels", "metrics", "a row of Boardroom", 1.0)]
    body = report.report(
        None, found, Verdicts().with_({"labels": "start"}), report.Seen(), drifts=drifts, own_address=False
    )
    assert b"Acme" not in body
    assert b"Boardroom" not in body
    document = orjson.loads(body)
    first, second = document["findings"]
    assert first["numbers"] == {"error": "upstream_refused"}
    assert second["numbers"] == {"form": "data[0].heatmap_v2", "bounds": "min{x,y}", "limit": "(hidden)"}
    assert second["verdict"] == {"heat_form": "(hidden)"}
    assert document["verdicts"]["values"] == {"labels": "start"}
    assert document["butlr_address"] == "another one"


SECRET = "zq7"
keys = st.text(alphabet="abcxyz_-.[]{} 0179é", max_size=8).map(lambda text: f"{text}{SECRET}{text}")
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | keys,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(keys, below, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(documents)
def test_whatever_an_answer_holds_no_text_of_it_is_copied(document: object) -> None:
    assert not any(SECRET in word for word in PARAMETERS)
    seen = report.Seen()
    seen.add("metrics", orjson.dumps(document))
    body = report.report(None, [], Verdicts(), seen, own_address=True)
    assert SECRET.encode() not in body
