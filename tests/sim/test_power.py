"""What a loss of power may leave, after which syncs, in each of the three worlds."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import combinations
from random import Random
from typing import TypeVar

import pytest

from ..conftest import scale
from .memfs import WORLDS, Inode, MemFs, WorldKind
from .power import Change, Power

CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
CUTS = 200
"""Cuts after which everything that may be left was left once."""

T = TypeVar("T")

each_world = pytest.mark.parametrize("world", WORLDS)
unordered = pytest.mark.parametrize("world", ["logtree", "posix"])


def store(world: WorldKind) -> MemFs:
    """A file system with two directories that are on the disk for certain."""
    fs = MemFs(lambda: 0, world)
    fs.mkdir("/jobs")
    fs.mkdir("/pending")
    for path in ("/", "/jobs", "/pending"):
        sync(fs, path)
    return fs


def sync(fs: MemFs, path: str) -> None:
    found = fs.lookup(path)
    assert found is not None
    file = fs.open(path, DIRECTORY if found.is_directory else os.O_RDONLY)
    fs.fsync(file)
    fs.close(file)


def put(fs: MemFs, path: str, data: bytes, *, synced: bool = True) -> None:
    file = fs.open(path, CREATE)
    fs.write(file, data)
    if synced:
        fs.fsync(file)
    fs.close(file)


def left(fs: MemFs, look: Callable[[MemFs], T]) -> set[T]:
    """What `look` sees after each of many cuts."""
    random = Random(1)
    return {look(fs.after_power_cut(random, lambda: 0)) for _ in range(CUTS)}


def stands(*paths: str) -> Callable[[MemFs], tuple[bool, ...]]:
    return lambda fs: tuple(fs.lookup(path) is not None for path in paths)


def holds(path: str) -> Callable[[MemFs], bytes | None]:
    def look(fs: MemFs) -> bytes | None:
        found = fs.lookup(path)
        return found.data if found is not None else None

    return look


# ── names ──


@each_world
def test_a_name_whose_directory_was_synced_stays(world: WorldKind) -> None:
    fs = store(world)
    fs.symlink("../jobs/a", "/pending/a")
    assert left(fs, stands("/pending/a")) == {(True,), (False,)}
    sync(fs, "/pending")
    assert left(fs, stands("/pending/a")) == {(True,)}


@each_world
def test_an_unlink_that_was_not_synced_may_come_back(world: WorldKind) -> None:
    fs = store(world)
    fs.symlink("../jobs/a", "/pending/a")
    sync(fs, "/pending")
    fs.unlink("/pending/a")
    assert left(fs, stands("/pending/a")) == {(True,), (False,)}
    sync(fs, "/pending")
    assert left(fs, stands("/pending/a")) == {(False,)}


@pytest.mark.parametrize(("world", "stays"), [("journal", True), ("logtree", True), ("posix", False)])
def test_a_synced_file_brings_its_own_name_but_in_posix(world: WorldKind, stays: bool) -> None:
    fs = store(world)
    put(fs, "/jobs/a", b"data")
    assert left(fs, stands("/jobs/a")) == ({(True,)} if stays else {(True,), (False,)})


@pytest.mark.parametrize(("world", "stays"), [("journal", True), ("logtree", False), ("posix", False)])
def test_a_sync_brings_what_was_done_elsewhere_only_with_a_journal(world: WorldKind, stays: bool) -> None:
    fs = store(world)
    fs.symlink("../jobs/a", "/pending/a")
    put(fs, "/jobs/a", b"data")
    sync(fs, "/jobs")
    assert left(fs, stands("/pending/a")) == ({(True,)} if stays else {(True,), (False,)})


def test_with_a_journal_nothing_survives_what_came_before_it() -> None:
    fs = store("journal")
    for name in "abc":
        fs.symlink("x", f"/pending/{name}")
    found = left(fs, stands("/pending/a", "/pending/b", "/pending/c"))
    assert found == {(False,) * 3, (True, False, False), (True, True, False), (True,) * 3}


@unordered
def test_without_a_journal_any_subset_survives(world: WorldKind) -> None:
    fs = store(world)
    for name in "abc":
        fs.symlink("x", f"/pending/{name}")
    assert len(left(fs, stands("/pending/a", "/pending/b", "/pending/c"))) == 8


@each_world
def test_a_rename_is_there_whole_or_not_at_all(world: WorldKind) -> None:
    fs = store(world)
    fs.mkdir("/jobs/staged")
    sync(fs, "/jobs")
    fs.rename("/jobs/staged", "/pending/moved")
    assert left(fs, stands("/jobs/staged", "/pending/moved")) == {(True, False), (False, True)}
    sync(fs, "/jobs")
    assert left(fs, stands("/jobs/staged", "/pending/moved")) == {(False, True)}, "one of its directories is enough"


@each_world
def test_what_was_done_to_a_name_before_a_synced_change_decides_nothing(world: WorldKind) -> None:
    fs = store(world)
    for _ in range(3):
        fs.mkdir("/jobs/staged")
        fs.rmdir("/jobs/staged")
    fs.mkdir("/jobs/staged")
    fs.rename("/jobs/staged", "/pending/moved")
    sync(fs, "/pending")
    assert left(fs, stands("/jobs/staged", "/pending/moved")) == {(False, True)}


@each_world
def test_a_rename_is_synced_by_its_first_directory_although_its_old_name_is_used_again(world: WorldKind) -> None:
    fs = store(world)
    fs.mkdir("/tmp")
    put(fs, "/jobs/a", b"first")
    put(fs, "/tmp/b", b"second")
    for path in ("/", "/jobs", "/tmp"):
        sync(fs, path)
    fs.rename("/jobs/a", "/pending/a")
    fs.rename("/tmp/b", "/jobs/a")
    sync(fs, "/tmp")
    sync(fs, "/jobs")
    assert left(fs, lambda after: (holds("/pending/a")(after), holds("/jobs/a")(after))) == {(b"first", b"second")}


@each_world
def test_what_a_rename_replaced_is_there_until_it_is_synced(world: WorldKind) -> None:
    fs = store(world)
    put(fs, "/jobs/state.json", b"1")
    sync(fs, "/jobs")
    put(fs, "/jobs/staged", b"2")
    fs.rename("/jobs/staged", "/jobs/state.json")
    assert left(fs, holds("/jobs/state.json")) == {b"1", b"2"}
    sync(fs, "/jobs")
    assert left(fs, holds("/jobs/state.json")) == {b"2"}


# ── a value and the state that speaks of it ──


def fulfil(fs: MemFs, *, value_synced: bool, names_synced: bool) -> None:
    """The renames of a fulfill, with or without the syncs before the state's."""
    put(fs, "/jobs/staged-value", b"value", synced=value_synced)
    put(fs, "/jobs/staged-state", b"2")
    fs.rename("/jobs/staged-value", "/jobs/value")
    if names_synced:
        sync(fs, "/jobs")
    fs.rename("/jobs/staged-state", "/jobs/state.json")


