"""Changing one job: the state lock, the staged file that is the right to commit, and the commit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO, Protocol

from .careful import listed_inode
from .errors import FsJobError, JobNotFound, LeaseLost
from .fs import CHUNK, Marks, close
from .ground import STATE_LOCK_WAIT, Ground
from .lease import Lease, fence
from .record import MAX_STATE, JobRecord

_log = logging.getLogger("fsjob")

class Proof(Protocol):
    """What must be ours for a change to be ours, besides the state lock: a lease, or the bar that we have set."""

    def require(self) -> None:
        """Raise LeaseLost unless it is ours, as of now."""

    def ask_clock(self) -> None:
        """Raise LeaseLost where the last proof does not hold any more. Asks no file system."""


Known = tuple[bytes, JobRecord]
"""Bytes of a state.json that were parsed before, and what they mean."""


class Change:
    """One job under its state lock, from the first look to the commit; a context manager.

    All that will be renamed is made, empty, *before* the locks are proven and `state.json` is read. Whoever takes
    the lock away from a stopped holder first unlinks what it has staged, so that its rename finds nothing.
    """

    def __init__(
        self,
        ground: Ground,
        job_id: str,
        *,
        leases: Sequence[Proof] = (),
        value: bool = False,
        known: Known | None = None,
        readable: bool = True,
        seconds: float = STATE_LOCK_WAIT,
    ) -> None:
        self._ground = ground
        self._id = job_id
        self._leases = leases
        self._with_value = value
        self._known = known
        self._readable = readable
        self._seconds = seconds
        self._staged: list[tuple[int, str]] = []
        self._renamed: list[str] = []
        self._committed = False
        self.data = b""
        """state.json as it was read, or as it was committed."""

    def __enter__(self) -> Change:
        ground, job_id = self._ground, self._id
        ground.require_job(job_id)
        self.lock = ground.lock("state", job_id, self._seconds)
        try:
            if self._with_value:
                self._value = self._stage("value")
            self._state = self._stage("state")
            fence(ground.host, self.lock)
            for lease in (*self._leases, self.lock):
                lease.require()
            if self._readable:
                self.data, self.record = self._read()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.withdraw()
        finally:  # an interrupt in between must not leave a lock that is beaten for as long as the process lives
            self.lock.release()

    def withdraw(self) -> None:
        """Give up the right to commit. What was committed is synced by now: its close has nothing more to say."""
        while self._staged:
            fd, path = self._staged.pop()
            close(self._ground.disk.calls, fd)
            if path not in self._renamed:
                self._ground.disk.discard(path)

    def _stage(self, what: str) -> tuple[int, str]:
        path = self._ground.layout.staged(self._id, self.lock.owner.token, what)
        try:
            staged = self._ground.disk.create(path), path
        except FileNotFoundError:
            raise JobNotFound(f"job {self._id} was deleted") from None
        self._staged.append(staged)
        return staged

    def _read(self) -> Known:
        if self._known is None:
            return self._ground.read(self._id)
        data = self._ground.disk.read(self._ground.layout.state(self._id), len(self._known[0]) + CHUNK)
        return self._known if data == self._known[0] else self._ground.read(self._id)

    @property
    def to_come(self) -> tuple[Marks, bytes]:
        """What the commit of a prepared state will leave: the marks of the file, and its bytes."""
        return self._ground.disk.marks_of(self._state[1], self._state[0]), self._prepared[0]

    # ── acting under the lock ──

    def ask_clocks(self) -> None:
        """Raise LeaseLost unless every lock's last proof still holds: right before each rename."""
        for lease in (*self._leases, self.lock):
            lease.ask_clock()

    def put_value(self, content: bytes | BinaryIO) -> int:
        """Write the staged value and rename it into place, synced; gives its size in bytes."""
        disk, (fd, path) = self._ground.disk, self._value
        size = 0
        if isinstance(content, bytes):
            disk.fill(fd, path, content)
            size = len(content)
        else:
            while chunk := content.read(CHUNK):
                disk.fill(fd, path, chunk)
                size += len(chunk)
        disk.sync(fd, path)
        if self.record.version:  # run again, perhaps by somebody stopped before his sync: the older value would be lost
            disk.sync_directory(self._ground.layout.job(self._id))
        self._rename(path, self._ground.layout.value(self._id), self._value_landed)
        disk.sync_directory(self._ground.layout.job(self._id))
        return size

    def commit(self, record: JobRecord, *, last: bool = True) -> None:
        """Make `record` the job's state. Raises LeaseLost where the right to it was taken away.

        Without `last` the change itself may be undone by loss of power; what stands there is whole all the same.
        """
        self.prepare(record)
        self.commit_prepared(last=last)

    def prepare(self, record: JobRecord) -> None:
        """Write the staged state; a full disk says so here, before anything that shows is changed."""
        disk, (fd, path) = self._ground.disk, self._state
        if self._ground.host.careful:  # by this a commit is known again, where an error comes although it was made
            record = record.with_ours(commit=self.lock.owner.token)
        self._prepared = record.to_bytes(), record
        if self.record.fulfilled:
            self._ground.make_last(self._id)
        disk.fill(fd, path, self._prepared[0])
        disk.sync(fd, path)  # always: a renamed file that was not synced may come back empty

    def commit_prepared(self, *, last: bool = True) -> None:
        """Rename the staged state over the job's. Raises LeaseLost."""
        self._rename(self._state[1], self._ground.layout.state(self._id), self._state_landed)
        if last:
            self._ground.disk.sync_directory(self._ground.layout.job(self._id))
        self.data, self.record = self._prepared
        self._committed = True

    def _rename(self, staged: str, path: str, landed: Callable[[], bool]) -> None:
        self.ask_clocks()
        try:
            self._ground.disk.calls.rename(staged, path)
        except OSError as error:
            self._settle(error, staged, path, landed)
        else:
            self._renamed.append(staged)

    def _settle(self, error: OSError, staged: str, path: str, landed: Callable[[], bool]) -> None:
        disk = self._ground.disk

        def again() -> None:
            self.ask_clocks()
            disk.calls.rename(staged, path)

        try:
            disk.settle(error, again, landed)
        except (FileNotFoundError, LeaseLost):
            known = "look at it before you try again" if self._ground.host.careful else "the change was not made"
            raise LeaseLost(
                f"{self.lock.place} was taken away while job {self._id} was being changed; {known}"
            ) from None

    def _value_landed(self) -> bool:
        """Whether `value` is the staged file; a number used again does not deceive for long: the commit has a token."""
        calls = self._ground.disk.calls
        return listed_inode(calls, self._ground.layout.value(self._id)) == calls.fstat(self._value[0]).st_ino

    def _state_landed(self) -> bool:
        """Whether `state.json` is what this change has staged: it holds the token of this lock."""
        return self._ground.disk.read(self._ground.layout.state(self._id), MAX_STATE) == self._prepared[0]

    def unlink(self, path: str, *, if_there: bool = False) -> bool:
        """A proven step: unlink what only the holder of the lock may; False where the guard is busy, and it is left.

        So it is where that fails, or the lock was lost, after the commit, which stands: to raise would deny what was
        done. `if_there`: look first, for most often there is nothing.
        """
        disk = self._ground.disk
        try:
            return (if_there and not disk.exists(path)) or self.lock.step(disk.remove, path)
        except LeaseLost:
            if not self._committed:
                raise
        except OSError as error:
            if not self._committed:
                raise
            _log.warning("job %s was changed, but %s is left: %s", self._id, path, error)
        return False


def unlink_left_over(ground: Ground, lease: Lease, path: str, is_left_over: Callable[[JobRecord], bool]) -> None:
    """Remove a link of a job that was pulled, if its state, read again and synced, says that it was left.

    Under the state lock, if that is to be had at once: the lease alone does not do, for an act that was stopped right
    before its commit would commit after this, and nobody would find the job. Whoever takes its state lock has fenced
    it off. What is wrong with this job, another account's perhaps, must not keep the others from being pulled.
    """
    job_id = lease.place.id
    with suppress(FsJobError, PermissionError), Change(ground, job_id, leases=[lease], seconds=0) as change:
        if is_left_over(change.record):
            ground.make_last(job_id)
            change.unlink(path)
