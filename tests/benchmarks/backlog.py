"""What a pull costs with 1,000 … 1,000,000 jobs pending: `python -m tests.benchmarks.backlog [DIR]`.

Prints one JSON line: how many times as long a pull takes at the largest SIZES as at the smallest, alone and with
PROCESSES (8) at work on one store; microseconds of each, the listing included: it is made once in max(1 s, 50 times
its own cost). With PEERS=1 the other queues, too, as far as they come in reason. Backlogs are made by bare calls, in
the format as it is; but each thousand jobs share one state.json by hard links, which is replaced and never written.
DIR (default: where temporary files live) must have three inodes for each job. JOBS (400) are pulled and done.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fsjob_core import JobStore
from fsjob_core.backlog import KEEP_AT_LEAST, KEEP_TIMES_COST
from fsjob_core.host import REAL
from fsjob_core.record import Ids, JobRecord

from .contenders import CONTENDERS, REQUEST, Contender
from .machine import machine, whole_numbers

SIZES = whole_numbers("SIZES", "1000,10000,100000,1000000")
PROCESSES = int(os.environ.get("PROCESSES", "8"))
JOBS = int(os.environ.get("JOBS", "400"))
PEERS = bool(os.environ.get("PEERS"))
MOST = {"huey file": 10_000, "dirq": 100_000, "persist-queue file": 100_000}
"""Up to where peers are filled: each at its own pace, or slow by then."""
MOST_OF_OTHERS = 100_000
LINKED = 1000


def fill(store: JobStore, count: int, age: float = 0.0) -> None:
    """So many pending jobs, made so many seconds ago."""
    ids, layout = Ids(replace(REAL, time=lambda: time.time() - age)), store.layout
    data = JobRecord("", REQUEST).to_bytes()
    state = ""
    for number in range(count):
        job_id = ids.new()
        job = layout.job(job_id)
        os.mkdir(job)
        if number % LINKED:
            os.link(state, f"{job}/state.json")
        else:
            state = f"{job}/state.json"
            Path(state).write_bytes(data)
        os.symlink(layout.link_text(job_id), layout.pending_link(job_id))


def pull(store: JobStore, count: int) -> tuple[float, float, float]:
    """Microseconds of the first pull, which lists, and the median of so many more; each job is done.

    And the median processor time of a whole job.
    """
    times, whole = [], []
    for _ in range(count + 1):
        began, used = time.perf_counter(), time.process_time()
        work = store.pull_work()
        times.append((time.perf_counter() - began) * 1e6)
        assert work is not None
        work.fulfill(b"6")
        work.release()
        whole.append((time.process_time() - used) * 1e6)
    return times[0], statistics.median(times[1:]), statistics.median(whole[1:])


def amortised(first: float, usual: float) -> float:
    """Microseconds a pull of one who pulls all the time: a share of the time goes into the listing."""
    listing = max(first - usual, 0.0) / 1e6
    return usual * (1 + listing / max(KEEP_AT_LEAST, KEEP_TIMES_COST * listing))


def together(directory: str, count: int) -> tuple[float, float]:
    """The same by several processes at once: medians over them."""
    command = [sys.executable, "-m", "tests.benchmarks.backlog", "--pull", directory, str(count)]
    pullers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(PROCESSES)]
    for puller in pullers:
        assert puller.stdout is not None and puller.stdin is not None
        puller.stdout.readline()  # it is ready
    for puller in pullers:
        puller.stdin.close()  # type: ignore[union-attr]  # go
    found = [json.loads(puller.stdout.read()) for puller in pullers]  # type: ignore[union-attr]
    for puller in pullers:
        puller.wait()
    return statistics.median(one[0] for one in found), statistics.median(one[1] for one in found)


def measure(folder: str, size: int) -> dict[str, float]:
    root = f"{folder}/{size}"
    store = JobStore(root, durability="process")
    fill(store, size)
    first, usual, whole = pull(JobStore(root, durability="process"), JOBS)
    first_of_many, usual_of_many = together(root, JOBS // PROCESSES)
    subprocess.run(["rm", "-rf", root], check=True)
    return {
        "alone": round(amortised(first, usual), 1),
        "together": round(amortised(first_of_many, usual_of_many), 1),
        "listing_ms": round(first / 1000, 1),
        "whole_job_processor": round(amortised(whole + first - usual, whole), 1),
    }


def peer_at(name: str, folder: str, size: int) -> float:
    """Microseconds of processor time of taking and doing one job by another queue; a first one lists where it may."""
    root = f"{folder}/peer"
    os.mkdir(root)
    peer: Contender = CONTENDERS[name](root)
    for _ in range(size):
        peer.create()
    times = []
    for _ in range(min(JOBS, 50)):
        used = time.process_time()
        peer.work()
        times.append((time.process_time() - used) * 1e6)
    subprocess.run(["rm", "-rf", root], check=True)
    return round(statistics.median(times[1:]), 1)


def peers(folder: str) -> dict[str, dict[int, float]]:
    names = [name for name in CONTENDERS if name != "fsjob"]
    sizes = {name: [size for size in SIZES if size <= MOST.get(name, MOST_OF_OTHERS)] for name in names}
    return {name: {size: peer_at(name, folder, size) for size in sizes[name]} for name in names}


def main(arguments: Sequence[str]) -> None:
    if arguments[:1] == ["--pull"]:
        store = JobStore(arguments[1], durability="process")
        print("ready", flush=True)
        sys.stdin.read()
        print(json.dumps(pull(store, int(arguments[2]))))
        return
    with tempfile.TemporaryDirectory(dir=arguments[0] if arguments else None) as folder:
        ours = {size: measure(folder, size) for size in SIZES}
        least, most = ours[SIZES[0]], ours[SIZES[-1]]
        line: dict[str, Any] = {
            "ratio": round(most["alone"] / least["alone"], 2),
            "what": f"a pull with {SIZES[-1]:,} pending, times one with {SIZES[0]:,}",
            "ratio_together": round(most["together"] / least["together"], 2),
            "processes": PROCESSES,
            "microseconds": ours,
        }
        if PEERS:
            line["peers_processor_microseconds"] = peers(folder)
        print(json.dumps({**line, **machine(folder)}))


if __name__ == "__main__":
    main(sys.argv[1:])
