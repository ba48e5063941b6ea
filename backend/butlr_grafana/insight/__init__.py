"""What the cells say of rooms, zones and hot areas, and of one period against another. Pure; no question
of a reader is answered with a number where Butlr has none.
"""
