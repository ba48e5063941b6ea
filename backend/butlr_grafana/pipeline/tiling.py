"""How cached periods make up a longer one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from butlr_grafana.model.chunk import Chunk, Segment
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
    """Disjoint periods of `known` inside `whole`, in order: those that together cover most of it, and of
    these the fewest.
    """
    inside = sorted({p for p in known if whole.contains(p)}, key=lambda p: (p.end_s, p.start_s))
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


def length_s(chunks: Iterable[Chunk]) -> int:
    return sum(chunk.period.length_s for chunk in chunks)
