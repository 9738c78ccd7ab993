"""What the memory file system's calls give: statuses, open files, the entries of scandir, errors."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from .power import Inode


def failure(number: int, path: object = None) -> OSError:
    return OSError(number, os.strerror(number), path)


class Stat(NamedTuple):
    st_mode: int
    st_ino: int
    st_nlink: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_dev: int = 1

    @property
    def st_mtime(self) -> float:
        return self.st_mtime_ns / 1e9

    @property
    def st_ctime(self) -> float:
        return self.st_ctime_ns / 1e9


_make = tuple.__new__


def status(inode: Inode) -> Stat:
    size = len(inode.data) or (len(inode.text) if inode.text.isascii() else len(os.fsencode(inode.text)))
    return _make(Stat, (inode.kind | inode.mode, inode.number, inode.nlink, size, inode.mtime_ns, inode.ctime_ns, 1))


@dataclass(eq=False, slots=True)
class OpenFile:
    inode: Inode
    flags: int
    position: int = 0
    closed: bool = False


class Entry:
    """What scandir tells of a name."""

    def __init__(self, directory: str, name: str, inode: Inode, follow: Callable[[str], Inode | None]) -> None:
        self.name = name
        self.path = directory + name if directory.endswith("/") else f"{directory}/{name}"
        self._number, self._kind, self._follow = inode.number, inode.kind, follow

    def inode(self) -> int:
        return self._number

    def is_symlink(self) -> bool:
        return self._kind == stat.S_IFLNK

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return self._is(stat.S_IFDIR, follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return self._is(stat.S_IFREG, follow_symlinks)

    def _is(self, kind: int, follow: bool) -> bool:
        if not (follow and self.is_symlink()):
            return self._kind == kind
        found = self._follow(self.path)
        return found is not None and found.kind == kind


class Scan:
    """The iterator of scandir, which is its own context manager."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[Entry]:
        return self._entries

    def __next__(self) -> Entry:
        return next(self._entries)

    def __enter__(self) -> Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())
