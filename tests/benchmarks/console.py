"""The console on 1,000 … 1,000,000 jobs, through a real terminal: `python -m tests.benchmarks.console [DIR]`.

Prints one JSON line: how many times as long the first counts take at the largest SIZES as the directory reads alone
and a start on the smallest store together; and for each size the seconds until they are on the screen, the reads' own,
milliseconds of a page-down at rest and while CHANGES (1,000) jobs a second come and go, memory (PSS of the console and
its monitor), the seconds that work in the background of the opening goes on for, and what it costs when that is over
and nothing happens: per cent of a core and bytes sent over IDLE (20) seconds. The jobs were made a day and a half ago,
as those of a store where nothing happens are. With KEEP=1 stores are kept in DIR, and taken as they are if there.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from fsjob_core import JobStore

from ..terminal.terminal import Terminal
from .backlog import fill
from .idle_worker import cpu_seconds
from .machine import machine, whole_numbers

SIZES = whole_numbers("SIZES", "1000,10000,100000,1000000")
CHANGES = int(os.environ.get("CHANGES", "1000"))
IDLE = float(os.environ.get("IDLE", "20"))
PAGES = int(os.environ.get("PAGES", "15"))
PATIENCE = float(os.environ.get("PATIENCE", "120"))
KEEP = bool(os.environ.get("KEEP"))
AGE = 1.5 * 86_400
"""Seconds: ages are shown in hours by then."""
QUIET = 0.03
"""Of a core, over a few seconds: whoever uses less is done with the opening."""
PAGE_DOWN, PAGE_UP = b"\x1b[6~", b"\x1b[5~"


def processes(pid: int) -> list[int]:
    """A process and all that it has started."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it has ended
        return []
    return [pid, *(below for child in children for below in processes(int(child)))]


def memory(pid: int) -> float:
    """PSS of a process and its children, in MB."""
    kilobytes = 0
    for one in processes(pid):
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                kilobytes += int(line.split()[1])
    return round(kilobytes / 1024, 1)


def reads(store: JobStore) -> float:
    """Seconds that reading the directories takes."""
    began = time.perf_counter()
    for part in (store.layout.pending, store.layout.waiting, store.layout.jobs, store.layout.parked):
        with os.scandir(part) as entries:
            for _ in entries:
                pass
    return time.perf_counter() - began


def page(console: Terminal) -> float:
    """Milliseconds from a key until the terminal has all that it draws of it: the median of some."""
    times = []
    for number in range(PAGES):
        before = console.text
        began = at = time.monotonic()
        os.write(console.master, PAGE_UP if number % 5 == 4 else PAGE_DOWN)
        while console.text == before and at - began < 5:
            at = console.burst(5)
        times.append((at - began) * 1000)
        console.read(0.1)
    return round(statistics.median(times), 1)


def opening(console: Terminal, began: float) -> float:
    """Seconds from `began` until nothing goes on in the background any more."""
    pids, quiet = processes(console.process.pid), time.perf_counter()
    while time.perf_counter() - quiet < 5 and time.perf_counter() - began < PATIENCE:
        before, at = sum(map(cpu_seconds, pids)), time.perf_counter()
        console.read(2)
        if sum(map(cpu_seconds, pids)) - before > QUIET * (time.perf_counter() - at):
            quiet = time.perf_counter()
    return quiet - began


def idle(console: Terminal) -> tuple[float, int]:
    """Per cent of a core that the console and its monitor use, and bytes that they send."""
    pids = processes(console.process.pid)
    before, began = sum(map(cpu_seconds, pids)), time.monotonic()
    sent = 0
    while time.monotonic() - began < IDLE:
        sent += len(console.read(0.5))
    used = (sum(map(cpu_seconds, pids)) - before) / (time.monotonic() - began)
    return round(used * 100, 2), sent


def change(directory: str, seconds: float) -> None:
    """Jobs that come and go, by the store's own calls, as evenly as it can."""
    store = JobStore(directory, durability="process")
    began, done = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while done < passed * CHANGES:
            store.create(done)
            work = store.pull_work()
            if work is not None:
                work.fulfill(b"6")
                work.release()
            done += 2
        time.sleep(0.005)


def measure(folder: str, size: int) -> dict[str, float]:
    root = f"{folder}/{size}"
    there = os.path.exists(root)
    store = JobStore(root, durability="process")
    if not there:
        fill(store, size, AGE)
    own = reads(store)
    began = time.perf_counter()
    console = Terminal("console", root, columns=120, lines=40)
    try:
        console.until(lambda: f"{size:,}" in console.text, PATIENCE)
        counted = time.perf_counter() - began
        opened = opening(console, began) if IDLE >= 1 else 0.0
        percent, sent = idle(console)
        at_rest = page(console)
        changing = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.console", "--change", root, "30"])
        try:
            console.read(5)
            while_changing = page(console)
            most = memory(console.process.pid)
        finally:
            changing.kill()
            changing.wait()
    finally:
        console.end()
        if not KEEP:
            subprocess.run(["rm", "-rf", root], check=True)
    return {
        "counts_s": round(counted, 2),
        "reads_s": round(own, 3),
        "page_down_ms": at_rest,
        "page_down_under_changes_ms": while_changing,
        "pss_mb": most,
        "opening_s": round(opened, 1),
        "idle_percent": percent,
        "idle_bytes": sent,
    }


def main() -> None:
    if sys.argv[1:2] == ["--change"]:
        change(sys.argv[2], float(sys.argv[3]))
        return
    where = sys.argv[1] if len(sys.argv) > 1 else "/dev/shm"
    with nullcontext(where) if KEEP else tempfile.TemporaryDirectory(dir=where) as folder:
        found = {size: measure(folder, size) for size in SIZES}
        least, most = found[SIZES[0]], found[SIZES[-1]]
        print(json.dumps({
            "ratio": round(most["counts_s"] / (least["counts_s"] + most["reads_s"]), 2),
            "what": f"first counts of {SIZES[-1]:,} jobs, times the directory reads and a start on {SIZES[0]:,}",
            "sizes": found,
            "changes_a_second": CHANGES,
            **machine(folder),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
