"""Trying out, from this machine alone, whether a file system keeps the promises that the store rests on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from enum import StrEnum
from typing import NamedTuple

from ..careful import guard_excludes, listed_inode
from ..fs import Disk, close
from ..ground import Ground
from ..host import LOCAL_FILE_SYSTEMS, LOCK_EXCLUSIVELY
from ..lease.sight import DIRECTORY, OWNER_ATTRIBUTE

CLOCK_OFF = 2.0
"""Seconds between the clock of the files and this machine's that are worth a word."""


class Verdict(StrEnum):
    """What to make of it, from good to bad."""

    ACCEPT = "accept"
    WARN = "warn"
    REFUSE = "refuse"


class Finding(NamedTuple):
    """One promise, whether it is kept, and what that means."""

    name: str
    verdict: Verdict
    what: str


def try_out(ground: Ground) -> Iterator[Finding]:
    """What the mount table says, then each promise, tried in a directory of its own that is removed again.

    What a second machine would see is not tried.
    """
    ground.ready()
    yield _mounted(ground)
    room = ground.layout.staging(ground.host.tagged_token())
    ground.disk.make_directory(room)
    try:
        for name, check in _CHECKS.items():
            try:
                verdict, what = check(ground, f"{room}/{name}")
            except OSError as error:
                verdict, what = Verdict.REFUSE, str(error)
            yield Finding(name, verdict, what)
    finally:
        _remove(ground.disk, room)


def worst(findings: list[Finding]) -> Verdict:
    """The verdict over all."""
    order = list(Verdict)
    return max((finding.verdict for finding in findings), key=order.index)


def _remove(disk: Disk, room: str) -> None:
    for name in disk.list_directory(room):
        disk.discard(f"{room}/{name}")
        with suppress(OSError):
            disk.calls.rmdir(f"{room}/{name}")
    with suppress(OSError):
        disk.calls.rmdir(room)


# ── by the mount table ──

_KNOWN_TO_HOLD = ("nfs", "nfs4", "fuse.mfs")
_DOUBTS = {
    "fuse.glusterfs": "what others did is seen a second late, unless it is mounted with attribute-timeout=0,"
    "entry-timeout=0 and performance.stat-prefetch is off",
    "fuse.juicefs": "whoever reads a file while it is replaced may see zero bytes, and reads again",
}
_DOUBTFUL_OPTIONS = {
    "vers=3": "locks carry no owner; one's own lock, whose making was said to have failed, costs twelve seconds",
    "soft": "changes that were made are told as failed",
    "softerr": "changes that were made are told as failed",
    "nocto": "what others wrote may be seen late",
}


def _mounted(ground: Ground) -> Finding:
    root, host = ground.layout.root, ground.host
    kind, options = host.fstype(root), host.mount_options(root)
    told = f"{kind or 'unknown'} ({options})" if options else kind or "unknown"
    if kind in LOCAL_FILE_SYSTEMS:
        return Finding("mount", Verdict.ACCEPT, f"{told}: no other machine sees it")
    if not guard_excludes(kind, options):
        why = "locks of one machine keep no other out: use it from one machine alone, where only force takes a lock"
        return Finding("mount", Verdict.REFUSE, f"{told}: {why}")
    doubts = [_DOUBTS[kind]] if kind in _DOUBTS else []
    doubts += [what for option, what in _DOUBTFUL_OPTIONS.items() if option in options.split(",")]
    if kind not in _KNOWN_TO_HOLD and kind not in _DOUBTS:
        doubts.append("nothing is known here of this file system")
    if doubts:
        return Finding("mount", Verdict.WARN, f"{told}: {'; '.join(doubts)}")
    return Finding("mount", Verdict.ACCEPT, f"{told}: locks of other machines are judged by their beats")


# ── promises ──

Result = tuple[Verdict, str]


def _exclusive(ground: Ground, path: str) -> Result:
    ground.disk.calls.mkdir(path)
    try:
        ground.disk.calls.mkdir(path)
    except FileExistsError:
        return Verdict.ACCEPT, "a directory is made once"
    return Verdict.REFUSE, "a directory is made twice: no lock excludes anybody"


