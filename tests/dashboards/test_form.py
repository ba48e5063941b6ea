"""What holds for every dashboard, whatever it shows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

from tests.dashboards.grafana import drawn, fill, references

Json = dict[str, Any]

OF_GRAFANA = {"__from", "__to", "__url_time_range", "__rate_interval"}
SOURCES = {
    "${ds}": "yesoreyeram-infinity-datasource",
    "${ds_json}": "simpod-json-datasource",
    "${prometheus}": "prometheus",
    # Always there; the wall's query only sets the pace.
    "grafana": "grafana",
}
SCREENS = ("butlr-wall", "butlr-free-rooms")
"""Pages for a screen before which nobody sits: one panel, whose script asks."""

OF_REASONS = ("Devices that need attention", "Free now")
"""Tables that somebody reads to learn why: what is wrong with a device, why it is not known of a room."""

PROVISIONED = {"ds": "butlr", "ds_json": "butlr-json", "prometheus": "butlr-prometheus"}
"""Each variable of a data source, and whose uid it begins with."""


def build(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-B", str(folder / "build.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_files_are_what_the_source_says(folder: Path) -> None:
    check = build(folder, "--check")
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_a_difference_is_shown_and_building_ends_it(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "dashboards"))
    shutil.copytree(folder.parent / "docs/alerting-examples", tmp_path / "docs/alerting-examples")
    changed, orphan = copy / "butlr-floor.json", copy / "butlr-orphan.json"
    changed.write_text(changed.read_text("utf-8").replace('"refresh": "5m"', '"refresh": "1s"'), "utf-8")
    orphan.write_text("{}\n", "utf-8")
    check = build(copy, "--check")
    assert check.returncode == 1
    assert '-  "refresh": "1s"' in check.stdout
    assert orphan.name in check.stdout
    assert build(copy).returncode == 0
    assert not orphan.exists()
    assert build(copy, "--check").returncode == 0


def test_the_uid_is_ours_and_the_files_name(dashboard: Json, file: Path) -> None:
    assert dashboard["uid"] == file.stem
    assert dashboard["uid"].startswith("butlr-")
    assert len(dashboard["uid"]) <= 40  # Grafana's limit
    assert "id" not in dashboard


def test_no_host_is_named(file: Path) -> None:
    text = file.read_text("utf-8")
    assert not re.search(r"https?:|localhost|127\.0\.0\.1|://", text)


def test_what_a_script_asks_for_is_found_under_a_sub_path_too(dashboard: Json) -> None:
    """Grafana sets the page's base to its sub-path, and adds it to no address in a panel's own script."""
    base = "https://example.com/grafana/"
    for panel in dashboard["panels"]:
        for address in drawn(panel):
            assert urljoin(base, address).startswith(f"{base}api/datasources/proxy/uid/"), address


def test_no_page_asks_which_theme_pictures_have(dashboard: Json) -> None:
    """They follow Grafana's."""
    assert "theme" not in {v["name"] for v in dashboard["templating"]["list"]}
    assert all(
        "theme.isDark" in panel["options"]["getOption"] for panel in dashboard["panels"] if drawn(panel)
    )


def test_a_choice_is_one_text_and_one_value(dashboard: Json) -> None:
    """Grafana divides a custom variable at each comma: one in a text would make two choices of it."""
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "custom" and variable["query"]:
            assert all(re.fullmatch(r" ?\S.* : \S+", one) for one in variable["query"].split(",")), variable


def test_a_picture_is_drawn_anew_when_a_variable_of_its_address_changes(dashboard: Json) -> None:
    """Grafana sends a panel's query again, and runs its script, for the variables that stand in the query."""
    for panel in dashboard["panels"]:
        code = panel["options"].get("getOption", "")
        for address in (
            re.findall(r"api/datasources/proxy/[^'\"`]+", code)
            if panel["datasource"]["uid"] != "grafana"
            else ()
        ):
            in_address = set(re.findall(r"\$\{(\w+)", address))
            assert in_address <= set(re.findall(r"\$\{(\w+)", json.dumps(panel["targets"]))), panel["title"]


