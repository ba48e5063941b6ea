"""Windows of the reporting API: their labels (U4), whose days (U5), grouped forms (U8), rows per response
(U12), incomplete data (U14), batches (U16) and empty windows (U19).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.labels import instant_of_label
from butlr_grafana.butlr.rows import Row, rows_of
from butlr_grafana.measure.finding import Finding, Number, decided, undecided, unhandled
from butlr_grafana.model.time import DAY_S, Period

END, START, ELSEWHERE = "end", "start", "elsewhere"


def labels(hour: Period, hourly: Sequence[Row], fine: Sequence[Row], people: Sequence[Row]) -> Finding:
    """U4. `hourly`, `fine`: traffic of exactly this hour in windows of 1 h and 5 min; `people`: room
    occupancy in windows of 1 h.
    """
    assumed = "a row's time is the end of its window"
    movements, presence = _ends(hourly, hour) + _ends(fine, hour, 300), _ends(people, hour)
    votes = movements + presence
    sums = {"hour_sum": _sum(hourly), "fine_sum": _sum(fine)}
    numbers: dict[str, Number] = {
        "at_end": votes[END],
        "at_start": votes[START],
        "elsewhere": votes[ELSEWHERE],
    }
    numbers |= sums
    measured = (
        f"of the rows of one hour, {votes[END]} are labelled with its end, {votes[START]} with its start, "
        f"{votes[ELSEWHERE]} with another time"
    )
    if votes[ELSEWHERE] or (movements[END] and movements[START]) or (presence[END] and presence[START]):
        follows = "The windows cannot be recognised by these labels, so metrics are not shown"
        return unhandled("U4", assumed=assumed, measured=measured, follows=follows, numbers=numbers)
    if fine and sums["hour_sum"] != sums["fine_sum"]:
        measured = (
            f"twelve windows of 5 min have {sums['fine_sum']:g} movements, the whole hour has "
            f"{sums['hour_sum']:g}"
        )
        follows = "The sums of finer and coarser windows differ"
        return unhandled("U4", assumed=assumed, measured=measured, follows=follows, numbers=numbers)
    if votes[END] and votes[START]:
        measured += "; movements and people differ"
        follows = "Movements and people would be in different windows"
        return unhandled("U4", assumed=assumed, measured=measured, follows=follows, numbers=numbers)
    if not votes[END] and not votes[START]:
        return undecided("U4", assumed=assumed, why="the hour has no row", numbers=numbers)
    is_end = bool(votes[END])
    return decided(
        "U4",
        assumed=assumed,
        measured=measured,
        follows=f"each row belongs to the window that {'ends' if is_end else 'begins'} at its label",
        same=is_end,
        numbers=numbers,
        verdict={"labels": END if is_end else START},
        confidence="sure" if votes[END] + votes[START] > 1 else "likely",
    )


def _ends(rows: Iterable[Row], hour: Period, step_s: int = 0) -> Counter[str]:
    """Which end of the hour rows are labelled with. With `step_s` those between fall into finer windows."""
    votes: Counter[str] = Counter()
    for row in rows:
        if row.get("preprocessed") is True:
            continue
        at_s = instant_of_label(row.get("time"))
        if at_s == hour.end_s:
            votes[END] += 1
        elif at_s == hour.start_s:
            votes[START] += 1
        elif not step_s or not hour.start_s < at_s < hour.end_s or (at_s - hour.start_s) % step_s:
            votes[ELSEWHERE] += 1
    return votes


def days(day: Period, rows: Sequence[Row], labels_are: str) -> Finding:
    """U5. `rows`: windows of 1d over exactly one local day, asked for in its time zone. `labels_are`: which
    end of a window other rows are labelled with.
    """
    assumed = "windows of 1d are local days, labelled like other windows"
    midnight_s = -(-day.start_s // DAY_S) * DAY_S
    offset_min = (midnight_s - day.start_s) // 60
    at = Counter(instant_of_label(row.get("time")) for row in rows)
    expected_s = day.start_s if labels_are == START else day.end_s
    numbers: dict[str, Number] = {
        "as_expected": at[expected_s],
        "at_utc_midnight": at[midnight_s] if offset_min else 0,
        "elsewhere": sum(n for label, n in at.items() if label not in (expected_s, midnight_s)),
        "offset_min": offset_min,
    }
    if not rows:
        return undecided("U5", assumed=assumed, why="the day has no row", numbers=numbers)
    is_local = set(at) == {expected_s}
    is_utc = bool(numbers["at_utc_midnight"])
    kind = "local" if is_local else "utc" if is_utc else "otherwise"
    follows = {
        "local": "Butlr's days are used as they are",
        "utc": "Butlr's days begin at UTC midnight; local days are added up from hours",
        "otherwise": "days are not labelled like hours; local days are added up from hours",
    }
    return decided(
        "U5",
        assumed=assumed,
        measured=f"of the rows of one local day, {numbers['as_expected']} are labelled with its "
        f"{labels_are}, "
        f"{numbers['at_utc_midnight']} with UTC midnight, {numbers['elsewhere']} with another time",
        follows=follows[kind],
        same=is_local,
        numbers=numbers,
        verdict={"days": kind},
    )


def grouped(flat: Sequence[Row], bodies: Mapping[str, bytes | None]) -> Finding:
    """U8. `bodies`: responses to the same request, grouped in several ways; `None`: refused."""
    assumed = "rows are read at any depth"
    depths: dict[str, Number] = {}
    unread = []
    for name, body in bodies.items():
        if body is None:
            depths[name] = "refused"
            continue
        try:
            same = _values(rows_of(body)) == _values(flat)
        except UpstreamInvalid:
            same = False
        depths[name] = _depth(orjson.loads(body).get("data")) if same else "unreadable"
        if not same:
            unread.append(name)
    measured = ", ".join(f"{name}: {_spoken_depth(depth)}" for name, depth in depths.items())
    if unread:
        # We never ask for groups, so this is no fault of any panel.
        follows = "no effect: the backend requests ungrouped rows only"
        return decided("U8", assumed=assumed, measured=measured, follows=follows, same=False, numbers=depths)
    return decided(
        "U8",
        assumed=assumed,
        measured=measured,
        follows="no effect: the backend requests ungrouped rows only",
        same=True,
        numbers=depths,
    )


def _spoken_depth(depth: Number) -> str:
    return depth if isinstance(depth, str) else f"{depth} levels"


def _values(rows: Iterable[Row]) -> Counter[tuple[object, ...]]:
    return Counter(
        (row.get("time"), row.get("room_id"), row.get("field"), row.get("sensor_id"), row.get("value"))
        for row in rows
    )


def _depth(node: object) -> int:
    if isinstance(node, dict) and node and "value" not in node:
        return 1 + _depth(next(iter(node.values())))
    return 0


def pages(unpaged: int, paged: int, page_info: Mapping[str, Any]) -> Finding:
    """U12. The rows of one day, asked for without a page and with a page of 5000."""
    assumed = "a response without pages has all rows"
    total = page_info.get("total_item_count")
    numbers: dict[str, Number] = {
        "unpaged": unpaged,
        "paged": paged,
        "total_item_count": total if isinstance(total, int) else None,
    }
    measured = f"{unpaged} rows without pages, {paged} on a page of 5000"
    if not unpaged and not paged:
        return undecided("U12", assumed=assumed, why="the day has no row", numbers=numbers)
    if paged > unpaged:
        found = unhandled(
            "U12",
            assumed=assumed,
            measured=measured,
            follows=f"A response has at most {unpaged} rows, so larger ones are cut off",
            numbers=numbers,
        )
        return Finding(**{**_fields(found), "verdict": {"row_cap": unpaged}})
    follows = "requests do not use pages"
    if paged < unpaged:
        follows += f"; a page has at most {paged} rows"
    return decided("U12", assumed=assumed, measured=measured, follows=follows, same=True, numbers=numbers)


def _fields(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in Finding.__slots__}


def incomplete(flat: bytes, grouped_body: bytes | None) -> Finding:
    """U14. Room occupancy of a day in windows of 1 h, as rows and grouped."""
    assumed = "rows and statistics may have data_incomplete"
    found = Counter(_marks(orjson.loads(flat), "answer"))
    if grouped_body is not None:
        found += Counter(_marks(orjson.loads(grouped_body), "answer"))
    places = {place: count for (place, _), count in found.items()}
    marked = sum(count for (_, is_set), count in found.items() if is_set)
    numbers: dict[str, Number] = {
        f"in_{place}": places.get(place, 0) for place in ("row", "statistics", "answer")
    }
    numbers["incomplete"] = marked
    if not found:
        measured = "no response has data_incomplete"
        return decided(
            "U14",
            assumed=assumed,
            measured=measured,
            follows="nothing is known to be incomplete",
            same=True,
            numbers=numbers,
        )
    measured = f"it is in {places.get('row', 0)} rows and {places.get('statistics', 0)} statistics"
    measured += f"; {marked} are incomplete"
    if places.get("answer"):
        measured += f"; {places['answer']} are outside the rows"
        follows = "Butlr marks incomplete data in a place that the backend does not read"
        return unhandled("U14", assumed=assumed, measured=measured, follows=follows, numbers=numbers)
    return decided(
        "U14",
        assumed=assumed,
        measured=measured,
        follows="incomplete windows are shown as unknown",
        same=True,
        numbers=numbers,
    )


def _marks(node: object, place: str) -> Iterable[tuple[str, bool]]:
    """Each `data_incomplete`: where it lies, and whether it is set."""
    if isinstance(node, dict):
        where = "row" if "value" in node else "statistics" if "sum" in node and "count" in node else place
        if "data_incomplete" in node:
            yield where, node["data_incomplete"] is True
        for below in node.values():
            yield from _marks(below, place)
    elif isinstance(node, list):
        for below in node:
            yield from _marks(below, place)


def batch(whole: Collection[str], halves: Sequence[Collection[str]], requested: int) -> Finding:
    """U16. The ids with rows if all are requested together, and in two halves."""
    assumed = "Butlr's response to a batch over its limit is empty"
    found = {item for half in halves for item in half}
    numbers: dict[str, Number] = {"asked": requested, "answered": len(set(whole)), "in_halves": len(found)}
    measured = f"of {requested} rooms, {len(set(whole))} have rows in one call, {len(found)} in two halves"
    if not found:
        return undecided("U16", assumed=assumed, why="no room has rows", numbers=numbers)
    if not whole:
        follows = "smaller batches are requested, which costs more calls"
        return decided(
            "U16", assumed=assumed, measured=measured, follows=follows, same=False, numbers=numbers
        )
    if len(set(whole)) < len(found):
        follows = "The response to a batch that is too large is incomplete, so rooms are missing"
        return unhandled("U16", assumed=assumed, measured=measured, follows=follows, numbers=numbers)
    return decided(
        "U16",
        assumed=assumed,
        measured=measured,
        follows=f"{requested} rooms are requested in one call",
        same=True,
        numbers=numbers,
    )


def empty_windows(movements: Sequence[Row], people: Sequence[Row], *, doors: int, rooms: int) -> Finding:
    """U19. Rows of a quiet hour, requested with `create_empty`. `doors`, `rooms`: how many must have rows."""
    assumed = "create_empty may or may not fill windows without movements"
    zeros = sum(row.get("value") == 0 for row in movements)
    numbers: dict[str, Number] = {
        "traffic_rows": len(movements),
        "traffic_zeros": zeros,
        "people_rows": len(people),
        "doors": doors,
        "rooms": rooms,
    }
    measured = (
        f"{len(movements)} rows for {doors} doors, {zeros} of them 0; {len(people)} rows for {rooms} rooms"
    )
    if not doors:
        return undecided("U19", assumed=assumed, why="the floor has no traffic sensor", numbers=numbers)
    # In and out of each door would be there.
    if len(movements) >= 2 * doors and not zeros:
        return undecided("U19", assumed=assumed, why="every door was used in that hour", numbers=numbers)
    fills = zeros > 0
    follows = (
        "a response without a traffic row is requested again"
        if fills
        else "a missing traffic row means no movement"
    )
    return decided(
        "U19",
        assumed=assumed,
        measured=measured,
        follows=follows,
        same=True,
        numbers=numbers,
        verdict={"creates_empty": fills},
    )


def _sum(rows: Iterable[Row]) -> float:
    return float(sum(value for row in rows if isinstance(value := row.get("value"), int | float)))
