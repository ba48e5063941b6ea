"""The JSON data source protocol of simPod's plugin, and what older clients of it call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from butlr_grafana.errors import BackendError, BadBody, BadWord, choose
from butlr_grafana.model import Topology
from butlr_grafana.present import heatmap
from butlr_grafana.present.annotations import event_regions, gaps
from butlr_grafana.privacy import askable
from butlr_grafana.query import Asked, floors_of
from butlr_grafana.questions import Range
from butlr_grafana.service import Service
from butlr_grafana.targets import TARGETS, Target
from butlr_grafana.web import reply
from butlr_grafana.web.auth import visible
from butlr_grafana.web.encoded import as_json, joined
from butlr_grafana.web.kept import Answers, Asking
from butlr_grafana.web.requests import note_asked, note_fault
from butlr_grafana.words import WORDS, instant, texts_of

MAX_TARGETS = 50
FILTER_KEYS = ("room", "tag")
VARIABLES = ("buildings", "floors", "rooms", "zones")

Object = dict[str, Any]
T = TypeVar("T")


def blueprint(answers: Answers) -> Blueprint:
    service = answers.service
    source = Blueprint("datasource", __name__)

    @source.post("/metrics")
    def metrics() -> Response:
        return reply.json(
            [{"label": t.title, "value": t.name, "payloads": _form(t)} for t in TARGETS.values()]
        )

    @source.post("/metric-payload-options")
    def metric_payload_options() -> Response:
        body = read_object()
        topology = service.topology(visible(), deadline=service.deadline())
        payload = body.get("payload")
        space = payload.get("space") if isinstance(payload, dict) else None
        return reply.json(_options(str(body.get("name")), topology, space))

    @source.post("/query")
    def query() -> Response:
        return _query(answers, read_object())

    @source.post("/variable")
    def variable() -> Response:
        payload = _payload(read_object().get("payload"), "payload")
        topology = service.topology(visible(), deadline=service.deadline())
        choices = _each_once(_choices(payload, topology))
        return reply.json([{"__text": text, "__value": value} for text, value in choices])

    @source.post("/tag-keys")
    def tag_keys() -> Response:
        return reply.json([{"type": "string", "text": key, "key": key} for key in FILTER_KEYS])

    @source.post("/tag-values")
    def tag_values() -> Response:
        key = str(read_object().get("key"))
        if key not in FILTER_KEYS:
            raise BadWord("key", choose(key, FILTER_KEYS))
        topology = service.topology(visible(), deadline=service.deadline())
        rooms = [room for floor in topology.floors.values() for room in askable(floor)]
        texts = {r.name for r in rooms} if key == "room" else {t for r in rooms for t in r.tags}
        return reply.json([{"text": text} for text in sorted(texts)])

    @source.post("/search")
    def search() -> Response:
        return reply.json(list(TARGETS))

    @source.post("/annotations")
    def annotate() -> Response:
        return _annotations(service, read_object())

    return source


def read_object() -> Object:
    """The body as a JSON object; anything else is `BadBody`."""
    try:
        document = orjson.loads(_body())
    except orjson.JSONDecodeError as error:
        raise BadBody(f"the body is no JSON ({error})") from None
    except BadRequest:
        raise BadBody("the body did not arrive whole") from None
    if not isinstance(document, dict):
        raise BadBody(f"the body is a JSON {type(document).__name__}; it may be an object")
    return document


def _body() -> bytes:
    body = request.get_data()
    if request.content_length is None and len(body) == request.max_content_length:
        raise RequestEntityTooLarge  # one without a length is cut off there in silence
    return body


def _query(answers: Answers, body: Object) -> Response:
    """Begins every target, then finishes each, so that all of them share the deadline."""
    service = answers.service
    panel = panel_range(body)
    targets = body.get("targets")
    if not isinstance(targets, list) or not targets:
        raise BadBody("targets is missing; it may be a list of 1 to 50 targets")
    if len(targets) > MAX_TARGETS:
        raise BadBody(f"targets holds {len(targets)}; it may be at most {MAX_TARGETS}")
    shown = [t for t in targets if not (isinstance(t, dict) and t.get("hide"))]
    filters = _filters(body)
    deadline = service.deadline()

    def ask(target: object) -> Asking:
        words = _payload(target.get("payload"), "payload") if isinstance(target, dict) else {}
        asked = service.read(_target_name(target), _merged(words, filters))
        note_asked(asked)
        if asked.format != "frames":
            raise BadWord(
                "format", f"{asked.format} is for URLs; a panel takes frames, which {asked.target} may lack"
            )
        return answers.ask(asked, visible(), ref_id=_ref_id(target), deadline=deadline, panel=panel)

    begun: list[Asking | BackendError] = []
    try:
        for target in shown:
            begun.append(_attempt(partial(ask, target)))  # noqa: PERF401  # those begun are worked on, come what may
    finally:
        for one in begun:
            if isinstance(one, Asking):
                one.work()
    made = [one if isinstance(one, BackendError) else _attempt(one.made) for one in begun]
    faults = [one for one in made if isinstance(one, BackendError)]
    for fault in faults:
        note_fault(fault)
    if faults and len(faults) == len(made):
        return reply.error(faults[0])
    return reply.encoded(
        joined(
            as_json([heatmap.failed_frame(_ref_id(target), one.message)])
            if isinstance(one, BackendError)
            else one
            for target, one in zip(shown, made, strict=True)
        )
    )


def _attempt(work: Callable[[], T]) -> T | BackendError:
    """What `work` returns, or the fault it raises: one target's fault is not the others'."""
    try:
        return work()
    except BackendError as fault:
        return fault


def _target_name(target: object) -> str:
    if not isinstance(target, dict):
        raise BadBody("targets holds something that is no object")
    name = target.get("target")
    if not isinstance(name, str) or not name:
        raise BadWord("target", f"is missing; it may be {', '.join(TARGETS)}")
    return texts_of("target", name)[0]


def _ref_id(target: object) -> str:
    ref_id = target.get("refId") if isinstance(target, dict) else None
    return ref_id[:60] if isinstance(ref_id, str) else "A"


def panel_range(body: Object) -> Range:
    """The panel's `range` and `maxDataPoints`."""
    limits = body.get("range")
    if not isinstance(limits, dict):
        raise BadBody("range is missing; it may be {from, to} as ISO 8601")
    start, end = (_instant(limits, name) for name in ("from", "to"))
    points = body.get("maxDataPoints")
    usable = isinstance(points, int | float) and not isinstance(points, bool) and points >= 1
    return Range(start, end, int(points) if usable and points is not None else None)


