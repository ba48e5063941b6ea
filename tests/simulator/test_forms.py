"""The choices as such: how they are written, what is no choice, and turning them while it runs."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
import requests

from butlr_grafana.simulator import Forms, Simulator
from butlr_grafana.simulator.forms import random_forms, single_changes
from butlr_grafana.simulator.topology import schema_of
from tests.support import HANG_S


def test_texts_are_read_as_their_kind() -> None:
    params = ["heat_stop=inclusive", "ghost_heat=on", "drift=no", "page_cap=none", "detections_per_minute=60"]
    params += ["missing_scopes=read:rooms,read:hives", "traffic_late_s=300", "missing_fields=Room.rotation"]
    assert Forms.read(params) == Forms(
        heat_stop="inclusive",
        ghost_heat=True,
        drift=False,
        page_cap=None,
        detections_per_minute=60,
        missing_scopes=frozenset({"read:rooms", "read:hives"}),
        traffic_late_s=300,
        missing_fields=frozenset({"Room.rotation"}),
    )
    assert Forms.read([]) == Forms()


@pytest.mark.parametrize("word", ["mood=good", "heat_stop", "heat_stop=", "ghost_heat=maybe", "page_cap=-1"])
def test_a_wrong_text_names_the_form(word: str) -> None:
    with pytest.raises(ValueError, match=word.split("=", 1)[0]):
        Forms.read([word])


@pytest.mark.parametrize("form", [item for item in fields(Forms) if "choices" in item.metadata])
def test_only_choices_can_be_chosen(form: Any) -> None:
    for choice in form.metadata["choices"]:
        value = frozenset({choice}) if isinstance(form.default, frozenset) else choice
        assert getattr(Forms(**{form.name: value}), form.name) == value
    wrong = frozenset({"sideways"}) if isinstance(form.default, frozenset) else "sideways"
    with pytest.raises(ValueError, match=form.name):
        Forms(**{form.name: wrong})


def test_every_form_is_described() -> None:
    assert Forms.__doc__
    assert [item.name for item in fields(Forms) if f"`{item.name}`" not in Forms.__doc__] == []


def test_each_form_can_be_turned_alone() -> None:
    found = single_changes()
    assert {word.split("=")[0] for word in found} == {item.name for item in fields(Forms)} - {
        "missing_scopes",
        "without_scope",
        "unreadable",
    }
    for word, forms in found.items():
        assert Forms.read([word]) == forms
        changed = [item.name for item in fields(Forms) if getattr(forms, item.name) != item.default]
        assert changed == [word.split("=")[0]]
        schema_of(forms)
    assert len(found) > 50


def test_combinations_are_the_same_for_the_same_seed() -> None:
    found = [random_forms(seed) for seed in range(20)]
    assert found == [random_forms(seed) for seed in range(20)]
    assert len(set(found)) == 20
    for item in fields(Forms):
        values = {getattr(forms, item.name) for forms in found}
        assert (len(values) > 1) == (item.name not in ("missing_scopes", "without_scope", "unreadable"))


@pytest.mark.parametrize("seed", range(20))
def test_the_simulator_answers_in_every_combination(
    client: requests.Session, simulator: Simulator, seed: int
) -> None:
    simulator.forms = random_forms(seed)
    period = {"start": "2025-06-10T08:00:00Z", "stop": "2025-06-10T09:00:00Z"}
    requested = {
        "/api/v3/graphql": {"query": "{ sites { data { buildings { floors { rooms { id } } } } } }"},
        "/v3/detections": {
            "data_types": ["heatmap_v2"],
            "filter": {"space_id": "space_paris_1", **period},
            "window": {"heatmap_v2_options": {"grid_resolution": 0.5}},
        },
        "/api/v3/reporting": {
            "window": {"every": "1h", "function": "sum", "timezone": "Europe/Paris"},
            "filter": {"measurements": ["traffic"], **period},
        },
        "/api/v4/reporting/stats": {
            "measurements": ["occupancy_avg_presence"],
            "items": ["space_paris_1"],
            **period,
        },
    }
    for path, body in requested.items():
        response = client.post(f"{simulator.url}{path}", json=body, timeout=HANG_S)
        assert response.status_code == 200
        assert response.json()


def test_forms_over_http(simulator: Simulator) -> None:
    url = f"{simulator.url}/_simulator/forms"
    default = requests.get(url, timeout=HANG_S).json()
    assert (default["window_labels"], default["unreadable"]) == ("end", [])
    put = requests.put(url, json={"window_labels": "start", "unreadable": "heat,stats"}, timeout=HANG_S)
    assert put.json() == {**default, "window_labels": "start", "unreadable": ["heat", "stats"]}
    assert simulator.forms == Forms(window_labels="start", unreadable=frozenset({"heat", "stats"}))
    for wrong in ({"window_labels": "middle"}, {"mood": "good"}, {"missing_fields": "Room.mood"}):
        response = requests.put(url, json=wrong, timeout=HANG_S)
        assert response.status_code == 400
        assert next(iter(wrong)) in response.json()["details"]
    assert simulator.forms.window_labels == "start"
    assert requests.delete(url, timeout=HANG_S).json() == default
