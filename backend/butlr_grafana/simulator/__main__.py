"""The simulator as a command: `python -m butlr_grafana.simulator`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from datetime import datetime

from . import crowds
from .forms import Forms
from .messages import Refusal
from .office import default_office
from .people import People
from .server import Simulator

CROWD_S = OUTAGE_S = 86_400


def run(argv: Sequence[str] | None = None) -> int:
    """Serves until SIGINT or SIGTERM (0), unless the port cannot be had (1). Main thread only."""
    words = _parser().parse_args(argv)
    now_s = words.now
    clock = time.time if now_s is None else lambda: now_s
    people = People(default_office(), words.seed)
    try:
        forms = Forms.read(words.form)
        simulator = Simulator(people, host=words.host, port=words.port, clock=clock, forms=forms)
    except ValueError as error:
        print(f"--form {error}", file=sys.stderr)
        return 2
    try:
        for room, number in words.crowd:
            floor_id, room_id = crowds.named(people.office, room)
            start_s = int(clock())
            simulator.crowd(floor_id, room_id, number, start_s, start_s + CROWD_S)
    except Refusal as refusal:
        print(f"--crowd {refusal.details}", file=sys.stderr)
        return 2
    try:
        for device in words.offline:
            simulator.outage(device, int(clock()), int(clock()) + OUTAGE_S)
    except Refusal as refusal:
        print(f"--offline {refusal.details}", file=sys.stderr)
        return 2
    simulator.faults.set(latency_s=words.latency, rate_limit_per_minute=words.rate_limit)
    told_to_end = _told_to_end()
    try:
        simulator.start()
    except (OSError, OverflowError) as error:
        print(f"cannot listen on {words.host}:{words.port}: {error}", file=sys.stderr)
        return 1
    simulator.push_all_the_time()
    if words.follow_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    print(f"Butlr simulator on {simulator.url} (client demo, secret demo)", flush=True)
    os.read(told_to_end, 1)
    simulator.stop()
    return 0


def _told_to_end() -> int:
    """A pipe from which something can be read once a signal asks for the end.

    A handler that raises could end whatever is going on in the midst of it, locks in hand.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    return reading


def _end_with_stdin() -> None:
    """A parent that was killed says nothing; its end of the pipe does."""
    # Unbuffered: a buffered reader's lock would be held when the interpreter ends.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="butlr-grafana simulate", description="A Butlr to run against.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090, help="0 picks a free one")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other people")
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds each call takes")
    parser.add_argument("--rate-limit", type=int, metavar="N", help="calls a minute, 429 beyond")
    parser.add_argument(
        "--form",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="where Butlr's forms are not known, another than the default; may be repeated",
    )
    parser.add_argument(
        "--crowd",
        action="append",
        type=_crowd,
        default=[],
        metavar="ROOM=PEOPLE",
        help="more people in a room (id or name) for a day from the start on; may be repeated",
    )
    parser.add_argument(
        "--offline",
        action="append",
        default=[],
        metavar="DEVICE",
        help="a hive or sensor, by its id, that is offline for a day from the start on; may be repeated",
    )
    parser.add_argument("--follow-stdin", action="store_true", help="ends when standard input ends")
    parser.add_argument("--now", type=_instant, metavar="ISO", help="a clock that stands still at this time")
    return parser


def _crowd(text: str) -> tuple[str, int]:
    room, _, people = text.rpartition("=")
    if not room or not people.isdecimal() or not 1 <= int(people) <= 1000:
        raise argparse.ArgumentTypeError("a room and a number up to 1000, as in Boardroom=30")
    return room, int(people)


def _instant(text: str) -> float:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("a time with its zone, such as 2025-01-01T12:00:00Z")
    return at.timestamp()


if __name__ == "__main__":
    sys.exit(run())
