"""Holding a lock: take a free one, prove that it is still one's own, act under that proof, release."""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import NamedTuple

from ..careful import Patience
from ..errors import GuardBusy, LeaseLost, Unsettled, named
from ..fs import close
from ..host import Host
from ..layout import STAGED, Layout
from .heart import PROOF_LASTS, Heart
from .sight import DIRECTORY, OWNER_ATTRIBUTE, Owner, look_closely, same_beat

_log = logging.getLogger("fsjob")

KINDS = ("work", "notification", "state")


class LockPlace(NamedTuple):
    """Where a lock of some kind stands for some job."""

    kind: str
    id: str
    path: str
    guard: str
    job: str
    """The directory of the job."""

    @classmethod
    def of(cls, layout: Layout, kind: str, job_id: str) -> LockPlace:
        return cls(kind, job_id, layout.lock(kind, job_id), layout.guard, layout.job(job_id))

    def __str__(self) -> str:
        return f"the {self.kind} lock of job {self.id}"


class Lease:
    """A lock that this process holds. Made by `Lease.take` and by a takeover.

    To prove it is to ask one's own clock first, then whether the directory at the path is the one whose
    descriptor is kept open (its inode number cannot be given to another while it is), then the clock again.
    A proof is good for the moment; what carries the lease on is a beat that was proven, for others judge by beats.
    """

    __slots__ = (
        "_closed",
        "_fd",
        "_inode",
        "_marked",
        "_mtime_ns",
        "_on_lost",
        "_told",
        "_why",
        "dropped",
        "foreign_beats",
        "heart",
        "host",
        "owner",
        "place",
        "proven_at",
        "recovered",
    )

    def __init__(
        self, host: Host, place: LockPlace, owner: Owner, fd: int, proven_at: float, marked: bool = False
    ) -> None:
        found = host.calls.fstat(fd)
        self.host = host
        self.place = place
        self.owner = owner
        self.proven_at = proven_at
        """The clock right before the last beat that was proven, the take itself included."""
        self.foreign_beats = 0
        """Beats that were not ours: a holder who was robbed and has not noticed (a ghost)."""
        self.dropped = False
        self.recovered = False
        """Taken from a holder that was dead or stale."""
        self.heart = Heart.of(host)
        self._fd = fd
        self._inode = found.st_ino
        self._marked = marked
        self._mtime_ns = found.st_mtime_ns
        self._on_lost: Callable[[], None] | None = None
        self._why = ""
        self._told = False
        self._closed = False

    @classmethod
    def take(cls, host: Host, place: LockPlace, worker: str, *, guarded: bool = False) -> Lease | None:
        """Take a free lock; None where it is held, or was slow enough to be another's by now.

        `guarded`: the caller holds the guard exclusively.
        """
        calls = host.calls
        began = host.monotonic()
        try:
            calls.mkdir(place.path)
        except FileExistsError:
            return None
        try:
            fd = calls.open(place.path, DIRECTORY)
        except FileNotFoundError:  # a robbed Node holder has released it
            return None
        except OSError as error:
            _give_back(host, place, began, guarded)
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise OSError(error.errno, "too many open files (two a job: raise `ulimit -n`)", place.path) from None
            raise
        owner = Owner.of(host.me, worker, host.time(), host.tagged_token())
        lease = None
        try:
            if host.monotonic() - began > PROOF_LASTS:
                close(calls, fd)
                return None
            marked = True
            try:
                calls.setxattr(fd, OWNER_ATTRIBUTE, owner.to_bytes())
            except OSError:  # without attributes the owner is unknown, and all else works
                marked = False
            lease = cls(host, place, owner, fd, began, marked)
            lease.heart.add(lease)
        except BaseException as error:
            if lease is None or lease.heart.drop(lease):  # else a beat is under way, after which the heart closes it
                close(calls, fd)
            _give_back(host, place, began, guarded)
            if isinstance(error, OSError):
                raise named(error, place.path) from None
            raise
        if host.monotonic() - began > PROOF_LASTS:
            lease.lose("taking it took too long")
            lease.release()
            return None
        return lease

    # ── proof ──

    @property
    def compromised(self) -> bool:
        """Whether it was lost."""
        return bool(self._why)

    def prove(self) -> bool:
        """Whether the lock is still ours, as of now."""
        if self._why or self.dropped or not self._fresh():
            return False
        try:
            host, path = self.host, self.place.path
            ours = self._stands_certainly() if host.careful else host.calls.lstat(path).st_ino == self._inode
        except FileNotFoundError:
            self.lose("it was taken away")
            return False
        if not ours:
            self.lose("somebody else has taken it over")
            return False
        return self._fresh()

    def _stands_certainly(self) -> bool:
        """Whether the lock stands at its path, where an lstat may be old and an inode number used again.

        Raises OSError where that cannot be told: it is then neither proven nor lost.
        """
        seen = look_closely(self.host, self.place.path, self._inode)
        if seen is None:
            raise FileNotFoundError(self.place.path)
        if seen.inode != self._inode:
            return False
        if self._marked and seen.owner is not None:
            return seen.owner.token == self.owner.token
        return same_beat(self.host, seen.mtime_ns, self._mtime_ns)

    def _fresh(self) -> bool:
        if self.host.monotonic() - self.proven_at > PROOF_LASTS:
            self.lose(f"it was not proven for {PROOF_LASTS:.0f} seconds (this process was stopped, or the disk hung)")
        return not self._why

    def ask_clock(self) -> None:
        """Raise LeaseLost unless the last proof still holds. Asks no file system: for right before a rename."""
        if self._why or self.dropped or not self._fresh():
            raise self.error()

    def require(self) -> None:
        """Prove the lock or raise LeaseLost."""
        if not self.prove():
            raise self.error()

    def error(self) -> LeaseLost:
        """What to raise where it is ours no more."""
        return LeaseLost(f"{self.place} is no longer ours: {self._why or 'it was released'}; the change was not made")

    def step(self, call: Callable[[str], object], path: str) -> bool:
        """A proven step: prove, then one call that only the holder may make, both inside the shared guard.

        A proof and a removal that a stop can part would remove a successor's live lock. False: the guard was
        not to be had, and the step is left for later. Raises LeaseLost.
        """
        try:
            with self.host.guard(self.place.guard, True):
                self.require()
                call(path)
        except GuardBusy:
            return False
        return True

    # ── life ──

    def beat(self) -> None:
        """Refresh through the descriptor, which cannot touch a successor's lock, and prove."""
        began = self.host.monotonic()
        if self._why or not self._fresh():
            return
        calls, now_ns = self.host.calls, int(self.host.time() * 1e9)
        try:
            if calls.fstat(self._fd).st_mtime_ns != self._mtime_ns:
                self.foreign_beats += 1
            calls.utime(self._fd, ns=(now_ns, now_ns))
            self._mtime_ns = calls.fstat(self._fd).st_mtime_ns
            if self.prove():
                self.proven_at = max(self.proven_at, began)
        except OSError:  # a beat that fails is no beat: the next one, or the watchdog
            return

    def release(self) -> bool:
        """Give the lock back; says whether it was still there to give. Touches nothing that is not ours.

        Raises nothing: a lock that cannot be removed is left to go stale.
        """
        if self._closed:
            return False
        try:
            return not self._why and self._remove()
        finally:
            if not self._closed and self.heart.drop(self):
                self.close()

    def _remove(self) -> bool:
        try:
            with self.host.guard(self.place.guard, True):
                if not self.prove():
                    return False
                # not beaten any more from here on: a beat that finds nothing must not count as a loss
                closes_itself = self.heart.drop(self)
                self.host.calls.rmdir(self.place.path)
        except (GuardBusy, FileNotFoundError):
            return False
        except OSError as error:  # what was done under it is done, and must not be taken for failed
            _log.warning("%s could not be given back, and is left to go stale: %s", self.place, error)
            return False
        if closes_itself:
            self.close()
        return True

    def close(self) -> None:
        """Close the descriptor, once."""
        if not self._closed:
            self._closed = True
            close(self.host.calls, self._fd)

    def abandon(self) -> None:
        """In the child of a fork: this lease is the parent's."""
        self._why = self._why or "it belongs to the parent process"
        self._told = True
        self.close()

    # ── loss ──

    def lose(self, why: str) -> None:
        """Declare the lease lost. The watchdog tells, once."""
        if not self._why:
            self._why = why
            self.heart.lost(self)

    @property
    def on_lost(self) -> Callable[[], None] | None:
        return self._on_lost

    @on_lost.setter
    def on_lost(self, call: Callable[[], None] | None) -> None:
        with self.heart.mutex:
            self._on_lost = call
            told = self._told
        if told and call is not None:
            call()

    def tell(self) -> None:
        """Call `on_lost`; the watchdog does, once."""
        with self.heart.mutex:
            self._told = True
            call = self._on_lost
        if call is not None:
            call()


