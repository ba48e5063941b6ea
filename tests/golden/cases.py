"""The requests of which golden answers are kept, one line each.

To add one: write its line, `make golden`, read what was written, commit it with the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from tests.support import NEW_YORK, PARIS, PARIS_2

Parameters = dict[str, Any]

ENDINGS: Mapping[str, str] = MappingProxyType(
    {
        "frames": "frames.json",
        "rows": "rows.json",
        "matrix": "matrix.json",
        "csv": "csv",
        "png": "png",
        "webp": "webp",
        "geojson": "geojson",
    }
)
"""By format, the ending of the file that holds the answer."""

PICTURES = ("png", "webp")


@dataclass(frozen=True)
class Case:
    """One request, put to a world that has been set up for it alone, and the file of its golden answer.

    `target`: what the file's name begins with. `by`: `GET` and `POST` are REST with the parameters in the
    URL or the body; other paths are sent their `body`. Asked so many `times`, the last answer is kept.
    """

    target: str
    name: str
    parameters: Parameters = field(default_factory=dict)
    by: str = "GET"
    path: str = ""
    body: Any = None
    world: str = "plain"
    times: int = 1

    @property
    def format(self) -> str:
        return str(self.parameters.get("format", "frames")) if not self.path else "frames"

    @property
    def url(self) -> str:
        return self.path or f"/api/v1/{self.target}"

    @property
    def file_name(self) -> str:
        ending = "json" if self.path else ENDINGS[self.format]
        return f"{self.target}.{self.name}.{ending}"

    def __str__(self) -> str:
        return self.file_name


DAY = {"from": "2026-06-09T22:00:00Z", "to": "2026-06-10T22:00:00Z"}
"""A day in Paris, long settled."""
MORNING = {"from": "2026-06-10T06:00:00Z", "to": "2026-06-10T10:00:00Z"}
AFTERNOON = {"from": "2026-06-10T13:00:00Z", "to": "2026-06-10T16:00:00Z"}
WEEK = {"from": "2026-06-07T22:00:00Z", "to": "2026-06-14T22:00:00Z"}
FORTNIGHT = {"from": "2026-06-01T22:00:00Z", "to": "2026-06-15T22:00:00Z"}
LAST_HOUR = {"from": "2026-06-17T11:34:00Z", "to": "2026-06-17T12:34:00Z"}
"""Of which Butlr does not have the last minutes yet."""
TODAY = {"from": "2026-06-16T22:00:00Z", "to": "2026-06-17T22:00:00Z"}
"""It ends in the future."""

COARSE = {"resolution": "1.0"}
SMALL = {"width": "480"}

EACH_FORMAT: Mapping[str, tuple[tuple[str, ...], Parameters]] = MappingProxyType(
    {
        "heatmap": (("frames", "rows", "matrix", "csv", "png"), {"space": PARIS, **DAY, **COARSE}),
        "heatmap-summary": (("frames", "rows", "csv"), {"space": PARIS, **DAY}),
        "compare": (
            ("frames", "rows", "csv", "png"),
            {"space": PARIS_2, **DAY, **COARSE, "baseline": "-7d"},
        ),
        "compare-zones": (("frames", "rows", "csv"), {"space": PARIS, **DAY, "baseline": "-7d"}),
        "hot-zones": (("frames", "rows", "csv"), {"space": PARIS, **DAY}),
        "hotspots": (("frames", "rows", "csv"), {"space": PARIS, **DAY}),
        "occupancy": (("frames", "rows", "csv"), {"space": PARIS_2, **MORNING, "every": "1h"}),
        "occupancy-now": (("frames", "rows", "csv"), {"space": PARIS}),
        "free-rooms": (("frames", "rows", "csv"), {"space": "all"}),
        "floors-now": (("frames", "rows", "csv"), {"space": "all"}),
        "totals": (("frames", "rows", "csv"), {"space": "all", **MORNING}),
        "unusual": (("frames", "rows", "csv"), {"space": PARIS_2}),
        "balance": (("frames", "rows", "csv"), {"space": "all"}),
        "traffic": (("frames", "rows", "csv"), {"space": PARIS, **MORNING, "every": "1h"}),
        "presence": (("frames", "rows", "csv"), {"space": PARIS_2, **MORNING, "every": "1h"}),
        "utilization": (("frames", "rows", "csv"), {"space": PARIS_2, **DAY, "hours": "08:00-18:00"}),
        "compare-utilization": (
            ("frames", "rows", "csv"),
            {"space": PARIS_2, **DAY, "hours": "08:00-18:00", "baseline": "-7d"},
        ),
        "pattern": (("frames", "rows", "csv"), {"space": PARIS_2, **WEEK}),
        "playback": (
            ("frames", "rows", "csv", "webp"),
            {"space": NEW_YORK, **AFTERNOON, **COARSE, "every": "1h"},
        ),
        "floorplan": (("geojson", "png"), {"space": PARIS}),
        "events": (("frames", "rows", "csv"), {"space": "all", **TODAY}),
        "freshness": (("frames", "rows", "csv"), {"space": "all"}),
        "status": (("frames", "rows", "csv"), {}),
        "devices": (("frames", "rows", "csv"), {"space": PARIS}),
        "spaces": (("frames", "rows", "csv"), {"space": "all"}),
        "room-types": (("frames", "rows", "csv"), {"space": "all"}),
    }
)
"""By target: its formats, and the parameters with which each of them is asked for. A new target has its line
here, and a golden file a format.
"""

WORLD_OF = {"events": "crowd recorded"}


def each_format() -> Iterator[Case]:
    for target, (formats, parameters) in EACH_FORMAT.items():
        for written in formats:
            width = SMALL if written in PICTURES else {}
            world = WORLD_OF.get(target, "plain")
            yield Case(target, "plain", {**parameters, **width, "format": written}, world=world)


URL_ONLY = ("from", "to", "format", "width", "theme")
"""Parameters that no payload of the JSON data source has."""


def panel(target: str, parameters: Parameters, **more: Any) -> Parameters:
    """The body that the JSON data source sends for a panel with one target."""
    period = {end: parameters.get(end, DAY[end]).replace("Z", ".000Z") for end in ("from", "to")}
    payload = {name: value for name, value in parameters.items() if name not in URL_ONLY}
    return {"range": period, "targets": [{"refId": "B", "target": target, "payload": payload}], **more}


def each_panel() -> Iterator[Case]:
    for target, (formats, parameters) in EACH_FORMAT.items():
        if "frames" in formats:
            body = panel(target, parameters, maxDataPoints=800, intervalMs=60_000)
            yield Case(
                target, "query", by="POST", path="/query", body=body, world=WORLD_OF.get(target, "plain")
            )


def varied(
    target: str, name: str, *, world: str = "plain", by: str = "GET", times: int = 1, **parameters: Any
) -> Case:
    """A variation; parameters beside those with which each format is asked for. Rows, where not told."""
    common = {k: v for k, v in EACH_FORMAT[target][1].items() if k not in parameters}
    period = parameters.pop("period", {})
    return Case(
        target, name, {**common, "format": "rows", **period, **parameters}, by=by, world=world, times=times
    )


VARIATIONS = (
    # Heat maps
    *(varied("heatmap", f"normalize-{how}", normalize=how) for how in ("max", "hour", "share")),
    varied("heatmap", "normalize-hour", normalize="hour", format="frames"),
    varied("heatmap", "hours", hours="08:00-18:00", days="mon-fri", tz="Europe/Paris", period=WEEK),
    varied("heatmap", "hours", hours="22:00-06:00", days="tue", period=WEEK, format="frames"),
    varied("heatmap", "room", room=["Lounge", "room_paris_1_kitchen"], format="frames"),
    varied("heatmap", "tag", tag="quiet"),
    varied("hot-zones", "type", space="all", type=["kitchen", "lounge"]),
    varied("heatmap", "resolution-fine", space=NEW_YORK, resolution="0.25", period=AFTERNOON),
    varied("heatmap", "resolution-auto", space=NEW_YORK, resolution="auto", columns="20"),
    varied("heatmap", "empty-zero", empty="zero", space=NEW_YORK, format="frames"),
    varied("heatmap", "fortnight", period=FORTNIGHT, format="frames"),
    varied("heatmap", "last-hour", period=LAST_HOUR, format="frames"),
    varied("heatmap", "today", period=TODAY, format="frames"),
    varied("heatmap", "people", world="rates known", format="frames"),
    varied("heatmap", "people", world="rates known", format="csv"),
    varied("heatmap", "people", world="rates known", format="png", **SMALL),
    varied("heatmap", "detections", world="rates known", unit="detections"),
    varied("heatmap", "demo", world="demo mode", format="frames"),
    varied("heatmap", "demo", world="demo mode", format="png", **SMALL),
    varied("heatmap", "dark", format="png", theme="dark", **SMALL),
    varied("heatmap", "small-rooms-hidden", space=PARIS_2, world="small rooms hidden", format="frames"),
    varied("heatmap", "body", by="POST", room=["Lounge"]),
    varied("heatmap", "from-cache", times=2, format="frames"),
    varied("hot-zones", "from-cache", times=3, space="all", format="frames"),
    varied("heatmap-summary", "feet", area="ft2", world="rates known"),
    varied("heatmap-summary", "fortnight", period=FORTNIGHT),
    varied("compare", "max", normalize="max"),
    varied("compare", "people", world="rates known", format="frames"),
    varied("compare", "span", baseline="2026-06-02T00:00:00Z/2026-06-03T00:00:00Z"),
    *(varied("compare-zones", f"level-{level}", level=level) for level in ("room", "floor", "zone")),
    varied("compare-zones", "people", world="rates known", baseline="previous"),
    *(varied("hot-zones", f"level-{level}", level=level, space="all") for level in ("room", "floor", "zone")),
    varied("hot-zones", "all", space="all", format="frames"),
    varied("hot-zones", "people", world="rates known", space="all", threshold="1", area="ft2"),
    varied("hot-zones", "threshold", threshold="2.5", release="2"),
    varied("hot-zones", "one-floor-refused", space="all", world="one floor refused", format="frames"),
    varied("hot-zones", "one-floor-refused", space="all", world="one floor refused", format="csv"),
    varied(
        "hot-zones", "one-floor-refused-complete", space="all", world="one floor refused", require="complete"
    ),
    varied("hot-zones", "small-rooms-hidden", space="all", world="small rooms hidden"),
    varied("hotspots", "threshold", threshold="p80", space=NEW_YORK),
    varied("hotspots", "people", world="rates known"),
    # Over time
    *(varied("occupancy", f"level-{level}", level=level, space="all") for level in ("room", "floor", "zone")),
    *(
        varied("occupancy", f"statistic-{how}", statistic=how, level="floor")
        for how in ("p95", "max", "median")
    ),
    varied("occupancy", "minutes", level="floor", every="15m", period=LAST_HOUR, format="frames"),
    varied("occupancy", "hours", hours="09:00-17:00", days="mon,wed", every="1d", period=WEEK, level="floor"),
    varied(
        "occupancy",
        "one-floor-refused",
        space="all",
        level="floor",
        world="one floor refused",
        format="frames",
    ),
    varied("occupancy", "small-rooms-hidden", world="small rooms hidden"),
    varied("traffic", "all", space="all", level="floor", every="15m", format="frames"),
    varied("traffic", "room", level="room", period=DAY),
    varied("presence", "floors", space="all", level="floor"),
    varied("utilization", "all", space="all", underused="0.3", area="ft2"),
    varied("utilization", "people", world="rates known", format="frames"),
    varied("utilization", "one-floor-refused", space="all", world="one floor refused", format="frames"),
    varied("utilization", "small-rooms-hidden", world="small rooms hidden"),
    *(varied("pattern", name, metric=name) for name in ("traffic", "presence", "heatmap")),
    varied("pattern", "heatmap-people", metric="heatmap", world="rates known", format="frames"),
    varied("pattern", "rooms", level="room", space=NEW_YORK, room=["Store", "Meeting room 1"]),
    varied("playback", "dark", format="webp", theme="dark", **SMALL),
    varied("playback", "people", world="rates known", format="frames"),
    # Now
    *(varied("occupancy-now", f"level-{level}", level=level, space="all") for level in ("room", "floor")),
    varied("occupancy-now", "one-floor-refused", space="all", world="one floor refused", format="frames"),
    varied("occupancy-now", "small-rooms-hidden", space="all", world="small rooms hidden"),
    varied("totals", "by-tag", by="tag", format="rows"),
    varied("totals", "bad-by", by="floor"),
    varied("totals", "one-floor-refused", world="one floor refused", format="frames"),
    varied("free-rooms", "for-six", least_capacity="6", type="meeting_room"),
    varied("free-rooms", "tag", space=PARIS_2, tag="video", format="frames"),
    varied("free-rooms", "too-large", least_capacity="500", format="frames"),
    varied("free-rooms", "unknown-type", type="meeting-room"),
    varied("free-rooms", "bad-capacity", least_capacity="many"),
    varied("free-rooms", "one-floor-refused", world="one floor refused", format="frames"),
    varied("free-rooms", "small-rooms-hidden", world="small rooms hidden"),
    varied("free-rooms", "gone", world="butlr gone"),
    varied("unusual", "window", space="all", window="1h"),
    varied("unusual", "floors", space="all", level="floor"),
    varied("balance", "rooms", level="room", format="frames"),
    *(varied("freshness", name, metric=name) for name in ("traffic", "presence", "heatmap")),
    varied("freshness", "one-floor-refused", world="one floor refused", format="frames"),
    varied("status", "gone", world="butlr gone", format="frames"),
    varied("occupancy-now", "gone", space="all", world="butlr gone", format="frames"),
    varied("freshness", "gone", world="butlr gone"),
    # Devices
    *(varied("devices", f"level-{level}", level=level) for level in ("room", "floor", "zone")),
    varied("devices", "hives", kind="hive", space="all"),
    varied("devices", "hive-offline", world="hive offline", format="frames"),
    *(
        varied("devices", f"hive-offline-{level}", world="hive offline", level=level, format="frames")
        for level in ("room", "floor")
    ),
    varied("devices", "small-rooms-hidden", world="small rooms hidden"),
    varied("devices", "gone", world="butlr gone", format="frames"),
    varied("occupancy-now", "hive-offline", space="all", world="hive offline", format="frames"),
    varied("heatmap", "hive-offline", world="hive offline", format="png", period=LAST_HOUR, **SMALL),
    # Floors
    varied("floorplan", "dark", space=NEW_YORK, format="png", theme="dark", **SMALL),
    varied("floorplan", "small-rooms-hidden", format="geojson", world="small rooms hidden"),
    varied("spaces", "rooms", level="room", area="ft2", world="rates known"),
    varied("spaces", "small-rooms-hidden", world="small rooms hidden", format="frames"),
    # Errors
    varied("heatmap", "unknown-space", space="space_x"),
    varied("heatmap", "bad-hours", hours="25:00-9:00"),
    varied("heatmap", "bad-format", format="webp"),
    varied("heatmap", "refused", space=PARIS_2, world="one floor refused"),
    varied("heatmap", "gone", space=NEW_YORK, world="butlr gone"),
    varied("playback", "too-many-windows", every="1m", period=WEEK),
    varied("occupancy", "unknown-parameter", colour="red"),
)

SEVERAL = {
    "range": DAY,
    "maxDataPoints": 60,
    "targets": [
        # Cells of another size than those of B: else B may find what A has fetched, or not yet.
        {"refId": "A", "target": "heatmap", "payload": {"space": NEW_YORK, "resolution": "1.0"}},
        {"refId": "B", "target": "hot-zones", "payload": '{"space": ["space_newyork_1", "space_paris_1"]}'},
        {"refId": "C", "target": "heatmap", "payload": {"space": "space_x"}},
        {"refId": "D", "target": "occupancy", "payload": {"space": PARIS}, "hide": True},
        {
            "refId": "E",
            "target": "occupancy",
            "payload": {"space": NEW_YORK, "level": "floor", "every": "1h"},
        },
    ],
}
FILTERED = [{"key": "room", "operator": "=", "value": "Lounge"}]
NOTHING_LEFT = [*FILTERED, {"key": "room", "operator": "=", "value": "Kitchen"}]


def sent(name: str, path: str, body: Any, world: str = "plain") -> Case:
    """What else the JSON data source asks for."""
    return Case("datasource", name, by="POST", path=path, body=body, world=world)


DATA_SOURCE = (
    sent("several", "/query", SEVERAL),
    sent("all-fail", "/query", {"range": DAY, "targets": SEVERAL["targets"][2:3]}),
    sent("filtered", "/query", panel("hot-zones", {"space": PARIS}, adhocFilters=FILTERED)),
    *(
        sent(f"nothing-left-{target}", "/query", panel(target, {"space": PARIS}, adhocFilters=NOTHING_LEFT))
        for target in ("heatmap", "compare", "playback", "occupancy", "hot-zones")
    ),
    sent("metrics", "/metrics", {}),
    sent("search", "/search", {}),
    sent("tag-keys", "/tag-keys", {}),
    sent("tag-values", "/tag-values", {"key": "room"}),
    *(
        sent(
            f"options-{name}",
            "/metric-payload-options",
            {"metric": "heatmap", "name": name, "payload": {"space": PARIS}},
        )
        for name in ("space", "room", "tag", "type")
    ),
    *(
        sent(f"variable-{kind}", "/variable", {"payload": {"target": kind, "space": PARIS}})
        for kind in ("buildings", "floors", "rooms", "zones", "types")
    ),
    sent("annotations-hot", "/annotations", {"range": TODAY, "payload": {"space": PARIS}}, "crowd recorded"),
    sent(
        "annotations-gap", "/annotations", {"range": DAY, "payload": {"space": PARIS_2}}, "one floor refused"
    ),
    Case("rest", "openapi", path="/api/v1/openapi.json"),
)

CASES: tuple[Case, ...] = (*each_format(), *each_panel(), *VARIATIONS, *DATA_SOURCE)
