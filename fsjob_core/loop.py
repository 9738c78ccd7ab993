"""What workers and notifiers share: a loop that pulls, works on several at once, drains, signs in, and stays up.

A store in trouble (full, read-only, not answering) is asked again after growing pauses. One that is gone ends the
loop: whoever runs it, systemd perhaps, starts it again.
"""

from __future__ import annotations

import errno
import math
from abc import ABC, abstractmethod
from collections.abc import Collection
from contextlib import suppress
from typing import ClassVar, Generic, TypeVar

from .arrivals import Arrivals
from .backlog import KEEP_AT_LEAST
from .errors import AlreadyFulfilled, FsJobError, LeaseLost, VersionMismatch
from .held import Held
from .host import Event
from .options import Options, WorkerEvent, tell_nobody
from .signin import SignIn
from .store import JobStore
from .systemd import ServiceManager

LOOK_EVERY = 0.25
"""Seconds after which a signal is noticed at the latest."""
LOOK_FOR = 0.25
"""Seconds of one look: to pass over a hundred thousand jobs that are not due takes half a minute, the first time."""
RESCAN = 1.0
HINT_PAUSE = 0.02
COST_TIMES = 50.0
"""An idle loop lists again after at least so many times what listing cost: at most 2 % of a core."""
DUE_PAUSE = 0.05
FIRST_TROUBLE, LONGEST_TROUBLE = 1.0, 30.0
"""Seconds for which a store in trouble is left alone."""
NOT_OURS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
PUT_OFF = 60.0
"""Seconds for which a job is left that may be read from here but not written."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 300.0
"""Seconds before the second try, and before any try."""
HANGUP_DRAIN = 22.0
"""Seconds for which a loop whose terminal, or console, has gone lets its work go on: it ends within thirty."""


T = TypeVar("T", bound=Held)


class Loop(ABC, Generic[T]):
    """Works until told to end: `drain` finishes what runs, `stop` ends it now and gives back what was not done."""

    kind: ClassVar[str]
    usual_attempts: ClassVar[int]

    def __init__(self, store: JobStore, options: Options) -> None:
        self._store, self._host = store, store.host
        self._concurrency = options.get("concurrency", 1)
        self._timeout = options.get("timeout")
        self._max_attempts = options.get("max_attempts", self.usual_attempts)
        self._first_pause = options.get("pause", FIRST_PAUSE)
        self._until_empty = options.get("until_empty", False)
        self._report = options.get("report", tell_nobody)
        self._manager = options.get("manager") or ServiceManager({}, 0)
        self._mutex = self._host.mutex()
        self._wake, self._never = self._host.event(), self._host.event()
        self._running: dict[T, Event] = {}
        """What is done, and what ends it. Of one job it may be two: a try whose lease is lost goes on for a while."""
        self._done = self._failed = 0
        self._draining = self._told_draining = False
        self._stop_at = math.inf
        self._look_at = self._soonest = self._leave_until = self._retry_at = 0.0
        self._troubles = 0
        self._told_of: set[str] = set()
        self._nothing_left = False
        self.gone = ""
        """Why the loop has ended by itself: the store is not there any more; empty where it has not."""
        self._arrivals = Arrivals(self._host, self._watched(), self._is_hint, self._wake.set)
        self._sign = SignIn(store, options["name"], options.get("command", ""), self.kind)
        store.worker_name = store.ground.worker = self.name  # what its locks say

    @property
    def name(self) -> str:
        """The name it signed in under: the second of one name has `-2` at its end."""
        return self._sign.name

    # ── what each kind of loop says for itself ──

    @abstractmethod
    def _pull(self, among: Collection[str] | None) -> T | None:
        """The next thing to do: after a listing, or among these jobs and those that are due."""

    @abstractmethod
    def _next_due(self) -> float | None:
        """When the next try is due, in seconds since 1970, as far as it is known."""

    @abstractmethod
    def _is_unfinished(self) -> bool:
        """Whether the last pull by a listing came to no end in its time, and is to be gone on with."""

    @abstractmethod
    def _do(self, item: T, cancel: Event, began: float) -> None:
        """Do one thing, in a thread of its own; end early once `cancel` is set."""

    @abstractmethod
    def _watched(self) -> list[str]:
        """The directories whose changes may mean that there is something to do."""

    @abstractmethod
    def _is_hint(self, came: bool, directory: str) -> bool:
        """Whether a link that came, or went, means that there is something to do."""

    @abstractmethod
    def _close(self) -> None:
        """Leave nothing behind."""

    def _has_room(self) -> bool:
        return len(self._running) < self._concurrency

    def _is_all_tried(self) -> bool:
        """Whether nothing that failed here is still to be tried again."""
        return self._host.time() > self._retry_at and self._next_due() is None

    # ── told from outside; safe in a signal handler ──

    def drain(self, seconds: float = math.inf) -> None:
        """Take nothing more, finish what runs, for so many seconds at most, then end."""
        self._draining = True
        self._stop_at = min(self._stop_at, self._host.monotonic() + seconds)

    def stop(self) -> None:
        """End what runs now."""
        self.drain(0.0)

    # ── the loop ──

    def run(self) -> None:
        """Work until drained or stopped, or until the store is gone."""
        self._host.spawn(self._arrivals.listen, "fsjob-hints")
        self._manager.ready()
        try:
            while not self._is_over():
                self._step()
        finally:
            self._arrivals.end()
            self._manager.stopping()
            self._cancel_all()
            while self._running:
                self._host.wait(self._never, 0.02)
            self._close()
            self._sign.out()
            self._tell("ended", text=self.gone)

    def _is_over(self) -> bool:
        if self._draining:
            return not self._running
        return bool(self.gone) or (self._until_empty and self._nothing_left)

    def _step(self) -> None:
        """Start one thing, or wait a moment."""
        now = self._host.monotonic()
        self._beat(now)
        if now >= self._stop_at:
            self._cancel_all()
        may_take = not self._draining and now >= self._leave_until and self._has_room()
        if may_take and self._take(now):
            return
        if self._host.wait(self._wake, self._rest() if may_take else LOOK_EVERY):
            self._wake.clear()
            self._look_at = min(self._look_at, self._soonest)

    def _rest(self) -> float:
        """Seconds to wait for something to do."""
        left = LOOK_EVERY
        due = self._next_due()
        if due is not None:
            left = min(left, due - self._host.time())
        return max(left, DUE_PAUSE)

    def _beat(self, now: float) -> None:
        if self._draining and not self._told_draining:
            self._told_draining = True
            self._manager.stopping()
            self._tell("draining", text=f"{len(self._running)} still at work")
        self._manager.beat(now)
        full = not self._has_room()
        self._sign.beat(now, self._state(), len(self._running), self._done, self._failed, full=full)

    def _state(self) -> str:
        if self._draining:
            return "draining"
        return "busy" if self._running else "idle"

    def _take(self, began: float) -> bool:
        """Start the next thing; False where there is none, and when to look again is set."""
        listing = began >= self._look_at
        hinted = self._arrivals.take()
        due = self._next_due()
        if not listing and not hinted and (due is None or due > self._host.time()):
            return False
        at_rest = not self._running  # what runs may make more to do, or fail and be tried again
        try:
            item = self._pull(None if listing else hinted)
        except (FsJobError, OSError) as error:
            self._leave_alone(f"cannot pull: {error}")
            return False
        if item is not None:
            self._start(item)
            return True
        if listing and self._is_unfinished():
            return True  # not yet; between two such looks this loop beats, and hears what it is told
        if listing:
            self._troubles = 0
            self._found_nothing(began, at_rest)
        return False

    def _found_nothing(self, began: float, at_rest: bool) -> None:
        now = self._host.monotonic()
        cost = COST_TIMES * (now - began)
        self._look_at, self._soonest = now + max(RESCAN, cost), now + max(HINT_PAUSE, cost)
        self._nothing_left = at_rest and self._is_all_tried()
        self._look_whether_it_is_there()

    def _leave_alone(self, why: str, job_id: str = "", began: float | None = None) -> None:
        """The store or this machine is in trouble: say so, and leave it alone for a while, longer each time."""
        self._tell("error", job_id, why, began)
        pause = min(FIRST_TROUBLE * 2.0**self._troubles, LONGEST_TROUBLE)
        self._troubles = min(self._troubles + 1, 10)
        self._leave_until = self._host.monotonic() + pause
        self._store.ground.look_again()
        self._look_whether_it_is_there()

    def _look_whether_it_is_there(self) -> None:
        """Only a clear "not there" ends the loop; no answer is none, and the store is asked again."""
        with suppress(FsJobError, OSError):
            if not self._store.views.is_store():
                self.gone = f"{self._store.directory} is no job store any more"

    def _cancel_all(self) -> None:
        with self._mutex:
            for cancel in self._running.values():
                cancel.set()

    # ── one thing to do ──

    def _start(self, item: T) -> None:
        self._nothing_left = False
        cancel = self._host.event()
        with self._mutex:
            self._running[item] = cancel
        try:
            self._host.spawn(lambda: self._work(item, cancel), f"fsjob-work-{item.id[-6:]}")
        except OSError as error:  # no more threads to be had
            with self._mutex:
                del self._running[item]
            item.release()
            self._leave_alone(str(error), item.id)

    def _work(self, item: T, cancel: Event) -> None:
        began = self._host.monotonic()
        try:
            with item:
                item.oncompromised = lambda _: cancel.set()
                self._do(item, cancel, began)
            self._troubles = 0
        except (LeaseLost, AlreadyFulfilled, VersionMismatch) as error:
            self._tell("lost", item.id, str(error), began)
        except FsJobError as error:  # of this job alone
            self._tell("error", item.id, str(error), began)
        except OSError as error:
            if self._is_of_this_job(error, item.id):
                self._put_off(str(error), item.id, began)
            else:
                self._leave_alone(str(error), item.id, began)
        finally:
            with self._mutex:
                del self._running[item]
            self._wake.set()

    def _is_of_this_job(self, error: OSError, job_id: str) -> bool:
        """Whether this job alone may not be written: another account's, or on a mount of its own."""
        return error.errno in NOT_OURS and str(error.filename).startswith(f"{self._store.layout.job(job_id)}/")

    def _put_off(self, why: str, job_id: str, began: float) -> None:
        """It is left to whoever may write it, and the others go on; told once, however often it is tried again."""
        self._store.put_off(job_id, PUT_OFF)
        if job_id not in self._told_of:
            self._told_of.add(job_id)
            self._tell("error", job_id, f"left to whoever may write it: {why}", began)

    def _backoff(self, attempt: int) -> float:
        """A pause that grows with each attempt, jittered by half, so that what failed together does not return so."""
        pause: float = min(self._first_pause * 2.0 ** min(attempt - 1, 60), LONGEST_PAUSE)
        pause *= 0.5 + int(self._host.token()[:4], 36) / 36**4
        self._retry_at = max(self._retry_at, self._host.time() + max(pause, KEEP_AT_LEAST))
        return pause

    def _tell(
        self,
        kind: str,
        job_id: str = "",
        text: str = "",
        began: float | None = None,
        size: int | None = None,
        target: str = "",
    ) -> None:
        seconds = self._host.monotonic() - began if began is not None else None
        self._report(WorkerEvent(self._host.time(), kind, job_id, text, seconds, size, target))
