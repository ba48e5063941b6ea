"""The protocol of simPod's JSON data source, and the paths that older clients call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import orjson
from flask import Blueprint, Response

from butlr_grafana.base.errors import BackendError, BadBody, BadParameter, CallerError, unknown_value
from butlr_grafana.present.encoding import as_json, joined
from butlr_grafana.present.frames import heatmap
from butlr_grafana.present.frames.annotations import event_regions, gaps, unanswered
from butlr_grafana.query.parameter_values import instant
from butlr_grafana.query.parse import Filter, ParsedQuery
from butlr_grafana.query.scope import PanelRange
from butlr_grafana.query.texts import names_of, texts_of, type_name
from butlr_grafana.service.response_cache import PendingResponse, ResponseCache
from butlr_grafana.service.service import Service
from butlr_grafana.targets.registry import TARGETS
from butlr_grafana.web import options, responses
from butlr_grafana.web.auth import visible
from butlr_grafana.web.body import Object, read_object
from butlr_grafana.web.cached_responses import offer
from butlr_grafana.web.options import FILTER_KEYS
from butlr_grafana.web.request_log import note_fault, note_query

MAX_TARGETS = 50

T = TypeVar("T")


def blueprint(cache: ResponseCache) -> Blueprint:
    service = cache.service
    source = Blueprint("datasource", __name__)

    @source.post("/metrics")
    def metrics() -> Response:
        return responses.json(
            [{"label": t.title, "value": t.name, "payloads": options.form(t)} for t in TARGETS.values()]
        )

    @source.post("/metric-payload-options")
    def metric_payload_options() -> Response:
        body = read_object()
        payload = _payload(body.get("payload"), "payload")
        topology = service.topology(visible(), deadline=service.deadline())
        found = options.payload_options(_text(body, "name"), topology, payload)
        return responses.json([{"label": text, "value": value} for text, value in found])

    @source.post("/query")
    def query() -> Response:
        return _query(cache, read_object())

    @source.post("/variable")
    def variable() -> Response:
        payload = _payload(read_object().get("payload"), "payload")
        topology = service.topology(visible(), deadline=service.deadline())
        found = options.variable_choices(payload, topology)
        return responses.json([{"__text": text, "__value": value} for text, value in found])

    @source.post("/tag-keys")
    def tag_keys() -> Response:
        return responses.json([{"type": "string", "text": key, "key": key} for key in FILTER_KEYS])

    @source.post("/tag-values")
    def tag_values() -> Response:
        key = _text(read_object(), "key")
        topology = service.topology(visible(), deadline=service.deadline())
        return responses.json([{"text": text} for text in options.filter_values(key, topology)])

    @source.post("/search")
    def search() -> Response:
        return responses.json(list(TARGETS))

    @source.post("/annotations")
    def annotate() -> Response:
        return _annotations(service, read_object())

    return source


def _query(cache: ResponseCache, body: Object) -> Response:
    """Begins every target, then finishes each, so that all of them share the deadline."""
    service = cache.service
    panel = panel_range(body)
    targets = body.get("targets")
    if not isinstance(targets, list) or not targets:
        raise BadBody("targets: is missing; use a list of 1 to 50 targets")
    if len(targets) > MAX_TARGETS:
        raise BadBody(f"targets: has {len(targets)} items; allowed: at most {MAX_TARGETS}")
    shown = [t for t in targets if not (isinstance(t, dict) and t.get("hide"))]
    filters = _filters(body)
    deadline = service.deadline()

    def start_target(target: object) -> PendingResponse:
        parameters = _payload(target.get("payload"), "payload") if isinstance(target, dict) else {}
        parsed = _narrowed(service.read(_target_name(target), _without_target(parameters)), filters)
        note_query(parsed)
        if parsed.format != "frames":
            raise BadParameter(
                "format",
                f"{parsed.format} is allowed in URLs only; use frames here, if {parsed.target} has them",
            )
        return cache.request(parsed, visible(), ref_id=_ref_id(target), deadline=deadline, panel=panel)

    pending: list[PendingResponse | BackendError] = []
    try:
        for target in shown:
            pending.append(_attempt(partial(start_target, target)))  # noqa: PERF401  # those begun are worked on, come what may
    finally:
        for one in pending:
            if isinstance(one, PendingResponse):
                one.work()
    completed = [one if isinstance(one, BackendError) else _attempt(one.completed) for one in pending]
    faults = [one for one in completed if isinstance(one, BackendError)]
    for fault in faults:
        note_fault(fault)
    if faults and len(faults) == len(completed):
        return responses.error(faults[0])
    encoded = joined(
        as_json([heatmap.failed_frame(_ref_id(target), one.message)])
        if isinstance(one, BackendError)
        else one
        for target, one in zip(shown, completed, strict=True)
    )
    if len(pending) == 1 and isinstance(pending[0], PendingResponse):
        offer(pending[0], encoded)
    return responses.encoded(encoded)


def _attempt(work: Callable[[], T]) -> T | BackendError:
    """What `work` returns, or the fault it raises: one target's fault is not the others'."""
    try:
        return work()
    except BackendError as fault:
        return fault


def _target_name(target: object) -> str:
    if not isinstance(target, dict):
        raise BadBody("targets: an item is not an object; use {target, refId, payload}")
    name = target.get("target")
    if not isinstance(name, str) or not name:
        raise BadParameter("target", f"is missing; allowed: {', '.join(TARGETS)}")
    found = texts_of("target", name)
    return found[0] if len(found) == 1 else name


def _ref_id(target: object) -> str:
    ref_id = target.get("refId") if isinstance(target, dict) else None
    return ref_id[:60] if isinstance(ref_id, str) else "A"


def panel_range(body: Object) -> PanelRange:
    """The panel's `range` and `maxDataPoints`."""
    limits = body.get("range")
    if not isinstance(limits, dict):
        raise BadBody("range: is missing; use {from, to} in ISO 8601")
    start, end = (_instant(limits, name) for name in ("from", "to"))
    points = body.get("maxDataPoints")
    usable = isinstance(points, int | float) and not isinstance(points, bool) and points >= 1
    return PanelRange(start, end, int(points) if usable and points is not None else None)


