"""The memory file system against the kernel's: the same calls, the same results, errors and trees."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from ..conftest import scale
from .memfs import MemFs, OpenFile, failure
from .results import Scan

CALLS = 40
DEPTH = 50
"""Directories between the top that a sequence knows and the one it works in: `..` stays inside."""
NOW = 7
"""Stands for a time that a file system itself set."""
OLD = 1_000_000_000
"""Seconds of times that are set explicitly; a file system's own clock is far from them."""
BEYOND = 20
"""Descriptors of a sequence are numbered from so far beyond all others on, and no number is used twice."""

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
FLAGS = (
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK,
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW,
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW,
    os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW,
    DIRECTORY,
    DIRECTORY,
    os.O_RDWR | os.O_CREAT | os.O_EXCL,
    os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    os.O_RDWR | os.O_CREAT,
    os.O_RDONLY,
    os.O_RDONLY | os.O_DIRECTORY,
    os.O_RDWR,
    os.O_WRONLY | os.O_NOFOLLOW,
    os.O_RDWR | os.O_TRUNC | os.O_NOFOLLOW,
)
NAMES = (*"aabbcc" * 3, *"déf", ".", "..", "n" * 255, "n" * 256, "é" * 127 + "x", "é" * 128)
TEXTS = ("a", "b", "a/b", "./c", "../a", "..", ".", "a/", "d/../a", "nowhere/at/all", "é", "b/c/")
ATTRIBUTES = ("user.fsjob.owner", "user.other")

Op = tuple[Any, ...]


class Kernel:
    """A directory of a real file system."""

    def __init__(self, top: str) -> None:
        self.top = top
        self._open: list[int] = []
        self._first = max(map(int, os.listdir("/proc/self/fd"))) + BEYOND

    def open(self, path: str, flags: int, mode: int) -> str:
        fd = os.open(path, flags, mode)
        os.dup2(fd, self._first + len(self._open))
        os.close(fd)
        self._open.append(self._first + len(self._open))
        return "opened"

    def descriptor(self, slot: int) -> int:
        return self._open[slot] if slot < len(self._open) else self._first - 1

    def call(self, name: str, *args: Any) -> Any:
        if name in ("utime", "utimes"):
            return os.utime(args[0], ns=(args[1], args[1]))
        return getattr(os, name)(*args)

    def same(self, number: int) -> list[int]:
        """Slots that have this inode open."""
        found = []
        for slot, fd in enumerate(self._open):
            try:
                if os.fstat(fd).st_ino == number:
                    found.append(slot)
            except OSError:
                continue
        return found

    def attributes(self, path: str) -> dict[str, bytes]:
        return {name: os.getxattr(path, name) for name in os.listxattr(path)}

    def close_all(self) -> None:
        for fd in self._open:
            try:
                os.close(fd)
            except OSError:
                continue


class Memory:
    """The same directory in memory."""

    def __init__(self, top: str) -> None:
        self.top = top
        self.fs = MemFs(lambda: NOW)
        self._open: list[OpenFile] = []
        for path in reversed([Path(top), *Path(top).parents][:-1]):
            self.fs.mkdir(str(path))

    def open(self, path: str, flags: int, mode: int) -> str:
        self._open.append(self.fs.open(path, flags, mode))
        return "opened"

    def descriptor(self, slot: int) -> OpenFile:
        if slot < len(self._open):
            return self._open[slot]
        raise failure(errno.EBADF)

    def call(self, name: str, *args: Any) -> Any:
        return getattr(self.fs, name)(*args)

    def same(self, number: int) -> list[int]:
        return [
            slot for slot, file in enumerate(self._open) if not file.closed and self.fs.fstat(file).st_ino == number
        ]

    def attributes(self, path: str) -> dict[str, bytes]:
        found = self.fs.lookup(path)
        return found.xattrs if found is not None else {}


Side = Kernel | Memory

PATH_CALLS = ("mkdir", "rmdir", "unlink", "lstat", "stat", "listdir", "scandir", "readlink")
FILE_CALLS = ("close", "fsync", "fstat")


