"""How 1, 2, 4 and 8 processes on one store scale, against the bare calls: `python -m tests.benchmarks.scaling [DIR]`.

Each process creates, pulls, fulfills and releases jobs one after the other; for the bare calls each works on its own.
Prints one JSON line: the least, over the numbers of processes, of how much more the store does than with one process
as a share of how much more the bare calls do, in one run; the same of processor time a job, which others at work on the
machine leave alone; jobs a second and microseconds of processor time of each. DIR: /dev/shm. JOBS (400) a process and
round, ROUNDS (5), PROCESSES (1,2,4,8).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

from .bare import Bare
from .contenders import Contender, Fsjob
from .machine import machine, whole_numbers

JOBS = int(os.environ.get("JOBS", "400"))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
PROCESSES = whole_numbers("PROCESSES", "1,2,4,8")


def open_one(kind: str, root: str, number: int) -> Contender:
    return Fsjob(root) if kind == "fsjob" else Bare(root, False, number=number)


def rate(kind: str, root: str, processes: int) -> tuple[float, float]:
    """Jobs a second of so many processes, and microseconds of processor time a job."""
    command = [sys.executable, "-m", "tests.benchmarks.scaling", "--one", kind, root]
    workers = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(processes)
    ]
    for worker in workers:
        assert worker.stdout is not None and worker.stdin is not None
        worker.stdout.readline()  # it is ready
    began = time.perf_counter()
    for worker in workers:
        worker.stdin.close()  # type: ignore[union-attr]  # go
    used = [worker.stdout.read() for worker in workers]  # type: ignore[union-attr]
    took = time.perf_counter() - began
    if any(worker.wait() for worker in workers):
        raise RuntimeError(f"a process of {kind} failed")
    return processes * JOBS / took, sum(map(float, used)) / (processes * JOBS) * 1e6


def work(kind: str, root: str, number: int) -> None:
    contender = open_one(kind, root, number)
    contender.create()
    contender.work()
    print("ready", flush=True)
    sys.stdin.read()
    began = time.process_time()
    for _ in range(JOBS):
        contender.create()
        contender.work()
    while isinstance(contender, Fsjob) and contender.work():  # what others left, and others' work that was taken
        continue
    print(time.process_time() - began, flush=True)


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        work(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        os._exit(0)  # not counted: an interpreter that winds up
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm") as folder:
        found: dict[tuple[str, int], list[tuple[float, float]]] = {
            (kind, count): [] for count in PROCESSES for kind in ("fsjob", "bare")
        }
        for turn in range(ROUNDS):
            for (kind, count), rates in found.items():
                rates.append(rate(kind, f"{folder}/{kind}-{turn}-{count}", count))
        usual, used = {}, {}
        for kind in ("fsjob", "bare"):
            usual[kind] = {count: statistics.median(jobs for jobs, _ in found[kind, count]) for count in PROCESSES}
            used[kind] = {count: min(cpu for _, cpu in found[kind, count]) for count in PROCESSES}
        first = PROCESSES[0]
        gain = {kind: {count: jobs[count] / jobs[first] for count in PROCESSES} for kind, jobs in usual.items()}
        cost = {kind: {count: cpu[count] / cpu[first] for count in PROCESSES} for kind, cpu in used.items()}
        shares = {count: round(gain["fsjob"][count] / gain["bare"][count], 2) for count in PROCESSES}
        print(json.dumps({
            "ratio": min(shares.values()),
            "what": "gain of more processes on one store, as a share of the bare calls' gain; the least",
            "shares": shares,
            "shares_of_processor_time": {n: round(cost["bare"][n] / cost["fsjob"][n], 2) for n in PROCESSES},
            "jobs_a_second": {kind: {n: round(jobs[n]) for n in PROCESSES} for kind, jobs in usual.items()},
            "processor_microseconds": {kind: {n: round(cpu[n]) for n in PROCESSES} for kind, cpu in used.items()},
            **machine(folder),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
