"""The seam between the store and the machine: system calls, clocks, waits, threads, tokens, identity, the guard.

All that a simulation replaces is here, and nothing else is injected. In production the calls *are* the
builtins of `os` and `fcntl`, so the seam costs no frame.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from .guard import Guards, boottime, text_of

_USED = time.thread_time

LOCAL_FILE_SYSTEMS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "tmpfs", "f2fs", "zfs", "overlay"})
FRESH_OPENS = frozenset({"nfs", "nfs4", "fuse.glusterfs"})
"""Where opening a directory never gives one that was replaced; elsewhere only a listing is sure to tell."""


LOCK_EXCLUSIVELY = fcntl.LOCK_EX | fcntl.LOCK_NB
"""For `flock`: at once, or BlockingIOError."""


class Calls(Protocol):
    """System calls under the names and signatures of `os` (`flock`: of `fcntl`)."""

    mkdir: Callable[..., None]
    rmdir: Callable[..., None]
    symlink: Callable[..., None]
    unlink: Callable[..., None]
    rename: Callable[..., None]
    open: Callable[..., int]
    close: Callable[..., None]
    read: Callable[..., bytes]
    write: Callable[..., int]
    fsync: Callable[..., None]
    lstat: Callable[..., os.stat_result]
    fstat: Callable[..., os.stat_result]
    utime: Callable[..., None]
    listdir: Callable[..., list[str]]
    scandir: Callable[..., Any]
    readlink: Callable[..., Any]
    getxattr: Callable[..., bytes]
    setxattr: Callable[..., None]
    flock: Callable[..., None]
    fdopen: Callable[..., Any]
    """A descriptor as a Python file, which closes it."""


def _no_xattr(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))


class RealCalls:
    """The machine's own calls."""

    __slots__ = ()

    mkdir = staticmethod(os.mkdir)
    rmdir = staticmethod(os.rmdir)
    symlink = staticmethod(os.symlink)
    unlink = staticmethod(os.unlink)
    rename = staticmethod(os.rename)
    open = staticmethod(os.open)
    close = staticmethod(os.close)
    read = staticmethod(os.read)
    write = staticmethod(os.write)
    fsync = staticmethod(os.fsync)
    lstat = staticmethod(os.lstat)
    fstat = staticmethod(os.fstat)
    utime = staticmethod(os.utime)
    listdir = staticmethod(os.listdir)
    scandir = staticmethod(os.scandir)
    readlink = staticmethod(os.readlink)
    getxattr = staticmethod(getattr(os, "getxattr", _no_xattr))
    setxattr = staticmethod(getattr(os, "setxattr", _no_xattr))
    flock = staticmethod(fcntl.flock)
    fdopen = staticmethod(os.fdopen)


@dataclass(frozen=True, slots=True)
class Identity:
    """One process on one machine. Empty strings and zeros where the system does not say."""

    host: str
    boot: str
    pidns: int
    pid: int
    start: int
    """When the process started, in clock ticks since boot (/proc/PID/stat): pids are used again, this is not."""

    tag: str = field(init=False, repr=False, compare=False)
    """The identity as part of a file name, so that litter can be told from work in progress."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tag", f"{self.boot[:8]}.{self.pidns}.{self.pid}.{self.start}")

    def of_tag(self, tag: str) -> Identity | None:
        """The process that a tag tells of, as far as we can know it; None where it is no tag."""
        boot, *numbers = tag.split(".")
        if len(numbers) != 3 or not all(number.isascii() and number.isdecimal() for number in numbers):
            return None
        pidns, pid, start = map(int, numbers)
        same_boot = boot == self.boot[:8]
        return Identity(self.host if same_boot else "", self.boot if same_boot else "", pidns, pid, start)


class Event(Protocol):
    def set(self) -> None: ...
    def clear(self) -> None: ...
    def is_set(self) -> bool: ...


class Thread(Protocol):
    def join(self, timeout: float | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Host:
    """One process on one machine; `REAL` is the only one in production."""

    calls: Calls
    time: Callable[[], float]
    monotonic: Callable[[], float]
    """CLOCK_BOOTTIME: it counts the time for which the machine was suspended."""
    wait: Callable[[Any, float], bool]
    """Sleep up to so many seconds, less if the event is set; says whether it is. Every sleep is one of these."""
    spawn: Callable[[Callable[[], None], str], Thread]
    """Start a thread of this name. Raises OSError where there is none to be had."""
    event: Callable[[], Event]
    mutex: Callable[[], AbstractContextManager[Any]]
    token: Callable[[], str]
    """A random word of 12 characters."""
    me: Identity
    alive: Callable[[Identity], bool | None]
    """False only where death is proven; None where it cannot be checked from here."""
    guard: Callable[[str, bool], AbstractContextManager[None]]
    """(path, shared): hold the store's guard, or raise GuardBusy."""
    fstype: Callable[[str], str]
    """What the mount table calls the file system under a path; "" where it does not say."""
    services: dict[type, Any] = field(default_factory=dict)
    """One instance each of what a process has once, such as the heartbeat."""
    careful: bool = False
    """Whether answers are not to be trusted: other machines see the file system, too (`careful.py`)."""
    fresh_opens: bool = True
    """Whether an open of a directory gives what stands there now, without a look at a listing."""
    guard_excludes: bool = True
    """Whether the guard keeps other machines out; where it does not, only force takes a lock away."""
    mount_options: Callable[[str], str] = lambda path: ""
    """What the mount table says of how the file system under a path is mounted, as in "rw,nolock"."""
    used: Callable[[], float] = _USED
    """Seconds of a core that the calling thread has used."""

    def with_care(self, calls: Calls, *, fresh_opens: bool, guard_excludes: bool) -> Host:
        """The same process, by way of calls that take care; it follows a fork as this one does."""
        derived = replace(self, calls=calls, careful=True, fresh_opens=fresh_opens, guard_excludes=guard_excludes)
        self.services.setdefault(Host, []).append(derived)
        return derived

    def tagged_token(self) -> str:
        """A word that nobody else makes and that says whose it is: for a lock, and the name of what is staged."""
        return f"{self.me.tag}.{self.token()}"

    def is_local(self, path: str) -> bool:
        """Whether no other machine can see the file system under `path`."""
        return self.fstype(path) in LOCAL_FILE_SYSTEMS


