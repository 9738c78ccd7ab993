"""A store that fills up, goes read-only or vanishes while work is running: nothing lost, one line, the right end."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsjob_core import JobStore

from ..conftest import scale
from .conftest import Shell, Start, processes_with


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    point = tmp_path / "small"
    point.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", point], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"nothing can be mounted here: {made.stderr.strip()}")
    yield point
    subprocess.run(["umount", "-l", point], capture_output=True)


@pytest.fixture
def store(small: Path) -> JobStore:
    return JobStore(small / "store", durability="process")


def fill(point: Path) -> Path:
    """Leave no room at all."""
    filler = point / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return filler


def test_a_worker_stays_up_while_the_store_is_full(store: JobStore, start: Start, small: Path) -> None:
    job_id = store.create(1).id
    store.pause()
    worker = start("worker", "--", "echo", "done")
    worker.until(lambda: store.workers())
    filler = fill(small)
    store.resume()
    worker.until("error")
    assert any("No space left" in event["text"] for event in worker.events if event["kind"] == "error")
    assert not store.get(job_id).fulfilled
    filler.unlink()
    worker.until("done")
    assert store.read_value(job_id) == b"done\n"
    assert store.get(job_id).number("attempts") == 1
    worker.tell()
    assert worker.wait() == 0 and worker.other == []


def test_a_value_that_does_not_fit_is_a_failed_try_with_its_reason(store: JobStore, start: Start) -> None:
    job_id = store.create(1).id
    script = "head -c 700000 /dev/zero"  # it fits once, as what the command prints, but not twice
    worker = start("worker", "--max-attempts", "2", "--retry-pause", "0.1", "--", "sh", "-c", script)
    worker.until("parked")
    assert "could not be kept" in store.get(job_id).ours["parked"]["reason"]
    assert "No space left" in store.get(job_id).ours["parked"]["reason"]
    worker.until(lambda: os.listdir(store.layout.tmp) == [])
    assert [name for name in os.listdir(store.layout.job(job_id)) if name != "state.json"] == []


def test_a_job_on_a_read_only_mount_of_its_own_holds_no_other_up(store: JobStore, start: Start) -> None:
    first, other = store.create(1).id, store.create(2).id
    job = store.layout.job(first)
    subprocess.run(["mount", "--bind", job, job], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", job], check=True)
    worker = start("worker", "--until-empty", "--", "cat")
    assert worker.wait() == 0
    assert store.read_value(other) == b"2" and not store.get(first).fulfilled
    assert [event["id"] for event in worker.events if event["kind"] == "error"] == [first]
    subprocess.run(["umount", job], check=True)
    assert start("worker", "--until-empty", "--", "cat").wait() == 0
    assert store.read_value(first) == b"1"


@pytest.mark.parametrize("command", ["worker", "notifier"])
def test_it_stays_up_while_the_store_is_read_only(store: JobStore, start: Start, small: Path, command: str) -> None:
    if not scale(0, 1):
        pytest.skip("it takes half a minute: locks that could not be released go stale; set FSJOB_SCALE=large")
    going = store.create(1).id
    if command == "notifier":
        store.queue(going, "a")
        store.fulfill(going, "v")
    # no command of a worker: what it prints is a file on the store, and would keep it from being made read-only
    work = ["--handler", "time:sleep"] if command == "worker" else ["--", "sleep", "1"]
    running = start(command, "--concurrency", "2", *work)
    running.until("started" if command == "worker" else "telling")
    other = store.create(2).id
    if command == "notifier":
        store.queue(other, "a")
        store.fulfill(other, "v")
    _remount(small, "ro")
    running.until("error", 30)  # what was done cannot be recorded
    _remount(small, "rw")
    running.until(lambda: store.get(other).fulfilled and store.get(going).fulfilled, 90)
    running.until(lambda: not store.counts().waiting, 60)
    running.tell()
    assert running.wait() == 0
    assert [line for line in running.other if "left to go stale" not in line] == []


def _remount(point: Path, how: str) -> None:
    for _ in range(200):  # it is busy for the moment in which something is written
        if not subprocess.run(["mount", "-o", f"remount,{how}", point], capture_output=True).returncode:
            return
    pytest.skip(f"{point} cannot be remounted")


@pytest.mark.parametrize("command", ["worker", "notifier"])
def test_on_a_store_that_is_read_only_from_the_start_it_says_so(
    store: JobStore, shell: Shell, small: Path, command: str
) -> None:
    store.create(1)
    _remount(small, "ro")
    ran = shell(command, "--", "true")
    assert ran.returncode == 4 and ran.stderr.count(b"\n") == 1
    assert b"Read-only file system" in ran.stderr


@pytest.mark.parametrize("command", ["worker", "notifier"])
def test_it_ends_with_5_where_the_store_vanishes(
    store: JobStore, start: Start, tmp_path: Path, command: str
) -> None:
    job_id = store.create(1).id
    if command == "notifier":
        store.queue(job_id, "a")
        store.fulfill(job_id, "v")
    mark = f"vanished-{tmp_path}"
    running = start(command, "--", "sh", "-c", "sleep 600 & sleep 600", env={"MARK": mark})
    running.until("started" if command == "worker" else "telling")
    shutil.rmtree(store.directory)
    assert running.wait() == 5
    assert [line for line in running.other if "no job store any more" in line] == running.other
    assert len(running.other) == 1
    assert processes_with(mark) == []
    assert not os.path.exists(store.directory)
