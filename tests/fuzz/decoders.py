"""Each decoder with real bodies of the simulator, and what has to hold of whatever is made of them.

A decoder either tells what the body says, by a second reader here that shares no code with it, or refuses it
with `UpstreamInvalid` (`None` of what is kept). Anything else is raised.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

import numpy as np
import orjson

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr import heatmaps, metrics, statistics, topology
from butlr_grafana.butlr.api import request_body
from butlr_grafana.butlr.graphql import response_of, written
from butlr_grafana.butlr.graphql_queries import SENSORS as SENSORS_ASKED
from butlr_grafana.butlr.graphql_queries import SITES as SITES_ASKED
from butlr_grafana.butlr.rows import rows_of
from butlr_grafana.cache.chunks import codec
from butlr_grafana.insight.apportion import of_rooms, of_zones
from butlr_grafana.live.events import PeopleEvent, Refused, TrafficEvent
from butlr_grafana.live.events import decode as decode_pushed
from butlr_grafana.model.chunk import (
    Chunk,
    Grid,
    HeatMapSubject,
    Samples,
    Segment,
    SeriesSubject,
    StatsSubject,
)
from butlr_grafana.model.floor import Topology
from butlr_grafana.model.privacy import guarded
from butlr_grafana.model.time import Period
from butlr_grafana.present.frames import geojson
from butlr_grafana.query.heatmaps import finest
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.scope import scope_of
from butlr_grafana.query.statistics import USED_MEAN
from butlr_grafana.simulator import detections, report_query
from butlr_grafana.simulator import reporting as simulated_rows
from butlr_grafana.simulator import stats as simulated_stats
from butlr_grafana.simulator import topology as simulated_floors
from butlr_grafana.simulator.forms import Forms
from butlr_grafana.simulator.pushes import events
from butlr_grafana.targets.base import Fetched, Result
from butlr_grafana.targets.registry import read
from butlr_grafana.targets.spaces import Spaces, SpacesTarget
from tests.fuzz.mangle import mangled
from tests.support import PARIS, PEOPLE, at

NOW_S = at("2026-06-17T12:34:56")
PERIOD = Period(at("2026-06-10T10:00"), at("2026-06-10T10:10"))
MAP = Segment(PARIS, HeatMapSubject(1.0), PERIOD, settled=True)
ROOMS = tuple(room.id for room in PEOPLE.office.by_id[PARIS].rooms)[:5]
SERIES = SeriesSubject("room_occupancy", "room", "1m", "median", "Europe/Paris", ROOMS)
DOORS = SeriesSubject("traffic", "sensor", "1m", "sum", "Europe/Paris")
FIGURES = StatsSubject((USED_MEAN,), ROOMS)


@dataclass(frozen=True)
class Decoder:
    """`holds` is given a body and returns whether it was taken; it raises where it should not have been."""

    bodies: tuple[bytes, ...]
    holds: Callable[[bytes], bool]

    def tried(self, chance: Random) -> bool:
        """One mangled body; the fault says which."""
        body = mangled(chance.choice(self.bodies), chance)
        try:
            return self.holds(body)
        except Exception as fault:
            fault.add_note(f"body: {body[:2000]!r}")
            raise


# Heat maps


def heat_map_bodies() -> Iterator[bytes]:
    requested = detections.parse(request_body(MAP))
    for nesting in ("data0.heatmap_v2", "top"):
        for bounds in ("min_x", "x_min", "points", "pairs"):
            forms = Forms(heat_nesting=nesting, heat_bounds=bounds)
            yield orjson.dumps(detections.build_response(PEOPLE, requested, NOW_S, forms))


def holds_heat_map(body: bytes) -> bool:
    try:
        grid = heatmaps.heat_map(body, MAP.resolution_m)
    except UpstreamInvalid:
        return False
    listed = [rows for document in readings(body) for rows in cells_in(document)]
    assert any(says(grid, rows) for rows in listed)
    return True


def readings(body: bytes) -> Iterator[Any]:
    """The document by Python's own reader: where a key comes twice, by the last one and by the first."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    yield json.loads(body, parse_constant=refuse)
    yield json.loads(body, parse_constant=refuse, object_pairs_hook=lambda pairs: dict(reversed(pairs)))


def objects_in(document: Any) -> Iterator[dict[str, Any]]:
    if isinstance(document, dict):
        yield document
    if isinstance(document, dict | list):
        for child in document.values() if isinstance(document, dict) else document:
            yield from objects_in(child)


def cells_in(document: Any) -> Iterator[list[Any]]:
    for holder in objects_in(document):
        if isinstance(holder.get("array_cells"), list):
            yield holder["array_cells"]


