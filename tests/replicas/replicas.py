"""Several backends on one simulator and one Redis."""

from __future__ import annotations

from typing import Any

from butlr_grafana.simulator import Simulator
from tests.butlr.wire import FakeTime
from tests.faults.trial import NOON, Trial
from tests.redis_server import RedisServer
from tests.support import DETECTIONS, LOGIN, PEOPLE, at, floors_are_loaded


class Replica(Trial):
    """One of them; it has its own memory, and perhaps a disk."""

    def __init__(self, office: Office, **settings: Any) -> None:
        self.office = office
        self.simulator = office.simulator
        self.time = office.time
        self.shift_s = 0.0
        self._settings = {"cache_url": office.redis.url, **settings}
        self.restart()

    @property
    def now_s(self) -> float:  # type: ignore[override]
        return self.office.now_s

    @property
    def stopwatch_s(self) -> float:  # type: ignore[override]
        return self.office.now_s

    def clocks(self) -> dict[str, Any]:
        hurried = super().clocks()
        return hurried if self.office.hurried else {k: v for k, v in hurried.items() if k != "pace"}

    def passes(self, seconds: float) -> None:
        self.office.passes(seconds)

    def close(self) -> None:
        self.application.close()

    @property
    def redis(self) -> Any:
        assert self.application.redis is not None
        return self.application.redis

    def is_linked(self) -> bool:
        return bool(self.redis._there)


class Office:
    """`hurried`: pauses and rests pass at once; Redis' own time never does."""

    def __init__(self, redis: RedisServer, now: str = NOON, *, hurried: bool = False) -> None:
        self.redis = redis
        self.now_s: float = at(now)
        self.time = FakeTime()
        self.hurried = hurried
        self.simulator = Simulator(PEOPLE, clock=lambda: self.now_s)
        self.simulator.token_lifetime_s = 1e9
        self.simulator.start()
        self.replicas: list[Replica] = []

    def replica(self, **settings: Any) -> Replica:
        self.replicas.append(Replica(self, **settings))
        return self.replicas[-1]

    def two(self, **settings: Any) -> tuple[Replica, Replica]:
        return self.replica(**settings), self.replica(**settings)

    def passes(self, seconds: float) -> None:
        """For all of them, for the parts in Redis, and for the failures that it remembers."""
        # A call under way would see two times at once.
        floors_are_loaded()
        self.now_s += seconds
        self.time.now_s += seconds
        self.redis.forget("failed:*")
        self.redis.passes(seconds, "part:*")

    @property
    def calls(self) -> int:
        return self.simulator.count(DETECTIONS)

    @property
    def logins(self) -> int:
        return self.simulator.count(LOGIN)

    def close(self) -> None:
        for replica in self.replicas:
            replica.close()
        self.simulator.stop()
