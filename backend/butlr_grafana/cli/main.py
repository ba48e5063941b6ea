"""The commands: `serve`, `demo`, `simulate`, `check`, `warm`, `render`, `wall`, `install`, `assets` …

The module of a command is imported only when that command is called. numpy, Pillow and Flask take a second.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType

from butlr_grafana import __version__
from butlr_grafana.base import request_id
from butlr_grafana.base.access import CommandError
from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.log_format import form_named, log_to_stderr

log = logging.getLogger("butlr_grafana.cli")

WITH_A_LOG = ("serve", "demo", "prepare")
"""Commands whose log is collected."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command. 0: done; 1: an error, which was printed; 2: wrong arguments; 130: interrupted;
    141: nobody reads the output any more.
    """
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
            code = int(options.command(options))
            sys.stdout.flush()
            return code
    except (CommandError, BackendError) as error:
        _show_error(error, as_line=form == "json" and name in WITH_A_LOG)
        return 1
    except BrokenPipeError:
        # Whoever reads the output has ended, as `head` does. At its exit, Python would write again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
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
    for each, (help_text, where) in COMMANDS.items():
        own = commands.add_parser(each, help=help_text)
        if each == name and where:
            module, function = where.split(".")
            getattr(import_module(f"butlr_grafana.cli.{module}"), function)(own)
    return parser


COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "serve": ("runs the backend", "serve.add_serve_options"),
        "demo": ("runs the backend with the embedded simulator", "serve.add_demo_options"),
        "prepare": ("creates missing token files and checks the settings", "prepare.add_options"),
        "simulate": ("runs the simulator alone (--help shows its options)", ""),
        "check": (
            "tests settings, token and each Butlr API, and measures how Butlr behaves on this account",
            "check_command.add_options",
        ),
        "warm": ("fills the cache for a range; continues where it stopped", "warm.add_options"),
        "render": ("writes one result to a PNG, CSV, WebP or GeoJSON file", "render.add_options"),
        "wall": (
            "creates a TV wall in Grafana: a dashboard for each floor, and a playlist",
            "wall.add_options",
        ),
        "install": (
            "installs data source, folder, dashboards and alert rules through Grafana's API",
            "install.add_install_options",
        ),
        "uninstall": (
            "removes what `install` has created, and nothing else",
            "install.add_uninstall_options",
        ),
        "alert": (
            "creates an alert in Grafana: more than N people in a room, by e-mail if you like",
            "alert.add_options",
        ),
        "crowd": ("adds simulated people to a room of the running demo", "crowd.add_options"),
        "webhooks": (
            "lists, creates, updates or deletes the subscription for data that Butlr pushes",
            "webhooks.add_options",
        ),
        "assets": ("writes dashboards, provisioning files and runbooks to a folder", "assets.add_options"),
    }
)
"""By its name, what each command does in a few words, and the module and function in `cli` that add its
options and set `command`, the function that runs it. `simulate` has a parser of its own (see `main`).
"""

if __name__ == "__main__":
    sys.exit(main())
