"""A Butlr to run against: an office, the people in it, and an HTTP server that speaks as Butlr does.

`world → people (stays → detections, minutes) → heat map, reports → HTTP`. It shares no code with the rest of
the package, so that a test against it tests both sides.
"""

from .faults import Faults
from .forms import Forms
from .office import default_office
from .people import People
from .server import Simulator

__all__ = ["Faults", "Forms", "People", "Simulator", "default_office"]