def says(grid: Grid, rows: list[Any]) -> bool:
    """Whether the grid holds just these cells, each at its place, with the sum of what is listed for it."""
    if not all(isinstance(row, list) and len(row) == 3 and all(map(is_number, row)) for row in rows):
        return False
    x, y = grid.centres()
    found = list(zip(x.tolist(), y.tolist(), grid.value.tolist(), strict=True))
    listed = [(float(a), float(b), float(n)) for a, b, n in rows if n > 0]
    origin = found[0][:2] if found else (0.0, 0.0)

    def by_place(cells: list[tuple[float, float, float]]) -> Counter[tuple[int, int]]:
        total: Counter[tuple[int, int]] = Counter()
        for a, b, n in cells:
            steps = ((a - origin[0]) / grid.resolution_m, (b - origin[1]) / grid.resolution_m)
            assert max(abs(s - round(s)) for s in steps) < 0.05
            total[round(steps[0]), round(steps[1])] += n  # type: ignore[assignment]  # of floats
        return total

    ours, theirs = by_place(found), by_place(listed)
    return ours.keys() == theirs.keys() and all(math.isclose(ours[k], theirs[k], rel_tol=1e-12) for k in ours)


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# Metrics and statistics


def series_bodies(subject: SeriesSubject) -> Iterator[bytes]:
    requested = report_query.parse(metrics.request_body(subject, PERIOD, subject.items or (PARIS,)), Forms())
    for form in ("flat", "nested"):
        forms = Forms(rows_without_group_by=form)
        yield orjson.dumps(simulated_rows.build_response(PEOPLE, requested, NOW_S, forms))


def holds_series(subject: SeriesSubject) -> Callable[[bytes], bool]:
    """What is told stands in a row that names its place, labelled with the end of its minute, or with its
    start where the row says that it is calibrated.
    """

    def holds(body: bytes) -> bool:
        try:
            found = metrics.samples(rows_of(body), PARIS, subject, PERIOD)
        except UpstreamInvalid:
            return False
        text = {row for document in readings(body) for row in rows_in(document)}
        for i, start_s, value in zip(*(c.tolist() for c in columns(found)), strict=True):
            place, _ = found.series[i]
            # Of traffic the name of a sensor's room, its own and its address.
            names = place.split("\x1f") if subject.level == "sensor" else [place]
            assert PERIOD.start_s <= start_s < PERIOD.end_s
            reported = None if math.isnan(value) else value
            for name in filter(None, names):
                assert (name, start_s + 60, reported, False) in text or (
                    name,
                    start_s,
                    reported,
                    True,
                ) in text
        return True

    return holds


def columns(found: Samples) -> tuple[np.ndarray[Any, Any], ...]:
    return found.index, found.start_s, found.value


def rows_in(document: Any) -> Iterator[tuple[str, int, float | None, bool]]:
    """Every text, instant and value that stand together in one object, and whether it is calibrated."""
    for row in objects_in(document):
        value, when = row.get("value"), seconds(row.get("time"))
        if when is not None and (value is None or is_number(value)):
            known = value is not None and row.get("data_incomplete") is not True
            for text in (text for text in row.values() if isinstance(text, str)):
                yield text, when, float(value) if known else None, row.get("preprocessed") is True


def seconds(text: object) -> int | None:
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def figure_bodies() -> Iterator[bytes]:
    requested = simulated_stats.parse(statistics.request_body(FIGURES, PERIOD), Forms())
    yield orjson.dumps(simulated_stats.build_response(PEOPLE, requested, NOW_S, Forms()))


def holds_figures(body: bytes) -> bool:
    try:
        found = statistics.samples(body, FIGURES, PERIOD)
    except UpstreamInvalid:
        return False
    assert found.series == tuple((item, USED_MEAN) for item in FIGURES.items)
    documents = list(readings(body))
    for (item, name), value in zip(found.series, found.value.tolist(), strict=True):
        text = [(document["data"].get(item) or {}).get(name) for document in documents]
        assert (None if math.isnan(value) else value) in text
    return True


# Floors


def topology_bodies() -> Iterator[bytes]:
    """Of one floor with two rooms and a zone: a change is to hit each of its values now and then."""
    for selection in (SITES_ASKED, SENSORS_ASKED):
        query, _ = written(selection)
        document = simulated_floors.build_response(PEOPLE, {"query": query}, NOW_S, "http://127.0.0.1:1")
        if "sites" in document["data"]:
            [site] = document["data"]["sites"]["data"] = document["data"]["sites"]["data"][:1]
            [building] = site["buildings"] = site["buildings"][:1]
            [floor] = building["floors"] = building["floors"][:1]
            floor["rooms"], floor["zones"] = floor["rooms"][:2], floor["zones"][:1]
        else:
            document["data"]["sensors"]["data"] = document["data"]["sensors"]["data"][:4]
        yield orjson.dumps(document)


