"""The command `render`: writes one result to a file."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import FIRST_COMPLETED, wait
from pathlib import Path

from butlr_grafana.app import create_app
from butlr_grafana.base.access import SettingError
from butlr_grafana.cli.progress import Progress
from butlr_grafana.cli.upstream import settings_from_environment, upstream
from butlr_grafana.present.formats import file
from butlr_grafana.service.requests import PendingRequest


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the file to write; its ending chooses the format")
    parser.add_argument(
        "parameters", nargs="*", metavar="parameter=value", help="as in the URL: space=… from=… to=…"
    )
    parser.add_argument(
        "--target", default="heatmap", help="heatmap (default), compare, playback, floorplan …"
    )
    parser.set_defaults(command=render)


def render(options: argparse.Namespace) -> int:
    """Queries as a panel does, but waits for the complete result. Writes no file if the query fails."""
    settings = settings_from_environment()
    path = Path(options.file)
    if not path.parent.is_dir():
        raise SettingError(f"{path.parent} is not a folder, so {path.name} cannot be written there")
    parameters: dict[str, object] = {"format": path.suffix.removeprefix(".")}
    for text in options.parameters:
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingError(f"{text}: a parameter is written as name=value")
        parameters[name] = value
    with upstream(settings) as (reached, is_demo):
        application = create_app(reached, demo=is_demo)
        service = application.service
        try:
            started = service.start(
                service.read(options.target, {"require": "complete", **parameters}),
                None,
                deadline=service.deadline(),
            )
            _show_progress(started)
            result = service.finish(started, deadline=time.monotonic() + 60)
        finally:
            application.close()
    path.write_bytes(file(result, demo=is_demo))
    print(f"{path}: {path.stat().st_size:,} bytes")
    return 0


def _show_progress(started: PendingRequest) -> None:
    """Until every call that the result needs has ended, with or without an error."""
    calls = started.calls
    bar, left = Progress(len(calls)), set(calls)
    while left:
        _, left = wait(left, timeout=0.5, return_when=FIRST_COMPLETED)
        bar.show(len(calls) - len(left), "calls to Butlr")
