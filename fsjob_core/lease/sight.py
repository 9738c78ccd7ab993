"""Looking at a lock: what stands there, whose it is, and for how long it has been seen unchanged."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from functools import lru_cache
from typing import NamedTuple

from ..careful import listed_inode
from ..errors import named
from ..fs import close
from ..host import Calls, Host, Identity, Thread

STALE_AFTER = 10.0
"""Seconds without a beat after which a lock may be taken: a constant of the format."""
CACHE_TIME = 2.0
"""Seconds more where the file system is not local: a beat may be seen that much later."""
BAR_OLD = 60.0
"""Seconds after which a bar was left by a crash."""

OWNER_ATTRIBUTE = "user.fsjob.owner"
BAR_PREFIX = "fsjob-bar "
"""How the text of a bar begins: a link to nothing, which neither Node nor we ever take."""

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Owner(NamedTuple):
    """Who holds a lock, as written on it. `since` is in seconds since 1970, `token` is new for each take."""

    host: str
    boot: str
    pidns: int
    pid: int
    start: int
    worker: str
    since: float
    token: str

    @classmethod
    def of(cls, me: Identity, worker: str, since: float, token: str) -> Owner:
        return cls(me.host, me.boot, me.pidns, me.pid, me.start, worker, since, token)

    @property
    def identity(self) -> Identity:
        return Identity(self.host, self.boot, self.pidns, self.pid, self.start)

    def to_bytes(self) -> bytes:
        """As it is written: JSON, of which all but the last two members is the same for each lock of a worker."""
        return f'{_who(*self[:6])},"since":{self.since!r},"token":"{self.token}"}}'.encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Owner | None:
        """The owner that was written, or None where something else stands there."""
        try:
            found = json.loads(data)
            if not math.isfinite(since := float(found["since"])):
                return None
            return cls(
                host=str(found["host"]),
                boot=str(found["boot"]),
                pidns=int(found["pidns"]),
                pid=int(found["pid"]),
                start=int(found["start"]),
                worker=str(found["worker"]),
                since=since,
                token=str(found["token"]),
            )
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None


@lru_cache(maxsize=8)
def _who(host: str, boot: str, pidns: int, pid: int, start: int, worker: str) -> str:
    members = {"host": host, "boot": boot, "pidns": pidns, "pid": pid, "start": start, "worker": worker}
    return json.dumps(members, separators=(",", ":"))[:-1]


class Sighting(NamedTuple):
    """One look at a lock."""

    inode: int
    mtime_ns: int
    owner: Owner | None
    bar: str | None
    """The text of the bar that stands there instead of a lock."""
    foreign: str | None
    """What stands there if it is neither a directory nor a bar: nobody can take that."""

    @property
    def token(self) -> str:
        return self.owner.token if self.owner else ""


def look(host: Host, path: str) -> Sighting | None:
    """What stands at a lock's path, by a fresh open; None where nothing does."""
    calls = host.calls
    try:
        fd = calls.open(path, DIRECTORY)
    except FileNotFoundError:
        return None
    except (NotADirectoryError, PermissionError):
        return _look_without_opening(calls, path)
    try:
        found = calls.fstat(fd)
        return Sighting(found.st_ino, found.st_mtime_ns, _read_owner(calls, fd), None, None)
    except OSError as error:
        raise named(error, path) from None
    finally:
        close(calls, fd)


def look_closely(host: Host, path: str, expected: int) -> Sighting | None:
    """`look` at a lock of which one will act if its inode is `expected`.

    Where the file system is not local a new listing must show the same: raises ESTALE where it shows the expected
    inode, but an open does not. An open alone is enough where it is known never to give what was replaced, for
    listing all jobs at each proof makes a large store slow.
    """
    if not host.careful or host.fresh_opens:
        return look(host, path)
    inode = listed_inode(host.calls, path)
    if inode is None:
        return None
    seen = look(host, path)
    if seen is not None and seen.inode == inode:
        return seen
    if inode == expected:
        raise OSError(errno.ESTALE, "its directory lists another", path)
    return Sighting(inode, 0, None, None, None)  # whatever it is, it is another


def same_beat(host: Host, one_ns: int, other_ns: int) -> bool:
    """Whether two mtimes are of one beat: to the nanosecond, or where files come from afar to the second (MooseFS)."""
    return one_ns // 10**9 == other_ns // 10**9 if host.careful else one_ns == other_ns


def _read_owner(calls: Calls, fd: int) -> Owner | None:
    try:
        return Owner.from_bytes(calls.getxattr(fd, OWNER_ATTRIBUTE))
    except OSError:  # no such attribute, or a file system without any
        return None


def _look_without_opening(calls: Calls, path: str) -> Sighting | None:
    try:
        found = calls.lstat(path)
        if stat.S_ISDIR(found.st_mode):
            return Sighting(found.st_ino, found.st_mtime_ns, None, None, None)
        if not stat.S_ISLNK(found.st_mode):
            return Sighting(found.st_ino, found.st_mtime_ns, None, None, "file")
        text = calls.readlink(path)
    except FileNotFoundError:
        return None
    if text.startswith(BAR_PREFIX):
        return Sighting(found.st_ino, found.st_mtime_ns, None, text, None)
    return Sighting(found.st_ino, found.st_mtime_ns, None, None, "link")


class Sightings:
    """For how long this process has seen each lock unchanged, by its own clock.

    A mtime compared with one's own clock proves nothing where clocks differ or jump; a lock watched for ten
    seconds without a beat does. An observer that was itself stopped must start anew (the holder may have been
    stopped with it): a ticking thread tells, which runs only while there is something to watch.
    """

    TICK = 1.0
    GAP = 3.0
    FORGET = 60.0

    def __init__(self, host: Host) -> None:
        self._host = host
        self._mutex = host.mutex()
        self._seen: dict[str, tuple[int, int, float, float]] = {}  # path: inode, mtime, first seen, last asked
        self._ticked = 0.0
        self._thread: Thread | None = None

    @classmethod
    def of(cls, host: Host) -> Sightings:
        found: Sightings | None = host.services.get(cls)
        if found is None:
            found = host.services.setdefault(cls, cls(host))
        return found

    def unchanged_for(self, path: str, seen: Sighting) -> float:
        """Seconds for which `path` has been seen as it is now; 0.0 the first time. Remembers the sighting."""
        now = self._host.monotonic()
        with self._mutex:
            self._tick(now)
            before = self._seen.get(path)
            same = before is not None and before[:2] == (seen.inode, seen.mtime_ns)
            first = before[2] if before is not None and same else now
            self._seen[path] = (seen.inode, seen.mtime_ns, first, now)
            if self._thread is None:
                self._thread = self._host.spawn(self._run, "fsjob-sightings")
        return now - first

    def _tick(self, now: float) -> None:
        if now - self._ticked > self.GAP:
            self._seen.clear()
        self._ticked = now

    def _run(self) -> None:
        never = self._host.event()
        while True:
            self._host.wait(never, self.TICK)
            now = self._host.monotonic()
            with self._mutex:
                self._tick(now)
                old = [path for path, entry in self._seen.items() if now - entry[3] > self.FORGET]
                for path in old:
                    del self._seen[path]
                if not self._seen:
                    self._thread = None
                    return
