"""Rooms and tags of any name can be asked for: what is offered, in each way in which Grafana sends it."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.query.texts import UNLIMITED_VALUES, Name, every_name, names_of, texts_of
from tests.named import escaped, room, tell
from tests.support import PARIS, PARIS_2, World

BUILDING = (
    "Kitchen, 1st floor",
    "Kitchen",
    "1st floor",
    "Meeting room (6p)",
    "(Meeting room)",
    "Salle {Zola}",
    "{Zola}",
    "{Kitchen,Lounge}",
    "(Kitchen|Lounge)",
    "Kitchen,Lounge",
    "Kitchen|Lounge",
    "Boardroom [north]",
    "[north]",
    '["Kitchen"]',
    '"Kitchen"',
    "'Kitchen'",
    "C:\\Lab",
    "\\\\server\\share",
    "R&D + QA / Prototypes #12",
    "50 % quiet; really?",
    "a=b&c=d",
    " Kitchen",
    "Kitchen ",
    "  Kitchen  ",
    "Kitchen\u00a0",
    "Kitchen\u2003nord",
    "Kitchen\u200b",
    "\u00a0Salle\u202f1\u00a0",
    "two\nlines",
    "two\r\nlines",
    "tab\tin it",
    "Café Zürich",
    "Cafe\u0301",
    "会議室",
    "חדר ישיבות",
    "☕ 🚀",
    "0.5",
    "null",
    "true",
    "undefined",
    "space_paris_1",
    "$HOME",
    "${room}",
    "<b>bold</b>",
    "x" * 500,
    *UNLIMITED_VALUES[1:],
)
EACH_SIGN = tuple(
    name
    for sign in (*string.printable, "\u00a0", "\u2028", "\u200b", "\ufeff", "é", "ß", "İ", "漢", "😀")
    for name in (f"A{sign}B", f"{sign}A", f"A{sign}", sign)
)
NAMES = tuple(dict.fromkeys((*BUILDING, *EACH_SIGN)))
OTHER = "Plain room"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """The first floor in Paris has a room of each name, with a tag of that name; the second has none."""
    world = World()

    def change(floor: dict[str, Any]) -> None:
        if floor["id"] == PARIS:
            own = [room(n, name, name, space=PARIS) for n, name in enumerate((*NAMES, OTHER))]
            floor["rooms"] = [*own, *(r for r in floor["rooms"] if r["name"] not in NAMES)]

    tell(world, change)
    yield world
    world.close()


RANGE = {"from": "2026-06-17T11:34:00Z", "to": "2026-06-17T12:34:00Z"}


def shown(frames: Any) -> list[str]:
    """The ids of the rooms in a table's frame."""
    [frame] = frames
    [ids] = [field["values"] for field in frame["fields"] if field["name"] == "room_id"]
    return sorted(ids)


def panel(world: World, payload: Any, **more: Any) -> list[str]:
    targets = [{"refId": "A", "target": "occupancy-now", "payload": payload}]
    response = world.http.post("/query", json={"range": RANGE, "targets": targets, **more})
    assert response.status_code == 200, response.get_data(as_text=True)
    return shown(response.get_json())


def by_url(world: World, *texts: str, word: str = "room") -> list[str]:
    response = world.http.get("/api/v1/occupancy-now", query_string={"space": PARIS, word: texts})
    assert response.status_code == 200, response.get_data(as_text=True)
    return shown(response.get_json())


def id_of(name: str) -> str:
    return room((*NAMES, OTHER).index(name), name, space=PARIS)["id"]


@pytest.mark.parametrize("word", ["room", "tag"])
def test_what_filters_offer_is_answered(world: World, word: str) -> None:
    offered = world.http.post("/tag-values", json={"key": word}).get_json()
    texts = [choice["text"] for choice in offered]
    assert set(NAMES) <= set(texts)
    for name in NAMES if word == "room" else BUILDING:
        filters = [{"key": word, "operator": "=", "value": name}]
        assert panel(world, {"space": PARIS}, adhocFilters=filters) == [id_of(name)], name


def test_what_variables_offer_is_answered(world: World) -> None:
    body = {"payload": {"target": "rooms", "space": PARIS}}
    choices = world.http.post("/variable", json=body).get_json()
    assert len({choice["__text"] for choice in choices}) == len(choices)
    assert {choice["__value"] for choice in choices} >= {id_of(name) for name in NAMES}
    ids = [choice["__value"] for choice in choices]
    assert by_url(world, ",".join(ids)) == panel(world, {"space": PARIS, "room": ids}) == sorted(ids)


