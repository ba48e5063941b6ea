"""The commands: `serve`, `demo`, `simulate`, `check`, `warm`, `render`, `wall`, `install`, `assets` …

The module of a command is imported only when that command is called. numpy, Pillow and Flask take a second.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from butlr_grafana import __version__
from butlr_grafana.base import request_id
from butlr_grafana.base.access import CommandError
from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.log_format import form_named, log_to_stderr

log = logging.getLogger("butlr_grafana.cli")

AddOptions = Callable[[argparse.ArgumentParser], None]
"""Adds the options of one command to its parser, and sets `command`, the function that runs it."""

WITH_A_LOG = ("serve", "demo", "prepare")
"""Commands whose log is collected."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command. 0: done; 1: an error, which was printed; 2: wrong arguments; 130: interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["simulate"]:
        from butlr_grafana.simulator.__main__ import run

        return run(arguments[1:])
    name = next((word for word in arguments if not word.startswith("-")), "")
    options = parser_for(name).parse_args(arguments)
    form = form_named(os.environ)
    log_to_stderr(form)
    try:
        with request_id.use_request_id(request_id.current_or_new()):
            return int(options.command(options))
    except (CommandError, BackendError) as error:
        _show_error(error, as_line=form == "json" and name in WITH_A_LOG)
        return 1
    except KeyboardInterrupt:
        return 130


def _show_error(error: Exception, *, as_line: bool) -> None:
    """For a person; `as_line`: as a log line, for commands whose log is collected."""
    if as_line:
        log.error("%s", error)
    else:
        print(f"butlr-grafana: {error}", file=sys.stderr)


def parser_for(name: str) -> argparse.ArgumentParser:
    """The parser of all commands, with the options of the command `name`."""
    parser = argparse.ArgumentParser(
        prog="butlr-grafana", description="Butlr heat maps for Grafana. Settings are environment variables."
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    for each, (help_text, add_options) in COMMANDS.items():
        own = commands.add_parser(each, help=help_text)
        if each == name:
            add_options(own)
    return parser


def _serve(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.serve import serve

    parser.set_defaults(command=serve)


def _demo(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.serve import add_demo_options

    add_demo_options(parser)


def _prepare(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.prepare import prepare

    def run(_: argparse.Namespace) -> int:
        prepare(os.environ)
        return 0

    parser.set_defaults(command=run)


def _simulate(_: argparse.ArgumentParser) -> None:
    """`main` passes the arguments of this command to the simulator's own parser."""


def _check(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.check_command import add_options

    add_options(parser)


def _warm(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.warm import add_options

    add_options(parser)


def _render(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.render import add_options

    add_options(parser)


def _wall(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.wall import add_options

    add_options(parser)


def _install(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.install import add_install_options

    add_install_options(parser)


def _uninstall(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.install import add_uninstall_options

    add_uninstall_options(parser)


def _crowd(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.crowd import add_options

    add_options(parser)


def _webhooks(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.webhooks import add_options

    add_options(parser)


def _assets(parser: argparse.ArgumentParser) -> None:
    from butlr_grafana.cli.assets import add_options

    add_options(parser)


COMMANDS: Mapping[str, tuple[str, AddOptions]] = MappingProxyType(
    {
        "serve": ("runs the backend", _serve),
        "demo": ("runs the backend with the embedded simulator", _demo),
        "prepare": ("creates missing token files and checks the settings", _prepare),
        "simulate": ("runs the simulator alone (--help shows its options)", _simulate),
        "check": (
            "tests settings, token and each Butlr API, and measures how Butlr behaves on this account",
            _check,
        ),
        "warm": ("fills the cache for a range; continues where it stopped", _warm),
        "render": ("writes one result to a PNG, CSV, WebP or GeoJSON file", _render),
        "wall": ("creates a TV wall in Grafana: a dashboard for each floor, and a playlist", _wall),
        "install": (
            "installs data source, folder, dashboards and alert rules through Grafana's API",
            _install,
        ),
        "uninstall": ("removes what `install` has created, and nothing else", _uninstall),
        "crowd": ("adds simulated people to a room of the running demo", _crowd),
        "webhooks": (
            "lists, creates, updates or deletes the subscription for data that Butlr pushes",
            _webhooks,
        ),
        "assets": ("writes dashboards, provisioning files and runbooks to a folder", _assets),
    }
)
"""By its name, what each command does in a few words, and its options."""

if __name__ == "__main__":
    sys.exit(main())
