"""The commands: `serve`, `demo`, `simulate`, `check`, `warm`, `render`, `wall`, `install`, `assets` …"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from butlr_grafana import __version__
from butlr_grafana.app import create_app, open_verdicts, redis_of
from butlr_grafana.base import request_id
from butlr_grafana.base.access import SettingError
from butlr_grafana.base.assets import write_out
from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.log_format import form_named, log_to_stderr
from butlr_grafana.cli import check_grafana, webhooks
from butlr_grafana.cli.check import FAILED, Checkup, Row
from butlr_grafana.cli.crowd import add_command as add_crowd
from butlr_grafana.cli.grafana import access_to
from butlr_grafana.cli.install import add_commands as add_install
from butlr_grafana.cli.install import add_grafana
from butlr_grafana.cli.prepare import prepare
from butlr_grafana.cli.progress import show_measuring
from butlr_grafana.cli.render import render
from butlr_grafana.cli.serve import SIMULATED_SIZE, demo, serve
from butlr_grafana.cli.upstream import settings_from_environment, upstream
from butlr_grafana.cli.warm import warm
from butlr_grafana.kiosk import command
from butlr_grafana.kiosk.documents import WallError
from butlr_grafana.kiosk.grafana_api import Grafana, GrafanaError
from butlr_grafana.settings import DEFAULT_BUTLR_URL, Settings

log = logging.getLogger("butlr_grafana.cli")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command. 0: done; 1: an error, which was printed; 2: wrong arguments; 130: interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["simulate"]:
        from butlr_grafana.simulator.__main__ import run  # noqa: PLC0415  # only this command needs it

        return run(arguments[1:])
    options = _parser().parse_args(arguments)
    form = form_named(os.environ)
    log_to_stderr(form)
    try:
        with request_id.use_request_id(request_id.current_or_new()):
            return int(options.command(options))
    except (SettingError, BackendError, GrafanaError, WallError) as error:
        _show_error(error, as_line=form == "json" and options.command in (serve, demo, preparation))
        return 1
    except KeyboardInterrupt:
        return 130


def _show_error(error: Exception, *, as_line: bool) -> None:
    """For a person; `as_line`: as a log line, for commands whose log is collected."""
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
    for option, what in SIMULATED_SIZE.items():
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
        "parameters", nargs="*", metavar="parameter=value", help="as in the URL: space=… from=… to=…"
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
    add_install(commands, settings_from_environment)
    add_crowd(commands, settings_from_environment)
    webhooks.add_to(commands, settings_from_environment, upstream)
    writing = commands.add_parser(
        "assets", help="writes dashboards, provisioning files and runbooks to a folder"
    )
    writing.add_argument("folder", help="the folder; files with the same names are replaced")
    writing.set_defaults(command=assets)
    return parser


def preparation(_: argparse.Namespace) -> int:
    prepare(os.environ)
    return 0


def check(options: argparse.Namespace) -> int:
    """Prints a table: each step and its result, then each assumption about Butlr as measured on this account.

    1: an API fails; 3: Butlr differs in something that this product cannot handle.
    """
    settings = settings_from_environment()
    with contextlib.ExitStack() as stack:
        reached, is_demo = stack.enter_context(upstream(settings))
        # Without the caches: otherwise the token could be another replica's, and the login not tested.
        alone = replace(reached, cache_dir="", cache_url="")
        redis = None
        if settings.cache_url:
            redis = stack.enter_context(contextlib.closing(redis_of(reached, demo=is_demo)))
        application = create_app(
            alone, demo=is_demo, verdict_store=open_verdicts(reached, demo=is_demo, redis=redis)
        )
        stack.callback(application.close)
        address = (
            "demo mode: the embedded simulator" if is_demo else reached.butlr_api_url or DEFAULT_BUTLR_URL
        )
        checkup = Checkup(
            application,
            settings,
            address=address,
            show=show_measuring,
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
    """The rows about Grafana, if `check` has its address."""
    if options.grafana:
        found = check_grafana.rows(
            settings, options.grafana, organisation=options.org, source_uid=options.datasource or "butlr"
        )
        yield from (Row(*one) for one in found)


def wall(options: argparse.Namespace) -> int:
    """Creates the wall and prints its address. It fetches the floors again, so that dashboards of removed
    floors are deleted.
    """
    settings = settings_from_environment()
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
        print(command.create_wall(grafana, access.url, topology, options, token))
    return 0


def assets(options: argparse.Namespace) -> int:
    """Writes the files for Grafana and Prometheus from the installed package."""
    folder = Path(options.folder)
    try:
        written = write_out(folder)
    except OSError as error:
        raise SettingError(f"{folder}: the files cannot be written: {error.strerror or error}") from error
    print(f"{folder}: {len(written)} files in grafana-dashboards/, provisioning/ and docs/runbooks/")
    return 0


if __name__ == "__main__":
    sys.exit(main())
