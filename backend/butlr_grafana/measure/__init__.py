"""What Butlr really does, measured on an account: assumptions become verdicts, heat gets its factor."""
