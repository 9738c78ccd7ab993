"""A file system in memory, call for call like the kernel's (`test_memfs` compares them), that can lose its power.

Paths are absolute. Nothing is checked against owners and modes: like root, everybody may do everything.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from random import Random

from .power import WORLDS, Inode, WorldKind, surviving_content
from .results import Entry, OpenFile, Scan, Stat, failure, status
from .tree import DOTS, Tree, ancestors

__all__ = ["WORLDS", "Inode", "MemFs", "OpenFile", "Stat", "WorldKind", "failure"]

UMASK = 0o022
_CHANGING = os.O_WRONLY | os.O_RDWR


class MemFs(Tree):
    """`now_ns` is the file system's clock. `limit` bytes of content and `inodes` inodes fit (ENOSPC beyond)."""

    # ── calls on names ──

    def mkdir(self, path: str, mode: int = 0o777) -> None:
        directory, name = self._vacant(path, slash_is_wrong=False)
        now = self.now_ns()
        self._add(directory, name, self._inode(stat.S_IFDIR, mode & ~UMASK, now), now)

    def rmdir(self, path: str) -> None:
        directory, name, _ = self._last(path)
        if name in DOTS:
            raise failure({"..": errno.ENOTEMPTY, ".": errno.EINVAL}.get(name, errno.EBUSY), path)
        inode = self._entry(directory, name, path)
        if inode is None:
            raise failure(errno.ENOENT, path)
        if inode.kind != stat.S_IFDIR:
            raise failure(errno.ENOTDIR, path)
        if inode.entries:
            raise failure(errno.ENOTEMPTY, path)
        self._remove(directory, name, inode)

    def symlink(self, text: str, path: str) -> None:
        if not text:
            raise failure(errno.ENOENT, path)
        directory, name = self._vacant(path, slash_is_wrong=True)
        now = self.now_ns()
        link = self._inode(stat.S_IFLNK, 0o777, now)
        link.text = text
        self._add(directory, name, link, now)

    def unlink(self, path: str) -> None:
        directory, name, slash = self._last(path)
        if name in DOTS:
            raise failure(errno.EISDIR, path)
        inode = self._entry(directory, name, path)
        if inode is None:
            raise failure(errno.ENOENT, path)
        if inode.kind == stat.S_IFDIR:
            raise failure(errno.EISDIR, path)
        if slash:
            raise failure(errno.ENOTDIR, path)
        self._remove(directory, name, inode)

    def rename(self, old: str, new: str) -> None:
        source, from_name, from_slash = self._last(old)
        target, to_name, to_slash = self._last(new)
        if from_name in DOTS or to_name in DOTS:
            raise failure(errno.EBUSY, old)
        inode = self._entry(source, from_name, old)
        if inode is None:
            raise failure(errno.ENOENT, old)
        there = self._entry(target, to_name, new)
        self._may_rename(inode, there, (source, target), slash=from_slash or to_slash)
        if there is inode:
            return
        self.power.record((source, from_name, None), (target, to_name, inode))
        del source.entries[from_name]
        target.entries[to_name] = inode
        inode.parent = target
        now = self.now_ns()
        for changed in (source, target):
            changed.mtime_ns = changed.ctime_ns = now
        inode.ctime_ns = now
        if inode.walked:
            self._paths.clear()
        if there is not None:
            self._dropped(there, now)

    def _may_rename(self, inode: Inode, there: Inode | None, parents: tuple[Inode, Inode], *, slash: bool) -> None:
        """Raise what the kernel says, in its order."""
        source, target = parents
        if inode.kind != stat.S_IFDIR and slash:
            raise failure(errno.ENOTDIR)
        if source is not target:
            if inode in ancestors(target):
                raise failure(errno.EINVAL)
            if there is not None and there in ancestors(source):
                raise failure(errno.ENOTEMPTY)
        if there is None or there is inode:
            return
        if inode.kind == stat.S_IFDIR and there.kind != stat.S_IFDIR:
            raise failure(errno.ENOTDIR)
        if inode.kind != stat.S_IFDIR and there.kind == stat.S_IFDIR:
            raise failure(errno.EISDIR)
        if there.entries:
            raise failure(errno.ENOTEMPTY)

    def lstat(self, path: str) -> Stat:
        return status(self._need(path))

    def stat(self, path: str) -> Stat:
        return status(self._need_followed(path))

    def listdir(self, path: str) -> list[str]:
        inode = self._need_followed(path)
        if inode.kind != stat.S_IFDIR:
            raise failure(errno.ENOTDIR, path)
        return list(inode.entries)

    def scandir(self, path: str) -> Scan:
        inode = self._need_followed(path)
        if inode.kind != stat.S_IFDIR:
            raise failure(errno.ENOTDIR, path)
        return Scan([Entry(path, name, entry, self._followed) for name, entry in inode.entries.items()])

    def readlink(self, path: str) -> str:
        inode = self._need(path)
        if inode.kind != stat.S_IFLNK:
            raise failure(errno.EINVAL, path)
        return inode.text

    def utimes(self, path: str, mtime_ns: int) -> None:
        """By path, following links, as Node beats."""
        inode = self._need_followed(path)
        inode.mtime_ns, inode.ctime_ns = mtime_ns, self.now_ns()

    # ── calls on descriptors ──

    def open(self, path: str, flags: int, mode: int = 0o777) -> OpenFile:
        exclusive = flags & os.O_CREAT and flags & os.O_EXCL
        follow = not (exclusive or flags & os.O_NOFOLLOW)
        directory, name, inode = self._follow(path, follow=follow, create=bool(flags & os.O_CREAT))
        if inode is None:
            if not flags & os.O_CREAT:
                raise failure(errno.ENOENT, path)
            now = self.now_ns()
            inode = self._inode(stat.S_IFREG, mode & ~UMASK, now)
            self._add(directory, name, inode, now)
        else:
            self._may_open(inode, flags, path)
            if flags & os.O_TRUNC:
                self._put(inode, b"")
        inode.opened += 1
        return OpenFile(inode, flags)

    def _may_open(self, inode: Inode, flags: int, path: str) -> None:
        """Raise what the kernel says of something that is there, in its order."""
        if flags & os.O_CREAT:
            if flags & os.O_EXCL:
                raise failure(errno.EEXIST, path)
            if inode.kind == stat.S_IFDIR:
                raise failure(errno.EISDIR, path)
        if flags & os.O_DIRECTORY and inode.kind != stat.S_IFDIR:
            raise failure(errno.ENOTDIR, path)
        if inode.kind == stat.S_IFLNK:
            raise failure(errno.ELOOP, path)
        if inode.kind == stat.S_IFDIR and flags & (_CHANGING | os.O_TRUNC):
            raise failure(errno.EISDIR, path)

    def close(self, file: OpenFile) -> None:
        if file.closed:
            raise failure(errno.EBADF)
        file.closed = True
        file.inode.opened -= 1
        self._unused(file.inode)

    def read(self, file: OpenFile, size: int) -> bytes:
        if file.closed:
            raise failure(errno.EBADF)
        if file.flags & os.O_WRONLY:
            raise failure(errno.EBADF)
        if file.inode.kind == stat.S_IFDIR:
            raise failure(errno.EISDIR)
        data = file.inode.data[file.position : file.position + size]
        file.position += len(data)
        return data

    def write(self, file: OpenFile, data: bytes | memoryview) -> int:
        if file.closed:
            raise failure(errno.EBADF)
        if not file.flags & _CHANGING:
            raise failure(errno.EBADF)
        inode, new = file.inode, bytes(data)
        if not new:
            return 0
        before = inode.data
        if file.flags & os.O_APPEND:
            file.position = len(before)
        start = file.position
        if self.limit is not None:
            room = self.limit - self.stored + len(before) - start
            if room <= 0:
                raise failure(errno.ENOSPC)
            new = new[:room]
        end = start + len(new)
        self._put(inode, before[:start].ljust(start, b"\0") + new + before[end:])
        file.position = end
        return len(new)

    def _put(self, inode: Inode, data: bytes) -> None:
        self.stored += len(data) - len(inode.data)
        inode.data = data
        inode.versions.append(data)
        inode.mtime_ns = inode.ctime_ns = self.now_ns()

    def fstat(self, file: OpenFile) -> Stat:
        if file.closed:
            raise failure(errno.EBADF)
        return status(file.inode)

    def utime(self, file: OpenFile, mtime_ns: int) -> None:
        if file.closed:
            raise failure(errno.EBADF)
        file.inode.mtime_ns, file.inode.ctime_ns = mtime_ns, self.now_ns()

    def fchmod(self, file: OpenFile, mode: int) -> None:
        if file.closed:
            raise failure(errno.EBADF)
        file.inode.mode, file.inode.ctime_ns = mode & 0o7777, self.now_ns()

    def getxattr(self, file: OpenFile, name: str) -> bytes:
        if file.closed:
            raise failure(errno.EBADF)
        if name not in file.inode.xattrs:
            raise failure(errno.ENODATA)
        return file.inode.xattrs[name]

    def setxattr(self, file: OpenFile, name: str, value: bytes) -> None:
        if file.closed:
            raise failure(errno.EBADF)
        file.inode.xattrs[name] = value
        file.inode.ctime_ns = self.now_ns()

    def fsync(self, file: OpenFile) -> None:
        if file.closed:
            raise failure(errno.EBADF)
        self.power.sync(file.inode)

    # ── loss of power ──

    def after_power_cut(self, random: Random, now_ns: Callable[[], int]) -> MemFs:
        """What a file system of this kind may hold if its machine lost power now; this one goes on."""
        surviving = self.power.survivors(random)
        after = MemFs(now_ns, self.world, limit=self.limit, inodes=self.inodes)
        twins = {self.root: after.root}
        todo = [self.root]
        number = after._next
        while todo:
            old = todo.pop()
            new = twins[old]
            for name, entry in surviving(old).items():
                twin = twins.get(entry)
                if twin is None:
                    twin = twins[entry] = Inode(number, entry.kind, entry.mode, entry.mtime_ns)
                    number += 1
                    twin.parent = new
                    if entry.kind == stat.S_IFDIR:
                        todo.append(entry)
                    elif entry.kind == stat.S_IFREG:
                        twin.data = surviving_content(entry, random)
                        twin.versions = [twin.data]
                        after.stored += len(twin.data)
                    else:
                        twin.text = entry.text
                    twin.ctime_ns = entry.ctime_ns
                    if entry.xattrs:
                        twin.xattrs = entry.xattrs.copy()
                twin.nlink += 1
                new.entries[name] = twin
        after._next = number
        return after
