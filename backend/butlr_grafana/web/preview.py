"""`GET /`: a page for a browser, one line of JSON for other clients. No script; the form's values are in the
URL.

Its addresses are relative, so it works behind any path prefix.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, render_template, request

from butlr_grafana import __version__
from butlr_grafana.base.errors import BackendError
from butlr_grafana.model.choices import in_order, of_floor
from butlr_grafana.model.factor import in_people
from butlr_grafana.model.floor import Topology
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import DAY_S, MINUTE_S, floor_to, iso
from butlr_grafana.present import topology_notes
from butlr_grafana.present.frames.notices import IN_DETECTIONS, notices
from butlr_grafana.query.parameters import NORMALIZE, PARAMETERS
from butlr_grafana.service.service import Service
from butlr_grafana.web import responses
from butlr_grafana.web.auth import visible
from butlr_grafana.web.request_log import note_fault, note_query

PERIODS = {"1": "24 hours", "7": "7 days", "30": "30 days", "90": "90 days", "365": "1 year"}
DASHBOARD_UID = "butlr-floor"


def blueprint(service: Service, grafana_url: str) -> Blueprint:
    page = Blueprint(
        "preview", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )

    @page.get("/")
    def assets_root() -> Response:
        if "text/html" not in request.headers.get("Accept", ""):
            return responses.json(
                {"status": "ok", "name": "butlr-grafana", "version": __version__, "demo": service.demo}
            )
        return _page(service, grafana_url)

    return page


def _page(service: Service, grafana_url: str) -> Response:
    context: dict[str, object] = {"demo": service.demo, "periods": PERIODS, "normalize": NORMALIZE}
    status = 200
    try:
        topology = service.topology(visible(), deadline=service.deadline())
        chosen = _chosen(topology)
        parameters = _parameters(chosen, service.now())
        context |= {"chosen": chosen, "floors": _floors(topology), "words": parameters}
        parsed = service.read("heatmap", parameters)
        note_query(parsed)
        result = service.answer(parsed, visible())
        answer = result.maps[0]
        context |= _shown(answer, parameters, grafana_url)
        context["notices"] = [
            # The figures below name their unit.
            *(n for n in notices(answer, demo=False) if not n["text"].startswith(IN_DETECTIONS)),
            *topology_notes.notices(result),
        ]
    except BackendError as fault:
        note_fault(fault)
        context["fault"] = fault.message
        status = fault.status
    return make_response(render_template("preview.html", **context), status)


def _floors(topology: Topology) -> list[tuple[str, str]]:
    """Texts, each of one floor only, and ids."""
    return in_order([of_floor(floor) for floor in topology.floors.values()])


def _chosen(topology: Topology) -> dict[str, str]:
    """The form's fields, with defaults that show something at once."""
    first = next(iter(topology.floors), "")
    return {
        "space": request.args.get("space") or first,
        "period": request.args.get("period") if request.args.get("period") in PERIODS else "7",  # type: ignore[dict-item]
        "resolution": request.args.get("resolution", "auto"),
        "normalize": request.args.get("normalize", "none"),
        "hours": request.args.get("hours", ""),
        "days": request.args.get("days", ""),
    }


def _parameters(chosen: Mapping[str, str], now_s: float) -> dict[str, str]:
    """The query's words: a period that ends with the last full minute."""
    end_s = floor_to(now_s, MINUTE_S)
    parameters = {
        "space": chosen["space"],
        "from": iso(end_s - int(chosen["period"]) * DAY_S),
        "to": iso(end_s),
    }
    return parameters | {n: chosen[n] for n in ("resolution", "normalize", "hours", "days") if chosen[n]}


def _shown(answer: HeatMap, parameters: Mapping[str, str], grafana_url: str) -> dict[str, object]:
    query, coverage = answer.query, answer.coverage
    zone = ZoneInfo(query.floor.timezone)
    dashboard = {
        "var-space": query.floor.id,
        "from": query.period.start_s * 1000,
        "to": query.period.end_s * 1000,
    }
    return {
        "answer": answer,
        "coverage": coverage,
        "people": in_people(answer.total / coverage.hours, answer.factor) if coverage.hours else None,
        "start": datetime.fromtimestamp(query.period.start_s, zone),
        "end": datetime.fromtimestamp(query.period.end_s, zone),
        "as_of": datetime.fromtimestamp(coverage.as_of_s, zone),
        "resolutions": PARAMETERS["resolution"].choices,
        "links": {
            form: "api/v1/heatmap?" + urlencode({**parameters, "format": form})
            for form in ("png", "csv", "frames")
        },
        "grafana": f"{grafana_url}/d/{DASHBOARD_UID}?{urlencode(dashboard)}",
    }
