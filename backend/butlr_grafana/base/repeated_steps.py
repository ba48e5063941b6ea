"""Work in the background that goes on in steps until the process ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable


def repeat_steps(
    step: Callable[[], float],
    ending: threading.Event,
    *,
    first_s: float,
    after_bug_s: float,
    log: logging.Logger,
    message: str,
) -> None:
    """Takes steps until `ending`: the first after `first_s`, each other one after the seconds that the step
    before has returned. A step that raises is a bug: it is logged with `message`, and `after_bug_s` later the
    next one is taken.
    """
    wait_s = first_s
    while not ending.wait(wait_s):
        try:
            wait_s = step()
        except Exception:  # a bug must not end what comes after it
            log.exception(message)
            wait_s = after_bug_s
