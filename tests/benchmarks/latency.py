"""How long a new job waits until an idle `fsjob worker` has started its command: `python -m tests.benchmarks.latency`.

Prints one JSON line: milliseconds from before `create` to the first instruction of the command (median, p99), and
from after `create`, on a local file system in durability "process" of the maker and "full" of the worker.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fsjob_core import JobStore

JOBS = int(os.environ.get("JOBS", "200"))


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("WHERE")) as folder:
        store = JobStore(f"{folder}/store", durability="process")
        started = Path(folder, "started")
        started.touch()
        worker = subprocess.Popen(
            [sys.executable, "-m", "fsjob_tui.cli", "worker", "-C", store.directory, "--",
             "sh", "-c", f'read -r t < /proc/uptime; date +%s%N >> {started}'],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not store.workers():
                time.sleep(0.05)
            time.sleep(1)
            before, after = [], []
            for number in range(JOBS):
                before.append(time.time_ns())
                store.create(number)
                after.append(time.time_ns())
                while started.read_bytes().count(b"\n") <= number:
                    time.sleep(0.002)
                time.sleep(0.03 + number % 7 * 0.01)
            times = [int(line) for line in started.read_text().split()]
        finally:
            worker.terminate()
            worker.wait()
    from_before = sorted((at - begun) / 1e6 for at, begun in zip(times, before, strict=True))
    from_after = sorted((at - ended) / 1e6 for at, ended in zip(times, after, strict=True))
    print(json.dumps({
        "what": "ms from create to the start of the command, which includes starting sh and date",
        "jobs": JOBS,
        "median": round(statistics.median(from_before), 2),
        "p99": round(from_before[int(len(from_before) * 0.99) - 1], 2),
        "median_after_create": round(statistics.median(from_after), 2),
        "load": round(os.getloadavg()[0], 2),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