def test_what_the_query_editor_offers_is_answered(world: World) -> None:
    for word in ("room", "tag"):
        body = {"metric": "occupancy-now", "name": word, "payload": {"space": [PARIS]}}
        options = world.http.post("/metric-payload-options", json=body).get_json()
        assert len({option["label"] for option in options}) == len(options) > len(NAMES)
        odd = {*NAMES, *map(id_of, NAMES)}
        values = [option["value"] for option in options if option["value"] in odd]
        assert len(values) == len(NAMES)
        # As the builder sends what is chosen from a list.
        assert panel(world, {"space": [PARIS], word: values}) == sorted(map(id_of, NAMES))


WAYS: dict[str, Callable[[World, str, str], list[str]]] = {
    "a JSON list": lambda w, word, name: panel(w, {"space": PARIS, word: [name]}),
    "a payload as text": lambda w, word, name: panel(w, json.dumps({"space": PARIS, word: [name]})),
    "an ad-hoc list": lambda w, word, name: panel(
        w, {"space": PARIS}, adhocFilters=[{"key": word, "operator": "=|", "value": name, "values": [name]}]
    ),
    "JSON in a URL": lambda w, word, name: by_url(w, json.dumps([name]), word=word),
}
AS_TEXT: dict[str, Callable[[World, str, str], list[str]]] = {
    "a text": lambda w, word, name: panel(w, {"space": PARIS, word: name}),
    "an escaped text": lambda w, word, name: panel(w, {"space": PARIS, word: escaped(name)}),
    "a URL": lambda w, word, name: by_url(w, name, word=word),
}
"""Ways in which `All` stands for all rooms."""

AS_ANOTHERS_LIST = {"Kitchen": '["Kitchen"]'}
"""A room's name that, written as JSON, is another room's name."""


@pytest.mark.parametrize("word", ["room", "tag"])
@pytest.mark.parametrize("way", WAYS)
def test_a_name_from_a_list_is_that_room(world: World, way: str, word: str) -> None:
    for name in NAMES if way == "a JSON list" and word == "room" else BUILDING:
        meant = AS_ANOTHERS_LIST.get(name, name) if way == "JSON in a URL" else name
        assert WAYS[way](world, word, name) == [id_of(meant)], name


@pytest.mark.parametrize("word", ["room", "tag"])
@pytest.mark.parametrize("way", AS_TEXT)
def test_a_name_as_a_text_is_that_room(world: World, way: str, word: str) -> None:
    for name in NAMES if way == "an escaped text" and word == "room" else BUILDING:
        if name not in UNLIMITED_VALUES:
            assert AS_TEXT[way](world, word, name) == [id_of(name)], name


def test_each_name_is_read_from_each_form() -> None:
    """All of them, without a server."""
    known = {*NAMES, OTHER}.__contains__
    for name in NAMES:
        assert Name(name, exact=True).resolve(known) == [name]
        for text in (name, escaped(name)):
            assert Name(text).resolve(known) == ([] if text in UNLIMITED_VALUES else [name])
        for text in (
            f"{name},{OTHER}",
            f"{{{name},{OTHER}}}",
            f"({escaped(name)}|{escaped(OTHER)})",
            json.dumps([name, OTHER]),
        ):
            assert Name(text).resolve(known) == [name, OTHER], text


@pytest.mark.parametrize("name", UNLIMITED_VALUES)
def test_all_as_a_text_is_no_limit(world: World, name: str) -> None:
    everything = panel(world, {"space": PARIS})
    assert len(everything) > len(NAMES)
    assert panel(world, {"space": PARIS, "room": name, "tag": name}) == everything
    assert by_url(world, name) == everything
    # Nor is it where no room is called so.
    assert len(panel(world, {"space": PARIS_2, "room": [name]})) > 10


TWO = {
    "a JSON list": lambda w, a, b: panel(w, {"space": PARIS, "room": [a, b]}),
    "glob": lambda w, a, b: by_url(w, f"{{{a},{b}}}"),
    "csv": lambda w, a, b: by_url(w, f"{a},{b}"),
    "regex": lambda w, a, b: panel(w, {"space": PARIS, "room": f"({escaped(a)}|{escaped(b)})"}),
    "regex in a builder's list": lambda w, a, b: panel(
        w, {"space": PARIS, "room": [f"({escaped(a)}|{escaped(b)})"]}
    ),
    "twice in a URL": by_url,
    "an ad-hoc list": lambda w, a, b: panel(
        w, {"space": PARIS}, adhocFilters=[{"key": "room", "operator": "=|", "value": a, "values": [a, b]}]
    ),
}