def perform(side: Side, op: Op) -> Any:
    """What a call gives, in terms that do not depend on the file system: an error as its name."""
    name, *args = op
    try:
        if name == "open":
            return side.open(side.top + args[0], args[1], args[2])
        if name in PATH_CALLS:
            result = side.call(name, side.top + args[0])
        elif name in ("rename", "link to"):
            result = side.call("rename", side.top + args[0], side.top + args[1])
        elif name == "symlink":
            text = side.top + args[0] if args[0].startswith("/") else args[0]
            result = side.call(name, text, side.top + args[1])
        elif name == "utimes":
            result = side.call(name, side.top + args[0], args[1])
        else:
            result = side.call(name, side.descriptor(args[0]), *args[1:])
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return told(side, result)


def told(side: Side, result: Any) -> Any:
    if hasattr(result, "st_mode"):
        return status(result), side.same(result.st_ino)
    if isinstance(result, list):
        return sorted(result)
    if isinstance(result, str):
        return result.replace(side.top, "")
    if isinstance(result, Scan) or hasattr(result, "__next__"):
        with result as entries:
            return sorted(
                (
                    entry.name,
                    entry.path.replace(side.top, ""),
                    entry.is_symlink(),
                    entry.is_dir(follow_symlinks=False),
                    entry.is_file(follow_symlinks=False),
                    entry.inode() == side.call("lstat", entry.path).st_ino,
                )
                for entry in entries
            )
    return result


def status(found: Any) -> Op:
    """What is defined: a directory's size and its number of links are each file system's own."""
    directory = stat.S_ISDIR(found.st_mode)
    seconds = found.st_mtime_ns // 10**9
    return (
        oct(found.st_mode),
        bool(found.st_nlink) if directory else found.st_nlink,
        0 if directory else found.st_size,
        found.st_mtime_ns if OLD <= seconds < OLD + 1000 else NOW,
    )


class Sequence:
    """Random calls that hit what earlier ones made often enough."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.known = ["/a", "/a/b"]
        self._slots = 0

    def learn(self, op: Op, result: Any) -> None:
        """What a call gave: what it made is used again."""
        if result == "opened":
            self._slots += 1
        path = {"mkdir": 1, "open": 1, "symlink": 2, "rename": 2}.get(op[0])
        if path is not None and result in (None, "opened") and len(op[path]) < 600:
            self.known.append(op[path])

    def path(self) -> str:
        random = self.random
        path = random.choice(self.known[-12:])
        if random.random() < 0.5:
            path = random.choice(["", "", *self.known[-8:]]) + "/" + random.choice(NAMES)
        if random.random() < 0.1:
            path += random.choice(("/", "/.", "/..", "//", "/./", "//a"))
        return path if path.count("..") < 5 else "/a"

    def __iter__(self) -> Iterator[Op]:
        random = self.random
        yield "mkdir", "/a"
        for _ in range(CALLS):
            slot = random.randrange(max(self._slots - 4, 0), self._slots + (random.random() < 0.1 or not self._slots))
            kind = random.random()
            if kind < 0.14:
                yield "mkdir", self.path()
            elif kind < 0.22:
                text = random.choice((*TEXTS, random.choice(self.known)))
                yield "symlink", text, self.path()
            elif kind < 0.36:
                yield "open", self.path(), random.choice(FLAGS), random.choice((0o666, 0o600, 0o777))
            elif kind < 0.47:
                yield "rename", self.path(), self.path()
            elif kind < 0.68:
                yield random.choice(PATH_CALLS[1:]), self.path()
            elif kind < 0.71:
                yield "utimes", self.path(), (OLD + random.randrange(1000)) * 10**9 + random.randrange(10**9)
            elif kind < 0.78:
                yield "write", slot, bytes([65 + random.randrange(26)]) * random.choice((0, 1, 5, 70))
            elif kind < 0.83:
                yield "read", slot, random.choice((0, 3, 100))
            elif kind < 0.92:
                yield random.choice(FILE_CALLS), slot
            elif kind < 0.95:
                yield "utime", slot, (OLD + random.randrange(1000)) * 10**9 + random.randrange(10**9)
            elif kind < 0.97:
                yield "setxattr", slot, random.choice(ATTRIBUTES), bytes(random.randrange(20))
            elif kind < 0.985:
                yield "getxattr", slot, random.choice(ATTRIBUTES)
            else:
                yield "fchmod", slot, random.choice((0o600, 0o644, 0o755))


def tree(side: Side, path: str) -> dict[str, Any]:
    """All that stands below a path, as it can be seen through the calls."""
    found: dict[str, Any] = {}
    for name in side.call("listdir", path):
        below = f"{path}/{name}"
        seen = side.call("lstat", below)
        rest: Any = None
        if stat.S_ISDIR(seen.st_mode):
            rest = tree(side, below), side.attributes(below)
        elif stat.S_ISLNK(seen.st_mode):
            rest = side.call("readlink", below).replace(side.top, "")
        else:
            rest = content(side, below), side.attributes(below)
        found[name] = status(seen), rest
    return found


def content(side: Side, path: str) -> bytes:
    if isinstance(side, Kernel):
        return Path(path).read_bytes()
    found = side.fs.lookup(path)
    assert found is not None
    return found.data


def compare(seed: int, base: str) -> None:
    """One sequence on both; raises AssertionError where they differ."""
    os.makedirs(base + "/r" * DEPTH)
    kernel = Kernel(base + "/r" * DEPTH)
    memory = Memory(kernel.top)
    done: list[str] = []
    try:
        sequence = Sequence(Random(seed))
        for op in sequence:
            real, model = perform(kernel, op), perform(memory, op)
            sequence.learn(op, real)
            done.append(f"{op} → {real}")
            assert real == model, f"seed {seed}: memory gives {model}\n" + "\n".join(done)
        assert tree(kernel, base) == tree(memory, base), f"seed {seed}: trees\n" + "\n".join(done)
    finally:
        kernel.close_all()
        shutil.rmtree(base)


@pytest.fixture(params=["memory", "disk"])
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A directory of the kernel's own memory file system, and one of a disk's."""
    before = os.umask(0o022)
    try:
        if request.param == "disk":
            yield str(tmp_path)
        elif Path("/dev/shm").is_dir():
            with TemporaryDirectory(dir="/dev/shm") as directory:
                yield directory
        else:
            pytest.skip("there is no /dev/shm here")
    finally:
        os.umask(before)


