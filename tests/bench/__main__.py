"""`make bench`: measures the backend and the simplest other way in one run. Only the ratios are tested; the
values are printed.

`python -m tests.bench NAME…` runs only these cases.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.bench import cold, page, pushed, pushes, rooms, rules_beside, tenants, viewers, warm
from tests.bench.decoding import decoding_and_merging
from tests.bench.row import Row

CASES: dict[str, Callable[[], list[Row]]] = {
    "decoding": lambda: [decoding_and_merging()],
    "page": page.floor_page,
    "cold": cold.cold_year,
    "stampede": cold.stampede,
    "replicas": cold.replicas,
    "warm": lambda: [
        warm.one_at_a_time("small", "40 x 60 cells"),
        warm.one_at_a_time("large", "160,000 cells"),
        *warm.as_fast_as_can(),
    ],
    "rate": warm.at_a_rate,
    "viewers": viewers.many_viewers,
    "beside": rules_beside.beside_rules,
    "rooms": rooms.rows,
    "tenants": tenants.in_bench,
    "polled": tenants.polled,
    "pushed": pushed.rows,
    "pushes": pushes.webhooks,
}


def run(names: Sequence[str]) -> Iterator[Row]:
    """Runs the cases, and prints each row as soon as it is measured."""
    head = f"{'case':<62} {'ours':>10} {'beside':>10} {'':<5} {'ratio':>8} {'wanted':>7}  beside, and more"
    print(head, "-" * len(head), sep="\n")
    for name in names:
        for row in CASES[name]():
            wanted = f"{row.wanted:g}" if row.wanted else ""
            rest = "; ".join(filter(None, (row.reference_name, row.note, "" if row.is_met else "NOT MET")))
            print(
                f"{row.name:<62} {row.ours:>10,.1f} {row.reference:>10,.1f} {row.unit:<5} {row.ratio:>7.2f}x "
                f"{wanted:>7}  {rest}",
                flush=True,
            )
            yield row


def main(names: Sequence[str]) -> int:
    if unknown := set(names) - set(CASES):
        print(f"{', '.join(sorted(unknown))}: unknown; allowed: {', '.join(CASES)}", file=sys.stderr)
        return 2
    rows = list(run(names or list(CASES)))
    report = [asdict(row) | {"ratio": row.ratio, "is_met": row.is_met} for row in rows]
    Path("bench.json").write_text(json.dumps(report, indent=1) + "\n")
    return int(not all(row.is_met for row in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
