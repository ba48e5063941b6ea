"""The simulator as a command: `python -m butlr_grafana.simulator`."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from . import crowds
from .company import LEAST_ROOMS, MOST_FLOORS, MOST_ROOMS, company
from .forms import Forms
from .messages import Refusal
from .office import default_office
from .people import People
from .server import Simulator
from .world import Office

CROWD_S = OUTAGE_S = 86_400
ROOMS_PER_FLOOR = 20
"""The number of rooms on each floor of a large company, if it is not given."""


def run(argv: Sequence[str] | None = None) -> int:
    """Runs until SIGINT or SIGTERM, and then returns 0. Returns 1 if the port is in use, and 2 for a wrong
    option. Main thread only.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if options.rooms_per_floor and not options.floors:
        parser.error("--rooms-per-floor needs --floors")
    now_s = options.now
    clock = time.time if now_s is None else lambda: now_s
    people = People(_office(options.floors, options.rooms_per_floor), options.seed)
    try:
        forms = Forms.read(options.form)
        simulator = Simulator(people, host=options.host, port=options.port, clock=clock, forms=forms)
    except ValueError as error:
        print(f"--form {error}", file=sys.stderr)
        return 2
    try:
        for room, number in options.crowd:
            floor_id, room_id = crowds.find_room(people.office, room)
            start_s = int(clock())
            simulator.crowd(floor_id, room_id, number, start_s, start_s + CROWD_S)
    except Refusal as refusal:
        print(f"--crowd {refusal.details}", file=sys.stderr)
        return 2
    try:
        for device in options.offline:
            simulator.outage(device, int(clock()), int(clock()) + OUTAGE_S)
    except Refusal as refusal:
        print(f"--offline {refusal.details}", file=sys.stderr)
        return 2
    simulator.faults.set(latency_s=options.latency, rate_limit_per_minute=options.rate_limit)
    end_pipe = _open_end_pipe()
    try:
        simulator.start()
    except (OSError, OverflowError) as error:
        print(f"cannot listen on {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    simulator.push_all_the_time()
    if options.follow_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    print(f"Butlr simulator on {simulator.url} (client demo, secret demo)", flush=True)
    os.read(end_pipe, 1)
    simulator.stop()
    return 0


def _open_end_pipe() -> int:
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
    parser = argparse.ArgumentParser(prog="butlr-grafana simulate", description="Runs a simulated Butlr API.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8090, help="port to listen on; 0 chooses a free one")
    add_size(parser)
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        help="number that chooses the simulated people; another number gives other people",
    )
    parser.add_argument(
        "--latency", type=float, default=0.0, metavar="S", help="seconds that each call takes"
    )
    parser.add_argument(
        "--rate-limit", type=int, metavar="N", help="maximum calls per minute; further calls get 429"
    )
    parser.add_argument(
        "--form",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="a form of Butlr's responses that differs from the default; may be repeated",
    )
    parser.add_argument(
        "--crowd",
        action="append",
        type=_crowd,
        default=[],
        metavar="ROOM=PEOPLE",
        help="adds people to a room (id or name) for one day from the start; may be repeated",
    )
    parser.add_argument(
        "--offline",
        action="append",
        default=[],
        metavar="DEVICE",
        help="id of a hive or sensor that is offline for one day from the start; may be repeated",
    )
    parser.add_argument("--follow-stdin", action="store_true", help="ends when standard input ends")
    parser.add_argument("--now", type=_instant, metavar="ISO", help="stops the clock at this time")
    return parser


def add_size(parser: argparse.ArgumentParser) -> None:
    """Adds the options for a large company."""
    parser.add_argument(
        "--floors",
        type=_number("floors", 1, MOST_FLOORS),
        metavar="N",
        help="a company of N floors, in buildings of several cities, in place of the office of three floors",
    )
    parser.add_argument(
        "--rooms-per-floor",
        type=_number("rooms", LEAST_ROOMS, MOST_ROOMS),
        metavar="M",
        help=f"with --floors: how many rooms each floor has (default: {ROOMS_PER_FLOOR})",
    )


def _office(floors: int | None, rooms_per_floor: int | None) -> Office:
    if floors is None:
        return default_office()
    return company(floors, rooms_per_floor or ROOMS_PER_FLOOR)


def _number(what: str, least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"give a number of {what} from {least} to {most}")
        return int(text)

    return number


def _crowd(text: str) -> tuple[str, int]:
    room, _, people = text.rpartition("=")
    if not room or not people.isdecimal() or not 1 <= int(people) <= 1000:
        raise argparse.ArgumentTypeError("give a room and a number up to 1000, for example Boardroom=30")
    return room, int(people)


def _instant(text: str) -> float:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("give a time with its zone, for example 2025-01-01T12:00:00Z")
    return at.timestamp()


if __name__ == "__main__":
    sys.exit(run())
