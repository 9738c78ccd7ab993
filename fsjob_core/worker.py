"""A worker: pulls jobs, has a handler do them, keeps attempts and errors on the job, parks what fails for good."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from .errors import AlreadyFulfilled, FsJobError, LeaseLost, VersionMismatch
from .handlers import Handler
from .host import Event
from .signin import SignIn
from .store import JobStore
from .work import WorkLease

LOOK_EVERY = 0.25
"""Seconds after which a signal is noticed at the latest."""
RESCAN = 1.0
HINT_PAUSE = 0.02
COST_TIMES = 20.0
"""An idle worker looks again after at least so many times what looking cost."""
AFTER_ERROR = 1.0
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
HANGUP_DRAIN = 30.0
"""Seconds for which a worker whose terminal, or console, has gone lets its work go on."""


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """Something a worker did. Times in seconds.

    `kind`: started, done, failed, parked, lost (what was done is not used, or was cut short), recovered (the lock
    was a dead holder's), draining, ended; error, where the store or this machine is in trouble, not the job.
    """

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
        self._handler = handler
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
        self._draining = self._told_draining = False
        self._stop_at = math.inf
        self._ended = False
        self._look_at = self._soonest = self._retry_at = 0.0
        self._nothing_left = False
        self._sign = SignIn(store, name, command)
        store.worker_name = store.ground.worker = self.name

    @property
    def name(self) -> str:
        """The name it signed in under: the second worker of one name has `-2` at its end."""
        return self._sign.name

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
        self._host.spawn(self._listen, "fsjob-hints")
        try:
            while not (self._draining and not self._running) and not (self._until_empty and self._nothing_left):
                self._step()
        finally:
            self._ended = True
            self._cancel_all()
            while self._running:
                self._host.wait(self._never, 0.02)
            self._handler.close()
            self._sign.out()
            self._tell("ended")

    def _step(self) -> None:
        """Pull one job, or wait a moment."""
        now = self._host.monotonic()
        self._beat(now)
        if now >= self._stop_at:
            self._cancel_all()
        has_room = not self._draining and len(self._running) < self._concurrency
        if has_room and now >= self._look_at and self._pull(now):
            return
        if self._host.wait(self._wake, LOOK_EVERY):
            self._wake.clear()
            self._look_at = min(self._look_at, self._soonest)
        elif due := self._store.next_due():
            left = max(due - self._host.time(), 0.0)
            self._look_at = min(self._look_at, max(self._host.monotonic() + left, self._soonest))

    def _beat(self, now: float) -> None:
        if self._draining and not self._told_draining:
            self._told_draining = True
            self._tell("draining", text=f"{len(self._running)} still at work")
        self._sign.beat(now, self._state(), len(self._running), self._done, self._failed)

    def _state(self) -> str:
        if self._draining:
            return "draining"
        return "busy" if self._running else "idle"

    def _pull(self, began: float) -> bool:
        """Start the next job; False where there is none, and when to look again is set."""
        at_rest = not self._running  # what runs may make more jobs, or fail and be tried again
        try:
            work = self._store.pull_work()
        except (FsJobError, OSError) as error:
            self._tell("error", text=f"cannot pull: {error}")
            self._look_at = self._soonest = self._host.monotonic() + AFTER_ERROR
            return False
        if work is None:
            now = self._host.monotonic()
            self._look_at = now + max(RESCAN, COST_TIMES * (now - began))
            self._soonest = now + max(HINT_PAUSE, COST_TIMES * (now - began))
            all_tried = self._host.time() > self._retry_at and self._store.next_due() is None
            self._nothing_left = at_rest and all_tried
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
        """A hint that something new is pending; the rescan is what is relied on: not every file system sends hints."""
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
            self._tell("error", work.id, str(error), began)
            self._look_at = self._soonest = self._host.monotonic() + AFTER_ERROR
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
        try:
            result = self._handler.run(self._store, work, cancel, self._timeout)
        except OSError:  # nothing was tried
            work.give_back()
            raise
        if work.compromised:
            raise LeaseLost(f"job {work.id}: the lease was lost while it was worked on")
        if result.value is not None:
            self._fulfill(work, result.value, began)
        elif cancel.is_set():
            work.give_back()
            self._tell("lost", work.id, "given back: the worker was stopped", began)
        else:
            self._fail(work, result.error, began)

    def _fulfill(self, work: WorkLease, value: bytes | BinaryIO, began: float) -> None:
        try:
            size = _keep(work, value)
        except OSError as error:  # no room, perhaps: the work was done for nothing, and must not be at once again
            self._fail(work, f"its value could not be kept: {error}", began)
            return
        self._done += 1
        self._tell("done", work.id, "", began, size)

    def _fail(self, work: WorkLease, error: str, began: float) -> None:
        if work.attempt >= self._max_attempts:
            self._park(work, error, began)
            return
        pause = self._backoff(work.attempt)
        self._retry_at = max(self._retry_at, self._host.time() + pause)
        work.fail(error, pause)
        self._failed += 1
        self._tell("failed", work.id, f"try {work.attempt} failed: {error}; again in {pause:.0f} s", began)

    def _park(self, work: WorkLease, error: str, began: float) -> None:
        work.park(error)
        self._failed += 1
        self._tell("parked", work.id, f"given up after {work.attempt} tries: {error}", began)

    def _backoff(self, attempt: int) -> float:
        """A pause that grows with each attempt, jittered by half, so that what failed together does not return so."""
        pause: float = min(self._pause * 2.0 ** min(attempt - 1, 60), LONGEST_PAUSE)
        return pause * (0.5 + int(self._host.token()[:4], 36) / 36**4)

    def _tell(
        self, kind: str, job_id: str = "", text: str = "", began: float | None = None, size: int | None = None
    ) -> None:
        seconds = self._host.monotonic() - began if began is not None else None
        self._report(WorkerEvent(self._host.time(), kind, job_id, text, seconds, size))


def _keep(work: WorkLease, value: bytes | BinaryIO) -> int:
    """Fulfill a job; gives the size of its value in bytes."""
    if isinstance(value, bytes):
        work.fulfill(value)
        return len(value)
    with value:
        size = value.seek(0, 2)
        value.seek(0)
        work.fulfill(value)
        return size
