"""fsjob, other queues on files, and the real fs-job-store on Node at the same work: `python -m tests.benchmarks.peers`.

A job is put, taken under a lock, its result kept by its id, acked: on one file system, in turns, in one run. Prints one
JSON line: how many times as long Node's fs-job-store takes as fsjob; microseconds a job of each, by the wall clock and
of processor time, and what each does less. Nothing is synced by any of them that can leave it out. Needs the extra
`bench`; Node is left out where it or its package (tests/node) is not installed. DIR: /dev/shm. JOBS (100) a chunk,
CHUNKS (10).
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from pathlib import Path

from .contenders import CONTENDERS, LACKS, Contender
from .idle_worker import cpu_seconds
from .machine import machine

JOBS = int(os.environ.get("JOBS", "100"))
CHUNKS = int(os.environ.get("CHUNKS", "10"))
NODE = Path(__file__).parents[1] / "node"
NAME = "fs-job-store on Node"


class Node:
    """fs-job-store 1.2.0 in a Node process that does one chunk a line."""

    def __init__(self, folder: str) -> None:
        for part in ("node-tmp", "node-store"):
            os.mkdir(f"{folder}/{part}")
        self.process = subprocess.Popen(
            ["node", str(NODE / "bench.js"), f"{folder}/node-store"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": f"{folder}/node-tmp"},
        )  # fmt: skip

    def chunk(self, jobs: int) -> tuple[float, float]:
        """Microseconds a job, by the wall clock and of processor time."""
        assert self.process.stdin is not None and self.process.stdout is not None
        before = cpu_seconds(self.process.pid)
        self.process.stdin.write(f"{jobs}\n")
        self.process.stdin.flush()
        took = float(json.loads(self.process.stdout.readline())["microseconds"])
        return took, (cpu_seconds(self.process.pid) - before) / jobs * 1e6

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def node_is_here() -> bool:
    return shutil.which("node") is not None and (NODE / "node_modules" / "fs-job-store").is_dir()


def open_all(folder: str) -> dict[str, Contender]:
    """Each contender that is installed, on a directory of its own."""
    opened: dict[str, Contender] = {}
    for name, make in CONTENDERS.items():
        root = f"{folder}/{name.replace(' ', '-')}"
        os.mkdir(root)
        try:
            with redirect_stdout(sys.stderr):
                opened[name] = make(root)
        except ModuleNotFoundError as missing:
            print(f"{name} is left out: {missing} (pip install -e '.[bench]')", file=sys.stderr)
    return opened


def chunk(contender: Contender, jobs: int) -> tuple[float, float]:
    """Microseconds a job, each put and done before the next is put, by the wall clock and of processor time."""
    began, used = time.perf_counter(), time.process_time()
    for _ in range(jobs):
        contender.create()
        contender.work()
    return (time.perf_counter() - began) / jobs * 1e6, (time.process_time() - used) / jobs * 1e6


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm") as folder:
        opened = open_all(folder)
        node = Node(folder) if node_is_here() else None
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in (*opened, *([NAME] if node else []))}
        try:
            for _ in range(CHUNKS):
                for name, contender in opened.items():
                    took[name].append(chunk(contender, JOBS))
                if node:
                    took[NAME].append(node.chunk(max(JOBS // 10, 1)))
        finally:
            if node:
                node.end()
        ours = [wall for wall, _ in took["fsjob"]]
        times_ours = {
            name: round(statistics.median(wall / one for (wall, _), one in zip(times, ours, strict=True)), 2)
            for name, times in took.items()
        }
        wall = {name: statistics.median(wall for wall, _ in times) for name, times in took.items()}
        used = {name: statistics.median(used for _, used in times) for name, times in took.items()}
        print(json.dumps({
            "ratio": times_ours.get(NAME),
            "what": "create + take + keep a result + ack: fs-job-store on Node, times fsjob",
            "times_fsjob": times_ours,
            "processor_times_fsjob": {name: round(used[name] / used["fsjob"], 2) for name in used},
            "microseconds": {name: round(microseconds, 1) for name, microseconds in wall.items()},
            "processor_microseconds": {name: round(microseconds, 1) for name, microseconds in used.items()},
            "does_less": LACKS,
            "jobs": JOBS * CHUNKS,
            **machine(folder),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
