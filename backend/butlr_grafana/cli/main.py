"""The commands: `serve`, `demo`, `simulate`, `check`, `warm`, `render`, `wall`, `install`, `assets` …"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import replace
from pathlib import Path

from butlr_grafana import __version__
from butlr_grafana.app import Application, book_of, create_app, link_of
from butlr_grafana.base import request_id
from butlr_grafana.base.access import SettingError
from butlr_grafana.base.assets import write_out
from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.gathered_lines import lines_gathered
from butlr_grafana.base.log_format import form_named, log_to_stderr, log_what_is_uncaught
from butlr_grafana.base.urls import is_loopback
from butlr_grafana.cli import check_grafana, webhooks
from butlr_grafana.cli.check import FAILED, Checkup, Row
from butlr_grafana.cli.crowd import add_command as add_crowd
from butlr_grafana.cli.grafana import access_to
from butlr_grafana.cli.install import add_commands as add_install
from butlr_grafana.cli.install import add_grafana
from butlr_grafana.cli.prepare import prepare
from butlr_grafana.cli.token_watch import TokenWatch
from butlr_grafana.kiosk import command
from butlr_grafana.kiosk.documents import WallError
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError
from butlr_grafana.measure.background import measuring
from butlr_grafana.model.chunk import HeatMapSubject, Segment
from butlr_grafana.model.time import iso
from butlr_grafana.present.formats import file
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.scope import scope_of
from butlr_grafana.service.requests import PendingRequest
from butlr_grafana.settings import DEFAULT_BUTLR_URL, Settings, read
from butlr_grafana.web.server import Server, listen
from butlr_grafana.web.webhook_port import ports

WARMED = HeatMapSubject(1.0)
"""What `warm` fetches, of whatever resolution."""
SIZE = {
    "--floors": "simulates a company of N floors, in buildings of several cities",
    "--rooms-per-floor": "with --floors: how many rooms each floor has (default: 20)",
}
"""Options of the simulator, which checks them. Importing it here would slow down every command."""
log = logging.getLogger("butlr_grafana.cli")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; 0 is well, 1 is a fault that was said, 2 is a wrong call, 130 is interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["simulate"]:
        from butlr_grafana.simulator.__main__ import run  # noqa: PLC0415  # only this command needs it

        return run(words[1:])
    options = _parser().parse_args(words)
    form = form_named(os.environ)
    log_to_stderr(form)
    try:
        with request_id.working_for(request_id.present_or_new()):
            return int(options.command(options))
    except (SettingError, BackendError, GrafanaError, WallError) as error:
        _say_fault(error, as_line=form == "json" and options.command in (serve, demo, preparation))
        return 1
    except KeyboardInterrupt:
        return 130


def _say_fault(error: Exception, *, as_line: bool) -> None:
    """To a person; or, of a command that runs where lines are collected, as one of them."""
    if as_line:
        log.error("%s", error)
    else:
        print(f"butlr-grafana: {error}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="butlr-grafana", description="Butlr heat maps for Grafana. Settings are environment variables."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    commands.add_parser("serve", help="runs the backend").set_defaults(command=serve)
    showing = commands.add_parser("demo", help="runs the backend with the embedded simulator")
    for option, what in SIZE.items():
        showing.add_argument(option, metavar="N", help=what)
    showing.set_defaults(command=demo)
    preparing = commands.add_parser("prepare", help="creates missing token files and checks the settings")
    preparing.set_defaults(command=preparation)
    commands.add_parser("simulate", help="runs the simulator alone (--help shows its options)")
    checking = commands.add_parser(
        "check",
        help="tests settings, token and each Butlr API, and measures how Butlr behaves on this account",
    )
    checking.add_argument(
        "--report", help="writes what a maintainer needs to this file, without names, ids and secrets"
    )
    add_grafana(checking)
    checking.set_defaults(command=check)
    warming = commands.add_parser("warm", help="fills the cache for a range; continues where it stopped")
    warming.add_argument("--space", help="a floor's id (default: all floors)")
    warming.add_argument("--from", dest="start", required=True, help="start of the range, ISO 8601")
    warming.add_argument("--to", dest="end", required=True, help="end of the range, ISO 8601")
    warming.add_argument(
        "--resolution", default="auto", help="cell size: auto, 0.25 (finer than the sensors see), 0.5, 1.0"
    )
    warming.add_argument(
        "--hours", default="", help="the hours of the panels, 08:00-18:00; they are cached separately"
    )
    warming.add_argument("--days", default="", help="the days of the panels, mon-fri")
    warming.set_defaults(command=warm)
    rendering = commands.add_parser("render", help="writes one result to a PNG, CSV, WebP or GeoJSON file")
    rendering.add_argument("file", help="the file to write; its ending chooses the format")
    rendering.add_argument(
        "words", nargs="*", metavar="parameter=value", help="as in the URL: space=… from=… to=…"
    )
    rendering.add_argument(
        "--target", default="heatmap", help="heatmap (default), compare, playback, floorplan …"
    )
    rendering.set_defaults(command=render)
    walling = commands.add_parser(
        "wall", help="creates a TV wall in Grafana: a dashboard for each floor, and a playlist"
    )
    command.add_options(walling)
    walling.set_defaults(command=wall)
    add_install(commands, _settings)
    add_crowd(commands, _settings)
    webhooks.add_to(commands, _settings, upstream)
    writing = commands.add_parser(
        "assets", help="writes dashboards, provisioning files and runbooks to a folder"
    )
    writing.add_argument("folder", help="the folder; files with the same names are replaced")
    writing.set_defaults(command=assets)
    return parser


def _settings() -> Settings:
    """From the environment; from here on log lines have the form that it names."""
    settings = read(os.environ)
    log_to_stderr(settings.log, settings.log_level)
    return settings


def preparation(_: argparse.Namespace) -> int:
    prepare(os.environ)
    return 0


def serve(_: argparse.Namespace) -> int:
    return _serve(_settings())


def demo(options: argparse.Namespace) -> int:
    """`serve` without credentials, whatever the environment holds."""
    settings = _settings()
    given = {option: getattr(options, option.removeprefix("--").replace("-", "_")) for option in SIZE}
    size = [word for option, number in given.items() if number is not None for word in (option, number)]
    return _serve(replace(settings, butlr_client_id="", butlr_client_secret="", butlr_api_url=""), size)


def _serve(settings: Settings, simulator: Sequence[str] = ()) -> int:
    """`simulator`: further options of the embedded one."""
    settings.check_exposure()
    if settings.log == "json":
        log_what_is_uncaught()
    listener = listen(settings.host, settings.port)
    listeners = [listener]
    if settings.webhook_port:
        listeners.append(listen(settings.host, settings.webhook_port, "BACKEND_WEBHOOK_PORT"))
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    with upstream(settings, simulator) as (butlr, is_demo):
        reached = webhooks.for_demo(butlr, port) if is_demo else butlr

        def ready() -> None:
            mode = "demo mode, simulated people" if is_demo else reached.butlr_api_url or "Butlr"
            if settings.log == "json":
                told = {"version": __version__, "address": url, "mode": mode}
                log.info("listening", extra={"data": told})
                return
            print(f"butlr-grafana {__version__} on {url} ({mode})", flush=True)
            # Beyond this machine it is another address, or none, as in a container.
            if is_demo and is_loopback(settings.host):
                print(f"Open {url} in a browser; Ctrl-C stops it.", flush=True)

        application = create_app(reached, demo=is_demo, tokens=TokenWatch(os.environ))
        # Who waits for Butlr when the server stops is answered with what is known.
        served = ports(application.web, application.receiver, listeners, threads=settings.threads)
        server = Server(*served, last_call=application.close)
        # Asks for the floors now, so that the first viewer does not wait for them.
        with contextlib.suppress(BackendError):
            application.service.spaces.current(timeout_s=0)
        application.work_in_background()
        if is_demo:
            webhooks.subscribe_in_background(application, reached)
        ready()
        with lines_gathered(logging.getLogger("butlr_grafana")):
            server.run()
    return 0


@contextlib.contextmanager
def upstream(settings: Settings, simulator: Sequence[str] = ()) -> Iterator[tuple[Settings, bool]]:
    """The settings with a Butlr to ask, and whether it is the simulator, started here as a child."""
    if not settings.demo:
        yield settings, False
        return
    # Its own session: Ctrl-C is for this process, which ends the child when it has no more questions.
    # A pipe it reads: should this process be killed, the child sees its end and goes too.
    command = [sys.executable, "-m", "butlr_grafana.simulator", "--port", "0", "--follow-stdin", *simulator]
    child = subprocess.Popen(  # noqa: S603  # this very interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert child.stdout is not None
        words = child.stdout.readline().split()
        url = next((w for w in words if w.startswith("http://")), None)
        if url is None:
            raise SettingError("the embedded simulator did not start")
        reached = replace(settings, butlr_api_url=url, butlr_client_id="demo", butlr_client_secret="demo")  # noqa: S106
        yield reached, True
    finally:
        child.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
        child.kill()
        child.wait()


def check(options: argparse.Namespace) -> int:
    """A table: each step, what came of it, then each open question about Butlr as it is on this account.

    1: an API fails; 3: Butlr differs in something that the product cannot handle.
    """
    settings = _settings()
    with contextlib.ExitStack() as stack:
        reached, is_demo = stack.enter_context(upstream(settings))
        # Alone: else the login would be another replica's, and say nothing of these credentials.
        alone = replace(reached, cache_dir="", cache_url="")
        link = None
        if settings.cache_url:
            link = stack.enter_context(contextlib.closing(link_of(reached, demo=is_demo)))
        application = create_app(alone, demo=is_demo, book=book_of(reached, demo=is_demo, link=link))
        stack.callback(application.close)
        address = (
            "demo mode: the embedded simulator" if is_demo else reached.butlr_api_url or DEFAULT_BUTLR_URL
        )
        checkup = Checkup(
            application,
            settings,
            address=address,
            show=_show_measuring,
            report=Path(options.report) if options.report else None,
        )
        for row in checkup.rows():
            print(row, flush=True)
        code = checkup.exit_code
    for row in grafana_rows(options, settings):
        print(row, flush=True)
        code = code or int(row.state == FAILED)
    return code


def grafana_rows(options: argparse.Namespace, settings: Settings) -> Iterator[Row]:
    """Of the Grafana that `check` is given, if it is."""
    if options.grafana:
        found = check_grafana.rows(
            settings, options.grafana, organisation=options.org, source_uid=options.datasource or "butlr"
        )
        yield from (Row(*one) for one in found)


def warm(options: argparse.Namespace) -> int:
    """Fetches what is not on disk yet, oldest first. Interrupted and run again, it goes on."""
    settings = _settings()
    if not (settings.cache_dir or settings.cache_url):
        raise SettingError(
            "BACKEND_CACHE_DIR is not set: a cache in memory would be lost when this command ends"
        )
    with upstream(settings) as (reached, is_demo):
        application = create_app(reached, demo=is_demo)
        try:
            _measure_first(application)
            segments = _to_warm(application, options)
            return _fetch_all(application, segments, at_a_time=2 * settings.butlr_max_concurrency)
        finally:
            application.close()


def render(options: argparse.Namespace) -> int:
    """Asks as a panel would, but waits for the whole answer; writes nothing where it fails."""
    settings = _settings()
    path = Path(options.file)
    words: dict[str, object] = {"format": path.suffix.removeprefix(".")}
    for word in options.words:
        name, equals, value = word.partition("=")
        if not equals:
            raise SettingError(f"{word}: a parameter is written as name=value")
        words[name] = value
    with upstream(settings) as (reached, is_demo):
        application = create_app(reached, demo=is_demo)
        service = application.service
        try:
            started = service.start(
                service.read(options.target, {"require": "complete", **words}),
                None,
                deadline=service.deadline(),
            )
            _show_progress(started)
            answer = service.finish(started, deadline=time.monotonic() + 60)
        finally:
            application.close()
    path.write_bytes(file(answer, demo=is_demo))
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


def wall(options: argparse.Namespace) -> int:
    """Prints the wall's address. Floors are asked of Butlr anew: what is no more is taken down."""
    settings = _settings()
    access, token = (
        access_to(settings, options.grafana),
        command.token_for(options, settings.wall_tokens, settings.grafana_user),
    )
    with upstream(settings) as (reached, is_demo):
        application = create_app(replace(reached, cache_dir=""), demo=is_demo)
        try:
            topology = application.service.topology(None, deadline=application.service.deadline())
        finally:
            application.close()
    if is_demo:
        print("demo mode: a wall of simulated floors", file=sys.stderr)
    with contextlib.closing(Grafana(access)) as grafana:
        print(command.put_up(grafana, access.url, topology, options, token))
    return 0


