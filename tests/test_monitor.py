"""The monitor is a real process on a real store; it is told nothing, it must see."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.feed import Delta, Details, Gone, Hello, Job, Locks, Message, Open, Overview, Wanted
from fsjob_core.monitor import Monitor


class Watched:
    """What a parent of the monitor knows: the views as the deltas told them."""

    def __init__(self, directory: Path) -> None:
        self.monitor = Monitor(str(directory))
        self.views: dict[str, set[str]] = {"pending": set(), "waiting": set(), "fulfilled": set(), "parked": set()}
        self.last: dict[type, Message] = {}

    def until(self, true: Callable[[], object], seconds: float = 8.0) -> float:
        """Receive until something is true; gives how long that took."""
        began = time.monotonic()
        while not true():
            assert time.monotonic() - began < seconds, f"not seen: {self.views} {self.last}"
            message = self.monitor.receive(0.2)
            if message is None:
                continue
            self.last[type(message)] = message
            if isinstance(message, Delta):
                if message.reset:
                    self.views[message.view].clear()
                self.views[message.view] -= set(message.gone)
                self.views[message.view] |= {entry.id for entry in message.came}
        return time.monotonic() - began

    def of(self, kind: type) -> Message | None:
        return self.last.get(kind)


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


@pytest.fixture
def watched(store: JobStore) -> Iterator[Watched]:
    watched = Watched(Path(store.directory))
    watched.until(lambda: watched.of(Overview))
    yield watched
    watched.monitor.close()


def test_each_view_follows_what_the_directory_holds_within_a_second(store: JobStore, watched: Watched) -> None:
    job = store.create({"type": "resize"})
    assert watched.until(lambda: job.id in watched.views["pending"]) < 1
    store.queue(job.id, "somebody")
    assert watched.until(lambda: job.id in watched.views["waiting"]) < 1
    work = store.pull_work()
    assert work is not None
    assert watched.until(lambda: isinstance(lock := watched.of(Locks), Locks) and lock.locks) < 2
    work.fulfill(b"1")
    work.release()
    assert watched.until(lambda: job.id in watched.views["fulfilled"]) < 1
    assert job.id not in watched.views["pending"]
    store.requeue(job.id)
    store.park(job.id)
    assert watched.until(lambda: job.id in watched.views["parked"]) < 1
    assert watched.views["pending"] == watched.views["fulfilled"] == set()


def test_changes_by_hand_are_seen(store: JobStore, watched: Watched) -> None:
    job = Path(store.directory, "jobs", "job-by-hand")
    job.mkdir()
    (job / "state.json").write_text('{"version":0,"state":1,"waiting":[],"request":{"name":"x"}}')
    link = Path(store.directory, "pending", "job-by-hand")
    link.symlink_to("../jobs/job-by-hand")
    assert watched.until(lambda: watched.views["pending"] == {"job-by-hand"}) < 1
    (job / "state.json").write_text('{"version":0,"state":2,"waiting":[],"request":{"name":"x"}}')
    link.rename(Path(store.directory, "waiting", "job-by-hand"))
    assert watched.until(lambda: watched.views["waiting"] == {"job-by-hand"}) < 1
    assert watched.until(lambda: watched.views["fulfilled"] == {"job-by-hand"}) < 1


def test_rows_and_the_open_job_are_sent_again_when_they_change(store: JobStore, watched: Watched) -> None:
    job = store.create({"type": "resize", "w": 640})
    watched.monitor.send(Wanted("pending", (job.id,)))
    watched.monitor.send(Open(job.id))

    def request() -> str:
        found = watched.of(Details)
        return found.details[0].request if isinstance(found, Details) else ""

    watched.until(lambda: request() == 'resize {"w":640}')
    watched.until(lambda: watched.of(Job))
    store.update(job.id, 0, {"type": "crop"})
    watched.until(lambda: request() == "crop")

    def opened() -> str:
        found = watched.of(Job)
        return found.detail.state if isinstance(found, Job) else ""

    assert opened() == "pending"
    store.fulfill(job.id, b"1")
    watched.until(lambda: opened() == "fulfilled")
    store.delete(job.id)
    watched.until(lambda: opened() == "missing")


def test_nothing_is_sent_while_nothing_changes(store: JobStore, watched: Watched) -> None:
    store.create(1)
    watched.until(lambda: watched.views["pending"])
    quiet_since = time.monotonic()
    while time.monotonic() - quiet_since < 3:
        if watched.monitor.receive(0.5) is not None:
            quiet_since = time.monotonic()


def test_what_is_no_store_says_so_and_a_store_that_comes_is_followed(tmp_path: Path) -> None:
    watched = Watched(tmp_path / "later")
    watched.until(lambda: watched.of(Hello))
    hello = watched.of(Hello)
    assert isinstance(hello, Hello) and "does not exist" in str(hello.problem)
    assert not (tmp_path / "later").exists(), "reading makes nothing"
    job = JobStore(tmp_path / "later").create(1)
    watched.until(lambda: job.id in watched.views["pending"])
    shutil.rmtree(tmp_path / "later")
    watched.until(lambda: watched.of(Gone))
    again = JobStore(tmp_path / "later").create(2)
    watched.until(lambda: watched.views["pending"] == {again.id})
    watched.monitor.close()


def test_odd_things_in_the_directories_do_not_end_it(store: JobStore, watched: Watched) -> None:
    for name in ("fifo", "big", "empty"):
        os.mkdir(store.layout.job(name))
        os.symlink(f"../jobs/{name}", store.layout.pending_link(name))
    os.mkfifo(store.layout.state("fifo"))
    with open(store.layout.state("big"), "wb") as file:
        file.truncate(2 << 30)
    Path(store.layout.state("empty")).touch()
    os.mkdir(f"{store.layout.pending}/odd\n\x1b[2J")
    watched.until(lambda: watched.views["pending"] == {"fifo", "big", "empty"})
    watched.monitor.send(Wanted("pending", ("fifo", "big", "empty")))
    watched.until(lambda: isinstance(found := watched.of(Details), Details) and len(found.details) == 3)
    found = watched.of(Details)
    assert isinstance(found, Details)
    assert all(row.problem for row in found.details)
    watched.monitor.send(Open("fifo"))
    watched.until(lambda: isinstance(job := watched.of(Job), Job) and job.detail.state == "unreadable")
    store.create(1)
    watched.until(lambda: len(watched.views["pending"]) == 4)


def test_the_child_ends_with_its_parent(store: JobStore) -> None:
    monitor = Monitor(store.directory)
    assert monitor.receive(5) is not None
    monitor._connection.close()
    assert monitor._process.wait(5) == 0