def _give_back(host: Host, place: LockPlace, began: float, guarded: bool) -> None:
    """Remove a lock just made that could not be opened. By the clock nobody else can have taken it yet."""
    with suppress(OSError, GuardBusy), nullcontext() if guarded else host.guard(place.guard, True):
        if host.monotonic() - began < PROOF_LASTS:
            host.calls.rmdir(place.path)


def fence(host: Host, lease: Lease) -> None:
    """Have no staged file but the holder's own in its job's directory, before it reads there.

    The lock may have been taken from a live holder, by a bar or by Node, which leaves what he staged: his rename must
    find nothing. So must that of a client which carries out late what it was told when the lock was its own; there one
    look is not enough.
    """
    if not host.careful:
        remove_staged(host, lease.place.job, lease.owner.token)
        return
    patience = Patience(host)
    while remove_staged(host, lease.place.job, lease.owner.token):
        if not patience.again():
            raise Unsettled(f"job {lease.place.id}: {lease.place.job} keeps filling with staged files; try again")


def remove_staged(host: Host, job: str, own: str = "") -> bool:
    """Unlink every staged file in a job's directory but those of token `own`; says whether there were any.

    The staged file is the right to commit: without it the rename of a holder that was stopped finds nothing.
    """
    try:
        names = host.calls.listdir(job)
    except (FileNotFoundError, NotADirectoryError):
        return False
    found = False
    for name in names:
        if name.startswith(STAGED) and not (own and name.startswith(f"{STAGED}{own}-")):
            found = True
            with suppress(FileNotFoundError):
                host.calls.unlink(f"{job}/{name}")
    return found
