"""One job's life, create + pull + fulfill + release, against bare calls: `python -m tests.benchmarks.lifecycle [DIR]`.

Prints one JSON line: how many times as long the store takes as the layout's own steps made by bare `os` calls, and as
the whole protocol (locks with owners, proofs, fence, guard) made by naked calls; microseconds a job of each. The three
take turns in chunks on one file system, so that what else the machine does falls on all; ratios are medians over the
chunks. DIR: /dev/shm. JOBS (200) a chunk, CHUNKS (30), DURABILITY ("process"; "full" syncs in all three).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable

from .bare import Bare, Naked
from .contenders import Fsjob
from .machine import machine

JOBS = int(os.environ.get("JOBS", "200"))
CHUNKS = int(os.environ.get("CHUNKS", "30"))
DURABILITY = os.environ.get("DURABILITY", "process")

def one_by_one(contender: Fsjob | Bare) -> float:
    """Microseconds a job, each made and worked off before the next is made."""
    began = time.perf_counter()
    for _ in range(JOBS):
        contender.create()
        contender.work()
    return (time.perf_counter() - began) / JOBS * 1e6


def all_at_once(contender: Fsjob | Bare) -> float:
    """Microseconds a job, a whole chunk made before it is worked off."""
    began = time.perf_counter()
    for _ in range(JOBS):
        contender.create()
    for _ in range(JOBS):
        contender.work()
    return (time.perf_counter() - began) / JOBS * 1e6


def play(contenders: dict[str, Fsjob | Bare], chunk: Callable[[Fsjob | Bare], float]) -> dict[str, object]:
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(CHUNKS):
        for name in (*contenders, *contenders)[turn % 3 : turn % 3 + 3]:
            took[name].append(chunk(contenders[name]))
    against = {name: [ours / theirs for ours, theirs in zip(took["fsjob"], took[name], strict=True)] for name in took}
    return {
        "to_bare": round(statistics.median(against["bare"]), 3),
        "to_naked_protocol": round(statistics.median(against["naked"]), 3),
        "microseconds": {name: round(statistics.median(times), 1) for name, times in took.items()},
    }


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm") as folder:
        durable = DURABILITY == "full"
        contenders: dict[str, Fsjob | Bare] = {
            "fsjob": Fsjob(f"{folder}/store", DURABILITY),
            "bare": Bare(f"{folder}/bare", durable),
            "naked": Naked(f"{folder}/naked", durable),
        }
        single, many = play(contenders, one_by_one), play(contenders, all_at_once)
        print(json.dumps({
            "ratio": single["to_bare"],
            "what": "create + pull + fulfill + release, times the layout's own steps as bare calls",
            "one_by_one": single,
            "all_at_once": many,
            "durability": DURABILITY,
            "jobs": JOBS * CHUNKS,
            **machine(folder),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
