"""What one machine sees of a file system that others see, too: a memory that goes out of date, and answers that lie.

A `Mount` stands between the processes of one machine and a `MemFs`, under the same names of calls. It remembers what
it was told for as long as measured clients do, and says of some changes that they were refused: after they were made
(the answer was lost, and the change was sent again), or because the client is busy. Listings are always true.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from .memfs import Inode, MemFs, OpenFile, Stat, failure


class Profile(NamedTuple):
    """How a client behaves. Times are the most seconds for which something old is told."""

    fstype: str
    present: float
    """A name that was there, by lstat and readlink."""
    absent: float = 0.0
    """A name that was not there, or that this machine removed: by lstat, open, unlink, rmdir and rename."""
    exists: float = 0.0
    """A name that was there is refused to mkdir, symlink and O_EXCL."""
    replaced: float = 0.0
    """A file that was opened is opened again by its name."""
    listing_helps: bool = False
    """Whether a listing of the directory ends that."""
    zeros: bool = False
    """A replaced file is not told whole but missing, or as zeros."""
    directory: float = 0.0
    """A directory that was opened is opened again by its name."""
    attribute: float = 0.0
    """An extended attribute, or that there was none."""
    attributes: bool = True
    touches_removed: int = 0
    """What utime says of a directory that is gone; 0: nothing."""
    repeats: bool = True
    """Whether a change whose answer was lost is sent again: EEXIST or ENOENT, though it was made."""
    soft: bool = False
    """Whether it is given up instead: EIO, though it was made."""
    busy: tuple[int, ...] = ()
    """What is said of a change that was not made and may be tried again."""


PROFILES = {
    "nfs": Profile("nfs4", 3, absent=30, replaced=0.05, listing_helps=True, attribute=29, busy=(errno.ESTALE,)),
    "noxattr": Profile(
        "nfs", 3, absent=30, replaced=0.05, listing_helps=True, attributes=False, soft=True, busy=(errno.ESTALE,)
    ),
    "gluster": Profile(
        "fuse.glusterfs", 1, exists=1, replaced=1, touches_removed=errno.ESTALE, repeats=False,
        busy=(errno.ESTALE, errno.ENOTCONN),
    ),
    "juicefs": Profile(
        "fuse.juicefs", 1, replaced=1, zeros=True, directory=1, touches_removed=errno.ENOENT, repeats=False,
        busy=(errno.EAGAIN,),
    ),
}  # fmt: skip


class Memory(NamedTuple):
    """What stood at a name when it was looked at; None: nothing."""

    status: Stat | None
    at: float


class Kept(NamedTuple):
    """A file as it was opened, for as long as its name still leads to it here."""

    file: OpenFile
    until: float


class Entry(NamedTuple):
    """What scandir tells of a name."""

    name: str
    number: int
    kind: int

    def inode(self) -> int:
        return self.number

    def is_symlink(self) -> bool:
        return self.kind == stat.S_IFLNK

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self.kind == stat.S_IFDIR


class Scan(list[Entry]):
    def __enter__(self) -> Scan:
        return self

    def __exit__(self, *_: object) -> None: ...


@dataclass(eq=False, slots=True)
class NetFile:
    """An open file of this machine. `whole`: whether its bytes are told, or as many zeros."""

    file: OpenFile
    whole: bool = True
    position: int = 0

    @property
    def inode(self) -> Inode:
        return self.file.inode


@dataclass
class Mount:
    """One machine's view of `fs`. `now` is in seconds; `lies` is the share of changes that are lied about."""

    fs: MemFs
    now: Callable[[], float]
    random: Random
    profile: Profile
    lies: float = 0.0
    told: int = 0
    """Lies so far."""
    _names: dict[str, Memory] = field(default_factory=dict)
    _opened: dict[str, Kept] = field(default_factory=dict)
    _attributes: dict[object, tuple[float, bytes | None]] = field(default_factory=dict)

    # ── memory ──

    def _remembered(self, path: str, present: float) -> Memory | None:
        """What is still believed of a name, where presence is believed for so many seconds."""
        found = self._names.get(path)
        if found is None:
            return None
        return found if self.now() - found.at < (present if found.status else self.profile.absent) else None

    def _remember(self, path: str, status: Stat | None) -> None:
        self._names[path] = Memory(status, self.now())

    def _forget(self, path: str) -> None:
        """Of a name, and of all below it."""
        for memory in (self._names, self._opened):
            for name in [name for name in memory if name == path or name.startswith(path + "/")]:
                memory.pop(name)

    def _refuse_absent(self, path: str) -> None:
        found = self._remembered(path, 0.0)
        if found is not None and found.status is None:
            raise failure(errno.ENOENT, path)

    def _refuse_present(self, path: str) -> None:
        found = self._remembered(path, self.profile.exists)
        if found is not None and found.status is not None:
            raise failure(errno.EEXIST, path)

    # ── lies ──

    def _change(self, call: Callable[[], None], path: str, repeated: int) -> None:
        """Make a change, and answer for it: mostly as it was."""
        if self.random.random() >= self.lies:
            call()
            return
        profile = self.profile
        made = [*[repeated] * profile.repeats, *[errno.EIO] * profile.soft]
        lie = self.random.choice([*made, *profile.busy])
        self.told += 1
        if lie in made:
            call()
        raise failure(lie, path)

    def _make(self, call: Callable[[], None], path: str) -> None:
        self._refuse_present(path)
        self._forget(path)  # the server is asked, whatever it says
        self._change(call, path, errno.EEXIST)

    def _take(self, call: Callable[[], None], path: str) -> None:
        self._refuse_absent(path)
        self._forget(path)
        self._change(call, path, errno.ENOENT)
        self._remember(path, None)

    # ── calls on names ──

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        self._make(lambda: self.fs.mkdir(path, mode), path)

    def symlink(self, text: str, path: str) -> None:
        self._make(lambda: self.fs.symlink(text, path), path)

    def rmdir(self, path: str) -> None:
        self._take(lambda: self.fs.rmdir(path), path)

    def unlink(self, path: str) -> None:
        self._take(lambda: self.fs.unlink(path), path)

    def rename(self, old: str, new: str) -> None:
        self._refuse_absent(old)
        self._forget(old)
        self._forget(new)
        self._change(lambda: self.fs.rename(old, new), old, errno.ENOENT)
        self._remember(old, None)

    def lstat(self, path: str) -> Stat:
        found = self._remembered(path, self.profile.present)
        if found is None:
            try:
                found = Memory(self.fs.lstat(path), self.now())
            except FileNotFoundError:
                found = Memory(None, self.now())
            self._names[path] = found
        if found.status is None:
            raise failure(errno.ENOENT, path)
        return found.status

    def readlink(self, path: str) -> str:
        self._refuse_absent(path)
        return self.fs.readlink(path)

    def listdir(self, path: str) -> list[str]:
        names = self.fs.listdir(path)
        if self.profile.listing_helps:
            for name in names:
                self._opened.pop(f"{path}/{name}", None)
        return names

    def scandir(self, path: str) -> Scan:
        return Scan([self._entry(f"{path}/{name}", name) for name in self.listdir(path)])

    def _entry(self, path: str, name: str) -> Entry:
        status = self.fs.lstat(path)
        return Entry(name, status.st_ino, stat.S_IFMT(status.st_mode))

    # ── calls on descriptors ──

    def open(self, path: str, flags: int, mode: int = 0o777) -> NetFile:
        if flags & os.O_CREAT:
            if flags & os.O_EXCL:
                self._refuse_present(path)
            self._forget(path)
            return NetFile(self.fs.open(path, flags, mode))  # to the maker of a new file the server says so twice
        self._refuse_absent(path)
        try:
            new = self.fs.open(path, flags, mode)
        except FileNotFoundError:
            self._remember(path, None)
            raise
        self._remember(path, self.fs.fstat(new))
        return self._as_opened_before(path, new)

    def _as_opened_before(self, path: str, new: OpenFile) -> NetFile:
        kept = self._opened.get(path)
        if kept is None or self.now() >= kept.until:
            is_directory = stat.S_ISDIR(self.fs.fstat(new).st_mode)
            lag = self.profile.directory if is_directory else self.profile.replaced
            if lag:
                self._opened[path] = Kept(new, self.now() + self.random.uniform(0, lag))
            return NetFile(new)
        if kept.file.inode is new.inode:
            return NetFile(new)
        if self.profile.zeros and not stat.S_ISDIR(self.fs.fstat(new).st_mode):
            if self.random.random() < 0.5:
                self.fs.close(new)
                raise failure(errno.ENOENT, path)
            return NetFile(new, whole=False)
        self.fs.close(new)
        return NetFile(kept.file)

    def close(self, file: NetFile) -> None:
        """The file below stays open as long as the machine runs: what was replaced may be told again."""

    def read(self, file: NetFile, size: int) -> bytes:
        file.file.position = file.position
        data = self.fs.read(file.file, size)
        file.position = file.file.position
        return data if file.whole else bytes(len(data))

    def write(self, file: NetFile, data: bytes | memoryview) -> int:
        file.file.position = file.position
        written = self.fs.write(file.file, data)
        file.position = file.file.position
        return written

    def fsync(self, file: NetFile) -> None:
        self.fs.fsync(file.file)

    def fstat(self, file: NetFile) -> Stat:
        return self.fs.fstat(file.file)

    def utime(self, file: NetFile, mtime_ns: int) -> None:
        if self.profile.touches_removed and not self.fs.fstat(file.file).st_nlink:
            raise failure(self.profile.touches_removed)
        self.fs.utime(file.file, mtime_ns)

    def getxattr(self, file: NetFile, name: str) -> bytes:
        if not self.profile.attributes:
            raise failure(errno.ENOTSUP)
        until, value = self._attributes.get(file.file.inode, (0.0, None))
        if self.now() >= until:
            try:
                value = self.fs.getxattr(file.file, name)
            except OSError:
                value = None
            until = self.now() + self.random.uniform(0, self.profile.attribute)
            self._attributes[file.file.inode] = until, value
        if value is None:
            raise failure(errno.ENODATA)
        return value

    def setxattr(self, file: NetFile, name: str, value: bytes) -> None:
        if not self.profile.attributes:
            raise failure(errno.ENOTSUP)
        self._attributes.pop(file.file.inode, None)
        self.fs.setxattr(file.file, name, value)
