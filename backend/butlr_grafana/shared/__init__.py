"""What replicas have in common, through a Redis or Valkey that may go away at any time.

`link` (the connection: quick, or not there), `leases` (who does a thing now), `once` (one does it, all get
what came of it), `questions` (of Butlr's parts), `shelf` (Butlr's token), `budget` (the rate, and pauses).
The parts themselves are in `store/shared.py`. Without Redis each of them leaves a replica to itself.
"""
