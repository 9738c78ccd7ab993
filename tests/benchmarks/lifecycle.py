"""One job's life, create + pull + fulfill + release, against bare calls: `python -m tests.benchmarks.lifecycle [DIR]`.

Prints one JSON line: how many times as long the store takes as the layout's own steps made by bare `os` calls, and as
the whole protocol (locks with owners, proofs, fence, guard) made by naked calls; microseconds a job of each, by the
wall clock and by processor time, which others at work on the machine leave alone. The three take turns in chunks on
one file system, so that what else the machine does falls on all; ratios are medians over the chunks, that of processor
time is of the least. DIR: /dev/shm. JOBS (200) a chunk, CHUNKS (30), DURABILITY ("process"; "full" syncs in all three).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from .bare import Bare, Naked
from .contenders import Contender, Fsjob
from .machine import machine

JOBS = int(os.environ.get("JOBS", "200"))
CHUNKS = int(os.environ.get("CHUNKS", "30"))
DURABILITY = os.environ.get("DURABILITY", "process")

def one_by_one(contender: Contender) -> None:
    """Each job made and worked off before the next is made."""
    for _ in range(JOBS):
        contender.create()
        contender.work()


def all_at_once(contender: Contender) -> None:
    """A whole chunk made before it is worked off."""
    for _ in range(JOBS):
        contender.create()
    for _ in range(JOBS):
        contender.work()


def timed(chunk: Callable[[Contender], None], contender: Contender) -> tuple[float, float]:
    """Microseconds a job, by the wall clock and of processor time."""
    began, used = time.perf_counter(), time.process_time()
    chunk(contender)
    return (time.perf_counter() - began) / JOBS * 1e6, (time.process_time() - used) / JOBS * 1e6


def play(contenders: dict[str, Contender], chunk: Callable[[Contender], None]) -> dict[str, Any]:
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    used: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(CHUNKS):
        for name in (*contenders, *contenders)[turn % 3 : turn % 3 + 3]:
            for times, took in zip((wall, used), timed(chunk, contenders[name]), strict=True):
                times[name].append(took)
    against = {name: [ours / theirs for ours, theirs in zip(wall["fsjob"], wall[name], strict=True)] for name in wall}
    least = {name: min(times) for name, times in used.items()}
    return {
        "to_bare": round(statistics.median(against["bare"]), 3),
        "to_naked_protocol": round(statistics.median(against["naked"]), 3),
        "microseconds": {name: round(statistics.median(times), 1) for name, times in wall.items()},
        "processor_to_bare": round(least["fsjob"] / least["bare"], 3),
        "processor_to_naked_protocol": round(least["fsjob"] / least["naked"], 3),
        "processor_microseconds": {name: round(microseconds, 1) for name, microseconds in least.items()},
    }


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm") as folder:
        durable = DURABILITY == "full"
        contenders: dict[str, Contender] = {
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