SITES, SENSORS = (json.loads(body)["data"] for body in topology_bodies())


def holds_topology(body: bytes) -> bool:
    """Whatever is taken can be shown in every form, and reckoned with."""
    try:
        data, _ = response_of(body)
        if data is None:
            return False
        found = topology.topology(
            {"sites": data, "sensors": SENSORS} if "sites" in data else {"sites": SITES, "sensors": data}
        )
    except UpstreamInvalid:
        return False
    for shown in (found, guarded(found, 6)):
        check_shown(shown)
    return True


def check_shown(found: Topology) -> None:
    scope = scope_of(read("spaces", {}), found, now_s=0.0, limits=QueryLimits())
    rows = SpacesTarget().rows(Result(SpacesTarget(), Fetched(scope), Spaces(found, {})))
    reported = orjson.loads(orjson.dumps(rows))
    assert {row["id"] for row in reported if row["level"] == "floor"} == set(found.floors)
    grid = Grid(1.0, (0.5, 0.5), *(np.arange(3, dtype=np.int32) for _ in range(2)), np.ones(3))
    for floor in found.floors.values():
        orjson.dumps(geojson.plan(floor))
        assert finest(floor, 100) in (0.5, 1.0)
        of_zones(floor, grid)
        of_rooms(floor, grid)


# What is kept


def chunks_to_store() -> Iterator[Chunk]:
    yield Chunk(PERIOD, heatmaps.heat_map(next(heat_map_bodies()), 1.0), float(NOW_S), settled=True)
    rows = rows_of(next(series_bodies(SERIES)))
    yield Chunk(PERIOD, metrics.samples(rows, PARIS, SERIES, PERIOD), float(NOW_S), settled=False)


WHOLE = {codec.encode(chunk) for chunk in chunks_to_store()}


def check_stored(body: bytes) -> bool:
    """What was changed is nothing; what is taken is what was put there, to the bit."""
    chunk = codec.decode(body)
    if chunk is None:
        return False
    assert codec.encode(chunk) in WHOLE
    return True


HEAD = struct.Struct("<4sII")


def resealed(chance: Random) -> bool:
    """A header mangled, and its checksum made to fit: nothing that is raised, and no more memory than its
    own size allows.
    """
    magic, _, length = HEAD.unpack_from(whole := chance.choice(sorted(WHOLE)))
    header = mangled(whole[HEAD.size : HEAD.size + length], chance)
    rest = header + whole[HEAD.size + length :]
    chunk = codec.decode(HEAD.pack(magic, zlib.crc32(rest), len(header)) + rest)
    assert chunk is None or isinstance(chunk.content, Grid | Samples)
    return chunk is not None


def pushed_bodies() -> Iterator[bytes]:
    """An hour of what is pushed of one floor's rooms and doors, an event each; every hundredth of it."""
    end_s = at("2026-06-17T12:00:00")
    found = events(PEOPLE, Forms(), end_s - 600, end_s)
    for event in list(found)[::100]:
        yield orjson.dumps(event)


def holds_pushed(body: bytes) -> bool:
    """Whatever is taken is what the event's own words say; nothing is raised."""
    taken = [one for one in decode_pushed(body) if not isinstance(one, Refused)]
    document = json.loads(body) if taken else None
    text = document if isinstance(document, list) else [document]
    for one in taken:
        assert any(_is_reported(one, event) for event in text)
    return bool(taken)


def _is_reported(one: PeopleEvent | TrafficEvent, event: Any) -> bool:
    if not isinstance(event, dict) or event.get("type") != one.type or int(event["timestamp"]) != one.at_ms:
        return False
    if isinstance(one, TrafficEvent):
        return bool(event["data"] == {**event["data"], "in": one.entered, "out": one.left})
    level = one.type.partition("_")[0].lower()
    return bool(
        event["data"] == one.people and one.asset_id in (event["metadata"].get(f"{level}_id"), one.floor_id)
    )


DECODERS: Mapping[str, Decoder] = {
    "heat map": Decoder(tuple(heat_map_bodies()), holds_heat_map),
    "occupancy": Decoder(tuple(series_bodies(SERIES)), holds_series(SERIES)),
    "traffic": Decoder(tuple(series_bodies(DOORS)), holds_series(DOORS)),
    "statistics": Decoder(tuple(figure_bodies()), holds_figures),
    "topology": Decoder(tuple(topology_bodies()), holds_topology),
    "kept": Decoder(tuple(sorted(WHOLE)), check_stored),
    "pushed": Decoder(tuple(pushed_bodies()), holds_pushed),
}
TRIALS: Mapping[str, Callable[[Random], bool]] = {
    **{name: decoder.tried for name, decoder in DECODERS.items()},
    "kept, resealed": resealed,
}
"""Each returns whether what it made up was taken."""
