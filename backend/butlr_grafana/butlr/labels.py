"""Which window the `time` of a row means.

Uncalibrated rows have the end of their window as `time` (seen in captured responses; `Verdicts.labels` can
change it), calibrated rows its start. The window is found on the clock of the request's time zone: the one
that ends or starts at that time. `time` minus a length would be wrong on days with a clock change, and for a
last window that is shorter than the others.
"""

from __future__ import annotations

from datetime import UTC, datetime

from butlr_grafana.base.errors import UpstreamDiffers, UpstreamInvalid
from butlr_grafana.model.calendar import STEPS_S, window_starts
from butlr_grafana.model.time import Period, iso


class Windows:
    """The windows of one question. `period` may begin or end within a window; that one is then cut."""

    def __init__(self, period: Period, every: str, timezone: str, labels: str) -> None:
        starts: list[int] = window_starts(period, every, timezone).tolist()
        self._step_s = 0 if every == "1d" else STEPS_S[every]
        self._period = period
        self._timezone = timezone
        self._labels = labels
        # The cut first and last windows are named by the question's own edges.
        self._by_start = {max(start, period.start_s): start for start in starts}
        self._by_end = dict(zip([*starts[1:], period.end_s], starts, strict=True))
        self._known: dict[tuple[object, bool], int] = {}

    def start_of(self, label: object, *, calibrated: bool) -> int:
        """Where the window of a label begins; raises `UpstreamInvalid` where no window has it."""
        key = (label, calibrated)
        if key not in self._known:
            self._known[key] = self._find(label, calibrated=calibrated)
        return self._known[key]

    def _find(self, label: object, *, calibrated: bool) -> int:
        at_s, at_start = instant_of_label(label), calibrated or self._labels == "start"
        named = self._by_start if at_start else self._by_end
        if at_s in named:
            return named[at_s]
        # Calibrated windows are counted from the question's start, which ours puts on the clock.
        since_s = at_s - self._period.start_s
        if (
            calibrated
            and self._step_s
            and self._period.start_s <= at_s < self._period.end_s
            and since_s % self._step_s == 0
        ):
            return at_s
        begins_or_ends = "begins" if at_start else "ends"
        raise UpstreamDiffers(
            f"Butlr's metrics contain a row labelled {iso(at_s)}: no window of {self._period} "
            f"{begins_or_ends} then in the time zone {self._timezone}",
            verdict="" if calibrated else "labels",
            form=f"a label at which no window {begins_or_ends}",
        )


def instant_of_label(label: object) -> int:
    """Seconds since the epoch; a time without a zone is UTC. Raises `UpstreamInvalid`."""
    try:
        moment = datetime.fromisoformat(label) if isinstance(label, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise UpstreamInvalid(f"Butlr's metrics contain a row whose time cannot be read: {str(label)[:40]!r}")
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
