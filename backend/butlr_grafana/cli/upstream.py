"""The settings of a command, and the Butlr that it calls."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.log_format import log_to_stderr
from butlr_grafana.cli.setting_names import misspelt
from butlr_grafana.settings import Settings, read

log = logging.getLogger(__name__)


def settings_from_environment(*, warn: bool = True) -> Settings:
    """Reads the settings from the environment. From now on, log lines have the format of these settings.
    `warn`: logs names that are almost those of settings.
    """
    settings = read(os.environ)
    log_to_stderr(settings.log, settings.log_level)
    for line in misspelt(os.environ) if warn else ():
        log.warning("%s", line)
    return settings


@contextlib.contextmanager
def upstream(settings: Settings, simulator: Sequence[str] = ()) -> Iterator[tuple[Settings, bool]]:
    """The settings with Butlr's address, and whether it is the simulator, which then runs as a child process.
    `simulator`: more options of the simulator.
    """
    if not settings.demo:
        yield settings, False
        return
    # A session of its own: Ctrl-C reaches only this process, which ends the child after its last call.
    # The child reads from a pipe: if this process is killed, the pipe ends, and the child ends too.
    command = [sys.executable, "-m", "butlr_grafana.simulator", "--port", "0", "--follow-stdin", *simulator]
    child = subprocess.Popen(  # noqa: S603  # this very interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert child.stdout is not None
        line = child.stdout.readline().split()
        url = next((text for text in line if text.startswith("http://")), None)
        if url is None:
            raise SettingError("the embedded simulator did not start")
        reached = replace(settings, butlr_api_url=url, butlr_client_id="demo", butlr_client_secret="demo")  # noqa: S106
        yield reached, True
    finally:
        child.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(5)
        child.kill()
        # Waits for its end, and closes the pipes.
        child.communicate()