def test_pages_open_with_working_hours(dashboard: Json) -> None:
    first = {
        v["name"]: v["query"].split(", ")[0]
        for v in dashboard["templating"]["list"]
        if v["type"] == "custom" and v["query"]
    }
    if "hours" in first:
        assert first["hours"].endswith("08:00-18:00")
        assert first["days"].endswith("mon-fri")


def test_a_dashboard_holds_no_one_floor(dashboard: Json) -> None:
    """Another tenant has other floors: Grafana is to take the first that it is offered."""
    held = {v["type"]: v["current"]["value"] for v in dashboard["templating"]["list"] if "current" in v}
    assert bool(held.pop("datasource"))
    # The zone of a screen's floors, which only `butlr-grafana wall` fills in.
    assert held.pop("constant", None) == ("" if dashboard["uid"] in SCREENS else None)
    assert held in ({}, {"custom": []})


def test_the_data_source_is_a_variable_that_begins_with_ours(dashboard: Json) -> None:
    [variable] = [v for v in dashboard["templating"]["list"] if v["type"] == "datasource"]
    # Before the variables that ask through it.
    assert dashboard["templating"]["list"][0] is variable
    assert variable["current"]["value"] == PROVISIONED[variable["name"]]
    assert variable["query"] == SOURCES[f"${{{variable['name']}}}"]
    assert variable["hide"] == (2 if dashboard["uid"] in SCREENS else 3)


def test_no_data_source_is_named_but_by_the_variable(dashboard: Json) -> None:
    """Panels, queries, variables, marks, links, pictures, maps' layers and scripts."""
    [variable] = [v for v in dashboard["templating"]["list"] if v["type"] == "datasource"]
    named = set(sources(dashboard)) - {"grafana"}
    assert named <= {f"${{{variable['name']}}}"}
    assert named or dashboard["uid"] in SCREENS
    text = json.dumps(dashboard)
    proxied = re.findall(r"datasources/proxy/uid/([^/]*)/", text)
    assert set(proxied) <= {f"${{{variable['name']}}}"}
    assert proxied or dashboard["uid"] == "butlr-operations"
    for uid, query in re.findall(r'"d/([^?"]+)\?([^"]+)"', text):
        assert f"var-{variable['name']}=${{{variable['name']}}}" in query, uid


def sources(document: object) -> Iterator[str]:
    """The uid of every reference to a data source."""
    if isinstance(document, dict):
        if set(document) == {"type", "uid"}:
            yield document["uid"]
        for value in document.values():
            yield from sources(value)
    elif isinstance(document, list):
        for item in document:
            yield from sources(item)


def test_variables_used_are_there_and_those_there_are_used(dashboard: Json) -> None:
    listed = dashboard["templating"]["list"]
    # A hidden one may be there only to be handed on by the links to other pages.
    handed_on = {v["name"] for v in listed if v["hide"] == 2}
    used = references(dashboard) - OF_GRAFANA
    assert used | handed_on == {v["name"] for v in listed}


def linked_pages(folder: Path) -> list[Json]:
    """The pages between which links hand choices on."""
    pages = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    return [page for page in pages if page["uid"] not in SCREENS]


def kept(variable: Json, chosen: list[str]) -> list[str]:
    """What Grafana's variable holds after a page was opened with `var-name=` for each value that is chosen
    (Grafana 12.3, scenes 6.42: a text box and a variable with one value take the first).
    """
    if variable["type"] == "textbox" or not variable.get("multi"):
        chosen = chosen[:1]
    if variable["type"] == "custom" and variable["query"] and not variable["allowCustomValue"]:
        offered = [one.rpartition(" : ")[2] for one in variable["query"].split(", ")]
        return [value for value in chosen if value in offered]
    return chosen


CHOSEN = {
    "room": ["room_paris_1", "room_paris_2", "room_paris_3"],
    "type": ["meeting_room", "phone_booth"],
    "hours": ["07:30-19:00"],
    "days": ["tue-thu"],
    "least_capacity": ["6"],
    "area": ["ft2"],
    "look": ["surface"],
}


