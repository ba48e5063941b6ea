"""What Butlr pushes: its webhook events, the newest minutes of each room, zone and floor, and movements.

`events` (an event's JSON → a value, or the reason against it), `minutes` (the store: bounded, the last value
to arrive wins), `ring` (the last minutes of one series), `movements` (people through doors, each event once),
`silence` (when nothing was received), `roster` (the floors and sensors that are ours), `refill` (fetches what
a silence left out, once), `agreement` and `sampling` (pushed and reported minutes compared), `chunks` (pushed
minutes instead of a call).

No I/O and no clock here: times are arguments. Pushed values are not history: the reported value of a settled
minute replaces them.
"""
