"""What Butlr pushes: its webhook events, the newest minutes of each room, zone and floor, and movements.

`events` (an event's JSON → a value, or why not), `minutes` (the store: bounded, the last to arrive wins),
`ring` (the last minutes of one series), `movements` (people through doors, each event once), `silence` (when
nothing was received), `roster` (what is ours), `refill` (asks for what a silence left out, once),
`agreement` and `sampling` (pushed against reported minutes: what events stand for), `chunks` (pushed minutes
in place of a call).

Nothing here does I/O or reads a clock: times come in as values. Nothing pushed is history: what reporting
says of a settled minute replaces it.
"""
