"""Sends events to the subscriptions of their type. If a push fails, it is repeated."""

from __future__ import annotations

import base64
import http.client
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import orjson

from .faults import Faults
from .forms import Forms
from .minutes import MINUTE_S
from .people import People
from .pushes import Event, events
from .webhooks import Subscription, Subscriptions

RETRIES_AFTER_S = (1.0, 3.0, 6.0)
"""Three more tries within ten seconds; then an event is dropped."""

LONGEST_BACK_S = 600.0
"""Who has just subscribed, and a clock that has jumped, get no more than the last minutes."""

POLL_S = 1.0


@dataclass(order=True)
class _Due:
    """An event to be sent at `at_s`, for the nth time."""

    at_s: float
    number: int
    event: Event = field(compare=False)
    tries: int = field(default=0, compare=False)


class Pusher:
    """`push` sends the events that are due by the clock. After `start`, a thread does so every second."""

    def __init__(
        self,
        people: People,
        subscriptions: Subscriptions,
        faults: Faults,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._people = people
        self._subscriptions = subscriptions
        self._faults = faults
        self._clock = clock
        self._until_s: float | None = None
        self._due: deque[_Due] = deque()
        self._number = 0
        self._counted = dict.fromkeys(("push_drop", "push_repeat", "push_late"), 0)
        self._connections: dict[str, http.client.HTTPConnection] = {}
        self._pushing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.sent = 0
        """How many requests there were."""

    def start(self, forms: Callable[[], Forms]) -> None:
        """Pushes until `stop`. A new subscription gets the last minute at once."""

        def run() -> None:
            while not self._stopping.is_set():
                if self._subscriptions.all():
                    self.push(forms())
                else:
                    self._until_s = self._clock() - MINUTE_S
                self._stopping.wait(POLL_S)

        self._thread = threading.Thread(target=run, name="pushes", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread and the connections."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(5)
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def push(self, forms: Forms) -> int:
        """Sends the events that are due. Returns how many were accepted with a 2xx."""
        with self._pushing:
            now_s = self._clock()
            since_s = max(now_s - LONGEST_BACK_S, now_s if self._until_s is None else self._until_s)
            self._until_s = now_s
            if self._subscriptions.all():
                for event in events(self._people, forms, since_s, now_s):
                    self._put(event, now_s)
            return sum(self._send(one, now_s) for one in self._taken(now_s))

    def _put(self, event: Event, now_s: float) -> None:
        if self._subscriptions.to(event["type"]) is None or self._is_faulty("push_drop"):
            return
        late_s = self._faults.push_late_s if self._is_faulty("push_late") else 0.0
        for _ in range(2 if self._is_faulty("push_repeat") else 1):
            self._number += 1
            self._due.append(_Due(now_s + late_s, self._number, event))

    def _is_faulty(self, fault: str) -> bool:
        rate: float = getattr(self._faults, fault)
        self._counted[fault] += 1
        seen = self._counted[fault]
        # The small number keeps 0.1 * 30 from falling short of 3.
        return int(seen * rate + 1e-9) > int((seen - 1) * rate + 1e-9)

    def _taken(self, now_s: float) -> list[_Due]:
        due = sorted(one for one in self._due if one.at_s <= now_s)
        self._due = deque(one for one in self._due if one.at_s > now_s)
        if self._faults.push_reorder:
            # Another order, the same at every run: first those in odd places, backwards, then the others.
            due = [*due[1::2][::-1], *due[::2]]
        return due

    def _send(self, one: _Due, now_s: float) -> bool:
        subscription = self._subscriptions.to(one.event["type"])
        if subscription is None:
            return False
        self.sent += 1
        if self._deliver(subscription, orjson.dumps(one.event)):
            return True
        if one.tries < len(RETRIES_AFTER_S):
            one.at_s, one.tries = now_s + RETRIES_AFTER_S[one.tries], one.tries + 1
            self._due.append(one)
        return False

    def _deliver(self, to: Subscription, body: bytes) -> bool:
        where = urlsplit(to.url)
        for fresh in (False, True):
            connection = self._connection(where, to.timeout_s, fresh=fresh)
            try:
                connection.request("POST", where.path or "/", body, headers=_headers(to))
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                # One that was kept may have been closed meanwhile.
                connection.close()
                continue
            return 200 <= response.status < 300
        return False

    def _connection(self, where: SplitResult, timeout_s: float, *, fresh: bool) -> http.client.HTTPConnection:
        if fresh or where.netloc not in self._connections:
            kind = http.client.HTTPSConnection if where.scheme == "https" else http.client.HTTPConnection
            self._connections[where.netloc] = kind(where.netloc, timeout=timeout_s)
        return self._connections[where.netloc]


def _headers(to: Subscription) -> dict[str, str]:
    headers = {"Content-Type": "application/json", **dict(to.headers)}
    if to.username is not None:
        pair = f"{to.username}:{to.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    return headers