# ── who we are, and who is still alive ────────────────────────────────────────────────────────────────────


def _state_and_start(pid: int | str) -> tuple[str, int]:
    """State letter and start time of a process from /proc; ("", 0) where they cannot be read."""
    fields = text_of(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], int(fields[19])) if len(fields) > 19 else ("", 0)


def _identify() -> Identity:
    try:
        pidns = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        pidns = 0
    return Identity(
        host=os.uname().nodename,
        boot=text_of("/proc/sys/kernel/random/boot_id").strip(),
        pidns=pidns,
        pid=os.getpid(),
        start=_state_and_start("self")[1],
    )


def _proc_is_ours() -> bool:
    """Whether /proc numbers processes as we do (a new pid namespace may still see the old /proc)."""
    try:
        return os.readlink("/proc/self") == str(os.getpid())
    except OSError:
        return False


def _alive(other: Identity) -> bool | None:
    me = REAL.me
    if not other.boot or not other.pidns or other.pid <= 0 or (other.boot, other.pidns) != (me.boot, me.pidns):
        return None
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    except OverflowError:  # no process ever had this number: what is written there proves nothing
        return None
    if not _proc_is_ours():
        return None
    state, start = _state_and_start(other.pid)
    if not state:  # hidepid: an absent entry proves nothing
        return None
    return state not in "ZX" and (not other.start or start == other.start)


def _fstype(path: str) -> str:
    return _mount(path)[0]


def _mount_options(path: str) -> str:
    return _mount(path)[1]


_ESCAPED = re.compile(r"\\([0-7]{3})")


def _mount(path: str) -> tuple[str, str]:
    """Type and options of the file system under a path; "" where the mount table does not say."""
    real = os.path.realpath(path)
    best, found = "", ("", "")
    for line in text_of("/proc/self/mountinfo", "surrogateescape").split("\n"):  # a name may have any other blank in it
        left, _, right = line.partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        if len(fields) < 6 or len(rest) < 3:
            continue
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[4])
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # of two mounts on one point the later one is seen
            best, found = point, (rest[0], ",".join((fields[5], *rest[2:])))
    return found


# ── the real host ─────────────────────────────────────────────────────────────────────────────────────────

def _wait(event: threading.Event, seconds: float) -> bool:
    return event.wait(seconds)


def _spawn(run: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=run, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:  # no more threads to be had
        raise OSError(errno.EAGAIN, str(error)) from None
    return thread


_WORD = b"0123456789abcdefghjkmnpqrstvwxyz"
_TO_WORD = bytes(_WORD[byte & 31] for byte in range(256))
_tokens: list[str] = []
"""Made, and not yet given out: asking the kernel for 8 bytes at a time costs more than all else about a token."""


def _token() -> str:
    try:
        return _tokens.pop()
    except IndexError:  # each is popped once, whatever threads do
        letters = os.urandom(12 * 64).translate(_TO_WORD).decode()
        _tokens.extend(letters[at : at + 12] for at in range(12, len(letters), 12))
        return letters[:12]


_guards = Guards()

REAL = Host(
    calls=RealCalls(),
    time=time.time,
    monotonic=boottime,
    wait=_wait,
    spawn=_spawn,
    event=threading.Event,
    mutex=threading.Lock,
    token=_token,
    me=_identify(),
    alive=_alive,
    guard=_guards.hold,
    fstype=_fstype,
    mount_options=_mount_options,
)


def _after_fork_in_child() -> None:
    """A child has none of its parent's leases, threads or descriptors, and is somebody else."""
    derived: list[Host] = REAL.services.pop(Host, [])
    services = list(REAL.services.values())
    REAL.services.clear()
    REAL.services[Host] = derived
    for service in services:
        abandon = getattr(service, "abandon", None)
        if abandon is not None:
            abandon()
    _guards.forget()
    _tokens.clear()  # the parent gives these out
    me = _identify()
    for host in (REAL, *derived):
        object.__setattr__(host, "me", me)


os.register_at_fork(after_in_child=_after_fork_in_child)
