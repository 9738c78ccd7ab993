"""A Python process on a store that says what it does in JSON lines: the counterpart of the Node driver."""

from __future__ import annotations

import json
import os
import random
import sys
import time

from fsjob_core import FsJobError, JobStore
from fsjob_core.work import WorkLease


def say(**what: object) -> None:
    os.write(1, f"{json.dumps(what)}\n".encode())


def told(lease: WorkLease) -> None:
    say(compromised=lease.id)


def work(store: JobStore) -> None:
    while True:
        lease = store.pull_work()
        if lease is None:
            time.sleep(0.1)
            continue
        say(pulled=lease.id, recovered=lease.recovered)
        lease.oncompromised = told
        time.sleep(random.random() * 0.02)
        error = None
        try:
            lease.fulfill(f"python:{lease.id}")
        except FsJobError as failure:
            error = type(failure).__name__
        say(fulfilled=lease.id, error=error)
        lease.release()


def hold(store: JobStore) -> None:
    """Pull one job as soon as there is one, keep it, and do with it what standard input says."""
    while (lease := store.pull_work()) is None:
        time.sleep(0.1)
    lease.oncompromised = told
    say(pulled=lease.id, recovered=lease.recovered)
    for line in sys.stdin:
        order, _, argument = line.strip().partition(" ")
        error = None
        try:
            if order == "fulfill":
                lease.fulfill(argument)
            elif order == "release":
                lease.release()
        except FsJobError as failure:
            error = type(failure).__name__
        say(**{order: lease.id}, error=error, foreign_beats=lease._lease.foreign_beats)


if __name__ == "__main__":
    {"work": work, "hold": hold}[sys.argv[1]](JobStore(sys.argv[2], durability="process"))