def outcome(fs: MemFs) -> tuple[bytes | None, bytes | None]:
    return holds("/jobs/state.json")(fs), holds("/jobs/value")(fs)


@unordered
def test_a_state_may_overtake_its_value_where_no_sync_parts_them(world: WorldKind) -> None:
    fs = store(world)
    fulfil(fs, value_synced=True, names_synced=False)
    assert (b"2", None) in left(fs, outcome)


def test_with_a_journal_a_state_never_overtakes_its_value() -> None:
    fs = store("journal")
    fulfil(fs, value_synced=True, names_synced=False)
    assert left(fs, outcome) == {(None, None), (None, b"value"), (b"2", b"value")}


@each_world
def test_syncs_in_between_keep_a_state_and_its_value_together(world: WorldKind) -> None:
    fs = store(world)
    fulfil(fs, value_synced=True, names_synced=True)
    assert left(fs, outcome) == {(None, b"value"), (b"2", b"value")}
    sync(fs, "/jobs")
    assert left(fs, outcome) == {(b"2", b"value")}


@each_world
def test_the_content_of_a_value_that_was_not_synced_is_lost_although_its_name_is_there(world: WorldKind) -> None:
    fs = store(world)
    fulfil(fs, value_synced=False, names_synced=True)
    sync(fs, "/jobs")
    found = left(fs, outcome)
    assert {state for state, _ in found} == {b"2"}
    assert {b"", b"val", bytes(5), b"value"} <= {value for _, value in found}


# ── contents ──


@each_world
def test_what_was_written_since_the_last_sync_may_be_there_or_not(world: WorldKind) -> None:
    fs = store(world)
    file = fs.open("/jobs/log", CREATE)
    fs.write(file, b"one")
    fs.fsync(file)
    sync(fs, "/jobs")
    assert left(fs, holds("/jobs/log")) == {b"one"}
    fs.write(file, b"two")
    assert {b"one", b"onetwo", b"onet"} <= left(fs, holds("/jobs/log"))
    fs.fsync(file)
    assert left(fs, holds("/jobs/log")) == {b"onetwo"}


# ── the machine that boots again ──


