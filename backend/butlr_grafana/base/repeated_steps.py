"""Background work in steps, until the process ends."""

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
    """Runs `step` again and again until `ending` is set. The first step runs after `first_s` seconds. Each
    step returns the seconds until the next one.

    An exception in a step is a bug: it is logged with `message`, and the next step runs after `after_bug_s`
    seconds.
    """
    wait_s = first_s
    while not ending.wait(wait_s):
        try:
            wait_s = step()
        except Exception:  # a bug must not end what comes after it
            log.exception(message)
            wait_s = after_bug_s
