"""A store with everything in it: makers, workers, one that dies, failing jobs, somebody to be told, parked jobs.

Everything is real: the workers are `fsjob worker` processes, and the one that dies is killed with SIGKILL in the
middle of a job. The engine runs in a process of its own and ends, workers and store and all, when its standard
input does: `python -m fsjob_tui.demo DIRECTORY [SECONDS]`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from fsjob_core import JobStore
from fsjob_core.errors import FsJobError
from fsjob_core.record import Json

from .shift import Shift, at_end_of_input

WORKERS = 4
MAX_ATTEMPTS = 2
RETRY_PAUSE = 0.4
SETTLE_SECONDS = 60.0
FIRST_DEATH, NEXT_DEATH = 4.0, 45.0
"""Seconds until a worker is killed, where people watch."""
KINDS = ("thumbnail", "transcode", "invoice", "report")
NEVER_ANSWERS = "user5@example.org"


# ── the work ──


def work(request: Json) -> str:
    """What the demo's workers do: take a while, fail where the request says so, give an answer that can be checked."""
    time.sleep(float(request["seconds"]))
    if request["fails"] == "always":
        raise ValueError(f"cannot open /srv/{request['type']}/{request['n']}.dat: no such file")
    if request["fails"] == "once" and not _second_time(str(request["mark"])):
        raise TimeoutError("the upstream did not answer within 30 s")
    return answer(request)


def answer(request: Json) -> str:
    """The right value of a job, told by its request alone."""
    return f"{request['type']} {request['n']} done"


def _second_time(mark: str) -> bool:
    try:
        os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return True
    return False


# ── the engine ──


