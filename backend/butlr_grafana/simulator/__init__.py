"""A Butlr to run against: an office, the people in it, and an HTTP server that speaks as Butlr does.

`world → people (stays → detections, minutes) → heat map, reports → HTTP`. It shares no code with the rest of
the package, and is written from the vendor's pages and captured answers, so that a test against it tests
both sides. Where nobody knows the vendor's form, it is a choice of `Forms`.

The truth, for a test:

- heat map: `people.detections(floor, start, stop)` has one sighting a person and minute; a cell's value is
  the number of those in it, times `simulator.rate(floor)`. With `Forms(ghost_heat=True)` those of
  `ghosts.ghosts` come on top.
- people: `people.count(floor, "people", start, stop)`, or `people.occupancy` whether or not a sensor sees.
- doors: `people.crossings(floor, start, stop)`. A sensor that `is_entrance` counts the floor's entrance, any
  other its room's door, a mirror with in and out swapped. Calibrated and not yet final (`calibration`), the
  people who are in are one too many for every 40 steps through that door since midnight.
- pushes: a minute of people as above, but the first time it has the number of the minute before; each step
  through a door once a sensor over it.
"""

from .faults import Faults
from .forms import Forms
from .office import default_office
from .people import People
from .server import Simulator

__all__ = ["Faults", "Forms", "People", "Simulator", "default_office"]
