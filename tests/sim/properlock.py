"""proper-lockfile 1.2.0, call by call: the locks of one Node process, as fs-job-store 1.2.0 uses them.

A lock is a directory made by mkdir, kept fresh by utimes on its path, taken over by rmdir and mkdir once its mtime
is ten seconds old, and released by rmdir without any proof.
"""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

STALE = 10.0
UPDATE = 5.0
UPDATE_AFTER_ERROR = 1.0
RETRIES = (1.0, 2.0, 4.0, 8.0)
"""Pauses between the five attempts at a lock; the package retries on every error, whatever it says."""


class Calls(Protocol):
    """Calls by path, as in `os`; `stat` follows links, and so does `utimes` (path, nanoseconds)."""

    def mkdir(self, *args: Any, **options: Any) -> None: ...
    def rmdir(self, *args: Any, **options: Any) -> None: ...
    def symlink(self, *args: Any, **options: Any) -> None: ...
    def unlink(self, *args: Any, **options: Any) -> None: ...
    def rename(self, *args: Any, **options: Any) -> None: ...
    def stat(self, *args: Any, **options: Any) -> Any: ...
    def lstat(self, *args: Any, **options: Any) -> Any: ...
    def listdir(self, *args: Any, **options: Any) -> list[str]: ...
    def utimes(self, *args: Any, **options: Any) -> None: ...
    def open(self, *args: Any, **options: Any) -> Any: ...
    def read(self, *args: Any, **options: Any) -> bytes: ...
    def write(self, *args: Any, **options: Any) -> int: ...
    def close(self, *args: Any, **options: Any) -> None: ...


class NodeError(Exception):
    """An error that the packages make themselves."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


Failure = OSError | NodeError


@dataclass(eq=False, slots=True)
class Lock:
    """A lock as its holder believes in it."""

    file: str
    """What is locked; the directory that stands for the lock is beside it."""
    compromised: Callable[[Failure], None]
    last_update: float
    released: bool = False
    update_error: Failure | None = None
    delay: float = UPDATE


class Lockfile:
    """The package in one process. `time` is its wall clock; `start` runs a beat loop beside everything else."""

    def __init__(
        self,
        calls: Calls,
        time: Callable[[], float],
        wait: Callable[[float], object],
        start: Callable[[Callable[[], None]], object],
    ) -> None:
        self.calls, self.time, self.wait, self._start = calls, time, wait, start
        self.held: dict[str, Lock] = {}

    # ── taking ──

    def lock(self, file: str, compromised: Callable[[Failure], None]) -> Lock:
        """Five attempts in 15 s. Raises the commonest of their errors, the latest of equals."""
        errors: list[Failure] = []
        for pause in (*RETRIES, None):
            try:
                self._acquire(file, check=True)
                break
            except (OSError, NodeError) as error:
                errors.append(error)
            if pause is None:
                raise _main_error(errors)
            self.wait(pause)
        lock = self.held[file] = Lock(file, compromised, self.time())
        self._start(lambda: self.beat_loop(lock))
        return lock

    def _acquire(self, file: str, *, check: bool) -> None:
        try:
            self.calls.mkdir(file + ".lock")
        except FileExistsError:
            if not check:
                raise NodeError("ELOCKED") from None
        else:
            return
        try:
            mtime = self.calls.stat(file + ".lock").st_mtime_ns
        except FileNotFoundError:  # gone meanwhile, or a link to nothing
            return self._acquire(file, check=False)
        if mtime // 10**6 >= int((self.time() - STALE) * 1000):
            raise NodeError("ELOCKED")
        self._remove(file)
        self._acquire(file, check=False)

    def _remove(self, file: str) -> None:
        with suppress(FileNotFoundError):
            self.calls.rmdir(file + ".lock")

    # ── keeping ──

    def beat_loop(self, lock: Lock) -> None:
        """The timer of one lock: run as a thread of the process; ends when the lock was released or compromised."""
        while True:
            self.wait(lock.delay)
            if lock.released or not self._beat(lock):
                return

    def _beat(self, lock: Lock) -> bool:
        """Touch whatever stands at the path; says whether to go on."""
        failed: OSError | None = None
        try:
            self.calls.utimes(lock.file + ".lock", int(self.time() * 1000) * 10**6)
        except OSError as error:
            failed = error
        if lock.released:
            return False
        now = self.time()
        if now - 2 * STALE < lock.last_update <= now - STALE:  # older still, and the clock is believed to have moved
            return self._compromise(lock, lock.update_error or NodeError("ECOMPROMISED"))
        if failed is not None:
            if failed.errno == errno.ENOENT:
                return self._compromise(lock, failed)
            lock.update_error, lock.delay = failed, UPDATE_AFTER_ERROR
            return True
        lock.last_update, lock.update_error, lock.delay = now, None, UPDATE
        return True

    def _compromise(self, lock: Lock, error: Failure) -> bool:
        lock.released = True
        if self.held.get(lock.file) is lock:
            del self.held[lock.file]
        lock.compromised(error)
        return False

    # ── leaving ──

    def forget(self, lock: Lock) -> bool:
        """What a release does before its first call; says whether the lock was thought to be held."""
        if lock.released:
            return False
        lock.released = True
        return self.held.pop(lock.file, None) is not None

    def unlock(self, lock: Lock) -> None:
        """Remove whatever lock stands at the path, whoever made it."""
        if self.forget(lock):
            self._remove(lock.file)

    def remove(self, lock: Lock) -> None:
        """The call of a release whose lock was forgotten before."""
        self._remove(lock.file)

    def exit(self) -> None:
        """What the process does when it ends in order, or by an exception; not when it is killed."""
        for file in list(self.held):
            with suppress(OSError):
                self.calls.rmdir(file + ".lock")


def _main_error(errors: list[Failure]) -> Failure:
    counts: Counter[str] = Counter()
    found, best = errors[0], 0
    for error in errors:
        counts[_message(error)] += 1
        if counts[_message(error)] >= best:
            found, best = error, counts[_message(error)]
    return found


def _message(error: Failure) -> str:
    return error.code if isinstance(error, NodeError) else os.strerror(error.errno or 0)
