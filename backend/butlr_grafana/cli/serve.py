"""The commands `serve` and `demo`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import replace

from butlr_grafana import __version__
from butlr_grafana.app import create_app
from butlr_grafana.base.buffered_lines import buffering_log_lines
from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.log_format import log_what_is_uncaught
from butlr_grafana.base.urls import is_loopback
from butlr_grafana.cli import webhooks
from butlr_grafana.cli.token_watch import TokenWatch
from butlr_grafana.cli.upstream import settings_from_environment, upstream
from butlr_grafana.settings import Settings
from butlr_grafana.web.server import Server, listen
from butlr_grafana.web.webhook_port import ports

SIMULATED_SIZE = {
    "--floors": "simulates a company of N floors, in buildings of several cities",
    "--rooms-per-floor": "with --floors: how many rooms each floor has (default: 20)",
}
"""Options of the simulator, which checks their values."""

log = logging.getLogger("butlr_grafana.cli")


def add_serve_options(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=serve)


def add_demo_options(parser: argparse.ArgumentParser) -> None:
    for option, what in SIMULATED_SIZE.items():
        parser.add_argument(option, metavar="N", help=what)
    parser.set_defaults(command=demo)


def serve(_: argparse.Namespace) -> int:
    return run_server(settings_from_environment())


def demo(options: argparse.Namespace) -> int:
    """Runs `serve` without credentials, even if the environment has some."""
    settings = settings_from_environment()
    given = {
        option: getattr(options, option.removeprefix("--").replace("-", "_")) for option in SIMULATED_SIZE
    }
    size = [word for option, number in given.items() if number is not None for word in (option, number)]
    return run_server(replace(settings, butlr_client_id="", butlr_client_secret="", butlr_api_url=""), size)


def run_server(settings: Settings, simulator: Sequence[str] = ()) -> int:
    """Runs the server until it is stopped. `simulator`: more options of the embedded simulator."""
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
                entry = {"version": __version__, "address": url, "mode": mode}
                log.info("listening", extra={"data": entry})
                return
            print(f"butlr-grafana {__version__} on {url} ({mode})", flush=True)
            # From other machines the address differs, or there is none, as in a container.
            if is_demo and is_loopback(settings.host):
                login = "Enter any user name, and BACKEND_TOKEN as the password. " if settings.tokens else ""
                print(f"Open {url} in a browser. {login}Ctrl-C stops it.", flush=True)

        application = create_app(reached, demo=is_demo, tokens=TokenWatch(os.environ))
        # When the server stops, requests that wait for Butlr get the data that have arrived.
        served = ports(application.web, application.receiver, listeners, threads=settings.threads)
        server = Server(*served, end_waits=application.close)
        # Fetches the floors now, so that the first request does not wait for them.
        with contextlib.suppress(BackendError):
            application.service.spaces.current(timeout_s=0)
        application.work_in_background()
        if is_demo:
            webhooks.subscribe_in_background(application, reached)
        ready()
        with buffering_log_lines(logging.getLogger("butlr_grafana")):
            server.run()
    return 0