def test_what_is_chosen_outlasts_each_page_in_full(folder: Path) -> None:
    """A page's links hand its variables on; one without them would set the next to its first floor."""
    pages = linked_pages(folder)
    shown = {v["name"] for page in pages for v in page["templating"]["list"] if v["hide"] != 2}
    shown -= PROVISIONED.keys()
    assert len(shown) > 10
    for page in pages:
        listed = {v["name"]: v for v in page["templating"]["list"]}
        assert shown <= listed.keys(), page["uid"]
        for name, chosen in CHOSEN.items():
            assert kept(listed[name], chosen) == chosen, (page["uid"], name)


def test_a_page_hands_on_nothing_that_nobody_chose(folder: Path) -> None:
    """A floor that a page does not show is the first by name: the next page would be of it alone."""
    for page in linked_pages(folder):
        for variable in page["templating"]["list"]:
            if variable["hide"] == 2:
                assert variable["type"] == "custom", (page["uid"], variable["name"])
                assert (variable["query"], variable["current"]["value"]) == ("", [])


def test_sensors_rooms_and_free_rooms_open_with_all_floors(folder: Path) -> None:
    """Grafana chooses *All* where it is offered and no page hands a floor on."""
    name = "floors"
    for uid in ("butlr-sensors", "butlr-rooms", "butlr-free-rooms"):
        page = json.loads((folder / f"{uid}.json").read_text("utf-8"))
        [variable] = [v for v in page["templating"]["list"] if v["name"] == name]
        assert (variable["includeAll"], variable["allValue"], variable["multi"]) == (True, "all", True)
        assert "current" not in variable
        asked = json.dumps([[panel["targets"], panel["options"]] for panel in page["panels"]])
        assert f"${{{name}:csv}}" in asked
        # A page about one floor cannot be of all: this choice has a name of its own where links hand it on.
        assert name == "floors" or not any(link["includeVars"] for link in page["links"])


def test_a_link_to_a_floor_or_room_keeps_what_is_chosen(folder: Path) -> None:
    found = 0
    for path in sorted(folder.glob("*.json")):
        for query in re.findall(r'"d/butlr-floor(?:-json)?\?([^"]+)"', path.read_text("utf-8")):
            found += 1
            names = set(re.findall(r"\$\{(\w+):queryparam\}", query))
            assert {"hours", "days", "least_capacity", "area", "look", "unit"} <= names, path.stem
            # Rooms without data are listed whatever their type, and rooms of a floor are on no other.
            assert ("type" in names) == (path.stem != "butlr-sensors" or "var-room=" not in query)
            assert names.isdisjoint({"space", "room"})
            if "type" in names:
                filled = fill("${type:queryparam}&${hours:queryparam}&${film:queryparam}", CHOSEN)
                assert filled == "var-type=meeting_room&var-type=phone_booth&var-hours=07%3A30-19%3A00&"
    assert found > 10


def test_operations_ask_nothing_of_a_backend_that_may_be_away(folder: Path) -> None:
    page = json.loads((folder / "butlr-operations.json").read_text("utf-8"))
    assert {v["type"] for v in page["templating"]["list"]} == {"datasource", "custom"}


def test_panels_follow_the_rooms_that_are_chosen_or_say_that_they_do_not(folder: Path) -> None:
    for path in sorted(folder.glob("*.json")):
        page = json.loads(path.read_text("utf-8"))
        shown = {v["name"] for v in page["templating"]["list"] if v["hide"] != 2}
        for name in {"room", "rooms"} & shown:
            requested_rooms = f"${{{name}:csv}}"
        if not {"room", "rooms"} & shown:
            continue
        for panel in page["panels"]:
            requested = json.dumps([panel["targets"], panel["options"]])
            assert requested_rooms in requested or "whole floor" in panel["title"], panel["title"]


