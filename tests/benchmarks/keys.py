"""How long a key takes to show on the screen while rows come and go: `python -m tests.benchmarks.keys`.

Prints one JSON line: milliseconds from the write of a key into the pty to the first bytes of the moved cursor, in a
store at rest and in one with RATE changes a second (median, p99).
"""

from __future__ import annotations

import json
import os
import random
import select
import statistics
import tempfile
import time

from fsjob_core import JobStore

from ..terminal.churn import Churn
from ..terminal.terminal import Terminal

KEYS = int(os.environ.get("KEYS", "200"))
RATE = float(os.environ.get("RATE", "1000"))
CURSOR = "▸".encode()


def measure(console: Terminal) -> list[float]:
    """Milliseconds of each key, in order of size."""
    chance, took = random.Random(1), []
    for number in range(KEYS):
        until = time.monotonic() + 0.05 + 0.2 * chance.random()
        while (left := until - time.monotonic()) > 0:  # what the store does is read away; keys come at any moment
            if select.select([console.master], [], [], left)[0]:
                os.read(console.master, 1 << 16)
        began = time.perf_counter()
        os.write(console.master, b"jjk"[number % 3 : number % 3 + 1])
        got = b""
        while CURSOR not in got:
            got = got[-3:] + os.read(console.master, 1 << 16)
        took.append((time.perf_counter() - began) * 1000)
    return sorted(took)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("WHERE")) as folder:
        store = JobStore(f"{folder}/store", durability="process")
        for _ in store.create_many({"n": n} for n in range(300)):
            pass
        console = Terminal("console", store.directory)
        try:
            console.until("▸")
            at_rest = measure(console)
            churn = Churn(store.directory, RATE)
            moving = measure(console)
            rate = churn.end()
        finally:
            console.end()
    print(json.dumps({
        "what": "ms from a key to the moved cursor, in a pty of 80x24",
        "changes_a_second": round(rate),
        "keys": KEYS,
        "median": round(statistics.median(moving), 1),
        "p99": round(moving[int(KEYS * 0.99) - 1], 1),
        "median_at_rest": round(statistics.median(at_rest), 1),
        "p99_at_rest": round(at_rest[int(KEYS * 0.99) - 1], 1),
        "load": round(os.getloadavg()[0], 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
