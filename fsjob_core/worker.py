"""A worker: pulls jobs, has a handler do them, keeps attempts and errors on the job, parks what fails for good."""

from __future__ import annotations

import errno
from collections.abc import Collection
from typing import BinaryIO, Unpack

from .errors import FsJobError, LeaseLost
from .handlers import Handler
from .health import many
from .host import Event
from .loop import LOOK_FOR, Loop
from .options import Options
from .store import JobStore
from .work import WorkLease

ROOM = 64 << 10
"""Bytes without which a disk counts as full: a command that fails then may not be to blame."""
ITS_WORKER_DIED = "its worker died while it ran"
SUSPECT_AFTER = 2
"""Deaths of its worker after which a job is under suspicion; after the first it is tried again like any other."""
ALONE_FOR = 30.0
"""Seconds for which a job under suspicion runs without another such beside it."""
NOT_RECORDED = "how its tries ended could not be recorded: its worker died, or the disk was full"


class Worker(Loop[WorkLease]):
    """Pulls jobs and has `handler` do them, several at once.

    What failed is tried again after a pause that grows; after so many attempts, five by default, the job is parked.
    """

    kind = "worker"
    usual_attempts = 5

    def __init__(self, store: JobStore, handler: Handler, **options: Unpack[Options]) -> None:
        super().__init__(store, options)
        self._handler = handler
        self._next_suspect_at = 0.0
        self._told_paused = False

    # ── what the loop asks ──

    def _pull(self, among: Collection[str] | None) -> WorkLease | None:
        return self._store.pull_work(among, LOOK_FOR)

    def _next_due(self) -> float | None:
        return self._store.next_due()

    def _is_unfinished(self) -> bool:
        return self._store.pull_is_unfinished()

    def _watched(self) -> list[str]:
        return [self._store.layout.pending]

    def _is_hint(self, came: bool, directory: str) -> bool:
        return came

    def _close(self) -> None:
        self._handler.close()

    def _is_all_tried(self) -> bool:
        """A pause is no end: what waits behind it is still to be done."""
        paused = self._store.views.paused()
        if paused is not None and not self._told_paused:
            self._tell("paused", text=f"the store is paused{paused and f': {paused}'}; waiting for `fsjob resume`")
        self._told_paused = paused is not None
        return paused is None and super()._is_all_tried()

    # ── one job ──

    def _do(self, item: WorkLease, cancel: Event, began: float) -> None:
        if item.recovered:
            self._tell("recovered", item.id, "its lock was left by a holder that is gone")
        if item.attempt >= self._max_attempts:
            self._park(item, _why_it_never_ended(item), began)
        elif item.recovered and item.attempt >= min(SUSPECT_AFTER, self._max_attempts - 1):
            self._attempt_alone(item, cancel, began)
        else:
            self._attempt(item, cancel, began)

    def _attempt_alone(self, work: WorkLease, cancel: Event, began: float) -> None:
        """A job whose worker has died may be why: no two such at a time, or one would use up the tries of the others.

        One that has run for a while without harm does not hold the others up any longer.
        """
        while (turn := self._take_turn()) is None:
            if self._draining or cancel.is_set():
                return  # not begun, so nothing counts
            self._host.wait(cancel, 0.05)
        try:
            self._attempt(work, cancel, began)
        finally:
            with self._mutex:
                if self._next_suspect_at == turn:  # else the next one runs alone by now
                    self._next_suspect_at = 0.0

    def _take_turn(self) -> float | None:
        """When the turn that was taken ends; None while it is another's."""
        with self._mutex:
            now = self._host.monotonic()
            if now < self._next_suspect_at:
                return None
            self._next_suspect_at = now + ALONE_FOR
            return self._next_suspect_at

    def _attempt(self, work: WorkLease, cancel: Event, began: float) -> None:
        work.begin()
        self._tell("started", work.id, f"try {work.attempt}")
        try:
            result = self._handler.run(self._store, work, cancel, self._timeout)
        except OSError as error:  # nothing was tried
            self._give_back(work, error)
            raise
        if work.compromised:
            raise LeaseLost(f"job {work.id}: the lease was lost while it was worked on")
        if result.value is not None:
            self._fulfill(work, result.value, began)
        elif cancel.is_set():
            work.give_back()
            self._tell("lost", work.id, "given back: the worker was stopped", began)
        else:
            self._blame_the_disk(work, result.error)
            self._fail(work, result.error, began)

    def _blame_the_disk(self, work: WorkLease, why: str) -> None:
        """On a full disk whatever prints fails: that must not use up the tries of all jobs. Raises OSError."""
        if self._store.views.lacks_room(ROOM):
            full = OSError(errno.ENOSPC, f"no room left, so this try does not count: {why}", self._store.directory)
            self._give_back(work, full)
            raise full

    def _give_back(self, work: WorkLease, error: OSError) -> None:
        try:
            work.give_back()
        except (FsJobError, OSError):  # the same trouble, most likely; the first one is told
            raise error from None

    def _fulfill(self, work: WorkLease, value: bytes | BinaryIO, began: float) -> None:
        try:
            size = _keep(work, value)
        except OSError as error:  # no room, perhaps: the work was done for nothing, and must not be at once again
            why = f"its value could not be kept: {error}"
            self._blame_the_disk(work, why)
            self._fail(work, why, began)
            return
        self._done += 1
        self._tell("done", work.id, "", began, size)

    def _fail(self, work: WorkLease, error: str, began: float) -> None:
        if work.attempt >= self._max_attempts:
            self._park(work, error, began)
            return
        pause = self._backoff(work.attempt)
        work.fail(error, pause)
        self._failed += 1
        self._tell("failed", work.id, f"try {work.attempt} failed: {error}; again in {pause:.0f} s", began)

    def _park(self, work: WorkLease, error: str, began: float) -> None:
        work.park(error)
        self._failed += 1
        self._tell("parked", work.id, f"given up after {many(work.attempt, 'try', 'tries')}: {error}", began)


def _why_it_never_ended(work: WorkLease) -> str:
    """The reason of a job whose tries are used up without an end of the last one."""
    last = work.record.text("last_error")
    if not work.recovered:
        return last or NOT_RECORDED
    return f"{ITS_WORKER_DIED}; before that: {last}" if last else ITS_WORKER_DIED


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