def test_whatever_lists_rooms_can_be_limited_to_their_types(folder: Path) -> None:
    of_rooms = ("hot-zones", "utilization", "compare-utilization", "compare-zones", "presence")
    for path in sorted(folder.glob("*.json")):
        page = json.loads(path.read_text("utf-8"))
        for panel in page["panels"]:
            for target in panel["targets"]:
                requested = json.dumps(target)
                is_of_rooms = any(f'/{name}"' in requested or f': "{name}"' in requested for name in of_rooms)
                assert (
                    not is_of_rooms or '"level", "value": "floor"' in requested or "${type:csv}" in requested
                ), (
                    path.stem,
                    panel["title"],
                )


def test_no_table_has_a_column_of_reasons(dashboard: Json) -> None:
    """It would be empty in most rows and three lines high in the others: a mark says it where one points."""
    for panel in dashboard["panels"]:
        for override in panel["fieldConfig"]["overrides"] if panel["type"] == "table" else ():
            view = {one["id"]: one["value"] for one in override["properties"]}
            if override["matcher"]["options"] == "reason" and panel["title"] not in OF_REASONS:
                assert view == {"custom.hideFrom.viz": True}, panel["title"]
            if override["matcher"]["options"] == "has_data":
                [link] = view["links"]
                assert "${__data.fields.reason}" in link["title"]


def bar_length(look: Json, values: list[float], value: float, width_px: float) -> float:
    """The length of a bar as Grafana 12.3 draws it in a table's cell (`BarGaugeCell.tsx`, `scale.ts`): the
    number, where it stands in the cell, takes what its letters need. What lies beyond the cell's padding is
    cut.
    """
    text_px = 8 * len(f"{value:.0%}") + 20 if look["custom.cellOptions"]["valueDisplayMode"] == "text" else 0
    largest = look.get("max", max(values))
    drawn_px = min((value - look["min"]) / (largest - look["min"]), 1) * (width_px - text_px)
    return round(min(drawn_px, width_px - 13), 1)


def test_the_largest_value_has_the_longest_bar(folder: Path) -> None:
    bars = 0
    for path in sorted(folder.glob("*.json")):
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            for override in panel["fieldConfig"]["overrides"]:
                look = {one["id"]: one["value"] for one in override["properties"]}
                if look.get("custom.cellOptions", {}).get("type") != "gauge":
                    continue
                bars += 1
                values = [0.0, 0.05, 0.5, 0.95, 1.0]
                lengths = [bar_length(look, values, value, 56) for value in values]
                assert lengths == sorted(set(lengths)), (path.stem, panel["title"])
                assert lengths[-1] == 56 - 13
                assert lengths[0] == 0
    assert bars >= 8


def test_a_bar_stands_beside_the_number_that_it_shows(folder: Path) -> None:
    for path in sorted(folder.glob("*.json")):
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            steps = [(step["id"], step["options"]) for step in panel["transformations"]]
            shown = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]}
            for copied in (options for kind, options in steps if kind == "calculateField"):
                assert copied["reduce"]["reducer"] == "lastNotNull"  # unknown stays unknown
                assert {copied["alias"], *copied["reduce"]["include"]} <= shown
                [order] = [options["indexByName"] for kind, options in steps if kind == "organize"]
                names = sorted(order, key=order.__getitem__)
                assert names[names.index(copied["alias"]) - 1] in BAR_TITLES, path.stem


BAR_TITLES = {
    "Time in use, now",
    *("Share of capacity", "Utilization", "Share of time in use", "Share offline", "Share of detections"),
}
"""Fields that have a bar, by the backend's titles."""


def test_a_table_without_rows_says_where_the_reason_is(dashboard: Json) -> None:
    """Grafana shows the text of no value where nothing arrived, and in each cell without a value."""
    for panel in (panel for panel in dashboard["panels"] if panel["type"] == "table"):
        assert "mark beside the panel's title" in panel["fieldConfig"]["defaults"]["noValue"]
        first, *_ = panel["fieldConfig"]["overrides"]
        assert first["matcher"] == {"id": "byRegexp", "options": "/.*/"}
        assert first["properties"] == [{"id": "noValue", "value": ""}]
        # The backend leaves rows out, and says why none is left; Grafana would say nothing.
        assert all(step["id"] != "filterByValue" for step in panel["transformations"])


