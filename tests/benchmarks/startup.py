"""How soon `fsjob ls` answers on a small store: `python -m tests.benchmarks.startup [DIR]`.

Prints one JSON line: processor time of `fsjob ls`, times that of an interpreter that does nothing, in turns in one run;
milliseconds of wall clock and of processor time (median, least); and which packages take how long to import. RUNS (20).
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter

from fsjob_core import JobStore

from .machine import machine

RUNS = int(os.environ.get("RUNS", "20"))
JOBS = 20


def run(command: list[str]) -> tuple[float, float]:
    """Milliseconds of wall clock and of processor time."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    took, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return took * 1000, used * 1000


def imports(command: list[str]) -> dict[str, float]:
    """Milliseconds that the modules of each package take to import, the dearest first."""
    traced = [command[0], "-X", "importtime", *command[1:]]
    lines = subprocess.run(traced, check=True, capture_output=True, text=True).stderr.splitlines()
    packages: Counter[str] = Counter()
    for line in lines:
        own, _, name = line.removeprefix("import time:").split("|")
        if own.strip().isdecimal():
            packages[name.strip().partition(".")[0]] += int(own)
    return {name: round(microseconds / 1000, 1) for name, microseconds in packages.most_common(8)}


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as folder:
        store = JobStore(f"{folder}/store", durability="process")
        for number in range(JOBS):
            store.create(number)
        commands = {
            "fsjob ls": [sys.executable, "-m", "fsjob_tui.cli", "ls", "-C", store.directory],
            "python": [sys.executable, "-c", "pass"],
        }
        for command in commands.values():
            run(command)
        took: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(RUNS):
            for name, command in commands.items():
                took[name].append(run(command))
        used = {name: [used for _, used in runs] for name, runs in took.items()}
        print(json.dumps({
            "ratio": round(statistics.median(used["fsjob ls"]) / statistics.median(used["python"]), 2),
            "what": "fsjob ls on a small store, times an interpreter that does nothing (processor time)",
            "wall_ms": {name: round(statistics.median(wall for wall, _ in runs), 1) for name, runs in took.items()},
            "least_wall_ms": {name: round(min(wall for wall, _ in runs), 1) for name, runs in took.items()},
            "processor_ms": {name: round(statistics.median(times), 1) for name, times in used.items()},
            "imports_ms": imports(commands["fsjob ls"]),
            "runs": RUNS,
            **machine(folder),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