def _instant(limits: Object, name: str) -> int:
    raw = limits.get(name)
    if not isinstance(raw, str | int) or isinstance(raw, bool):
        raise BadWord(f"range.{name}", "is missing; it may be ISO 8601 (2024-01-31T08:00:00Z) or epoch ms")
    return instant(f"range.{name}", str(raw))


def _payload(raw: object, name: str) -> Object:
    """A payload as an object: it may come as one, as its JSON text, as nothing, or inside another."""
    if isinstance(raw, str):
        if not raw.strip():
            return {}
        try:
            raw = orjson.loads(raw)
        except orjson.JSONDecodeError:
            # A variable's plain text is its target.
            return {"target": raw}
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise BadBody(f"{name} is a JSON {type(raw).__name__}; it may be an object")
    inner = raw.get("payload")
    return {**{k: v for k, v in raw.items() if k != "payload"}, **inner} if isinstance(inner, dict) else raw


def _filters(body: Object) -> dict[str, list[str]]:
    """Ad-hoc filters as query words; older plugins call them `filters`."""
    raw = body.get("adhocFilters") or body.get("filters") or []
    if not isinstance(raw, list):
        raise BadBody("adhocFilters is no list")
    words: dict[str, list[str]] = {}
    for item in raw:
        key = item.get("key") if isinstance(item, dict) else None
        if key not in FILTER_KEYS:
            raise BadWord("adhocFilters", choose(str(key), FILTER_KEYS))
        if item.get("operator") not in ("=", "=|", None):
            raise BadWord("adhocFilters", f"operator {str(item.get('operator'))[:20]!r}; it may be = or =|")
        values = item.get("values") if isinstance(item.get("values"), list) else [item.get("value")]
        words.setdefault(key, []).extend(str(v) for v in values)
    return words


