"""One run of measurements: the findings, their order, and how they are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from butlr_grafana.base.errors import UpstreamError, UpstreamInvalid, UpstreamLimited
from butlr_grafana.measure.client import OutOfCalls
from butlr_grafana.measure.finding import SUBJECTS, VERDICTS_OF, Finding, failed, skipped, unhandled
from butlr_grafana.measure.steps import Steps
from butlr_grafana.measure.verdict_store import VerdictStore
from butlr_grafana.model.verdicts import CHANGES_NUMBERS

ORDER = tuple(
    "U1 U4 U2 U9 U5 U17 U3 U7 U6 U19 U10 U16 U14 U12 U18 U8 U13 U11 U15 U21".split()  # noqa: SIM905  # a list to read
)
"""What changes numbers comes first, should the calls not suffice; what reads other answers comes last."""

FOR_NUMBERS = tuple(u for u in ORDER if CHANGES_NUMBERS.intersection(VERDICTS_OF.get(u, ())))
"""What has to be known before anything is kept for good."""

FOR_SERVE = (*FOR_NUMBERS, "U7")
"""What `serve` measures where nobody ran `check`: also under which names presence time can be had at all."""

Show = Callable[[str], None]


def findings(
    steps: Steps, unknowns: Sequence[str] = ORDER, show: Show = lambda _text: None
) -> Iterator[Finding]:
    """One finding each, as it is found. Never raises for Butlr's faults: they are findings too."""
    stop, unreadable = "", dict[str, str]()
    if "U15" in unknowns:
        stop = _tried(steps.begin)
    for unknown in unknowns:
        if stop:
            yield skipped(unknown, stop)
            continue
        show(f"{unknown} {SUBJECTS[unknown]}: {steps.client.calls} calls so far")
        try:
            yield getattr(steps, unknown.lower())()
        except OutOfCalls:
            yield skipped(unknown, "the calls of one run are used up; run `check` again")
        except UpstreamLimited as error:
            stop = "Butlr asks for fewer calls; run `check` again later"
            yield failed(unknown, error.message, error.code)
        except UpstreamInvalid as error:
            # It did answer, in a form that the product does not read.
            if error.plain in unreadable:
                yield skipped(unknown, f"same as {unreadable[error.plain]}: {error.plain}")
                continue
            unreadable[error.plain] = unknown
            follows = "The backend cannot read these responses, so it does not show their data"
            yield unhandled(unknown, assumed="", measured=error.plain, follows=follows)
        except UpstreamError as error:
            yield failed(unknown, error.message, error.code)


def _tried(work: Callable[[], None]) -> str:
    """Why nothing more should be asked, or nothing."""
    try:
        work()
    except UpstreamLimited:
        return "Butlr asks for fewer calls; run `check` again later"
    except (UpstreamError, OutOfCalls):
        return ""
    return ""


def none_of(unknowns: Iterable[str], why: str) -> list[Finding]:
    """Where there is no floor or no hour to measure."""
    return [skipped(unknown, why) for unknown in unknowns]


def record(verdict_store: VerdictStore, found: Iterable[Finding], *, busy: bool) -> None:
    """Writes down what was measured and, where there were enough people, what was looked at in vain."""
    values: dict[str, object] = {}
    tried: set[str] = set()
    for finding in found:
        values |= finding.verdict
        tried |= set(finding.tried) if busy else set()
    if values or tried:
        verdict_store.record(values, tried=tried)


def exit_code(found: Iterable[Finding]) -> int:
    """0: all is well; 1: an API fails; 3: something differs that the product cannot handle, which also makes
    others fail.
    """
    listed = list(found)
    if any(not finding.handled for finding in listed):
        return 3
    return int(any(finding.state == "FAILED" for finding in listed))
