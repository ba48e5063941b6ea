"""What Butlr really does, measured on an account: each open question about its API becomes a finding.

`asking` (calls: few, paced, reading), `scene` (which floor and hour), `steps` (the questions), `heat`,
`windows`, `people`, `account` (answers → findings: pure functions), `finding`, `run` (the order, and what is
written into the book), `report` (what a maintainer may see).
"""
