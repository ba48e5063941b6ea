"""*Operations*: the state of the backend, and its calls to Butlr.

All values are from the backend's `/metrics`, through the Prometheus of the compose profile `operations`.
docs/operations.md explains them.
"""

from __future__ import annotations

from dashboards.page import page
from dashboards.panels.backend_metrics import Figure, Limit, areas, figures, line, lines, strips
from dashboards.panels.parts import Frame, Place, Query
from dashboards.sources import PROMETHEUS
from dashboards.style import BAD, COOL, GOOD, WARNING, Json

UID = "butlr-operations"

JOB = '{job="butlr-backend"}'
"""The name of the job in provisioning/prometheus/prometheus.yml."""

OF_TARGETS = '{target!=""}'
"""Without health checks, and Prometheus itself."""

A_MINUTE = "suffix:/min"

HEAD = 2
"""Rows of the text at the top."""


def rate(metric: str, by: str = "", where: str = "") -> str:
    """The expression of a rate per second, by labels. Each step contains at least four samples."""
    return f"sum{f' by ({by}) ' if by else ''}(rate({metric}{where}[$__rate_interval]))"


def share(metric: str, of: str, by: str = "") -> str:
    """The expression of a share: the part of a metric with these labels. Without any value, there is no
    result.
    """
    counted = rate(metric, by, of) if by else f"({rate(metric, where=of)} or vector(0))"
    return f"{counted} / ({rate(metric, by)} > 0)"


def or_zero(expression: str, **labels: str) -> str:
    """The same, and a zero with these labels where Prometheus has nothing of it. Without Prometheus there is
    nothing: then "0 errors" would not be true.
    """
    zero = "vector(0)"
    for name, value in labels.items():
        zero = f'label_replace({zero}, "{name}", "{value}", "", "")'
    return f"{expression} or on() {zero}"


def quantile(q: float, metric: str, by: str = "le", where: str = "") -> str:
    """The expression of a histogram's quantile, by labels; `le` is the label of its buckets."""
    return f"histogram_quantile({q}, {rate(f'{metric}_bucket', by, where)})"


UP = f"time() - max(process_start_time_seconds{JOB})"
INCIDENTS = "max by (kind) (butlr_backend_trouble)"
FIRING = 'count(ALERTS{alertname=~"Butlr.+", alertstate="firing"}) or vector(0)'
FAILED = share("butlr_calls_total", '{outcome!~"2.."}')
CACHED = share("butlr_backend_segments_total", '{source="cached"}')
AGE = "max(butlr_backend_data_age_seconds)"
SPEED = quantile(0.95, "butlr_backend_request_seconds", where=OF_TARGETS)

FAILING: tuple[Limit, ...] = ((None, GOOD), (0.05, WARNING), (0.2, BAD))
ANY: tuple[Limit, ...] = ((None, GOOD), (1, BAD))
OLD: tuple[Limit, ...] = ((None, GOOD), (120, WARNING), (600, BAD))
QUEUED: tuple[Limit, ...] = ((None, GOOD), (50, WARNING), (200, BAD))
SLOW: tuple[Limit, ...] = ((None, GOOD), (5, WARNING), (20, BAD))
"""The last of each is where a rule of provisioning/prometheus begins to wait, if there is one."""

BUTLR_TEXT = """\
*Problems*: the number of kinds of problem that exist now; the panel below names them. *Calls failing*: \
share of the calls to Butlr that fail, each attempt counted. *Waiting*: calls in the queue. *Age of data*: \
the oldest data shown as now in the last minute."""

BACKEND_TEXT = """\
*Rules firing*: alert rules of provisioning/prometheus that fire. *95 % within*: 95 % of the requests are \
answered in this time. *From cache*: share of the segments that were in the cache. *Up for*: how long the \
process has been running."""

INCIDENT_TEXT = """\
Unreachable: Butlr does not answer, or answers 5xx. Limited: it still answers 429 after all retries. \
Refused: it does not accept the credentials or the request. Invalid: its responses cannot be used. Disk: \
the cache on disk cannot be used. Shared: the replicas' Redis cannot be used. A problem ends with the \
first success a minute after the last failure."""

CALLS_TEXT = """\
Calls to Butlr by result; each attempt counts. The result is an HTTP status, or why there was none \
(`upstream_down`: no connection; `upstream_late`: no response in time). Butlr limits the calls per minute."""

CALL_TIME_TEXT = """\
Duration of calls to Butlr: half of them take at most as long as the 50 % line shows, 95 % of them as the \
95 % line."""