def test_panels_say_what_they_show_and_ask_our_data_sources(dashboard: Json) -> None:
    for panel in dashboard["panels"]:
        # A wall is one panel, whose script writes what a title would say.
        assert panel["title"] or panel["transparent"]
        assert len(panel["description"]) > 40
        source = panel["datasource"]
        assert SOURCES[source["uid"]] == source["type"]
        assert all(target["datasource"] == source for target in panel["targets"])
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_every_page_leads_to_the_others(folder: Path) -> None:
    pages = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    by_tag = {page["uid"]: set(page["tags"]) for page in pages}
    assert len(pages) >= 6
    assert len({page["title"] for page in pages}) == len(pages)
    for page in pages:
        menu, *others = page["links"]
        assert (menu["asDropdown"], menu["includeVars"]) == (True, True)
        listed = {uid for uid, tags in by_tag.items() if set(menu["tags"]) <= tags}
        by_themselves = {link["url"].split("?")[0].removeprefix("d/") for link in others}
        assert listed.isdisjoint(by_themselves)
        # Those for the older data source are reached by name only; they would stand there twice.
        assert listed | by_themselves | {page["uid"]} >= {uid for uid in by_tag if "json" not in uid}
        for link in page["links"]:
            # A screen is of today, which other pages would not take.
            assert link["keepTime"] == (page["uid"] not in (*SCREENS, "butlr-operations"))


def test_rooms_opens_with_the_floor_and_the_rooms_of_a_page_about_one_floor(folder: Path) -> None:
    """Its variables have other names, because it has a choice of several floors."""
    found = 0
    for path in sorted(folder.glob("*.json")):
        page = json.loads(path.read_text("utf-8"))
        shown = {v["name"] for v in page["templating"]["list"] if v["hide"] != 2}
        to_rooms = [link["url"] for link in page["links"] if link["url"].startswith("d/butlr-rooms?")]
        to_rooms += re.findall(r'"(d/butlr-rooms\?[^"]+)"', json.dumps(page["panels"]))
        for url in to_rooms:
            found += 1
            values = {**CHOSEN, "space": "space_1", "room": ["room_1", "room_2"], "__url_time_range": ""}
            filled = fill(url, {"ds": "butlr", **values})
            handed_on = parse_qs(urlsplit(filled).query)
            if "space" in shown:
                assert handed_on["var-floors"] == ["space_1"], path.stem
            if "room" in shown:
                assert handed_on["var-rooms"] == ["room_1", "room_2"], path.stem
            assert handed_on["var-hours"] == ["07:30-19:00"], path.stem
            assert "var-space" in handed_on, path.stem
    assert found > 6


def test_every_address_is_found_from_grafanas_root_wherever_that_is(dashboard: Json) -> None:
    """A page's base is Grafana's root, `/grafana/` under a sub-path; what begins with a `/` leaves it."""
    root = "https://example.com/grafana/"
    found = list(addresses(dashboard["panels"]))
    assert found or dashboard["uid"] in ("butlr-operations", *SCREENS)
    for address in found:
        # Grafana's own code puts what a map's layer names under its public folder.
        base = f"{root}public/" if address.startswith("../") else root
        assert urljoin(base, address).startswith(
            (f"{root}api/datasources/proxy/uid/${{ds", f"{root}d/butlr-")
        )
    script = json.dumps([panel["options"] for panel in dashboard["panels"]])
    assert not re.search(r"""[\"'(`]/(api|d|public)/""", script)


def addresses(document: object) -> Iterator[str]:
    """All that a panel leads to or loads; a query's URL is joined to its data source's."""
    if isinstance(document, list):
        for item in document:
            yield from addresses(item)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key in ("url", "src") and isinstance(value, str) and not value.startswith("data:"):
                yield value
            elif key == "content":
                yield from re.findall(r'(?:src|href)="([^"]+)"', value)
            elif key != "targets":
                yield from addresses(value)