def assets(options: argparse.Namespace) -> int:
    """What Grafana and Prometheus read, out of the installed package."""
    folder = Path(options.folder)
    try:
        written = write_out(folder)
    except OSError as error:
        raise SettingError(f"{folder}: the files cannot be written: {error.strerror or error}") from error
    print(f"{folder}: {len(written)} files in grafana-dashboards/, provisioning/ and docs/runbooks/")
    return 0


def _show_progress(started: PendingRequest) -> None:
    """Until every call that the answer needs has ended, well or not."""
    calls = started.calls
    bar, left = Progress(len(calls)), set(calls)
    while left:
        _, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
        bar.show(len(calls) - len(left), "calls to Butlr")


def _to_warm(application: Application, options: argparse.Namespace) -> list[Segment]:
    service = application.service
    topology = service.topology(None, deadline=service.deadline())
    segments: list[Segment] = []
    for space in [options.space] if options.space else list(topology.floors):
        words = {
            "space": space,
            "from": options.start,
            "to": options.end,
            "resolution": options.resolution,
            "hours": options.hours,
            "days": options.days,
        }
        parsed = service.read("heatmap", words)
        scope = scope_of(parsed, topology, now_s=service.now(), limits=service.rules)
        [query] = heat_map_queries(scope)
        segments += [s for s in service.pipeline.segments(query, now_s=service.now()) if s.settled]
    return segments