def _instant(limits: Object, name: str) -> int:
    raw = limits.get(name)
    if not isinstance(raw, str | int) or isinstance(raw, bool):
        raise BadParameter(f"range.{name}", "is missing; use ISO 8601 (2024-01-31T08:00:00Z) or epoch ms")
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
        raise BadBody(f"{name}: is {type_name(raw)}; use an object")
    inner = raw.get("payload")
    return {**{k: v for k, v in raw.items() if k != "payload"}, **inner} if isinstance(inner, dict) else raw


def _filters(body: Object) -> list[Filter]:
    """A dashboard's ad-hoc filters (`filters` in older plugins); their values are taken as they are."""
    raw = body.get("adhocFilters") or body.get("filters") or []
    if not isinstance(raw, list):
        raise BadBody(f"adhocFilters: is {type_name(raw)}; use a list of {{key, operator, value}}")
    return [found for item in raw if (found := _filter(item)) is not None]


def _filter(item: object) -> Filter | None:
    """`None`: one that somebody is still filling in."""
    if not isinstance(item, dict):
        raise BadBody(f"adhocFilters: an item is {type_name(item)}; use an object")
    listed = item.get("values")
    # Grafana may send `values: []` beside the value.
    raw = listed if isinstance(listed, list) and listed else [item.get("value")]
    values = tuple(dict.fromkeys(one.text for one in names_of("adhocFilters", raw)))
    key, operator = item.get("key"), item.get("operator")
    if not values:
        return None
    if key not in FILTER_KEYS:
        raise BadParameter("adhocFilters", unknown_value(str(key), FILTER_KEYS))
    if operator not in ("=", "=|", None):
        raise BadParameter("adhocFilters", f"operator {str(operator)[:20]!r} is unknown; allowed: =, =|")
    return Filter(key, values)


def _narrowed(parsed: ParsedQuery, filters: list[Filter]) -> ParsedQuery:
    """The question with those filters that its target understands."""
    return replace(parsed, filters=tuple(f for f in filters if f.key in TARGETS[parsed.target].parameters))


def _without_target(parameters: Object) -> Object:
    for name in ("from", "to"):
        if name in parameters:
            raise BadParameter(name, "is for URLs only; a panel uses the time range of the dashboard")
    return {k: v for k, v in parameters.items() if k != "target"}


def _text(body: Object, name: str) -> str:
    """A part of the body that is a text; a missing one is empty."""
    found = body.get(name)
    if found is not None and not isinstance(found, str):
        raise BadParameter(name, f"is {type_name(found)}; use a text")
    return found or ""


def _annotations(service: Service, body: Object) -> Response:
    """Gaps in the data's coverage, and when zones were hot, of the floor that the query names.

    What was recorded is told also where Butlr cannot be asked: then the whole period is a gap.
    """
    panel = panel_range(body)
    annotation = body.get("annotation")
    raw = annotation.get("query") if isinstance(annotation, dict) else body.get("payload")
    parameters = {k: v for k, v in _payload(raw, "annotation.query").items() if k != "target"}
    deadline = service.deadline()
    pending = [
        service.start(service.read(target, parameters), visible(), deadline=deadline, panel=panel)
        for target in ("heatmap", "events")
    ]
    hot = service.finish(pending[1], deadline=deadline)
    try:
        marks = gaps(service.finish(pending[0], deadline=deadline).maps[0])
    except CallerError:
        raise
    except BackendError as fault:
        note_fault(fault)
        [query] = pending[0].resolved.queries
        marks = unanswered(query.floor, query.period, fault.message)
    marks += event_regions(hot.content.events if hot.content else (), hot.topology, hot.now_s)
    return responses.json(sorted(marks, key=lambda region: int(region["time"])))