def test_it_does_what_the_kernel_does(real: str) -> None:
    count = scale(150, 6000)
    for seed in range(count):
        compare(seed, f"{real}/{seed}")
    print(f"\nmemfs: {count} sequences of {CALLS} calls as on the kernel")


# ── what the kernel comparison leaves open ──


def clocked() -> tuple[MemFs, Callable[[], None]]:
    ticks = [0]

    def tick() -> None:
        ticks[0] += 1

    return MemFs(lambda: ticks[0]), tick


def test_a_rename_sets_the_time_of_change_and_leaves_that_of_content() -> None:
    fs, tick = clocked()
    fs.mkdir("/a")
    tick()
    fs.rename("/a", "/b")
    seen = fs.lstat("/b")
    assert (seen.st_mtime_ns, seen.st_ctime_ns) == (0, 1)


def test_a_freed_inode_number_is_given_to_the_next() -> None:
    fs, _ = clocked()
    fs.mkdir("/a")
    number = fs.lstat("/a").st_ino
    fs.rmdir("/a")
    fs.mkdir("/b")
    assert fs.lstat("/b").st_ino == number


def test_an_open_descriptor_keeps_its_number() -> None:
    fs, _ = clocked()
    fs.mkdir("/a")
    file = fs.open("/a", DIRECTORY)
    fs.rmdir("/a")
    fs.mkdir("/a")
    assert fs.fstat(file).st_ino != fs.lstat("/a").st_ino
    assert fs.fstat(file).st_nlink == 0


def test_a_file_system_can_be_full() -> None:
    fs = MemFs(lambda: 0, limit=10)
    file = fs.open("/a", os.O_WRONLY | os.O_CREAT)
    assert fs.write(file, b"12345678") == 8
    assert fs.write(file, b"12345678") == 2, "a short write, as much as fits"
    with pytest.raises(OSError) as error:
        fs.write(file, b"x")
    assert error.value.errno == errno.ENOSPC
    fs.close(file)
    fs.unlink("/a")
    assert fs.write(fs.open("/b", os.O_WRONLY | os.O_CREAT), b"1234567890") == 10


def test_a_file_system_can_be_out_of_inodes() -> None:
    fs = MemFs(lambda: 0, inodes=3)
    fs.mkdir("/a")
    fs.symlink("a", "/b")
    with pytest.raises(OSError) as error:
        fs.mkdir("/c")
    assert error.value.errno == errno.ENOSPC
    assert fs.lookup("/c") is None
    fs.rmdir("/a")
    fs.mkdir("/c")
