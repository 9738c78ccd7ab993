"""Many jobs at once: chosen by a filter, run again, stopped in the middle, and undone, counted on the disk."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

from fsjob_core import JobStore

from ..conftest import scale
from .conftest import Open
from .terminal import Terminal

ESCAPE, ENTER = "\x1b", "\r"


def parked(store: JobStore, count: int) -> list[str]:
    """So many jobs that were given up, and a few more for another reason."""
    jobs = [job.id for job in store.create_many({"n": n} for n in range(count + 2))]
    for number, job_id in enumerate(jobs):
        store.park(job_id, "no font" if number < count else "no paper")
    return jobs


def stop(console: Terminal, total: int, when: Callable[[], bool]) -> tuple[int, int]:
    """Answer the question about so many jobs, stop in the middle; gives how many were done, and how many were left."""
    console.press(str(total) + ENTER if total > 100 else "y")
    console.until(when, 300)
    console.press(ESCAPE)
    found: list[int] = []

    def said() -> bool:
        for done, left in re.findall(r"done ([\d,]+), skipped 0, failed 0(?:; stopped before ([\d,]+) more)?", text()):
            found[:] = int(done.replace(",", "")), int(left.replace(",", "") or 0)
        return sum(found) == total and "esc stops it" not in console.text

    def text() -> str:
        return " ".join(re.sub("[│▌▎▊]", " ", console.text).split())

    console.until(said, 300)
    if found[1]:
        console.until("OUTCOME")
        console.press(ESCAPE)
        console.until(lambda: "OUTCOME" not in console.text)
    return found[0], found[1]


def test_thousands_are_run_again_stopped_and_undone_and_the_rest_is_left(
    store: JobStore, open_console: Open
) -> None:
    count = scale(300, 5000)
    jobs = parked(store, count)
    total = len(jobs)
    console = open_console()
    console.press("5/error:font" + ENTER)
    console.until(f"/error:font {count:,} of {total:,}", 120)
    console.press("ar")
    console.until("RUN AGAIN")
    console.until(f"{count} jobs")
    console.until("--if-parked - < ids")
    console.press("y" + ENTER)
    console.read(0.3)
    assert store.counts().pending == 0, "the number is typed"
    console.press("\x7f")
    began = time.monotonic()
    done, left = stop(console, count, lambda: store.counts().pending > count // 2)
    took = time.monotonic() - began
    assert done + left == count and left
    assert (store.counts().pending, store.counts().parked) == (done, total - done)
    assert all(store.get(job_id).version == 0 for job_id in jobs[count:]), "what did not match was not touched"

    console.until(f"/error:font {left:,} of {total - done:,}", 60)
    console.press("z")
    console.until("UNDO")
    began_undo = time.monotonic()
    undone, rest = stop(console, done, lambda: store.counts().pending < done // 2)
    took_undo = time.monotonic() - began_undo
    assert undone + rest == done and rest
    assert (store.counts().pending, store.counts().parked) == (rest, total - rest)
    console.press("z")
    console.until("UNDO")
    assert stop(console, rest, lambda: store.counts().pending == 0) == (rest, 0)
    assert (store.counts().pending, store.counts().parked) == (0, total)
    acts = [json.loads(line)["act"] for line in Path(store.layout.audit).read_text().splitlines()]
    assert (acts.count("requeue"), acts.count("undo")) == (done, done)
    print(f"\nbulk: done {done} in {took:.1f} s, left {left}; undone {undone} in {took_undo:.1f} s, the rest {rest}")


def test_what_was_not_done_is_listed_with_its_reason(store: JobStore, open_console: Open) -> None:
    jobs = parked(store, 2)
    console = open_console()
    console.press("5")
    console.until("no paper")
    console.press("G" + ENTER)
    console.until(jobs[3][-4:])
    console.press("ar")
    console.until("4 jobs")
    store.requeue(jobs[0])
    store.requeue(jobs[1])
    store.fulfill(jobs[1], b"x")
    console.press("y")
    console.until("OUTCOME")
    console.until("done 2, skipped 2 (")
    console.until("already fulfilled 1")
    console.until("changed meanwhile 1")
    console.until("is fulfilled by now")
    console.until("is not parked any more")
    assert [store.get(job_id).version for job_id in jobs] == [1, 1, 1, 1]