LIMITS_TEXT = """\
How many calls are in flight, and how many are allowed: half as many after a 429, one more after ten \
successes, at most BUTLR_MAX_CONCURRENCY. The dashed line shows how long the pause after a 429 still \
lasts."""

SEGMENTS_TEXT = """\
Segments of results by source. Cached: from the cache. Fetched: from Butlr, for this result. Stale: \
outdated, because Butlr did not answer. Missing: not available; the panel says so."""

TIERS_TEXT = """\
Share of the reads of each cache tier that found something, even if it was too old. Tiers are read in this \
order: memory, shared (BACKEND_CACHE_URL), disk (BACKEND_CACHE_DIR)."""

AGE_TEXT = """\
The age of the oldest data in the results about now of the last minute. Up to one minute is normal. A gap \
means that there were no such requests."""

REQUESTS_TEXT = """\
Requests of panels, alert rules and people, by target. `several` is a request for more than one target. \
Health checks and Prometheus itself are left out."""

SPEED_TEXT = """\
95 % of the requests for a target are answered within this time. After BACKEND_DEADLINE_S a request is \
answered with the data that have arrived."""

FAULTS_TEXT = """\
Error responses by cause: the caller (a wrong parameter), the backend (a bug, or too many requests at \
once), or the upstream, which is Butlr."""

STAGES_TEXT = """\
95 % of the requests that pass a stage spend at most this time in it. Parse: the text becomes parameters. \
Resolve: floors, period and limits. Split: chunks of at most 7 days. Gather: waiting for Butlr, for the \
caches, or for an identical request. Build: the result. Encode: its bytes."""

SKIPPED_TEXT = """\
Responses that were not stored for the next request, by reason. Fetched: a segment came from Butlr just \
now. Incomplete: a segment is missing or stale. Expired: a segment must be fetched again. Target: status \
and events are never stored. Drawing: the floor-plan image did not arrive in time. Too_large: larger than \
the cache. Error: there was no response."""

QUEUE_TEXT = """\
Calls to Butlr that wait in the queue, and all calls without a result yet. A long range on an empty \
cache fills the queue for some minutes; that is normal."""

PROCESS_TEXT = """\
Memory of the process, and its threads on the right. The cache in memory grows up to BACKEND_CACHE_MB; \
threads are those of requests (BACKEND_THREADS), of calls (BUTLR_MAX_CONCURRENCY), and a few more."""

PROCESSOR_TEXT = """\
Processor time of the process, as a share of one core. Maps with many cells and pictures need most of it."""


NEEDS_TEXT = """\
This dashboard needs a **Prometheus data source** with the backend's metrics. Without it, every panel below \
shows an error. No other dashboard needs it. To set it up, copy the job of \
`provisioning/prometheus/prometheus.yml` into your Prometheus (`docs/operations.md`, *Where to look*)."""


def dashboard() -> Json:
    made = page(
        PROMETHEUS,
        UID,
        "Operations",
        "The state of the backend and of its calls to Butlr, for operators. Opens with the last six hours.",
        variables=(),
        panels=[_needs(), *_now(), *_butlr(), *_data(), *_requests(), *_stages(), *_process()],
        since="now-6h",
    )
    # All axes are time here: one cursor for all, and a look as often as something can have changed. Six hours
    # of operation are none of a floor's questions, so the links do not hand them on.
    links = [{**link, "keepTime": False} for link in made["links"]]
    return {**made, "links": links, "graphTooltip": 1, "refresh": "30s"}


def _needs() -> Json:
    """What the page needs. Grafana has no text of ours for a panel whose data source does not exist."""
    return {
        "type": "text",
        "title": "",
        "description": "Without this data source, Grafana shows its own error in each panel.",
        "gridPos": Place(0, 0, 24, HEAD).grid,
        "transparent": True,
        # It sends no query, and without Prometheus it is no error.
        "datasource": {"type": "grafana", "uid": "grafana"},
        "targets": [],
        "transformations": [],
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {"mode": "markdown", "content": NEEDS_TEXT},
    }


def _third(title: str, text: str, column: int, row: int, *queries: Query) -> Frame:
    return Frame(title, text, Place(8 * column, HEAD + row, 8, 8), queries)


def _half(title: str, text: str, column: int, row: int, *queries: Query) -> Frame:
    return Frame(title, text, Place(12 * column, HEAD + row, 12, 8), queries)


