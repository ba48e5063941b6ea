"""Butlr's behaviour, measured on this account: assumptions become verdicts, heat gets its factor."""
