"""File systems that other machines see, too: what they answer may be old, and a refusal may come after the change.

A client keeps names and attributes for a while: a name that is there is not seen, one that is gone still is. A lost
answer makes it send a change twice, and say of the second one that it is refused. So after an error from a change
the directory is listed again, for a new listing is true everywhere; what was refused and is done all the same counts
as done. Where nothing can tell, `Unsettled` is raised and nothing is rolled back.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

from .errors import Unsettled, named
from .fs import Disk, close
from .host import FRESH_OPENS, Calls, Host

T = TypeVar("T")

PATIENCE = 2.0
"""Seconds for which a call is tried again: clients keep what they believe for one."""
PROOF_PATIENCE = 3.0
"""Seconds for which a file is read again until what was read is certainly what stands there now."""
AGAIN = 0.02
"""Seconds between two tries, at least."""

REFUSED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM})
"""Errors that mean what they say: the change was not made."""
FLEETING = frozenset({errno.EAGAIN, errno.ESTALE, errno.ENOTCONN, errno.EIO, errno.ETIMEDOUT})
"""Errors that may be gone at the next try."""


class Patience:
    """Pauses between tries, never quite equal, for so many seconds in all."""

    def __init__(self, host: Host, seconds: float = PATIENCE) -> None:
        self._host = host
        self._never = host.event()
        self._ends = host.monotonic() + seconds

    def again(self) -> bool:
        """Sleep a little before the next try; False if there is no time for one."""
        if self._host.monotonic() >= self._ends:
            return False
        jitter = int(self._host.token()[:2], 36) / 36**2
        self._host.wait(self._never, AGAIN * (1 + jitter))
        return True


def listed_entry(calls: Calls, path: str) -> Any:
    """What a new listing of its directory tells of a name, as `os.DirEntry`; None where the name is not in it."""
    directory, _, name = path.rpartition("/")
    with calls.scandir(directory or "/") as entries:
        for entry in entries:
            if entry.name == name:
                return entry
    return None


def listed_inode(calls: Calls, path: str) -> int | None:
    """The inode that a new listing of its directory shows for a name; None where the name is not in it."""
    entry = listed_entry(calls, path)
    return None if entry is None else int(entry.inode())


class CarefulCalls:
    """A host's system calls, where a refusal is a question. What is not here is passed on as it is.

    `unlink` and `rmdir` return when the name is gone, whoever removed it. `symlink` returns if the link that was
    wanted stands there. `mkdir` says EEXIST where somebody, perhaps this very call, has made it. O_EXCL is for
    names with a token, which nobody else makes: what exists is one's own.
    """

    def __init__(self, host: Host) -> None:
        self._host, self._calls = host, host.calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)

    # ── questions: asked again ──

    def _ask(self, call: Callable[..., T], *args: object, **options: object) -> T:
        patience = None
        while True:
            try:
                return call(*args, **options)
            except OSError as error:
                patience = patience or Patience(self._host)
                if error.errno not in FLEETING or not patience.again():
                    raise

    def lstat(self, path: str) -> os.stat_result:
        return self._ask(self._calls.lstat, path)

    def listdir(self, path: str) -> list[str]:
        return self._ask(self._calls.listdir, path)

    def scandir(self, path: str) -> Any:
        return self._ask(self._calls.scandir, path)

    def readlink(self, path: str) -> Any:
        return self._ask(self._calls.readlink, path)

    def listed(self, path: str) -> int | None:
        return self._ask(listed_inode, self._calls, path)

    # ── changes: read back ──

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        patience = Patience(self._host)
        while True:
            try:
                return self._calls.mkdir(path, mode)
            except FileExistsError:
                raise
            except OSError as error:
                if error.errno in REFUSED:
                    raise
                if self.listed(path) is not None:  # ours or another's: nothing tells
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from error
                if error.errno not in FLEETING or not patience.again():
                    raise

    def rmdir(self, path: str) -> None:
        """Not tried again, save where it was certainly not made: a lock that stands there by now is another's."""
        patience = Patience(self._host)
        while True:
            try:
                return self._calls.rmdir(path)
            except OSError as error:
                if error.errno in REFUSED:
                    raise
                if self.listed(path) is None:
                    return
                if error.errno != errno.EAGAIN or not patience.again():
                    raise

    def unlink(self, path: str) -> None:
        patience = Patience(self._host)
        while True:
            try:
                return self._calls.unlink(path)
            except OSError as error:
                if error.errno in REFUSED:
                    raise
                if self.listed(path) is None:
                    return
                believed_absent = error.errno == errno.ENOENT
                if not (believed_absent or error.errno in FLEETING) or not patience.again():
                    raise
                if believed_absent:
                    self._nudge(path)

    def _nudge(self, path: str) -> None:
        """Have the client drop its belief, which NFS keeps for a minute, that a name is absent: making it asks."""
        try:
            self._calls.symlink(f"../jobs/{os.path.basename(path)}", path)
        except OSError:  # EEXIST as expected; whatever it is, the next unlink says how things are
            return

    def symlink(self, text: str, path: str) -> None:
        patience = Patience(self._host)
        while True:
            try:
                return self._calls.symlink(text, path)
            except OSError as error:
                if error.errno in REFUSED:
                    raise
                exists = error.errno == errno.EEXIST
                if self.listed(path) is not None:
                    if self._says(path) == text:
                        return
                    if exists:
                        raise
                if not (exists or error.errno in FLEETING):
                    raise
                if not patience.again():
                    raise Unsettled(f"{path} can neither be made nor found: try again") from error

    def _says(self, path: str) -> str | None:
        try:
            return str(self.readlink(path))
        except OSError:
            return None

    # ── descriptors ──

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        patience = None
        while True:
            try:
                return self._calls.open(path, flags, mode)
            except FileExistsError:
                if not flags & os.O_EXCL:
                    raise
                flags = flags & ~os.O_EXCL | os.O_TRUNC
            except OSError as error:
                patience = patience or Patience(self._host)
                if error.errno not in FLEETING or not patience.again():
                    raise


