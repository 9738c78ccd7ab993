"""Running a parked group again with care, at the keys, beside a real worker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsjob_core import JobStore

from ..conftest import ROOT
from .conftest import Open
from .terminal import Terminal


@pytest.fixture
def work(store: JobStore) -> Iterator[Callable[[], None]]:
    """Start a worker to which what is bad is still bad."""
    started = []
    command = [sys.executable, "-m", "fsjob_tui.cli", "worker", "-C", store.directory, "--max-attempts", "1", "--"]
    command += ["sh", "-c", "grep -q ok || { echo no font >&2; exit 1; }"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def start() -> None:
        started.append(subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environment))

    yield start
    for process in started:
        process.kill()
        process.wait()


def group(store: JobStore, count: int, bad: int | None = None) -> list[str]:
    ids = [store.create({"is": "bad" if n == bad else "ok"}).id for n in range(count)]
    for job_id in ids:
        store.park(job_id, "exit 1: no font")
    return ids


def test_it_stops_by_itself_can_be_left_and_is_kept_in_the_log(
    store: JobStore, open_console: Open, work: Callable[[], None]
) -> None:
    ids = group(store, 120, bad=113)  # the newest come first: it is the seventh
    console = open_console()
    console.press("5")
    console.until(lambda: re.search(r"\b120 +exit 1: no font", console.text))  # all of them are in the group by now
    console.press("C")
    console.until("120 PARKED JOBS")
    console.press("C\r")
    console.press("y")
    console.until("Type the number of jobs")
    console.press("120\r")
    console.until("its outcome is waited for")
    console.until("1 of 120 run again")
    console.press("\x1b")
    console.until("canary 1/120")
    console.press("C")
    console.until("esc, then w starts one here")
    console.press("\x1b")
    is_closed(console)
    console.press("w")
    console.until("START A WORKER HERE")
    console.press("\x1b")
    console.until(lambda: "START A WORKER HERE" not in console.text)
    console.press("C")
    console.until("esc, then w starts one here")
    console.press("p")
    console.until("paused")
    work()
    console.until("1 fulfilled")
    assert store.counts().parked == 119
    console.press("p")
    console.until("STOPPED BY ITSELF", 30)
    console.until(f"the same error came back, in job {ids[113]}")
    console.until("109 not touched")
    console.press("\x1b")
    is_closed(console)
    assert [store.get(job_id).version for job_id in ids] == [0] * 109 + [1] * 11
    console.press("l")
    console.until("ACTS OF THIS CONSOLE")
    console.until("canary failed: 11 of 120 run again")
    console.until("requeue --canary")


@pytest.mark.parametrize("kept", [False, True])
def test_it_ends_with_the_console_unless_it_is_kept(
    store: JobStore, open_console: Open, work: Callable[[], None], kept: bool
) -> None:
    group(store, 13)
    console = open_console()
    console.press("5")
    console.until(lambda: re.search(r"\b13 +exit 1: no font", console.text))
    console.press("C")
    console.until("starts, 10/s")
    console.press("f")
    console.until("1 of 13 run again")
    if kept:
        console.press("k")
        console.until("it goes on when the console ends")
    console.press("\x1b")
    is_closed(console)
    console.press("q")
    if not kept:
        console.until("leaves and stops it")
        console.press("y")
    console.process.wait(10)
    if not kept:
        wait_until(lambda: not canaries(store))
    work()
    wait_until(lambda: not canaries(store) and store.counts().pending == 0)
    assert store.counts().parked == (0 if kept else 12)


def is_closed(console: Terminal) -> None:
    console.until(lambda: "PARKED JOBS" not in console.text)


def canaries(store: JobStore) -> list[str]:
    """The processes that run jobs of the store again."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--canary" in words and store.directory.encode() in words:
            found.append(path.parent.name)
    return found


def wait_until(true: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