def _replaced(ground: Ground, path: str) -> Result:
    disk = ground.disk
    disk.write_new(path, b"old")
    disk.write_new(f"{path}.new", b"new")
    disk.calls.rename(f"{path}.new", path)
    if disk.read(path, 100) == b"new" and not disk.exists(f"{path}.new"):
        return Verdict.ACCEPT, "a file is replaced by a rename"
    return Verdict.REFUSE, "a file that was replaced by a rename is read as it was"


def _attribute(ground: Ground, path: str) -> Result:
    calls, fd = ground.disk.calls, _directory(ground, path)
    try:
        calls.setxattr(fd, OWNER_ATTRIBUTE, b"tried")
        kept = calls.getxattr(fd, OWNER_ATTRIBUTE) == b"tried"
    except OSError as error:
        return Verdict.WARN, f"no attributes ({error.strerror}): locks carry no owner, and no death is proven"
    finally:
        close(calls, fd)
    return (Verdict.ACCEPT, "a lock carries its owner") if kept else (Verdict.WARN, "attributes are not kept")


def _times(ground: Ground, path: str) -> Result:
    calls, fd = ground.disk.calls, _directory(ground, path)
    wanted = (int(ground.host.time()) - 3600) * 10**9 + 123_456_789
    try:
        calls.utime(fd, ns=(wanted, wanted))
        found = calls.fstat(fd).st_mtime_ns
    finally:
        close(calls, fd)
    if found == wanted:
        return Verdict.ACCEPT, "a beat is kept to the nanosecond"
    if abs(found - wanted) < 10**9:
        return Verdict.ACCEPT, "a beat is kept to the second"
    return Verdict.REFUSE, f"a beat is kept {abs(found - wanted) / 1e9:.0f} s off"


def _locked(ground: Ground, path: str) -> Result:
    calls = ground.disk.calls
    ground.disk.write_new(path, b"")
    with ExitStack() as opened:
        for _ in range(2):
            fd = calls.open(path, os.O_RDWR | os.O_CLOEXEC)
            opened.callback(close, calls, fd)
            try:
                calls.flock(fd, LOCK_EXCLUSIVELY)
            except BlockingIOError:
                return Verdict.ACCEPT, "the guard is held by one at a time, as far as one machine can tell"
        return Verdict.REFUSE, "the guard is held by two at once: no lock is taken over safely"


def _synced(ground: Ground, path: str) -> Result:
    calls, fd = ground.disk.calls, _directory(ground, path)
    try:
        calls.fsync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return Verdict.WARN, "a directory cannot be synced: a loss of power may take names back"
    finally:
        close(calls, fd)
    return Verdict.ACCEPT, "a directory is synced"


def _numbered(ground: Ground, path: str) -> Result:
    ground.disk.make_directory(path)
    if listed_inode(ground.disk.calls, path) == ground.disk.calls.lstat(path).st_ino:
        return Verdict.ACCEPT, "listings and files agree on who is who"
    if ground.local:
        return Verdict.ACCEPT, "listings number files otherwise; nothing rests on it where no other machine sees them"
    return Verdict.REFUSE, "a listing numbers files otherwise than the files do: nothing can be read with proof"


def _clock(ground: Ground, path: str) -> Result:
    before = ground.host.time()
    ground.disk.make_directory(path)
    made, after = ground.disk.calls.lstat(path).st_mtime, ground.host.time()
    off = max(before - made, made - after, 0.0)
    if off <= CLOCK_OFF:
        return Verdict.ACCEPT, "its clock is this machine's"
    return Verdict.WARN, f"its clock is {off:.0f} s off this machine's: so are ages, and Node may take live locks"


def _directory(ground: Ground, path: str) -> int:
    ground.disk.make_directory(path)
    return ground.disk.calls.open(path, DIRECTORY)


_CHECKS: dict[str, Callable[[Ground, str], Result]] = {
    "exclusive": _exclusive,
    "replaced": _replaced,
    "attribute": _attribute,
    "times": _times,
    "guard": _locked,
    "synced": _synced,
    "numbered": _numbered,
    "clock": _clock,
}
