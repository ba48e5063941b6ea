"""Measurements in the background if nobody ran `check`: all that changes numbers, before data are stored
permanently.

It starts when the floors are known, and again when a response has contradicted a verdict. One of several
replicas measures; the others read its verdicts from the store.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from butlr_grafana.base.errors import UpstreamError, UpstreamInvalid
from butlr_grafana.butlr.api import Butlr
from butlr_grafana.butlr.config import ButlrConfig
from butlr_grafana.measure import heat
from butlr_grafana.measure.client import MOST_CALLS, MeasurementClient, OutOfCalls, Reporting
from butlr_grafana.measure.finding import SUBJECTS, VERDICTS_OF, Finding
from butlr_grafana.measure.people import person_minutes
from butlr_grafana.measure.run import FOR_NUMBERS, FOR_SERVE, Show, findings, none_of, record
from butlr_grafana.measure.scene import best_first, pick
from butlr_grafana.measure.settling import LENGTH_S, Measurement, Sample, next_of, settle_s, with_sample
from butlr_grafana.measure.steps import Steps
from butlr_grafana.measure.verdict_store import VerdictStore
from butlr_grafana.model.floor import Floor, Topology
from butlr_grafana.model.time import Period, iso
from butlr_grafana.model.verdicts import Verdicts
from butlr_grafana.replicas.single_flight import SharedSingleFlight

log = logging.getLogger(__name__)

POLL_S = 5.0
"""How often it is checked whether something is to be measured."""

SAMPLE_S = 60.0
"""The same, for how late data come."""

AGAIN_S, AFTER_FAULT_S = 3600.0, 300.0
"""After a run without all results, because nobody was there; after one in which Butlr failed."""

NOBODY = "nobody was seen in the working hours of the last days"
NO_FLOOR = "there is no floor to measure"


@dataclass(frozen=True, slots=True)
class Means:
    """What a run needs. `topology`: all floors, as they are; `per_minute`: the pace; `on_response`: see
    `MeasurementClient`.
    """

    butlr: Butlr
    access: ButlrConfig
    verdict_store: VerdictStore
    topology: Callable[[], Topology]
    per_minute: int
    wait: Callable[[float], bool]
    on_response: Callable[[str, bytes], None] = lambda _api, _body: None


def measuring(
    means: Means,
    unknowns: Sequence[str] = FOR_SERVE,
    *,
    most: int = MOST_CALLS,
    show: Show = lambda _text: None,
) -> Iterator[Finding]:
    """One run, finding by finding; at its end they are stored. `most`: calls of this run, of any kind.

    Raises `UpstreamError` if Butlr does not even return a busy hour, and `OutOfCalls` if the process ends
    before.
    """
    butlr_client = means.butlr.client
    client = MeasurementClient(
        butlr_client.post,
        means.access,
        most=most,
        per_minute=means.per_minute,
        wait=means.wait,
        on_response=means.on_response,
    )
    floors = means.topology().floors.values()
    scene = pick(floors, client, means.butlr.clock.now(), show) if floors else None
    if scene is None:
        yield from none_of(unknowns, NOBODY if floors else NO_FLOOR)
        return
    steps = Steps(
        client,
        scene,
        now=means.butlr.clock.now,
        headers=lambda: butlr_client.limits,
        labels_are=means.verdict_store.current().labels,
    )
    found = []
    for finding in findings(steps, unknowns, show):
        found.append(finding)
        yield finding
    record(means.verdict_store, found, busy=scene.busy >= 1.0)


def assumed_text(verdicts: Verdicts) -> str:
    """What is assumed for now, for a viewer; empty where all is known."""
    unknowns = [u for u in FOR_NUMBERS if verdicts.unmeasured.intersection(VERDICTS_OF[u])]
    if not unknowns:
        return ""
    names = ", ".join(SUBJECTS[unknown] for unknown in unknowns)
    return (
        f"Not measured on this Butlr account yet, so assumed as documented: {names}. "
        "Numbers may change after the measurement. Until then, nothing is stored permanently."
    )


class Background:
    """A thread that measures when it is needed. `single_flight`: where replicas share, only one of them
    measures.
    """

    def __init__(
        self, means: Means, *, ending: threading.Event, single_flight: SharedSingleFlight | None = None
    ) -> None:
        self._means = means
        self._ending = ending
        self._single_flight = single_flight
        self._logged: frozenset[str] = frozenset()
        self._thread = threading.Thread(target=self._run, name="measuring", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._ending.set()

    def _run(self) -> None:
        pause_s = POLL_S
        while not self._ending.wait(pause_s):
            pause_s = self.poll()

    def poll(self) -> float:
        """Measures if something is to be measured; returns after how many seconds to poll again."""
        unmeasured = self._means.verdict_store.current().unmeasured
        if not self._means.topology().floors:
            return POLL_S
        self._log_assumptions(unmeasured)
        try:
            if not unmeasured:
                self._run_once("settling", lambda: None, self._sample)
                return SAMPLE_S
            self._run_once("measuring", self._known, self._one_run)
        except OutOfCalls:
            return AGAIN_S
        except UpstreamError as error:
            log.warning("measuring Butlr failed; the next attempt is in %.0f s: %s", AFTER_FAULT_S, error)
            return AFTER_FAULT_S
        except Exception:  # a bug here must not end the measuring for good
            log.exception("measuring Butlr failed for an unexpected reason")
            return AGAIN_S
        left = self._means.verdict_store.current().unmeasured
        return AGAIN_S if left else POLL_S

    def _log_assumptions(self, unmeasured: frozenset[str]) -> None:
        if unmeasured and unmeasured != self._logged:
            log.warning("%s", assumed_text(self._means.verdict_store.current()))
        self._logged = unmeasured

    def _known(self) -> Verdicts | None:
        verdict_store = self._means.verdict_store
        return None if verdict_store.newest().unmeasured else verdict_store.current()

    def _run_once(self, name: str, read: Callable[[], Verdicts | None], work: Callable[[], Verdicts]) -> None:
        """Works unless another replica just did: then `read` returns its result."""
        if self._single_flight is None:
            work()
        else:
            self._single_flight.do(
                name, read=read, work=work, store=lambda _: None, rest_s=lambda _: AFTER_FAULT_S
            )

    def _sample(self) -> Verdicts:
        """Measures data that may still change, if that is due."""
        verdict_store, now_s = self._means.verdict_store, self._means.butlr.clock.now()
        verdicts, samples = verdict_store.newest(), verdict_store.entry.samples
        if "settle_s" in verdict_store.fixed:
            return verdicts
        floors = {floor.id: floor for floor in best_first(self._means.topology().floors.values())[:2]}
        sample = next_of(samples, list(floors), now_s, known=verdicts.settle_s is not None)
        if sample is None or sample.space not in floors:
            return verdicts
        client = MeasurementClient(self._means.butlr.client.post, self._means.access, wait=self._means.wait)
        measurement = measure_sample(floors[sample.space], sample, client, now_s)
        samples = with_sample(samples, sample.with_measurement(measurement), now_s)
        verdict_store.record_samples(samples)
        found = settle_s(samples)
        if found is not None and found != verdicts.settle_s:
            log.info("measured U15 %s: nothing changed after %d s", SUBJECTS["U15"], found)
            verdict_store.record({"settle_s": found})
        return verdict_store.current()

    def _one_run(self) -> Verdicts:
        verdicts = self._means.verdict_store.current()
        known = verdicts.measured | verdicts.tried
        unknowns = [u for u in FOR_SERVE if not known.issuperset(VERDICTS_OF[u])]
        found = list(measuring(self._means, unknowns))
        for finding in found:
            log.info("measured %s %s: %s", finding.unknown, finding.subject, finding.measured)
        for finding in found:
            if not finding.handled:
                log.error(
                    "Butlr differs from what is assumed: %s: %s. %s",
                    finding.subject,
                    finding.measured,
                    finding.follows,
                )
        return self._means.verdict_store.current()


def measure_sample(floor: Floor, sample: Sample, client: MeasurementClient, now_s: float) -> Measurement:
    """What a sample's five minutes are now. Raises `UpstreamError`."""
    period = Period(sample.end_s - LENGTH_S, sample.end_s)
    map_ = heat.read(client.heat(floor.id, iso(period.start_s), iso(period.end_s), 1.0), 1.0)
    if map_.grid is None:
        raise UpstreamInvalid(map_.fault)
    request = Reporting("floor_occupancy", "1m", "median", period, floor.timezone, spaces=[floor.id])
    return Measurement(int(now_s) - sample.end_s, map_.total, person_minutes(client.rows(request)))