def _now() -> list[Json]:
    butlr = (
        Figure("Problems", f"sum({INCIDENTS})", "none", ANY),
        Figure("Calls failing", FAILED, "percentunit", FAILING),
        Figure("Waiting", "sum(butlr_calls_waiting)", "none", QUEUED),
        Figure("Age of data", AGE, "s", OLD),
    )
    backend = (
        Figure("Rules firing", FIRING, "none", ANY),
        Figure("95 % within", SPEED, "s", SLOW),
        Figure("From cache", CACHED, "percentunit"),
        Figure("Up for", UP, "s"),
    )
    return [
        figures("Butlr now", BUTLR_TEXT, Place(0, HEAD, 12, 3), butlr),
        figures("The backend now", BACKEND_TEXT, Place(12, HEAD, 12, 3), backend),
    ]


def _butlr() -> list[Json]:
    calls = line(f"60 * {rate('butlr_calls_total', 'outcome')}", "{{outcome}}")
    half, most = (quantile(q, "butlr_call_seconds") for q in (0.5, 0.95))
    limits = (
        line("sum(butlr_calls_in_flight)", "in flight"),
        line("sum(butlr_calls_allowed)", "allowed"),
        line("max(butlr_pause_seconds)", "pause"),
    )
    failed = dict.fromkeys(("500", "502", "503", "504", "upstream_down"), BAD)
    colours = {"200": GOOD, "429": WARNING, **failed, "upstream_late": "dark-red"}
    return [
        strips(
            Frame("Problems by kind", INCIDENT_TEXT, Place(0, HEAD + 3, 24, 5), [line(INCIDENTS, "{{kind}}")])
        ),
        areas(_third("Calls to Butlr", CALLS_TEXT, 0, 8, calls), A_MINUTE, colours),
        lines(_third("Duration of calls", CALL_TIME_TEXT, 1, 8, line(half, "50 %"), line(most, "95 %")), "s"),
        lines(_third("Limits", LIMITS_TEXT, 2, 8, *limits), "none", right="suffix:s"),
    ]


def _data() -> list[Json]:
    segments = line(f"60 * {rate('butlr_backend_segments_total', 'source')}", "{{source}}")
    hits = line(share("butlr_backend_cache_reads_total", '{result="hit"}', "tier"), "{{tier}}")
    sources = {"cached": GOOD, "fetched": COOL, "stale": WARNING, "missing": BAD}
    return [
        areas(_third("Source of results", SEGMENTS_TEXT, 0, 16, segments), A_MINUTE, sources),
        lines(_third("Found in the cache", TIERS_TEXT, 1, 16, hits), "percentunit", largest=1),
        lines(_third("Age of what is shown as now", AGE_TEXT, 2, 16, line(AGE, "oldest segment")), "s"),
    ]


def _requests() -> list[Json]:
    requests = line(f"60 * {rate('butlr_backend_requests_total', 'target', OF_TARGETS)}", "{{target}}")
    by_target = quantile(0.95, "butlr_backend_request_seconds", "le, target", OF_TARGETS)
    speed = line(by_target, "{{target}}")
    answered = f"60 * {rate('butlr_backend_faults_total', 'source, code')}"
    faults = line(or_zero(answered, source="errors", code="none"), "{{source}}: {{code}}")
    return [
        areas(_half("Requests by target", REQUESTS_TEXT, 0, 24, requests), A_MINUTE, {}, is_many=True),
        lines(_half("95 % answered within, by target", SPEED_TEXT, 1, 24, speed), "s", is_many=True),
        areas(_half("Error responses", FAULTS_TEXT, 0, 40, faults), A_MINUTE, {}),
    ]


def _stages() -> list[Json]:
    spent = line(quantile(0.95, "butlr_backend_stage_seconds", "le, stage"), "{{stage}}")
    passed = f"60 * {rate('butlr_backend_response_cache_skipped_total', 'reason')}"
    skipped = line(or_zero(passed, reason="none"), "{{reason}}")
    return [
        lines(_half("Time by stage", STAGES_TEXT, 0, 32, spent), "s", is_many=True),
        areas(_half("Responses not cached", SKIPPED_TEXT, 1, 32, skipped), A_MINUTE, {}, is_many=True),
    ]


def _process() -> list[Json]:
    queue = (
        line("sum(butlr_calls_waiting)", "waiting"),
        line("sum(butlr_calls_under_way)", "without a result"),
    )
    memory = line(f"sum(process_resident_memory_bytes{JOB})", "memory")
    threads = line("sum(butlr_backend_threads)", "threads")
    processor = line(rate("process_cpu_seconds_total", where=JOB), "of one core")
    return [
        lines(_half("Queue", QUEUE_TEXT, 1, 40, *queue), "none"),
        lines(_half("Memory and threads", PROCESS_TEXT, 0, 48, memory, threads), "bytes", right="none"),
        lines(_half("Processor", PROCESSOR_TEXT, 1, 48, processor), "percentunit"),
    ]
