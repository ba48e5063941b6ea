"""The command `assets`."""

from __future__ import annotations

import argparse
from pathlib import Path

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.assets import write_out


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", help="the folder; files with the same names are replaced")
    parser.set_defaults(command=assets)


def assets(options: argparse.Namespace) -> int:
    """Writes the files for Grafana and Prometheus from the installed package."""
    folder = Path(options.folder)
    try:
        written = write_out(folder)
    except OSError as error:
        raise SettingError(f"{folder}: the files cannot be written: {error.strerror or error}") from error
    print(f"{folder}: {len(written)} files in grafana-dashboards/, provisioning/ and docs/runbooks/")
    return 0