def test_links_to_pages_lead_to_pages_that_are_there(dashboard: Json, folder: Path) -> None:
    uids = {path.stem for path in folder.glob("*.json")}
    for url in re.findall(r'"(/?d/[^"]+)"', json.dumps(dashboard)):
        uid, query = re.fullmatch(r"d/([^?]+)\?(.+)", url).groups()  # type: ignore[union-attr]
        assert uid in uids
        target = json.loads((folder / f"{uid}.json").read_text("utf-8"))
        variables = {v["name"] for v in target["templating"]["list"]}
        assert set(re.findall(r"var-(\w+)=", query)) <= variables
        keeps_time = [link["keepTime"] for link in dashboard["links"] if link["url"] == url]
        assert "${__url_time_range}" in query or keeps_time == [dashboard["uid"] not in SCREENS]


def test_maps_say_what_is_up(dashboard: Json) -> None:
    for panel in dashboard["panels"]:
        if panel["type"] == "heatmap":
            axis = panel["options"]["yAxis"]
            assert axis.get("unit") or axis["reverse"]  # metres, or weekdays with Monday on top


def test_panels_stand_on_the_grid_without_overlap(dashboard: Json) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


def test_dragging_over_a_map_of_metres_chooses_no_time(dashboard: Json) -> None:
    for panel in dashboard["panels"]:
        if panel["type"] == "heatmap":
            assert panel["options"]["selectionMode"] not in ("x", "y", "xy")


def test_a_choice_refreshes_each_panel_whose_script_uses_it(folder: Path) -> None:
    """Grafana runs a script again when it sends the panel's query again: for variables in the query only."""
    found = 0
    for path in folder.glob("butlr-*.json"):
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            code = panel["options"].get("getOption", "")
            names = {
                n for text in re.findall(r"replaceVariables\('([^']*)'\)", code) for n in references(text)
            }
            queried = set(references(json.dumps(panel["targets"])))
            assert names <= queried | {"__from", "__to"}, (path.stem, panel["title"])
            found += bool(names)
    assert found > 5


def test_underused_rooms_of_all_floors_and_their_change_are_on_the_first_page(folder: Path) -> None:
    """With the choice of types (meeting rooms), of the share, and of the earlier period on the same page."""
    page = json.loads((folder / "butlr-portfolio.json").read_text("utf-8"))
    shown = {v["name"] for v in page["templating"]["list"] if v["hide"] != 2}
    assert {"type", "underused", "baseline"} <= shown
    [panel] = [p for p in page["panels"] if p["type"] == "table" and "${underused:text}" in p["title"]]
    [target] = panel["targets"]
    asked = {one["key"]: one["value"] for one in target["url_options"]["params"]}
    assert target["url"] == "/api/v1/compare-utilization"
    assert (asked["space"], asked["only"]) == ("all", "underused")
    assert {"${type:csv}", "${underused}", "${baseline}"} <= set(asked.values())
    hidden = {
        override["matcher"]["options"]
        for override in panel["fieldConfig"]["overrides"]
        if {"id": "custom.hideFrom.viz", "value": True} in override["properties"]
    }
    kept = {
        name
        for step in panel["transformations"]
        if step["id"] == "filterFieldsByName"
        for name in step["options"]["include"].get("names", [])
    }
    sides = {"in_use_share", "in_use_share_before", "in_use_change"}
    assert {"room", "floor", "building", "type", "capacity", *sides} <= kept - hidden


def test_pages_that_hand_on_their_time_begin_with_the_same(folder: Path) -> None:
    """But for the operators' page, whose description says so."""
    for page in linked_pages(folder):
        if page["links"][0]["keepTime"]:
            assert page["time"] == {"from": "now-7d", "to": "now"}, page["uid"]
        else:
            assert "last six hours" in page["description"], page["uid"]
