"""A file system in memory, call for call like the kernel's, that can lose power in three legal ways.

Directory changes are kept as a log of atomic steps, file contents as versions; a cut replays those that a file
system of that kind may have kept:

* journal (ext4, xfs): any fsync commits every step before it; a prefix of the log survives.
* logtree (btrfs): a synced file brings its own names, a synced directory its entries; any subset of the rest.
* posix: only what was synced by its own descriptor; any subset of the rest.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Literal, NamedTuple

WorldKind = Literal["journal", "logtree", "posix"]
WORLDS: tuple[WorldKind, ...] = ("journal", "logtree", "posix")


def failure(number: int, path: object = None) -> OSError:
    return OSError(number, os.strerror(number), path)


@dataclass(eq=False, slots=True)
class Inode:
    number: int
    kind: int
    mtime_ns: int
    nlink: int = 0
    opened: int = 0
    entries: dict[str, Inode] = field(default_factory=dict)
    data: bytes = b""
    text: str = ""
    xattrs: dict[str, bytes] = field(default_factory=dict)
    versions: list[bytes] = field(default_factory=lambda: [b""])
    synced: int = 0
    """Index of the version that was synced last."""

    @property
    def is_directory(self) -> bool:
        return self.kind == stat.S_IFDIR


class Stat(NamedTuple):
    st_mode: int
    st_ino: int
    st_nlink: int
    st_size: int
    st_mtime_ns: int

    @property
    def st_mtime(self) -> float:
        return self.st_mtime_ns / 1e9

    @property
    def st_ctime(self) -> float:
        return self.st_mtime_ns / 1e9


@dataclass(eq=False, slots=True)
class OpenFile:
    inode: Inode
    flags: int
    position: int = 0


class Step(NamedTuple):
    """One atomic change of directories: names that were set to an inode, or to nothing."""

    changes: tuple[tuple[Inode, str, Inode | None], ...]


class MemFs:
    """`now_ns` is the file system's clock. `limit` bytes of content fit (ENOSPC beyond)."""

    def __init__(self, now_ns: Callable[[], int], world: WorldKind = "journal") -> None:
        self.now_ns = now_ns
        self.world = world
        self.calls = 0
        self._free: list[int] = []
        self._next = 2
        self.root = self._inode(stat.S_IFDIR)
        self.root.nlink = 1
        self.log: list[Step] = []
        self.committed: set[int] = set()
        self.committed_prefix = 0

    # ── inodes and names ──

    def _inode(self, kind: int) -> Inode:
        if self._free:
            number = self._free.pop()  # ext4 gives a freed number to the next at once
        else:
            number, self._next = self._next, self._next + 1
        return Inode(number, kind, self.now_ns())

    def _unused(self, inode: Inode) -> None:
        if inode.nlink == 0 and inode.opened == 0:
            self._free.append(inode.number)

    def _set(self, *changes: tuple[Inode, str, Inode | None]) -> None:
        released = []
        for directory, name, inode in changes:
            before = directory.entries.pop(name, None)
            if inode is not None:
                directory.entries[name] = inode
                inode.nlink += 1
            if before is not None:
                before.nlink -= 1
                released.append(before)
            directory.mtime_ns = self.now_ns()
        for inode in released:
            self._unused(inode)
        self.log.append(Step(changes))

    def _walk(self, path: str, follow: int = 8) -> tuple[Inode, str, Inode | None]:
        """The directory, the last name, and what stands there. Links on the way are followed, the last is not."""
        parts = [part for part in path.split("/") if part]
        if not parts:
            return self.root, "", self.root
        here, trail = self.root, [self.root]
        for index, part in enumerate(parts[:-1]):
            if part == ".":
                continue
            if part == "..":
                trail = trail[:-1] or [self.root]
                here = trail[-1]
                continue
            found = here.entries.get(part)
            if found is None:
                raise failure(errno.ENOENT, path)
            if found.kind == stat.S_IFLNK:
                if not follow:
                    raise failure(errno.ELOOP, path)
                base = "" if found.text.startswith("/") else "/".join(["", *parts[:index]])
                return self._walk("/".join([base + "/" + found.text, *parts[index + 1 :]]), follow - 1)
            if not found.is_directory:
                raise failure(errno.ENOTDIR, path)
            here = found
            trail.append(here)
        if len(os.fsencode(parts[-1])) > 255:
            raise failure(errno.ENAMETOOLONG, path)
        if parts[-1] == ".":
            return here, "", here
        return here, parts[-1], here.entries.get(parts[-1])

    def _need(self, path: str) -> tuple[Inode, str, Inode]:
        directory, name, inode = self._walk(path)
        if inode is None:
            raise failure(errno.ENOENT, path)
        return directory, name, inode

    # ── calls on names ──

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        directory, name, inode = self._walk(path)
        if inode is not None:
            raise failure(errno.EEXIST, path)
        self._set((directory, name, self._inode(stat.S_IFDIR)))

    def rmdir(self, path: str) -> None:
        directory, name, inode = self._need(path)
        if not inode.is_directory:
            raise failure(errno.ENOTDIR, path)
        if inode.entries:
            raise failure(errno.ENOTEMPTY, path)
        self._set((directory, name, None))

    def symlink(self, text: str, path: str) -> None:
        directory, name, inode = self._walk(path)
        if inode is not None:
            raise failure(errno.EEXIST, path)
        link = self._inode(stat.S_IFLNK)
        link.text = text
        self._set((directory, name, link))

    def unlink(self, path: str) -> None:
        directory, name, inode = self._need(path)
        if inode.is_directory:
            raise failure(errno.EISDIR, path)
        self._set((directory, name, None))

    def rename(self, old: str, new: str) -> None:
        from_directory, from_name, inode = self._need(old)
        to_directory, to_name, there = self._walk(new)
        if there is inode:
            return
        if there is not None:
            if there.is_directory and not inode.is_directory:
                raise failure(errno.EISDIR, new)
            if not there.is_directory and inode.is_directory:
                raise failure(errno.ENOTDIR, new)
            if there.entries:
                raise failure(errno.ENOTEMPTY, new)
        self._set((from_directory, from_name, None), (to_directory, to_name, inode))
        # _set dropped the last link before it made the new one: the number must not be given away
        if inode.number in self._free:
            self._free.remove(inode.number)

    def lstat(self, path: str) -> Stat:
        return self._stat(self._need(path)[2])

    def stat(self, path: str, follow: int = 8) -> Stat:
        inode = self._need(path)[2]
        if inode.kind == stat.S_IFLNK:
            if not follow:
                raise failure(errno.ELOOP, path)
            text = inode.text if inode.text.startswith("/") else f"{os.path.dirname(path)}/{inode.text}"
            return self.stat(os.path.normpath(text), follow - 1)
        return self._stat(inode)

    def _stat(self, inode: Inode) -> Stat:
        size = len(inode.data) if inode.kind == stat.S_IFREG else len(inode.text)
        return Stat(inode.kind | 0o755, inode.number, inode.nlink, size, inode.mtime_ns)

    def listdir(self, path: str) -> list[str]:
        inode = self._need(path)[2]
        if not inode.is_directory:
            raise failure(errno.ENOTDIR, path)
        return list(inode.entries)

    def readlink(self, path: str) -> str:
        inode = self._need(path)[2]
        if inode.kind != stat.S_IFLNK:
            raise failure(errno.EINVAL, path)
        return inode.text

    def utimes(self, path: str, mtime_ns: int) -> None:
        """By path, as Node beats."""
        self._need(path)[2].mtime_ns = mtime_ns

    # ── calls on descriptors ──

    def open(self, path: str, flags: int, mode: int = 0o777) -> OpenFile:
        directory, name, inode = self._walk(path)
        if inode is not None and inode.kind == stat.S_IFLNK:
            if flags & os.O_CREAT and flags & os.O_EXCL:
                raise failure(errno.EEXIST, path)
            raise failure(errno.ENOTDIR if flags & os.O_DIRECTORY else errno.ELOOP, path)
        if inode is None:
            if not flags & os.O_CREAT:
                raise failure(errno.ENOENT, path)
            inode = self._inode(stat.S_IFREG)
            self._set((directory, name, inode))
        elif flags & os.O_CREAT and flags & os.O_EXCL:
            raise failure(errno.EEXIST, path)
        if flags & os.O_DIRECTORY and not inode.is_directory:
            raise failure(errno.ENOTDIR, path)
        if inode.is_directory and flags & (os.O_WRONLY | os.O_RDWR):
            raise failure(errno.EISDIR, path)
        inode.opened += 1
        return OpenFile(inode, flags)

    def close(self, file: OpenFile) -> None:
        file.inode.opened -= 1
        self._unused(file.inode)

    def read(self, file: OpenFile, size: int) -> bytes:
        if file.inode.is_directory:
            raise failure(errno.EISDIR)
        data = file.inode.data[file.position : file.position + size]
        file.position += len(data)
        return data

    def write(self, file: OpenFile, data: bytes | memoryview) -> int:
        inode = file.inode
        if file.flags & os.O_APPEND:
            file.position = len(inode.data)
        inode.data = inode.data[: file.position] + bytes(data) + inode.data[file.position + len(data) :]
        inode.versions.append(inode.data)
        inode.mtime_ns = self.now_ns()
        file.position += len(data)
        return len(data)

    def fstat(self, file: OpenFile) -> Stat:
        return self._stat(file.inode)

    def utime(self, file: OpenFile, mtime_ns: int) -> None:
        file.inode.mtime_ns = mtime_ns

    def getxattr(self, file: OpenFile, name: str) -> bytes:
        if name not in file.inode.xattrs:
            raise failure(errno.ENODATA)
        return file.inode.xattrs[name]

    def setxattr(self, file: OpenFile, name: str, value: bytes) -> None:
        file.inode.xattrs[name] = value

    def fsync(self, file: OpenFile) -> None:
        inode = file.inode
        if inode.kind == stat.S_IFREG:
            inode.synced = len(inode.versions) - 1
        self.committed_prefix = len(self.log)
        for index, step in enumerate(self.log):
            if index not in self.committed and any(self._brings(inode, change) for change in step.changes):
                self.committed.add(index)

    def _brings(self, inode: Inode, change: tuple[Inode, str, Inode | None]) -> bool:
        """Whether syncing `inode` makes this change of a directory last, in the world without an order."""
        directory, _, entry = change
        if directory is inode:
            return True
        return self.world == "logtree" and entry is inode

    # ── loss of power ──

    def after_power_cut(self, random: Random, now_ns: Callable[[], int]) -> MemFs:
        """What a file system of this kind may hold after its machine lost power now."""
        if self.world == "journal":
            kept = set(range(random.randint(self.committed_prefix, len(self.log))))
        else:
            share = random.choice((0.0, 0.5, 1.0))
            kept = {index for index in range(len(self.log)) if index in self.committed or random.random() < share}
        trees: dict[Inode, dict[str, Inode]] = {self.root: {}}
        for index, step in enumerate(self.log):
            if index in kept:
                for directory, name, inode in step.changes:
                    entries = trees.setdefault(directory, {})
                    entries.pop(name, None)
                    if inode is not None:
                        entries[name] = inode
        after = MemFs(now_ns, self.world)
        contents: dict[Inode, Inode] = {}

        def copy(inode: Inode) -> Inode:
            if inode not in contents:
                new = contents[inode] = after._inode(inode.kind)
                new.text, new.mtime_ns, new.xattrs = inode.text, inode.mtime_ns, dict(inode.xattrs)
                if inode.kind == stat.S_IFREG:
                    new.data = _survivor(inode, random)
                    new.versions, new.synced = [new.data], 0
            return contents[inode]

        def mount(old: Inode, new: Inode) -> None:
            for name, entry in trees.get(old, {}).items():
                inode = copy(entry)
                after._set((new, name, inode))
                if inode.is_directory and not inode.entries:
                    mount(entry, inode)

        mount(self.root, after.root)
        after.committed_prefix = len(after.log)
        after.committed = set(range(len(after.log)))
        return after


def _survivor(inode: Inode, random: Random) -> bytes:
    newer = inode.versions[inode.synced :]
    if len(newer) == 1:
        return newer[0]
    chosen = random.choice(newer)
    damage = random.random()
    if damage < 0.25:
        return chosen[: random.randint(0, len(chosen))]
    if damage < 0.4:
        return bytes(len(chosen))
    return chosen
