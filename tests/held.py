"""A Butlr that answers when the test says so, rather than after so many seconds."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from butlr_grafana.simulator import Simulator
from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.support import HANG_S, until


@contextlib.contextmanager
def held(
    simulator: Simulator, path: str, until_it: Callable[[], bool] | None = None, *, free: int = 0
) -> Iterator[threading.Event]:
    """Calls to `path` wait until what `until_it` asks for has happened; the first `free` do not wait.

    Yields the event that lets them go on, for a test that knows itself when it is time; the end of the block
    sets it too. Fails where what was asked for has not happened by then.
    """
    opened, met, numbers = threading.Event(), threading.Event(), itertools.count()
    endpoints = simulator._endpoints if path in simulator._endpoints else simulator._own_endpoints
    before = endpoints[path]

    def respond(endpoint: Endpoint, request: Request) -> Result:
        if next(numbers) >= free:
            opened.wait(HANG_S)
        return endpoint(request)

    def has_happened() -> bool:
        if until_it is not None and until_it():
            met.set()
            opened.set()
        return opened.is_set()

    endpoints[path] = {method: partial(respond, endpoint) for method, endpoint in before.items()}
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(until, has_happened)
        try:
            yield opened
        finally:
            opened.set()
            endpoints[path] = before
        watching.result()
    assert until_it is None or met.is_set(), (
        f"calls to {path} were held, and what they waited for did not come"
    )
