"""The guard of a store on this machine: one process at a time takes locks away, many prove theirs meanwhile."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial

from .errors import GuardBusy, named

_log = logging.getLogger("fsjob")

GUARD_TIMEOUT = 2.0
"""Seconds for which a step waits for the guard."""
GUARD_BELIEVED_BUSY = 30.0
"""Seconds for which the guard is not asked again after it could not be had."""
GUARD_POLL = 0.002
KEPT_OPEN = 16
"""Stores whose guards a thread keeps open, the youngest; of a store that is done with nobody says so."""

boottime: Callable[[], float] = partial(time.clock_gettime, getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
"""Seconds by a clock that counts the time for which the machine was suspended."""


def text_of(path: str, errors: str = "replace") -> str:
    """What a file of /proc says, or the guard's own; "" where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors=errors, newline="\n") as file:
            return file.read()
    except OSError:
        return ""


def _refuse_odd(path: str) -> None:
    """A FIFO in the guard's place would hang whoever opens it, a link would have us write elsewhere."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise OSError(errno.EINVAL, "the guard is no regular file: move away what stands there", path)


class _Shared:
    """One thread's kept descriptor of a guard file, closed with the thread; entered, it holds the guard shared."""

    def __init__(self, guards: Guards, path: str) -> None:
        _refuse_odd(path)
        self._guards, self._path = guards, path
        self.fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)
        found = os.fstat(self.fd)
        self._inode = found.st_dev, found.st_ino

    def is_guard(self) -> bool:
        """Whether this is what stands at the path: the store may have been moved away, deleted, put back."""
        try:
            found = os.lstat(self._path)
        except OSError:  # opening it says what is wrong
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def __enter__(self) -> None:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            self._poll()
        except OSError as error:
            raise named(error, self._path) from None

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self.fd, fcntl.LOCK_UN)

    def _poll(self) -> None:
        deadline = boottime() + GUARD_TIMEOUT
        while boottime() < deadline:
            time.sleep(GUARD_POLL)
            with suppress(BlockingIOError):
                fcntl.flock(self.fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
                return
        raise self._guards.gave_up(self._path)

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):
            os.close(self.fd)


class Guards:
    """The guard files that this process uses: exclusive through filelock, shared through flock.

    A flock belongs to the open file: on one descriptor one thread's unlock would drop another's hold, and a
    child's a parent's. So each thread has its own, and a child of fork opens anew.
    """

    def __init__(self) -> None:
        self._kept = threading.local()
        self._busy_until: dict[str, float] = {}

    def forget(self) -> None:
        """In the child of a fork: have none of the parent's descriptors."""
        self._kept = threading.local()

    def _refuse_if_busy(self, path: str) -> None:
        if self._busy_until.get(path, 0.0) > boottime():
            raise GuardBusy(f"{path}: the guard is {_holder(path)}; this step is left for later")

    def gave_up(self, path: str) -> GuardBusy:
        """What to raise where the guard could not be had in time; it is believed busy for a while."""
        self._busy_until[path] = boottime() + GUARD_BELIEVED_BUSY
        said = f"{path}: the guard is {_holder(path)} for over {GUARD_TIMEOUT:.0f} s"
        _log.warning("%s; locks are left to go stale, takeovers wait, for %.0f s", said, GUARD_BELIEVED_BUSY)
        return GuardBusy(said)

    def hold(self, path: str, shared: bool) -> AbstractContextManager[None]:
        if not shared:
            return self._exclusive(path)
        if self._busy_until:
            self._refuse_if_busy(path)
        kept: _Shared | None = self._kept.__dict__.get(path)
        if kept is None or not kept.is_guard():
            mine = self._kept.__dict__
            mine.pop(path, None)
            while len(mine) >= KEPT_OPEN:
                del mine[next(iter(mine))]
            kept = mine[path] = _Shared(self, path)
        return kept

    @contextmanager
    def _exclusive(self, path: str) -> Iterator[None]:
        from filelock import FileLock, Timeout  # a fifth of what a command that only reads takes to start

        self._refuse_if_busy(path)
        _refuse_odd(path)
        lock = FileLock(path, mode=0o666, fallback_to_soft=False)
        try:
            lock.acquire(timeout=GUARD_TIMEOUT, poll_interval=GUARD_POLL)
        except Timeout:
            raise self.gave_up(path) from None
        try:
            _name_holder(path, f"pid {os.getpid()} on {os.uname().nodename}\n")
            yield
        finally:
            _name_holder(path, "")
            lock.release()


def _name_holder(path: str, text: str) -> None:
    """What the guard's file says: who holds it exclusively, for those who see the file from another machine."""
    with suppress(OSError), open(path, "r+b", buffering=0) as file:
        file.write(text.encode().ljust(96)[:96])


def _holder(path: str) -> str:
    """Who holds a guard, in words. The kernel knows of shared holders too, which the text does not name."""
    try:
        inode = str(os.stat(path).st_ino)
    except OSError:
        return "gone"
    lines = [line.split() for line in text_of("/proc/locks").splitlines()]
    holds = [line for line in lines if len(line) > 5 and line[1] == "FLOCK" and line[5].rpartition(":")[2] == inode]
    pids = sorted({line[4] for line in holds if int(line[4]) > 0})  # 0: a process of another pid namespace
    if pids:
        return f"held by pid {', '.join(pids)}"
    text = text_of(path).strip()
    return f"held by {text}" if text else "held by another process"