def _measure_first(application: Application) -> None:
    """Nothing is kept for good while what changes its numbers is only assumed."""
    book = application.means.book
    if book.current().is_sure_of(WARMED):
        return
    application.service.topology(None, deadline=application.service.deadline())
    for _ in measuring(application.means, show=_show_measuring):
        pass
    if not book.current().is_sure_of(WARMED):
        raise SettingError(
            "Butlr cannot be measured now, so nothing would be stored permanently "
            f"({', '.join(sorted(book.current().unmeasured))}): `butlr-grafana check` shows the reason"
        )


def _show_measuring(text: str) -> None:
    print(f"measuring Butlr: {text}", file=sys.stderr, flush=True)


def _fetch_all(application: Application, segments: list[Segment], *, at_a_time: int) -> int:
    gatherer = application.service.pipeline.gatherer
    done = fetched = 0
    bar = Progress(len(segments))
    for i in range(0, len(segments), at_a_time):
        chunk = segments[i : i + at_a_time]
        gathered = gatherer.begin(chunk).collect(deadline=time.monotonic() + 3600)
        if not gathered.coverage.complete:
            raise gathered.error or SettingError("Butlr did not answer within an hour")
        done, fetched = done + len(chunk), fetched + gathered.coverage.fetched
        bar.show(done, f"up to {iso(chunk[-1].period.end_s)}")
    print(f"{done} segments, {fetched} fetched, {done - fetched} already in the cache")
    return 0


class Progress:
    """A bar on a terminal, a line now and then elsewhere."""

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


if __name__ == "__main__":
    sys.exit(main())
