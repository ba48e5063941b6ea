"""When zones were hot, written down as alert rules see it: nothing is reckoned anew from months of calls.

`record` (what one look changes; pure), `book` (where it is kept).
"""
