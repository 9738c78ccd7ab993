"""A store with everything in it: makers, workers, one that dies, failing jobs, somebody to be told, parked jobs.

Everything is real: the workers are `fsjob worker` processes, and the one that dies is killed with SIGKILL in the
middle of a job. The engine runs in a process of its own and ends, workers and all, when its standard input does.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fsjob_core import JobStore
from fsjob_core.errors import FsJobError
from fsjob_core.record import Json

WORKERS = 4
MAX_ATTEMPTS = 2
RETRY_PAUSE = 0.4
SETTLE_SECONDS = 60.0
KINDS = ("thumbnail", "transcode", "invoice", "report")


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


@dataclass
class Demo:
    """Makes jobs, runs the workers, counts what they say."""

    directory: str
    pace: float = 1.0
    """How slow everything is; 1 is for people to watch."""
    created: dict[str, Json] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    making: threading.Event = field(default_factory=threading.Event)
    _mutex: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.store = JobStore(self.directory, durability="process", worker_name="demo")
        self.making.set()

    # ── workers ──

    def start_worker(self, name: str) -> subprocess.Popen[bytes]:
        """A real worker process, whose events are counted."""
        there, here = os.pipe()
        command = [
            sys.executable, "-m", "fsjob_tui.cli", "worker", "-C", self.directory, "--name", name,
            "--handler", "fsjob_tui.demo:work", "--max-attempts", str(MAX_ATTEMPTS),
            "--retry-pause", str(RETRY_PAUSE), "--events-fd", str(here),
        ]  # fmt: skip
        worker = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[here],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )  # fmt: skip
        os.close(here)
        self.workers.append(worker)
        threading.Thread(target=self._listen, args=(there, worker), daemon=True).start()
        return worker

    def _listen(self, pipe: int, worker: subprocess.Popen[bytes]) -> None:
        with open(pipe, "rb") as events:
            for line in events:
                event = json.loads(line)
                with self._mutex:
                    self.counts[event["kind"]] = self.counts.get(event["kind"], 0) + 1
                if event["kind"] == "started" and worker is getattr(self, "victim", None):
                    self.victim_at_work.set()

    def kill_one_at_work(self) -> None:
        """Kill a worker while it holds a job: its lock stays behind."""
        self.victim_at_work = threading.Event()
        self.victim = self.start_worker("render-9")
        if self.victim_at_work.wait(20):
            self.victim.kill()
        self.victim.wait()

    def stop(self) -> None:
        """End everything; no worker is left."""
        self.ended.set()
        self.making.clear()
        for worker in self.workers:
            if worker.poll() is None and worker.stdin is not None:
                try:
                    worker.stdin.write(b"stop\n")
                    worker.stdin.close()
                except OSError:
                    worker.terminate()
        for worker in self.workers:
            try:
                worker.wait(5)
            except subprocess.TimeoutExpired:
                worker.kill()
                worker.wait()

    # ── jobs ──

    def make(self) -> None:
        """Make jobs at an uneven pace until told to stop."""
        number = 0
        while self.making.is_set():
            number += 1
            request = self._request(number)
            job = self.store.create(request)
            self.created[job.id] = request
            if number % 4 == 0:
                self.store.queue(job.id, {"mail": f"user{number % 7}@example.org"})
            self.ended.wait(random.uniform(0.05, 0.4) * self.pace)

    def _request(self, number: int) -> dict[str, Json]:
        fails = "always" if number % 17 == 0 else "once" if number % 11 == 0 else "never"
        return {
            "type": KINDS[number % len(KINDS)],
            "n": number,
            "seconds": round(random.uniform(0.05, 1.2) * self.pace, 3),
            "fails": fails,
            "token": "not-a-real-secret",
            "mark": f"{self.directory}.marks/{number}",
        }

    def deliver(self) -> None:
        """Tell those who wait, but for one address that never answers."""
        while not self.ended.wait(0.5):
            try:
                note = self.store.pull_notification()
            except (OSError, FsJobError):
                continue
            if note is not None:
                note.done(None, [target for target in note.waiting if target.get("mail") != "user5@example.org"])

    def leave_a_nodes_lock(self) -> None:
        """A lock as a Node worker leaves it: an empty directory without an owner, that nobody beats."""
        job = self.store.create({"type": "import", "n": 0, "seconds": 0.1, "fails": "never"})
        self.created[job.id] = self.store.get(job.id).request
        os.mkdir(self.store.layout.work_lock(job.id))

    def run_in_background(self) -> None:
        os.makedirs(f"{self.directory}.marks", exist_ok=True)
        for number in range(1, WORKERS + 1):
            self.start_worker(f"render-{number}")
        for target in (self.make, self.deliver):
            threading.Thread(target=self._quietly, args=(target,), daemon=True).start()

    def _quietly(self, run: Callable[[], None]) -> None:
        try:
            run()
        except (FileNotFoundError, FsJobError):
            if not self.ended.is_set():
                raise

    # ── the audit ──

    def settled(self) -> bool:
        counts = self.store.counts()
        return counts.pending == 0 and counts.locked == 0

    def audit(self) -> dict[str, int]:
        """Every job that was made is fulfilled with the right value, or parked; anything else is lost."""
        fulfilled = parked = lost = 0
        parked_ids = {entry.id for entry in self.store.views.entries("parked")}
        for job_id, request in self.created.items():
            if job_id in parked_ids:
                parked += 1
                continue
            try:
                right = self.store.read_value(job_id) == answer(request).encode()
            except FsJobError:
                right = False
            fulfilled += right
            lost += not right
        return {
            "created": len(self.created),
            "fulfilled": fulfilled,
            "failed_attempts": self.counts.get("failed", 0) + self.counts.get("parked", 0),
            "parked": parked,
            "recovered_locks": self.counts.get("recovered", 0),
            "lost": lost,
        }


def run_headless(directory: str, seconds: float) -> dict[str, int]:
    """Make jobs for so many seconds, wait until all are settled, and audit them."""
    demo = Demo(directory, pace=0.1)
    try:
        demo.leave_a_nodes_lock()
        demo.run_in_background()
        ends = time.monotonic() + seconds
        demo.kill_one_at_work()
        demo.ended.wait(max(ends - time.monotonic(), 0))
        demo.making.clear()
        deadline = time.monotonic() + SETTLE_SECONDS
        while not demo.settled() and time.monotonic() < deadline:
            demo.ended.wait(0.1)
        return demo.audit()
    finally:
        demo.stop()


def run_engine(directory: str) -> None:
    """Run the demo until standard input ends: whoever started it has gone."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    demo = Demo(directory)
    try:
        demo.run_in_background()
        demo.leave_a_nodes_lock()
        next_death = time.monotonic() + 4
        while not select.select([sys.stdin], [], [], 0.5)[0]:
            if time.monotonic() > next_death:
                demo.kill_one_at_work()
                next_death = time.monotonic() + 45
    finally:
        demo.stop()


if __name__ == "__main__":
    run_engine(sys.argv[1])
