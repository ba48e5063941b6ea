"""`make fuzz SECONDS=…`: decoders fed with made-up bodies, other ones each time; 1 where one does not hold.

`python -m tests.fuzz SECONDS [SEED]` begins at a seed that an earlier run has named.
"""

from __future__ import annotations

import faulthandler
import itertools
import random
import resource
import sys
import time
import traceback
from collections import Counter

from tests.fuzz.decoders import TRIALS

HANGS_AFTER_S = 20.0


def main(seconds: float, seed: int) -> int:
    print(f"seed {seed}, for {seconds:g} s", flush=True)
    tried: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    slowest = (0.0, "", 0)
    ends_at = time.monotonic() + seconds
    for number in itertools.count(seed):
        if time.monotonic() >= ends_at:
            break
        for name, trial in TRIALS.items():
            # A body that never ends shows where it hangs, and ends the run.
            faulthandler.dump_traceback_later(HANGS_AFTER_S, exit=True)
            began = time.perf_counter()
            try:
                taken[name] += trial(random.Random(number))
            except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
                traceback.print_exc()
                print(f"\n{name}: seed {number} does not hold", file=sys.stderr)
                return 1
            tried[name] += 1
            slowest = max(slowest, (time.perf_counter() - began, name, number))
    faulthandler.cancel_dump_traceback_later()
    for name in TRIALS:
        print(f"{name:<16} {tried[name]:>8} bodies, {taken[name]:>7} taken, the others refused")
    print(f"slowest: {slowest[0] * 1000:.1f} ms ({slowest[1]}, seed {slowest[2]})")
    print(f"memory at most: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    return 0


if __name__ == "__main__":
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(2**40)
    sys.exit(main(float(sys.argv[1]), seed))
