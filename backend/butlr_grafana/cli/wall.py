"""The command `wall`."""

from __future__ import annotations

import argparse
import contextlib
import sys
from dataclasses import replace

from butlr_grafana.app import create_app
from butlr_grafana.cli.grafana import access_to
from butlr_grafana.cli.upstream import settings_from_environment, upstream
from butlr_grafana.kiosk import command
from butlr_grafana.kiosk.grafana_api import Grafana


def add_options(parser: argparse.ArgumentParser) -> None:
    command.add_options(parser)
    parser.set_defaults(command=wall)


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
