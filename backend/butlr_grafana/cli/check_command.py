"""The command `check`: prints the rows of `Checkup`, with those about Grafana among them."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from butlr_grafana.app import create_app, open_verdicts, redis_of
from butlr_grafana.cli import check_grafana
from butlr_grafana.cli.check import WARNING, Checkup, Row
from butlr_grafana.cli.install import add_grafana
from butlr_grafana.cli.progress import show_measuring
from butlr_grafana.cli.setting_names import unknown
from butlr_grafana.cli.upstream import settings_from_environment, upstream
from butlr_grafana.settings import DEFAULT_BUTLR_URL, Settings

HOW = "`check` asks Butlr itself; it asks the running backend only through Grafana (--grafana)"


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report", help="writes what a maintainer needs to this file, without names, ids and secrets"
    )
    add_grafana(parser)
    parser.set_defaults(command=check)


def check(options: argparse.Namespace) -> int:
    """Prints a table: each step and its result, then each assumption about Butlr as measured on this account.

    1: an API fails; 3: Butlr differs in something that this product cannot handle.
    """
    settings = settings_from_environment(warn=False)
    for fault in unknown(os.environ):
        print(Row("setting", WARNING, fault), flush=True)
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
            address=f"{address}; {HOW}",
            grafana=grafana_rows(options, settings),
            show=show_measuring,
            report=Path(options.report) if options.report else None,
        )
        for row in checkup.rows():
            print(row, flush=True)
        return checkup.exit_code


def grafana_rows(options: argparse.Namespace, settings: Settings) -> Iterator[Row]:
    """The rows about Grafana, if `check` has its address."""
    if options.grafana:
        found = check_grafana.rows(
            settings, options.grafana, organisation=options.org, source_uid=options.datasource or "butlr"
        )
        yield from (Row(*one) for one in found)