class CarefulDisk(Disk):
    """A file system that other machines see, too."""

    __slots__ = ()

    def sync(self, fd: int, path: str) -> None:
        """fsync a file, at every durability: what was not sent is not there for others."""
        try:
            self.calls.fsync(fd)
        except OSError as error:
            raise named(error, path) from None

    def exists(self, path: str) -> bool:
        return super().exists(path) or self._is_listed(path)

    def _is_listed(self, path: str) -> bool:
        """Whether a new listing has the name: a client may remember for a minute that it was absent."""
        try:
            return self._listed(path) is not None
        except (FileNotFoundError, NotADirectoryError):
            return False

    def is_directory(self, path: str) -> bool:
        if super().is_directory(path):
            return True
        try:
            entry = listed_entry(self.calls, path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return entry is not None and bool(entry.is_dir(follow_symlinks=False))

    def _listed(self, path: str) -> int | None:
        return cast(CarefulCalls, self.calls).listed(path)

    def move(self, old: str, new: str) -> None:
        try:
            self.calls.rename(old, new)
        except OSError as error:
            self.settle(error, lambda: self.calls.rename(old, new), lambda: self._listed(new) is not None)

    def rename_over(self, old: str, new: str) -> None:
        def landed() -> bool:
            return self._listed(old) is None and self._listed(new) is not None

        try:
            self.calls.rename(old, new)
        except OSError as error:
            self.settle(error, lambda: self.calls.rename(old, new), landed)

    def settle(self, error: OSError, again: Callable[[], None], landed: Callable[[], bool]) -> None:
        patience = Patience(self.host)
        while error.errno not in REFUSED:
            if landed():
                return
            if error.errno not in FLEETING:
                break
            if not patience.again():
                raise Unsettled(f"{error}: look at the job, then try again") from error
            try:
                return again()
            except OSError as another:
                error = another
        raise error

    def open_current(self, path: str) -> int:
        return self._open_listed(path, Patience(self.host, PROOF_PATIENCE))

    def read(self, path: str, limit: int) -> bytes:
        """All of a file as it stands now.

        What is empty or all zero bytes is read again, too: clients show a file so while it is replaced.
        """
        patience = Patience(self.host, PROOF_PATIENCE)
        while True:
            fd = self._open_listed(path, patience)
            try:
                data = self.read_open(fd, path, limit)
            except OSError as error:
                if error.errno not in FLEETING or not patience.again():
                    raise
                continue
            finally:
                close(self.calls, fd)
            if data.strip(b"\0") or not patience.again():
                return data

    def _open_listed(self, path: str, patience: Patience) -> int:
        """Open the file that stands there now: a new listing comes first, and the open file is the one in it.

        An open alone gives a file that was replaced, on GlusterFS for a second, on NFS for milliseconds.
        """
        while True:
            error = None
            try:
                fd = self._open_as(path, self._listed(path))
                if fd is not None:
                    return fd
            except OSError as found:
                if found.errno not in FLEETING | {errno.ENOENT}:
                    raise
                error = found
            if not patience.again():
                if error is not None and error.errno == errno.ENOENT:
                    raise error
                raise Unsettled(f"{path}: what is opened is not what is listed; try again") from error

    def _open_as(self, path: str, inode: int | None) -> int | None:
        fd = self.open_regular(path)
        same = False
        try:
            same = self.calls.fstat(fd).st_ino == inode
        finally:
            if not same:
                close(self.calls, fd)
        return fd if same else None


def careful(host: Host, path: str) -> Host:
    """The same process, for the file system under a path, which is not local."""
    kept: dict[tuple[bool, bool], Host] = host.services.setdefault(CarefulCalls, {})
    fstype = host.fstype(path)
    kind = fstype in FRESH_OPENS, guard_excludes(fstype, host.mount_options(path))
    if kind not in kept:
        calls = cast(Calls, CarefulCalls(host))
        kept[kind] = host.with_care(calls, fresh_opens=kind[0], guard_excludes=kind[1])
    return kept[kind]


def guard_excludes(fstype: str, options: str) -> bool:
    """Whether a flock of one machine keeps the others out, by what the mount table says."""
    if fstype.startswith("nfs"):
        given = options.split(",")
        return not any(option in given for option in ("nolock", "local_lock=all", "local_lock=flock"))
    return fstype != "fuse.sshfs"
