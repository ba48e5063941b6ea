"""The full rectangle behind a sparse grid."""

from __future__ import annotations

import numpy as np

from butlr_grafana.model.chunk import Floats, Grid
from butlr_grafana.model.geometry import Lattice


def dense(grid: Grid) -> tuple[Floats, Floats, Floats]:
    """Centres x[nx], y[ny] in metres, and values[nx, ny] with NaN for an empty cell.

    It covers the bounds that Butlr names and every cell.
    """
    lattice = Lattice.around(grid)
    return *lattice.centres(), lattice.laid_out(grid, np.nan)
