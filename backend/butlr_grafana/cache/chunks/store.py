"""Where chunks are stored: one small interface, one module per tier.

`memory` (for seconds if a chunk still changes; limited by bytes), `disk` (survives a restart),
`replicas.chunk_store` (Redis, for all replicas), `tiers` (several as one, fastest first), `codec` (a chunk as
bytes and back), `sqlite_file` (a file whose loss does no harm).
"""

from __future__ import annotations

import math
from typing import Protocol

from butlr_grafana.model.chunk import Chunk, Segment, Subject
from butlr_grafana.model.time import Period


class Store(Protocol):
    """Chunks by floor, subject and period. Thread-safe; no method raises for a fault of the storage: what
    cannot be read counts as missing; what cannot be written is counted and logged by the store itself.
    """

    def get(self, segment: Segment, since: float = -math.inf) -> Chunk | None:
        """The chunk of exactly this period, if it is stored: a settled one, otherwise one that was requested
        at `since` of this process' stopwatch or later, otherwise the newest.
        """
        ...

    def put(self, segment: Segment, chunk: Chunk) -> None:
        """Stores a chunk; one that is not settled replaces an older one of the same start."""
        ...

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        """The periods of all stored chunks that lie in `period`, settled or not, in no order."""
        ...

    def close(self) -> None:
        """Closes files and connections; may be called again, and a later call opens them again."""
        ...
