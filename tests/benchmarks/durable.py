"""What durable creates cost against the disk's own sync: `python -m tests.benchmarks.durable [DIR]`.

Prints one JSON line: how many times as long one create takes as one write and fsync of a file of its size, and the
same for each job of a batch (`create_many`), in turns in one run; medians, in microseconds. DIR must be on a disk
(default: where temporary files live). ROUNDS (30), BATCH (256) jobs a batch.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

from fsjob_core import JobStore

from .contenders import REQUEST
from .machine import machine

ROUNDS = int(os.environ.get("ROUNDS", "30"))
BATCH = int(os.environ.get("BATCH", "256"))


def timed(call: Callable[[], object]) -> float:
    """Microseconds."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e6


def one_sync(folder: str, number: int) -> None:
    fd = os.open(f"{folder}/{number}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    os.write(fd, b"x" * 66)
    os.fsync(fd)
    os.close(fd)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        store = JobStore(f"{folder}/store")
        store.create(REQUEST)
        took: dict[str, list[float]] = {"one fsync": [], "create": [], "create in a batch": []}
        for number in range(ROUNDS):
            took["one fsync"].append(timed(partial(one_sync, folder, number)))
            took["create"].append(timed(lambda: store.create(REQUEST)))
            if number % 10 == 0:
                batch = timed(lambda: list(store.create_many(REQUEST for _ in range(BATCH))))
                took["create in a batch"].append(batch / BATCH)
        usual = {name: statistics.median(times) for name, times in took.items()}
        print(json.dumps({
            "ratio": round(usual["create"] / usual["one fsync"], 2),
            "what": "a durable create, times one fsync of a file of its size",
            "in_a_batch": round(usual["create in a batch"] / usual["one fsync"], 2),
            "microseconds": {name: round(microseconds) for name, microseconds in usual.items()},
            "batch": BATCH,
            **machine(folder),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
