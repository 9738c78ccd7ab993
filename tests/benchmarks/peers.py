"""fsjob, other queues on files, and the real fs-job-store on Node at the same work: `python -m tests.benchmarks.peers`.

A job is put, taken under a lock, its result kept by its id, acked: on one file system, in turns, in one run. Prints one
JSON line: how many times as long Node's fs-job-store takes as fsjob; microseconds a job of each, and what each does
less. Nothing is synced by any of them that can leave it out. Needs the extra `bench`; Node is left out where it or its
package (tests/node) is not installed. DIR: /dev/shm. JOBS (100) a chunk, CHUNKS (10).
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

    def chunk(self, jobs: int) -> float:
        """Microseconds a job."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{jobs}\n")
        self.process.stdin.flush()
        return float(json.loads(self.process.stdout.readline())["microseconds"])

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


def chunk(contender: Contender, jobs: int) -> float:
    """Microseconds a job, each put and done before the next is put."""
    began = time.perf_counter()
    for _ in range(jobs):
        contender.create()
        contender.work()
    return (time.perf_counter() - began) / jobs * 1e6


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else "/dev/shm") as folder:
        opened = open_all(folder)
        node = Node(folder) if node_is_here() else None
        took: dict[str, list[float]] = {name: [] for name in (*opened, *([NAME] if node else []))}
        try:
            for _ in range(CHUNKS):
                for name, contender in opened.items():
                    took[name].append(chunk(contender, JOBS))
                if node:
                    took[NAME].append(node.chunk(max(JOBS // 10, 1)))
        finally:
            if node:
                node.end()
        ours = took["fsjob"]
        times_ours = {
            name: round(statistics.median(theirs / one for theirs, one in zip(times, ours, strict=True)), 2)
            for name, times in took.items()
        }
        print(json.dumps({
            "ratio": times_ours.get(NAME),
            "what": "create + take + keep a result + ack: fs-job-store on Node, times fsjob",
            "times_fsjob": times_ours,
            "microseconds": {name: round(statistics.median(times), 1) for name, times in took.items()},
            "does_less": LACKS,
            "jobs": JOBS * CHUNKS,
            **machine(folder),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
