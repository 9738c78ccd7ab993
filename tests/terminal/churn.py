"""A store in which rows come, go and come back all the time, from a process of its own."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from contextlib import suppress

from fsjob_core import JobStore
from fsjob_core.errors import FsJobError

from ..conftest import ROOT

ROWS = 200
"""Jobs that are pending, about."""


def churn(directory: str, rate: float, seed: int) -> None:
    """So many changes a second until standard input ends: made, fulfilled, parked, run again, deleted."""
    store = JobStore(directory, durability="process")
    chance = random.Random(seed)
    pending = [job.id for job in store.create_many({"n": n} for n in range(ROWS))]
    parked: list[str] = []
    over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    print("ready", flush=True)
    began, changes = time.monotonic(), 0
    while not over.is_set():
        ahead = changes / rate - (time.monotonic() - began)
        if ahead > 0:
            over.wait(ahead)
        with suppress(FsJobError, OSError):  # the console was faster
            change(store, chance, pending, parked)
        changes += 1
    print(changes / (time.monotonic() - began), flush=True)


def change(store: JobStore, chance: random.Random, pending: list[str], parked: list[str]) -> None:
    """One change."""
    if len(pending) < ROWS:
        if len(parked) > 40 and chance.random() < 0.3:
            job_id = parked.pop(chance.randrange(len(parked)))
            pending.append(job_id)
            store.requeue(job_id)
        else:
            pending.append(store.create({"n": chance.randrange(1000)}).id)
        return
    job_id = pending.pop(chance.randrange(len(pending)))
    what = chance.random()
    if what < 0.3:
        parked.append(job_id)
        store.park(job_id, "moved about")
    elif what < 0.4:
        store.delete(job_id)
    else:
        store.fulfill(job_id, b"done")


class Churn:
    """The process; `end` gives how many changes a second it made."""

    def __init__(self, directory: str, rate: float = 1000.0, seed: int = 1) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.terminal.churn", directory, str(rate), str(seed)], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert self.process.stdout is not None and self.process.stdout.readline() == "ready\n"

    def end(self) -> float:
        made, _ = self.process.communicate()
        return float(made)


if __name__ == "__main__":
    churn(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
