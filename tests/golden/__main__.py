"""`make golden`: writes the golden files anew and tells what has changed. Never part of a test."""

from __future__ import annotations

import json
import logging

from tests.golden.cases import CASES
from tests.golden.taken import FILES, RESPONSES, differences, stored_heads, stored_response, take


def main() -> None:
    logging.disable(logging.CRITICAL)  # the worlds' own troubles are part of the cases
    FILES.mkdir(exist_ok=True)
    before, heads, changed = stored_heads(), {}, 0
    for case in CASES:
        golden, now = stored_response(case, before), take(case)
        reported = ["new"] if golden is None else differences(case, golden, now)
        # A picture that differs by less than the tolerance stays, so that a commit shows no noise.
        if reported:
            changed += 1
            print(case, *reported, sep="\n    ", flush=True)
            (FILES / case.file_name).write_bytes(now.body)
        heads[case.file_name] = now.head
    for path in sorted(FILES.iterdir()):
        if path.name not in (*heads, RESPONSES):
            changed += 1
            print(path.name, "removed: no case has it", sep="\n    ")
            path.unlink()
    # A line each, so that a diff names the files whose response changed.
    lines = (f"{json.dumps(name)}: {json.dumps(head, ensure_ascii=False)}" for name, head in heads.items())
    (FILES / RESPONSES).write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    print(f"{len(heads)} golden answers, {changed} changed")


if __name__ == "__main__":
    main()
