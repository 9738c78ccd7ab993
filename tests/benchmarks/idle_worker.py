"""What an idle `fsjob worker` costs: `python -m tests.benchmarks.idle_worker`.

Prints one JSON line: per cent of a core with an empty store over SECONDS_EACH (30), and with WAITING (100,000) jobs
that wait for their next try over four times as long, so that it lists them again; and how soon a new job starts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fsjob_core import JobStore

SECONDS = float(os.environ.get("SECONDS_EACH", "30"))
WAITING = int(os.environ.get("WAITING", "100000"))
TICKS = os.sysconf("SC_CLK_TCK")


def make_waiting(store: JobStore, count: int) -> None:
    """Jobs that are not due for a day, written as the format has them: so many commits would take minutes."""
    due = time.time() + 86_400
    for number in range(count):
        job_id = f"waiting-{number:06}"
        os.mkdir(store.layout.job(job_id))
        record = {"version": 0, "state": 1, "waiting": [], "request": number,
                  "fsjob": {"attempts": 1, "not_before": due, "last_error": "exit 1"}}  # fmt: skip
        Path(store.layout.state(job_id)).write_text(json.dumps(record))
        os.symlink(store.layout.link_text(job_id), store.layout.pending_link(job_id))


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(store: JobStore, seconds: float) -> dict[str, float]:
    worker = subprocess.Popen(
        [sys.executable, "-m", "fsjob_tui.cli", "worker", "-C", store.directory, "--", "true"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        while not store.workers():
            time.sleep(0.05)
        _settle(worker.pid)
        before, began = cpu_seconds(worker.pid), time.monotonic()
        time.sleep(seconds)
        used = (cpu_seconds(worker.pid) - before) / (time.monotonic() - began)
        at = time.monotonic()
        store.create("new")
        assert worker.stderr is not None
        worker.stderr.readline()
        return {"percent_of_a_core": round(used * 100, 3), "new_job_ms": round((time.monotonic() - at) * 1000, 1)}
    finally:
        worker.terminate()
        worker.wait()


def _settle(pid: int) -> None:
    """Wait until it is done with its first look at everything."""
    quiet = 0
    while quiet < 3:
        before = cpu_seconds(pid)
        time.sleep(1)
        quiet = quiet + 1 if cpu_seconds(pid) - before < 0.1 else 0


def main() -> None:
    with tempfile.TemporaryDirectory(dir=os.environ.get("WHERE", "/dev/shm")) as folder:
        empty = JobStore(f"{folder}/empty", durability="process")
        figures = {"empty": measure(empty, SECONDS)}
        waiting = JobStore(f"{folder}/waiting", durability="process")
        make_waiting(waiting, WAITING)
        figures[f"{WAITING} waiting"] = measure(waiting, 4 * SECONDS)
    print(json.dumps({"what": "an idle worker", "seconds": SECONDS, **figures, "load": round(os.getloadavg()[0], 2)}))


if __name__ == "__main__":
    main()
