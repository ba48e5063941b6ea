"""The progress of a command that takes long."""

from __future__ import annotations

import sys


def show_measuring(text: str) -> None:
    print(f"measuring Butlr: {text}", file=sys.stderr, flush=True)


class Progress:
    """A progress bar on a terminal; otherwise one line for each step."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._live = sys.stderr.isatty()

    def show(self, done: int, text: str) -> None:
        share = done / self._total if self._total else 1.0
        line = f"[{'#' * round(40 * share):<40}] {share:4.0%} {done}/{self._total} {text}"
        print(
            f"\r{line}" if self._live else line, end="" if self._live else "\n", file=sys.stderr, flush=True
        )
        if self._live and done >= self._total:
            print(file=sys.stderr)