def _merged(words: Object, filters: dict[str, list[str]]) -> Object:
    merged = {k: v for k, v in words.items() if k != "target"}
    for name in ("from", "to"):
        if name in merged:
            raise BadWord(name, "is for URLs; a panel's period is the dashboard's")
    return merged | {key: values for key, values in filters.items() if key not in merged}


def _form(target: Target) -> list[Object]:
    """The query editor's form: the plugin asks `/metric-payload-options` for a select without options."""
    form: list[Object] = []
    for word in (WORDS[name] for name in target.words if not WORDS[name].url_only):
        field: Object = {
            "name": word.name,
            "label": f"{word.name}: {word.description}",
            "placeholder": word.default or word.example or "",
            "width": 40,
        }
        if word.choices:
            field |= {"type": "select", "options": [{"label": c, "value": c} for c in word.choices]}
        elif word.name in ("space", "room", "tag"):
            several = target.many_floors if word.name == "space" else word.many
            field |= {"type": "multi-select" if several else "select", "reloadMetric": word.name == "space"}
        else:
            field |= {"type": "input"}
        form.append(field)
    return form


def _options(name: str, topology: Topology, space: object) -> list[Object]:
    return [{"label": text, "value": value} for text, value in _each_once(_options_of(name, topology, space))]


def _each_once(choices: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Each value once. One that several floors or buildings have, as that of their small rooms, is called
    what it is called on each.
    """
    texts: dict[str, dict[str, None]] = {}
    for text, value in choices:
        texts.setdefault(value, {})[text] = None
    return [(", ".join(own), value) for value, own in texts.items()]


def _options_of(name: str, topology: Topology, space: object) -> list[tuple[str, str]]:
    if name == "space":
        return [(f"{f.building.name} / {f.name}", f.id) for f in topology.floors.values()]
    chosen = texts_of("space", space)[0] if space else None
    floors = [f for f in topology.floors.values() if chosen is None or f.id == chosen]
    if name == "room":
        return [(f"{r.name} ({f.name})", r.id) for f in floors for r in askable(f)]
    if name == "tag":
        return [(t, t) for t in sorted({t for f in floors for r in f.rooms for t in r.tags})]
    raise BadWord("name", choose(name, ("space", "room", "tag")))


def _choices(payload: Object, topology: Topology) -> list[tuple[str, str]]:
    """A variable's texts and values."""
    wanted = texts_of("target", payload.get("target")) or [""]
    if wanted[0] not in VARIABLES:
        raise BadWord("target", choose(wanted[0], VARIABLES))
    building = (texts_of("building", payload.get("building")) or [""])[0]
    space = (texts_of("space", payload.get("space")) or [""])[0]
    if building and building not in {b.id for b in topology.buildings}:
        raise BadWord("building", choose(building, [b.id for b in topology.buildings]))
    if space:
        floors_of(Asked("spaces", spaces=(space,)), topology)
    floors = [
        f
        for f in topology.floors.values()
        if (not building or f.building.id == building) and (not space or f.id == space)
    ]
    match wanted[0]:
        case "buildings":
            return [(b.name, b.id) for b in dict.fromkeys(f.building for f in floors)]
        case "floors":
            return [(f"{f.building.name} / {f.name}", f.id) for f in floors]
        case "rooms":
            return [
                (r.name if len(floors) == 1 else f"{r.name} ({f.name})", r.id)
                for f in floors
                for r in askable(f)
            ]
        case _:
            return [
                (z.name if len(floors) == 1 else f"{z.name} ({f.name})", z.id)
                for f in floors
                for z in f.zones
            ]


def _annotations(service: Service, body: Object) -> Response:
    """Gaps in the data's coverage, and when zones were hot, of the floor that the query names."""
    panel = panel_range(body)
    annotation = body.get("annotation")
    raw = annotation.get("query") if isinstance(annotation, dict) else body.get("payload")
    words = {k: v for k, v in _payload(raw, "annotation.query").items() if k != "target"}
    deadline = service.deadline()
    begun = [
        service.start(service.read(target, words), visible(), deadline=deadline, panel=panel)
        for target in ("heatmap", "events")
    ]
    covered, hot = (service.finish(one, deadline=deadline) for one in begun)
    assert hot.topology is not None
    marks = gaps(covered.maps[0]) + event_regions(hot.events, hot.topology, hot.now_s)
    return reply.json(sorted(marks, key=lambda region: int(region["time"])))
