"""A worker: pulls jobs, has a handler do them, keeps attempts and errors on the job, parks what fails for good."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from .errors import AlreadyFulfilled, FsJobError, LeaseLost, VersionMismatch
from .fs import Disk
from .handlers import Handler
from .host import Event
from .layout import check_id
from .store import JobStore
from .work import WorkLease

BEAT_EVERY = 3.0
LOOK_EVERY = 0.25
"""Seconds after which a signal is noticed at the latest."""
RESCAN = 1.0
HINT_PAUSE = 0.02
COST_TIMES = 20.0
"""An idle worker looks again after at least so many times what looking cost."""
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
HANGUP_DRAIN = 30.0


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """Something a worker did: started, done, failed, parked, lost, recovered, draining, ended. Times in seconds."""

    at: float
    kind: str
    id: str = ""
    text: str = ""
    seconds: float | None = None
    size: int | None = None


Report = Callable[[WorkerEvent], None]


class Worker:
    """Works until told to end: `drain` finishes what runs, `stop` ends it now and gives the jobs back."""

    def __init__(
        self,
        store: JobStore,
        handler: Handler,
        *,
        name: str,
        command: str = "",
        concurrency: int = 1,
        timeout: float | None = None,
        max_attempts: int = 5,
        pause: float = FIRST_PAUSE,
        until_empty: bool = False,
        report: Report = lambda event: None,
    ) -> None:
        self._store, self._host = store, store.host
        self._beats_disk = Disk(self._host, self._host.calls, durable=False)
        self._handler = handler
        self._command = command
        self._concurrency = concurrency
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._pause = pause
        self._until_empty = until_empty
        self._report = report
        self._mutex = self._host.mutex()
        self._wake, self._never = self._host.event(), self._host.event()
        self._running: dict[str, Event] = {}
        self._done = self._failed = 0
        self._draining = False
        self._stop_at = math.inf
        self._ended = False
        self._since = self._host.time()
        self.name = self._sign_in(check_id(name))
        store.worker_name = store.ground.worker = self.name

    # ── told from outside; safe in a signal handler ──

    def drain(self, seconds: float = math.inf) -> None:
        """Take no more work, finish what runs, for so many seconds at most, then end."""
        self._draining = True
        self._stop_at = min(self._stop_at, self._host.monotonic() + seconds)

    def stop(self) -> None:
        """End what runs now."""
        self.drain(0.0)

    # ── the loop ──

    def run(self) -> None:
        """Work until drained or stopped."""
        self._store.ground.ready()
        self._host.spawn(self._listen, "fsjob-hints")
        look_at = beat_at = soonest = 0.0
        try:
            while not (self._draining and not self._running):
                now = self._host.monotonic()
                if now >= self._stop_at:
                    self._cancel_all()
                if now >= beat_at:
                    self._sign()
                    beat_at = now + BEAT_EVERY
                if not self._draining and len(self._running) < self._concurrency and now >= look_at:
                    if self._pull():
                        continue
                    if self._until_empty and not self._running:
                        break
                    cost = self._host.monotonic() - now
                    look_at = now + max(RESCAN, COST_TIMES * cost)
                    soonest = self._host.monotonic() + max(HINT_PAUSE, COST_TIMES * cost)
                if self._host.wait(self._wake, LOOK_EVERY):
                    self._wake.clear()
                    look_at = min(look_at, soonest)
                elif due := self._store.next_due():
                    look_at = min(look_at, self._host.monotonic() + max(due - self._host.time(), HINT_PAUSE))
        finally:
            self._ended = True
            self._cancel_all()
            while self._running:
                self._host.wait(self._never, 0.02)
            self._sign_out()
            self._tell("ended")

    def _pull(self) -> bool:
        try:
            work = self._store.pull_work()
        except OSError as error:
            self._tell("failed", text=f"cannot pull: {error.filename or ''}: {error.strerror}")
            self._host.wait(self._never, 1.0)
            return False
        if work is None:
            return False
        cancel = self._host.event()
        with self._mutex:
            self._running[work.id] = cancel
        self._host.spawn(lambda: self._work(work, cancel), f"fsjob-work-{work.id[-6:]}")
        return True

    def _cancel_all(self) -> None:
        with self._mutex:
            for cancel in self._running.values():
                cancel.set()

    def _listen(self) -> None:
        """A hint that something new is pending; the rescan is what is relied on."""
        from watchfiles import Change, watch

        while not self._ended:
            try:
                for changes in watch(
                    self._store.layout.pending, watch_filter=None, step=10, debounce=20, recursive=False,
                    raise_interrupt=False, rust_timeout=1000, yield_on_timeout=True,
                ):  # fmt: skip
                    if self._ended:
                        return
                    if any(change == Change.added and not path.endswith(".lock") for change, path in changes):
                        self._wake.set()
            except (OSError, RuntimeError):
                self._host.wait(self._never, 5.0)

    # ── one job ──

    def _work(self, work: WorkLease, cancel: Event) -> None:
        began = self._host.monotonic()
        try:
            with work:
                work.oncompromised = lambda lease: cancel.set()
                self._attempt(work, cancel, began)
        except (LeaseLost, AlreadyFulfilled, VersionMismatch) as error:
            self._tell("lost", work.id, str(error), began)
        except (FsJobError, OSError) as error:
            self._failed += 1
            self._tell("failed", work.id, str(error), began)
        finally:
            with self._mutex:
                del self._running[work.id]
            self._wake.set()

    def _attempt(self, work: WorkLease, cancel: Event, began: float) -> None:
        if work.recovered:
            self._tell("recovered", work.id, "its lock was left by a holder that is gone")
        if work.attempt >= self._max_attempts:  # it has ended its worker each time
            self._park(work, work.record.text("last_error") or "its worker died each time", began)
            return
        work.begin()
        self._tell("started", work.id, f"try {work.attempt}")
        result = self._handler.run(self._store, work, cancel, self._timeout)
        if work.compromised:
            raise LeaseLost(f"job {work.id}: the lease was lost while it was worked on")
        if result.value is not None:
            self._fulfill(work, result.value, began)
        elif cancel.is_set():
            work.give_back()
            self._tell("lost", work.id, "given back: the worker was stopped", began)
        elif work.attempt >= self._max_attempts:
            self._park(work, result.error, began)
        else:
            self._failed += 1
            pause = self._backoff(work.attempt)
            work.fail(result.error, pause)
            self._tell("failed", work.id, f"try {work.attempt} failed: {result.error}; again in {pause:.0f} s", began)

    def _fulfill(self, work: WorkLease, value: bytes | BinaryIO, began: float) -> None:
        if isinstance(value, bytes):
            size = len(value)
            work.fulfill(value)
        else:
            with value:
                size = value.seek(0, 2)
                value.seek(0)
                work.fulfill(value)
        self._done += 1
        self._tell("done", work.id, "", began, size)

    def _park(self, work: WorkLease, error: str, began: float) -> None:
        self._failed += 1
        work.park(error)
        self._tell("parked", work.id, f"given up after {work.attempt} tries: {error}", began)

    def _backoff(self, attempt: int) -> float:
        """A pause that grows with each attempt, jittered by half, so that what failed together does not return so."""
        pause: float = min(self._pause * 2.0 ** (attempt - 1), LONGEST_PAUSE)
        return pause * (0.5 + int(self._host.token()[:4], 36) / 36**4)

    # ── who we are ──

    def _sign_in(self, name: str) -> str:
        """Take a name; the second worker of one name gets `-2`."""
        self._store.ground.ready()
        taken = {worker.name for worker in self._store.views.workers() if worker.state != "gone"}
        wanted, number = name, 1
        while wanted in taken:
            number += 1
            wanted = f"{name}-{number}"
        return wanted

    def _sign(self) -> None:
        me = self._host.me
        told = {
            "name": self.name, "host": me.host, "boot": me.boot, "pidns": me.pidns, "pid": me.pid, "start": me.start,
            "since": self._since, "state": self._state(), "now": len(self._running), "done": self._done,
            "failed": self._failed, "command": self._command,
        }  # fmt: skip
        layout = self._store.layout
        scratch = layout.staging(f"{me.tag}.{self._host.token()}")
        with suppress(OSError):  # a full disk must not end a worker that works
            self._beats_disk.replace(layout.worker(self.name), json.dumps(told).encode(), scratch)

    def _state(self) -> str:
        if self._draining:
            return "draining"
        if self._running:
            return "busy"
        return "idle" if self._store.views.paused() is None else "paused"

    def _sign_out(self) -> None:
        with suppress(OSError):
            self._store.ground.disk.remove(self._store.layout.worker(self.name))

    def _tell(
        self, kind: str, job_id: str = "", text: str = "", began: float | None = None, size: int | None = None
    ) -> None:
        seconds = self._host.monotonic() - began if began is not None else None
        self._report(WorkerEvent(self._host.time(), kind, job_id, text, seconds, size))
