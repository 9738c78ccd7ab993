"""One directory of a store as of the last look, and when it is worth another: its cost bounds how often."""

from __future__ import annotations

import os
from collections.abc import Callable
from operator import attrgetter

from .host import Host
from .names import Names, read_names
from .skew import Mark, Skew

TICK = 0.02
"""Seconds within which two changes may leave one and the same mtime on a directory."""
SOONEST, COST = 0.5, 20.0
"""A changed directory is listed again after so many seconds and so many times what it cost: 5 % of a core at most."""
TRUST, TRUST_COST = 2.0, 100.0
"""The same where hints have told of all that is known to have changed."""
TRUTH, TRUTH_COST = 5.0, 200.0
"""The same where nothing seems to have changed, on file systems that may not say so."""

_name = attrgetter("name")

NEVER = -1
"""In the place of an inode, before the first listing."""


class Directory:
    """The names in one directory. `progress` is called as a listing goes on."""

    def __init__(self, host: Host, path: str, skew: Skew, *, local: bool) -> None:
        self.path = path
        self._skew = skew
        self.names = Names()
        self.locks: set[str] = set()
        self._host = host
        self._local = local
        self.is_another = False
        """Whether the last listing was of another directory than the one before: it was removed, or has come back."""
        self._listed: Mark = (NEVER, NEVER)
        self._explained: Mark = (NEVER, NEVER)
        self._fresh = True
        self._ended = 0.0
        self._cost = 0.0

    def _mark(self) -> Mark:
        """By a fresh open, for which NFS asks the server; zeros where there is no such directory."""
        calls, began = self._host.calls, self._host.time()
        try:
            fd = calls.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0, 0
        try:
            found = calls.fstat(fd)
        finally:
            calls.close(fd)
        mark = found.st_ino, found.st_mtime_ns
        self._skew.hear(self.path, mark, began, self._host.time())
        return mark

    def is_due(self) -> bool:
        """Whether it changed since it was listed, or may have, as far as the cost allows a listing."""
        waited = self._host.monotonic() - self._ended
        if waited < max(SOONEST, COST * self._cost):
            return False
        mark = self._mark()
        if self._fresh or mark not in (self._listed, self._explained):
            return True
        if mark != self._listed and waited > max(TRUST, TRUST_COST * self._cost):
            return True
        return not self._local and waited > max(TRUTH, TRUTH_COST * self._cost)

    def read(self, progress: Callable[[], None]) -> None:
        """List it: `names` is a new set afterwards. Raises OSError."""
        began, before = self._host.monotonic(), self._listed[0]
        self._listed = self._explained = self._mark()
        self.is_another = before not in (self._listed[0], NEVER)
        self._fresh = abs(self._host.time() - self._listed[1] / 1e9) < TICK
        try:
            with self._host.calls.scandir(self.path) as entries:
                self.names, self.locks = read_names(map(_name, entries), progress)
        except FileNotFoundError:
            self.names, self.locks = Names(), set()
        self._ended = self._host.monotonic()
        self._cost = self._ended - began

    def explain(self) -> bool:
        """What has changed up to now is being looked at, name by name. False where it is another directory by now."""
        mark = self._mark()
        if mark[0] != self._listed[0]:
            return False
        self._explained = mark
        return True

    def has(self, name: str) -> bool:
        """Whether a name stands there now."""
        try:
            self._host.calls.lstat(f"{self.path}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True
