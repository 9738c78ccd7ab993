"""A disk that is really full, and one that can only be read: one line with the path, nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fsjob_core.store import JobStore

ROOM = "size=64k"


@contextmanager
def mounted(path: Path, *how: str) -> Iterator[Path]:
    """Something mounted at a path; the test is skipped where that is not allowed."""
    path.mkdir()
    done = subprocess.run(["mount", *how, str(path)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting is not allowed here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)  # the guard of its store is still open


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", ROOM, "fsjob-test") as path:
        yield path


def fill(disk: Path) -> Path:
    """Leave no room at all."""
    path = disk / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    assert os.statvfs(disk).f_bavail == 0
    return path


def tree(store: JobStore) -> dict[str, bytes]:
    """Everything in the store, but what only tells of acts and who holds the guard."""
    root = Path(store.directory)
    return {
        str(path.relative_to(root)): os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        for path in root.rglob("*")
        if not path.is_dir() and path.name not in ("guard", "audit.jsonl")
    }


def fsjob(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "fsjob_tui.cli", *arguments], capture_output=True, text=True)


ACTS = ("create", "fulfill", "park", "queue", "requeue")


def commands(store: JobStore, pending: str, done: str) -> dict[str, tuple[str, ...]]:
    where = ("-C", store.directory)
    return {
        "create": (*where, "create", '{"n": 1}'),
        "fulfill": (*where, "fulfill", pending, "six"),
        "park": (*where, "park", pending),
        "queue": (*where, "queue", pending, '"target"'),
        "requeue": (*where, "requeue", done),
    }


def refuses_all(store: JobStore, pending: str, done: str, code: int, said: str) -> None:
    before = tree(store)
    for act, command in commands(store, pending, done).items():
        told = fsjob(*command)
        assert (told.returncode, told.stdout) == (code, ""), (act, told)
        assert len(told.stderr.splitlines()) == 1, (act, told.stderr)
        assert store.directory in told.stderr and said in told.stderr, (act, told.stderr)
        assert tree(store) == before, act
        assert not any(path.name.endswith(".lock") for path in Path(store.directory).rglob("*")), act


def works_again(store: JobStore, pending: str, done: str) -> None:
    for act, command in commands(store, pending, done).items():
        if act != "park":  # of a fulfilled job
            told = fsjob(*command)
            assert told.returncode == 0, (act, told)
    assert store.read_value(pending) == b"six" and store.get(pending).waiting == ["target"]
    assert store.get(done).version == 1


def test_a_full_disk(small_disk: Path) -> None:
    store = JobStore(small_disk / "store")
    pending, done = store.create(1).id, store.create(2).id
    store.fulfill(done, b"value")
    filler = fill(small_disk)
    refuses_all(store, pending, done, 1, "No space left on device; make room, then try again")
    with pytest.raises(OSError, match="No space left on device"):
        store.create({"in": "process"})
    work = store.pull_work()
    if work is not None:  # a lock takes no room on this disk
        with work, pytest.raises(OSError, match="No space left on device") as refused:
            work.fulfill(b"six")
        assert str(refused.value.filename).startswith(store.directory)
    filler.unlink()
    works_again(JobStore(store.directory), pending, done)


def test_a_disk_that_fills_while_a_value_is_written(small_disk: Path) -> None:
    store = JobStore(small_disk / "store")
    job = store.create(1)
    before = tree(store)
    for _ in range(2):
        with pytest.raises(OSError, match="No space left on device") as refused:
            store.fulfill(job.id, b"x" * 100_000)
        assert str(refused.value.filename).startswith(store.layout.job(job.id))
        assert tree(store) == before
    store.fulfill(job.id, b"x" * 1000)
    assert len(store.read_value(job.id)) == 1000


def test_a_disk_that_can_only_be_read(tmp_path: Path) -> None:
    (tmp_path / "writable").mkdir()
    store = JobStore(tmp_path / "writable" / "store")
    pending, done = store.create(1).id, store.create(2).id
    store.fulfill(done, b"value")
    with mounted(tmp_path / "seen", "--bind", str(tmp_path / "writable")) as seen:
        made = subprocess.run(["mount", "-o", "remount,bind,ro", str(seen)], capture_output=True, text=True)
        if made.returncode:
            pytest.skip(f"a read-only bind mount is not to be had: {made.stderr.strip()}")
        looked = JobStore(seen / "store")
        refuses_all(looked, pending, done, 4, "Read-only file system; it can only be read here")
        assert looked.read_value(done) == b"value" and looked.counts().pending == 1 and looked.why(pending)
        with pytest.raises(OSError, match="Read-only file system"):
            looked.pull_work()
    works_again(store, pending, done)
