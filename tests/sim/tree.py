"""Inodes, names, and where paths lead: what the calls of the memory file system stand on."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator

from .power import Inode, Power, WorldKind
from .results import failure

LINKS_FOLLOWED = 40
LONGEST_PATH = 4096
PATHS_KEPT = 10_000
DOTS = ("", ".", "..")
"""Last names of a path that name no entry; the first is the root's."""


class Tree:
    """The inodes of a file system, by their names."""

    def __init__(
        self,
        now_ns: Callable[[], int],
        world: WorldKind = "journal",
        *,
        limit: int | None = None,
        inodes: int | None = None,
    ) -> None:
        self.now_ns = now_ns
        self.world = world
        self.limit, self.inodes = limit, inodes
        self.stored = 0
        """Bytes of content."""
        self.power = Power(world)
        self._free: list[int] = []
        self._next = 2
        self._paths: dict[str, tuple[Inode, str, bool]] = {}
        """Where paths were found to lead; forgotten when something on the way loses its name."""
        self.root = self._inode(stat.S_IFDIR, 0o755, now_ns())
        self.root.nlink = 1

    # ── inodes and names ──

    def _inode(self, kind: int, mode: int, now: int) -> Inode:
        if self._free:
            number = self._free.pop()  # ext4 gives a freed number to the next at once
        elif self.inodes is not None and self._next - 2 >= self.inodes:
            raise failure(errno.ENOSPC)
        else:
            number, self._next = self._next, self._next + 1
        return Inode(number, kind, mode, now)

    def _unused(self, inode: Inode) -> None:
        if inode.nlink == 0 and inode.opened == 0:
            self._free.append(inode.number)
            self.stored -= len(inode.data)

    def _add(self, directory: Inode, name: str, inode: Inode, now: int) -> None:
        self.power.record((directory, name, inode))
        directory.entries[name] = inode
        directory.mtime_ns = directory.ctime_ns = now
        inode.nlink = 1
        inode.parent = directory

    def _remove(self, directory: Inode, name: str, inode: Inode) -> None:
        self.power.record((directory, name, None))
        del directory.entries[name]
        directory.mtime_ns = directory.ctime_ns = now = self.now_ns()
        self._dropped(inode, now)

    def _dropped(self, inode: Inode, now: int) -> None:
        inode.nlink = 0
        inode.ctime_ns = now
        if inode.walked:
            self._paths.clear()
        self._unused(inode)

    # ── paths ──

    def _descend(self, here: Inode, path: str, links: int = 0) -> tuple[Inode, str, bool, int]:
        """The directory of the last name, the name, whether a slash follows it, and how many links were followed."""
        rest = path
        while True:
            part, slash, rest = rest.lstrip("/").partition("/")
            rest = rest.lstrip("/")
            here.walked = True
            if not rest:
                return here, part, bool(slash), links
            if part == "..":
                here = here.parent
            elif part != ".":
                found = self._entry(here, part, path)
                if found is None:
                    raise failure(errno.ENOENT, path)
                if found.kind == stat.S_IFLNK:
                    found.walked = True
                    if links == LINKS_FOLLOWED:
                        raise failure(errno.ELOOP, path)
                    links += 1
                    here = self.root if found.text.startswith("/") else here
                    rest = f"{found.text}/{rest}"
                elif found.kind != stat.S_IFDIR:
                    raise failure(errno.ENOTDIR, path)
                else:
                    here = found

    def _last(self, path: str) -> tuple[Inode, str, bool]:
        found = self._paths.get(path)
        if found is None:
            if not path:
                raise failure(errno.ENOENT, path)
            if len(path) > LONGEST_PATH // 4 and len(os.fsencode(path)) >= LONGEST_PATH:
                raise failure(errno.ENAMETOOLONG, path)
            directory, name, slash, _ = self._descend(self.root, path)
            if len(self._paths) > PATHS_KEPT:
                self._paths.clear()
            found = self._paths[path] = directory, name, slash
        return found

    def _entry(self, directory: Inode, name: str, path: str) -> Inode | None:
        found = directory.entries.get(name)
        if found is None and len(name) > 63 and len(os.fsencode(name)) > 255:
            raise failure(errno.ENAMETOOLONG, path)
        return found

    def _walk(self, path: str) -> tuple[Inode, str, Inode | None]:
        """The directory, the last name, and what stands there; a link is not followed but where a slash follows."""
        directory, name, slash = self._last(path)
        if slash or name in DOTS:
            return self._follow(path, follow=False)
        return directory, name, self._entry(directory, name, path)

    def _follow(self, path: str, *, follow: bool = True, create: bool = False) -> tuple[Inode, str, Inode | None]:
        """The same, where a link that stands there is followed; what is to be created has no slash behind it."""
        directory, name, slash = self._last(path)
        links = 0
        while True:
            if name in DOTS:
                here = directory.parent if name == ".." else directory
                return here, "", here
            if slash and create:
                raise failure(errno.EISDIR, path)
            found = self._entry(directory, name, path)
            if found is None:
                return directory, name, None
            if found.kind == stat.S_IFLNK and (follow or slash):
                if not links:  # those on the way count as well
                    links = self._descend(self.root, path)[3]
                if links == LINKS_FOLLOWED:
                    raise failure(errno.ELOOP, path)
                start = self.root if found.text.startswith("/") else directory
                rest = found.text + "/" if slash else found.text
                directory, name, slash, links = self._descend(start, rest, links + 1)
                continue
            if slash and found.kind != stat.S_IFDIR:
                raise failure(errno.ENOTDIR, path)
            return directory, name, found

    def lookup(self, path: str) -> Inode | None:
        """What stands at a path (a link is not followed); None where nothing does or no way leads there."""
        try:
            return self._walk(path)[2]
        except OSError:
            return None

    def _followed(self, path: str) -> Inode | None:
        try:
            return self._follow(path)[2]
        except OSError:
            return None

    def _need(self, path: str) -> Inode:
        found = self._walk(path)[2]
        if found is None:
            raise failure(errno.ENOENT, path)
        return found

    def _need_followed(self, path: str) -> Inode:
        found = self._follow(path)[2]
        if found is None:
            raise failure(errno.ENOENT, path)
        return found

    def _vacant(self, path: str, *, slash_is_wrong: bool) -> tuple[Inode, str]:
        """The directory and the name of something to be made."""
        directory, name, slash = self._last(path)
        if name in DOTS or self._entry(directory, name, path) is not None:
            raise failure(errno.EEXIST, path)
        if slash and slash_is_wrong:
            raise failure(errno.ENOENT, path)
        return directory, name


def ancestors(directory: Inode) -> Iterator[Inode]:
    """A directory and all above it."""
    while True:
        yield directory
        if directory.parent is directory:
            return
        directory = directory.parent