class Demo:
    """Makes jobs, runs the workers, counts what they say. `pace`: how slow everything is; 1 is for people to watch."""

    def __init__(self, directory: str, pace: float = 1.0) -> None:
        os.mkdir(directory)  # only what is made here is removed in the end
        self.directory = directory
        self.store = JobStore(directory, durability="process", worker_name="demo")
        self.ended = threading.Event()
        self.created: dict[str, dict[str, Json]] = {}
        self.counts: Counter[str] = Counter()
        self._pace = pace
        self._making = True
        self._maker = threading.Thread(target=self._quietly, args=(self._make,), daemon=True)
        self._shift = Shift(directory)
        self._mutex = threading.Lock()
        self._marks = f"{directory}.marks"
        os.mkdir(self._marks)

    def start(self) -> None:
        """Somebody makes jobs, somebody delivers, four work, and one lock is a dead Node worker's."""
        self._leave_a_nodes_lock()
        for number in range(1, WORKERS + 1):
            self._start_worker(f"render-{number}")
        self._maker.start()
        threading.Thread(target=self._quietly, args=(self._deliver,), daemon=True).start()

    def kill_one_at_work(self) -> None:
        """Kill a worker while it holds a job: its lock stays behind."""
        at_work = threading.Event()
        victim = self._start_worker("render-9", at_work)
        while not at_work.wait(0.05) and not self.ended.is_set():
            pass
        victim.kill()
        victim.wait()

    def stop_making(self) -> None:
        """No more jobs; every one that was made is in `created`."""
        self._making = False
        self._maker.join()

    def stop(self) -> None:
        """End everything; no worker is left, and all they said has been counted."""
        self.ended.set()
        self._making = False
        self._shift.stop()

    def remove(self) -> None:
        """Remove the store, and the folder around it if there is nothing else in it."""
        for directory in (self.directory, self._marks):
            shutil.rmtree(directory, ignore_errors=True)
        with suppress(OSError):
            os.rmdir(os.path.dirname(self.directory))

    # ── workers ──

    def _start_worker(self, name: str, at_work: threading.Event | None = None) -> subprocess.Popen[bytes]:
        """A real worker process, whose events are counted; `at_work` is set when it starts its first job."""

        def heard(event: Mapping[str, Any]) -> None:
            with self._mutex:
                self.counts[event["kind"]] += 1
            if event["kind"] == "started" and at_work is not None:
                at_work.set()

        return self._shift.start(
            name, "--handler", "fsjob_tui.demo:work", "--max-attempts", str(MAX_ATTEMPTS),
            "--retry-pause", str(RETRY_PAUSE), heard=heard,
        )  # fmt: skip

    # ── jobs ──

    def _quietly(self, run: Callable[[], None]) -> None:
        """Run until the demo ends, whose store goes away under it."""
        try:
            run()
        except (OSError, FsJobError):
            if not self.ended.is_set():
                raise

    def _make(self) -> None:
        number = 0
        while self._making:
            number += 1
            job_id = self._create(self._request(number))
            if number % 4 == 0:
                self.store.queue(job_id, {"mail": f"user{number % 7}@example.org"})
            self.ended.wait(random.uniform(0.05, 0.4) * self._pace)

    def _create(self, request: dict[str, Json]) -> str:
        job = self.store.create(request)
        self.created[job.id] = request
        return job.id

    def _request(self, number: int) -> dict[str, Json]:
        return {
            "type": KINDS[number % len(KINDS)],
            "n": number,
            "seconds": round(random.uniform(0.05, 1.2) * self._pace, 3),
            "fails": "always" if number % 17 == 0 else "once" if number % 11 == 0 else "never",
            "token": "not-a-real-secret",
            "mark": f"{self._marks}/{number}",
        }

    def _leave_a_nodes_lock(self) -> None:
        """A lock as a Node worker leaves it: an empty directory without an owner, that nobody beats."""
        job_id = self._create({"type": "import", "n": 0, "seconds": 0.1, "fails": "never"})
        os.mkdir(self.store.layout.work_lock(job_id))

    def _deliver(self) -> None:
        """Tell those who wait, but for one address that never answers."""
        while not self.ended.wait(0.5):
            note = self.store.pull_notification()
            if note is not None:
                note.done(None, [target for target in note.waiting if target.get("mail") != NEVER_ANSWERS])

    # ── the audit ──

    def settle(self) -> None:
        """Wait until nothing is pending and nothing is worked on, or for a minute."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline and not self.ended.wait(0.1):
            counts = self.store.counts()
            if counts.pending == 0 and counts.locked == 0:
                return

    def audit(self) -> dict[str, int]:
        """Every job that was made is fulfilled with the right value, or parked; anything else is lost."""
        fulfilled = parked = lost = 0
        parked_ids = {entry.id for entry in self.store.views.entries("parked")}
        for job_id, request in self.created.items():
            if job_id in parked_ids:
                parked += 1
            elif self._is_right(job_id, request):
                fulfilled += 1
            else:
                lost += 1
        return {
            "created": len(self.created),
            "fulfilled": fulfilled,
            "failed_attempts": self.counts["failed"] + self.counts["parked"],
            "parked": parked,
            "recovered_locks": self.counts["recovered"],
            "lost": lost,
        }

    def _is_right(self, job_id: str, request: dict[str, Json]) -> bool:
        try:
            return self.store.read_value(job_id) == answer(request).encode()
        except FsJobError:
            return False


def run_headless(demo: Demo, seconds: float) -> dict[str, int] | None:
    """Make jobs for so many seconds, wait until all are settled, and audit them; None where it was ended early."""
    ends = time.monotonic() + seconds
    demo.start()
    demo.kill_one_at_work()
    demo.ended.wait(max(ends - time.monotonic(), 0))
    demo.stop_making()
    demo.settle()
    early = demo.ended.is_set()
    demo.stop()
    return None if early else demo.audit()


def run_watched(demo: Demo) -> None:
    """Run until ended; now and then a worker dies."""
    demo.start()
    print("running", flush=True)
    pause = FIRST_DEATH
    while not demo.ended.wait(pause):
        demo.kill_one_at_work()
        pause = NEXT_DEATH


def main(directory: str, seconds: float | None) -> int:
    """Run the demo until standard input ends: whoever started it has gone. Nothing is left."""
    demo = Demo(directory, pace=1.0 if seconds is None else 0.1)

    def end(*_: Any) -> None:
        demo.ended.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    at_end_of_input(end)
    try:
        if seconds is None:
            run_watched(demo)
        elif (found := run_headless(demo, seconds)) is not None:
            print(json.dumps(found), flush=True)
    finally:
        demo.stop()
        demo.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else None))