@pytest.mark.parametrize("way", TWO)
def test_two_names_are_two_rooms(world: World, way: str) -> None:
    for name in BUILDING:
        if name in UNLIMITED_VALUES and way == "twice in a URL":
            continue  # each is a text of its own there
        assert TWO[way](world, name, OTHER) == sorted([id_of(name), id_of(OTHER)]), name


def test_in_a_url_each_of_several_texts_may_be_a_list(world: World) -> None:
    ids = [id_of(name) for name in ("Kitchen", "0.5", "true", OTHER)]
    assert by_url(world, f"{ids[0]},{ids[1]}", f"{{{ids[2]},{ids[3]}}}") == sorted(ids)
    params = {"space": [f"{PARIS},{PARIS_2}", "space_newyork_1"], "format": "rows", "level": "floor"}
    rows = world.http.get("/api/v1/occupancy-now", query_string=params).get_json()
    assert len({row["space"] for row in rows}) == 3


@pytest.mark.parametrize(
    "value",
    [["Kitchen,Lounge room"], ["Kitchen\\,"], ["(1st floor)"], [" 1st floor"], [["Kitchen"]], [{}], [True]],
)
def test_what_comes_in_a_list_is_not_read_otherwise(world: World, value: Any) -> None:
    targets = [{"refId": "A", "target": "occupancy-now", "payload": {"space": PARIS, "room": value}}]
    response = world.http.post("/query", json={"range": RANGE, "targets": targets})
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("room: ")


texts = st.text(min_size=1, max_size=12)


@given(st.lists(texts, unique=True, max_size=8))
def test_a_list_of_names_is_itself(names: list[str]) -> None:
    assert every_name(names_of("room", names), set(names).__contains__) == tuple(names)


@given(st.lists(texts, min_size=1, max_size=8, unique=True), st.data())
def test_a_known_name_is_itself_whatever_it_looks_like(names: list[str], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(names))
    assert Name(name).resolve(set(names).__contains__) == ([] if name in UNLIMITED_VALUES else [name])


@given(
    st.lists(
        st.text(min_size=1, max_size=6).filter(lambda t: t not in UNLIMITED_VALUES),
        min_size=2,
        max_size=6,
        unique=True,
    )
)
def test_a_regular_expression_of_names_is_these_names(names: list[str]) -> None:
    text = "(" + "|".join(map(escaped, names)) + ")"
    if text not in names:
        assert Name(text).resolve(set(names).__contains__) == names


def can_be_made(text: str, names: set[str]) -> bool:
    """Whether some names, joined by commas, are the text."""
    return text in names or any(
        text.startswith(f"{name},") and can_be_made(text[len(name) + 1 :], names) for name in names
    )


with_commas = st.text(alphabet="ab,", min_size=1, max_size=4).filter(lambda name: "" not in name.split(","))


@given(st.sets(with_commas, min_size=1, max_size=6), st.text(alphabet="ab,", min_size=1, max_size=8))
def test_a_comma_list_is_made_of_names_where_it_can_be(names: set[str], text: str) -> None:
    """Also where only another division than the first that fits goes up to the end."""
    found = Name(text).resolve(names.__contains__)
    if "" not in text.split(","):
        assert ",".join(found) == text
        assert (set(found) <= names) == can_be_made(text, names)


@given(st.text(max_size=30), st.sets(texts, max_size=5))
def test_any_text_is_names_that_there_are_or_says_which_there_is_not(text: str, names: set[str]) -> None:
    found = Name(text).resolve(names.__contains__)
    unknown = [name for name in found if name not in names]
    assert not set(unknown) & set(UNLIMITED_VALUES)
    # What is not known is a part of what was written, so that an error can name it.
    assert all(name.replace("\\", "") in text.replace("\\", "") for name in unknown)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("mon,wed", ["mon", "wed"]),
        ("{mon,wed}", ["mon", "wed"]),
        ("(mon|wed)", ["mon", "wed"]),
        ('["mon","wed"]', ["mon", "wed"]),
        (["mon", "wed"], ["mon", "wed"]),
        (["(mon|wed)"], ["mon", "wed"]),
        (("mon,tue", "wed"), ["mon", "tue", "wed"]),
        ("America\\/New_York", ["America/New_York"]),
        ("0\\.5", ["0.5"]),
        (0.5, ["0.5"]),
        (None, [""]),
        ([None, 1], ["", "1"]),
    ],
)
def test_other_parameters_in_each_form(raw: Any, expected: list[str]) -> None:
    assert texts_of("days", raw) == expected