@each_world
def test_the_clone_is_whole_and_its_own(world: WorldKind) -> None:
    fs = store(world)
    fs.mkdir("/jobs/a.lock")
    file = fs.open("/jobs/a.lock", DIRECTORY)
    fs.setxattr(file, "user.owner", b"me")
    fs.utime(file, 77)
    fs.fchmod(file, 0o700)
    put(fs, "/jobs/a", b"data")
    for path in ("/jobs", "/"):
        sync(fs, path)
    after = fs.after_power_cut(Random(1), lambda: 0)
    again = after.open("/jobs/a.lock", DIRECTORY)
    seen = after.fstat(again)
    assert (after.getxattr(again, "user.owner"), seen.st_mtime_ns, seen.st_mode & 0o777) == (b"me", 77, 0o700)
    after.rmdir("/jobs/a.lock")
    after.rename("/jobs/a", "/pending/a")
    after.mkdir("/jobs/b")
    assert sorted(fs.listdir("/jobs")) == ["a", "a.lock"]
    fs.unlink("/jobs/a")
    assert holds("/pending/a")(after) == b"data"
    numbers = [after.lstat(path).st_ino for path in ("/", "/jobs", "/pending", "/jobs/b", "/pending/a")]
    assert len(set(numbers)) == len(numbers)


@each_world
def test_what_booted_is_on_the_disk(world: WorldKind) -> None:
    fs = store(world)
    for name in "abcdef":
        put(fs, f"/jobs/{name}", b"data", synced=False)
    after = fs.after_power_cut(Random(5), lambda: 0)
    assert left(after, shape) == {shape(after)}


# ── against a plain replay ──


class Recorder(Power):
    """Also keeps every step, and which were committed by the plainest reading of each world."""

    def __init__(self, world: WorldKind) -> None:
        super().__init__(world)
        self.log: list[tuple[Change, ...]] = []
        self.committed: set[int] = set()

    def record(self, *changes: Change) -> None:
        self.log.append(changes)
        super().record(*changes)

    def sync(self, inode: Inode) -> None:
        for index, changes in enumerate(self.log):
            for directory, _, entry in changes:
                brings = directory is inode or (self.world == "logtree" and entry is inode)
                if brings or self.world == "journal":
                    self.committed.add(index)
        super().sync(inode)

    def legal(self, root: Inode) -> set[str]:
        """Every tree that may be left."""
        rest = [index for index in range(len(self.log)) if index not in self.committed]
        if self.world == "journal":
            choices: Iterable[tuple[int, ...]] = [tuple(rest[:count]) for count in range(len(rest) + 1)]
        else:
            choices = [choice for count in range(len(rest) + 1) for choice in combinations(rest, count)]
        return {self._replay(root, self.committed.union(choice)) for choice in choices}

    def _replay(self, root: Inode, kept: set[int]) -> str:
        trees: dict[Inode, dict[str, Inode]] = {}
        for index in sorted(kept):
            for directory, name, inode in self.log[index]:
                trees.setdefault(directory, {}).pop(name, None)
                if inode is not None:
                    trees[directory][name] = inode
        return described(root, lambda inode: trees.get(inode, {}))


def described(inode: Inode, entries: Callable[[Inode], dict[str, Inode]], depth: int = 8) -> str:
    if not inode.is_directory or not depth:
        return inode.text or "file"
    found = entries(inode)
    return "{" + " ".join(f"{name}:{described(found[name], entries, depth - 1)}" for name in sorted(found)) + "}"


def shape(fs: MemFs) -> str:
    return described(fs.root, lambda inode: inode.entries)


def stir(fs: MemFs, random: Random) -> None:
    """One random change or sync; refusals do not matter."""
    one, other = (random.choice("abc") + random.choice(("", "/a", "/b")) for _ in range(2))
    act = random.choice(("mkdir", "mkdir", "rmdir", "symlink", "unlink", "rename", "rename", "put", "sync"))
    try:
        if act == "put":
            put(fs, f"/{one}", b"", synced=random.random() < 0.5)
        elif act == "sync":
            sync(fs, random.choice((f"/{one}", "/", "/a")))
        elif act == "rename":
            fs.rename(f"/{one}", f"/{other}")
        elif act == "symlink":
            fs.symlink(f"link{random.randrange(9)}", f"/{one}")
        else:
            getattr(fs, act)(f"/{one}")
    except (OSError, AssertionError):
        return


@each_world
def test_a_cut_leaves_what_a_replay_of_all_steps_allows(world: WorldKind) -> None:
    reached = legal = 0
    for seed in range(scale(60, 3000)):
        random = Random(seed)
        fs = MemFs(lambda: 0, world)
        recorder = fs.power = Recorder(world)
        for _ in range(40):
            stir(fs, random)
            if len(recorder.log) - len(recorder.committed) == 6:
                break
        allowed = recorder.legal(fs.root)
        found = {shape(fs.after_power_cut(random, lambda: 0)) for _ in range(CUTS)}
        assert found <= allowed, f"seed {seed}"
        reached, legal = reached + len(found), legal + len(allowed)
    print(f"\npower: {world}: {reached} of {legal} legal trees met")
    assert reached > 0.8 * legal
