"""How cached periods make up a longer one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from butlr_grafana.model.chunk import Segment
from butlr_grafana.model.time import Period


def runs(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Segments in the order of time, grouped where one begins as the other ends."""
    grouped: list[list[Segment]] = []
    for segment in segments:
        if grouped and grouped[-1][-1].period.end_s == segment.period.start_s:
            grouped[-1].append(segment)
        else:
            grouped.append([segment])
    return grouped


def tile(known: Iterable[Period], whole: Period) -> list[Period]:
    """Disjoint periods of `known` inside `whole`, in order: those that reach furthest from its start without
    a gap; after the gap, those that cover most; and of equal ones the fewest.

    So what a result lacks is its end, if possible: then it is complete up to an earlier time.
    """
    inside = {p for p in known if whole.contains(p)}
    first = _without_gap(inside, whole.start_s)
    reached_s = first[-1].end_s if first else whole.start_s
    return first + _covering_most(p for p in inside if p.start_s >= reached_s)


def extent(periods: Iterable[Period], whole: Period) -> tuple[int, int]:
    """Up to which instant disjoint periods cover `whole` from its start without a gap, and how many seconds
    they cover. Of two covers, the one with the larger extent is better.
    """
    reached_s, covered_s = whole.start_s, 0
    for period in sorted(periods):
        reached_s = period.end_s if period.start_s == reached_s else reached_s
        covered_s += period.length_s
    return reached_s, covered_s


def _without_gap(periods: Iterable[Period], start_s: int) -> list[Period]:
    """Adjoining periods from an instant on, as far as they reach, and the fewest."""
    chains: dict[int, list[Period]] = {start_s: []}
    for period in sorted(periods):
        before = chains.get(period.start_s)
        if before is None:
            continue
        known = chains.get(period.end_s)
        if known is None or len(before) + 1 < len(known):
            chains[period.end_s] = [*before, period]
    return chains[max(chains)]


def _covering_most(periods: Iterable[Period]) -> list[Period]:
    inside = sorted(periods, key=lambda p: (p.end_s, p.start_s))
    ends_s = [p.end_s for p in inside]
    # Of the first n: what can be covered, and with how many; and which one is the last of them.
    best: list[tuple[int, int]] = [(0, 0)]
    last: list[int | None] = [None]
    for n, period in enumerate(inside):
        covered_s, count = best[bisect_right(ends_s, period.start_s)]
        with_it = (covered_s + period.length_s, count - 1)
        is_better = with_it > best[n]
        best.append(with_it if is_better else best[n])
        last.append(n if is_better else last[n])
    tiles: list[Period] = []
    n = len(inside)
    while (chosen := last[n]) is not None:
        tiles.append(inside[chosen])
        n = bisect_right(ends_s, inside[chosen].start_s)
    return tiles[::-1]
