"""What a disk holds when its power goes: directory changes as atomic steps, file contents as versions.

Each change of directories waits until a sync makes it last; a cut keeps those that a file system of that kind
may have kept:

* journal (ext4, xfs): any fsync commits every step before it; of the rest a prefix survives.
* logtree (btrfs): a synced file brings its own names, a synced directory its entries; of the rest any subset.
* posix: only what was synced by its own descriptor; of the rest any subset.

Unsynced content is any version that was written, cut short, or zeros.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from random import Random
from typing import Literal

WorldKind = Literal["journal", "logtree", "posix"]
WORLDS: tuple[WorldKind, ...] = ("journal", "logtree", "posix")

Change = tuple["Inode", str, "Inode | None"]
"""A directory, a name in it, and the inode that the name was set to; None: it was taken away."""


class Step:
    """One atomic change of directories."""

    __slots__ = ("changes", "index")

    def __init__(self, index: int, changes: tuple[Change, ...]) -> None:
        self.index = index
        self.changes = changes


class Unsynced:
    """A name whose last change was not synced: what the disk has there for certain, and the steps since."""

    __slots__ = ("base", "steps")

    def __init__(self, base: Inode | None) -> None:
        self.base = base
        self.steps: list[Step] = []


_NO_ENTRIES: dict[str, Inode] = {}
_NO_NAMES: dict[str, Unsynced] = {}


class Inode:
    """A file, a directory or a symbolic link."""

    __slots__ = (
        "ctime_ns",
        "data",
        "entries",
        "kind",
        "mode",
        "mtime_ns",
        "named_by",
        "nlink",
        "number",
        "opened",
        "parent",
        "text",
        "unsynced",
        "versions",
        "walked",
        "xattrs",
    )

    def __init__(self, number: int, kind: int, mode: int, now_ns: int) -> None:
        self.number = number
        self.kind = kind
        self.mode = mode
        self.mtime_ns = self.ctime_ns = now_ns
        self.nlink = self.opened = 0
        self.data = b""
        self.text = ""
        self.xattrs: dict[str, bytes] = {}
        self.versions: list[bytes] = [b""]
        """Contents that the disk may have: the one that was synced last, and each one since."""
        self.named_by: list[Step] = []
        """Unsynced steps that gave this inode a name."""
        self.walked = False
        """A path led through here, so that its removal changes where paths lead."""
        self.parent = self
        directory = kind == stat.S_IFDIR
        self.entries: dict[str, Inode] = {} if directory else _NO_ENTRIES
        self.unsynced: dict[str, Unsynced] = {} if directory else _NO_NAMES

    @property
    def is_directory(self) -> bool:
        return self.kind == stat.S_IFDIR


class Power:
    """Which steps would outlive a loss of power now."""

    def __init__(self, world: WorldKind) -> None:
        self.world = world
        self._steps = 0
        self._certain = 0
        """Steps below this number are on the disk: the journal's order."""
        self._touched: dict[Inode, None] = {}
        """Directories with changes that the journal did not commit."""
        self._overtaken: dict[Inode, list[Step]] = {}
        """Renames that decide nothing in this directory any more, and wait for a sync of it or of their other one."""

    def record(self, *changes: Change) -> None:
        """Note one atomic change, before the entries themselves change."""
        step = Step(self._steps, changes)
        self._steps += 1
        for directory, name, inode in changes:
            names = directory.unsynced
            found = names.get(name)
            if found is None:
                found = names[name] = Unsynced(directory.entries.get(name))
            found.steps.append(step)
            if self.world == "journal":
                self._touched[directory] = None
            elif inode is not None and self.world == "logtree":
                inode.named_by.append(step)

    def sync(self, inode: Inode) -> None:
        """What an fsync of this inode makes last."""
        if inode.kind == stat.S_IFREG:
            inode.versions = [inode.data]
        if self.world == "journal":
            self._certain = self._steps
            for directory in self._touched:
                directory.unsynced.clear()
            self._touched.clear()
            return
        steps = [step for name in inode.unsynced.values() for step in name.steps]
        if self.world == "logtree":
            steps += inode.named_by
            inode.named_by.clear()
        steps += self._overtaken.pop(inode, ())
        for step in steps:
            self._put_on_disk(step)

    def _put_on_disk(self, step: Step) -> None:
        """Make a step certain: what was done to its names before it decides nothing any more."""
        for directory, key, inode in step.changes:
            name = directory.unsynced.get(key)
            if name is None or name.steps[0].index > step.index:
                continue  # a later step was made certain before
            name.base = inode
            while name.steps and name.steps[0].index <= step.index:
                before = name.steps.pop(0)
                if before is not step and len(before.changes) > 1:
                    self._overtaken.setdefault(directory, []).append(before)
            if not name.steps:
                del directory.unsynced[key]

    def survivors(self, random: Random) -> Callable[[Inode], dict[str, Inode]]:
        """Lose the power once: gives, for a directory, the entries that the disk then has."""
        if self.world == "journal":
            limit = random.randint(self._certain, self._steps)

            def kept(step: Step) -> bool:
                return step.index < limit

        else:
            share = random.choice((0.0, 0.5, 1.0))
            decided: dict[Step, bool] = {}

            def kept(step: Step) -> bool:
                if step not in decided:
                    decided[step] = random.random() < share
                return decided[step]

        def entries(directory: Inode) -> dict[str, Inode]:
            if not directory.unsynced:
                return directory.entries
            found = directory.entries.copy()
            for name, unsynced in directory.unsynced.items():
                inode = _outcome(directory, name, unsynced, kept)
                if inode is not None:
                    found[name] = inode
                else:
                    found.pop(name, None)
            return found

        return entries


def _outcome(directory: Inode, name: str, unsynced: Unsynced, kept: Callable[[Step], bool]) -> Inode | None:
    """What the last kept step put there."""
    for step in reversed(unsynced.steps):
        if kept(step):
            return next(inode for where, key, inode in step.changes if where is directory and key == name)
    return unsynced.base


def surviving_content(inode: Inode, random: Random) -> bytes:
    """What a file may hold after the power was lost now."""
    if len(inode.versions) == 1:
        return inode.data
    chosen = random.choice(inode.versions)
    damage = random.random()
    if damage < 0.25:
        return chosen[: random.randint(0, len(chosen))]
    if damage < 0.4:
        return bytes(len(chosen))
    return chosen
