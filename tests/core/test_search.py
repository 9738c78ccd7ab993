"""The search of a monitor: a real process that finds what matches, and follows it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.about import PREVIEW
from fsjob_core.feed import Found, Message, Search
from fsjob_core.monitor import Monitor

from ..conftest import scale


class Searched:
    """What a parent knows of the search that it asked for last."""

    def __init__(self, directory: str) -> None:
        self.monitor = Monitor(directory)
        self.found: set[str] = set()
        self.last: Found | None = None
        self.messages: list[Found] = []
        self.asked = Search("pending", "")

    def ask(self, view: str, text: str) -> None:
        self.asked, self.last, self.messages = Search(view, text), None, []
        self.found.clear()
        self.monitor.send(self.asked)

    def take(self, message: Message | None) -> None:
        if isinstance(message, Found) and message.search == self.asked:
            self.found = set() if message.reset else self.found
            assert not self.found & set(message.came) and self.found >= set(message.gone)
            self.found = (self.found | set(message.came)) - set(message.gone)
            self.last = message
            self.messages.append(message)

    def until(self, found: set[str], seconds: float = 30.0) -> Found:
        """Receive until the search is through and has found exactly these."""
        left = seconds
        while self.last is None or not self.last.complete or self.found != found:
            assert left > 0, f"{self.last}: {self.found} is not {found}"
            left -= 0.1
            self.take(self.monitor.receive(0.1))
        return self.last


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


@pytest.fixture
def searched(store: JobStore) -> Iterator[Searched]:
    searched = Searched(store.directory)
    yield searched
    searched.monitor.close()


def test_what_matches_is_found_in_each_view(store: JobStore, searched: Searched) -> None:
    jobs = [store.create({"type": "resize", "n": n}).id for n in range(6)]
    store.park(jobs[1], "no font")
    store.fulfill(jobs[2], b"x" * (PREVIEW - 6) + b"inside" + b"beyond")
    store.queue(jobs[3], {"mail": "ops"})
    os.mkdir(store.layout.work_lock(jobs[4]))
    for view, text, found in (
        ("pending", "request.n:3", [3]),
        ("pending", f"request.type:resize !{jobs[5]}", [0, 3, 4]),
        ("pending", "is:locked request.type:resize", [4]),
        ("parked", "error:font", [1]),
        ("fulfilled", "value:inside", [2]),
        ("fulfilled", "value:beyond", []),
        ("waiting", "target:ops", [3]),
        ("locked", "is:due", [4]),
        ("pending", "request.n:1", []),
    ):
        searched.ask(view, text)
        told = searched.until({jobs[n] for n in found})
        assert (told.unreadable, told.reset) == (0, True)


def test_what_comes_or_changes_is_judged_as_it_does(store: JobStore, searched: Searched) -> None:
    searched.ask("pending", "request.n:1")
    searched.until(set())
    one, two = store.create({"n": 1}).id, store.create({"n": 2}).id
    searched.until({one})
    store.update(two, 0, {"n": 1})
    searched.until({one, two})
    store.update(one, 0, {"n": 0})
    searched.until({two})
    store.fulfill(two, b"")
    searched.until(set())
    by_hand = Path(store.layout.state(one))
    by_hand.with_name("new").write_text('{"version":1,"state":1,"waiting":[],"request":{"n":1}}')
    by_hand.with_name("new").replace(by_hand)
    searched.until({one})  # of which no lock tells


def test_jobs_that_cannot_be_read_do_not_match_and_are_counted(store: JobStore, searched: Searched) -> None:
    good, torn, huge, fifo = (store.create({"n": n}).id for n in range(4))
    Path(store.layout.state(torn)).write_text("{")
    os.truncate(store.layout.state(huge), 3 << 20)
    os.unlink(store.layout.state(fifo))
    os.mkfifo(store.layout.state(fifo))
    for text in ("!request.n:9", "!is:tried"):
        searched.ask("pending", text)
        assert searched.until({good}).unreadable == 3
    store.delete(torn)
    while searched.last is None or searched.last.unreadable == 3:
        searched.take(searched.monitor.receive(1.0))
    assert searched.last.unreadable == 2


def test_a_store_that_is_made_anew_is_searched_anew(store: JobStore, searched: Searched) -> None:
    searched.ask("pending", "request:x")
    searched.until({store.create("x").id})
    shutil.rmtree(store.directory)
    again = JobStore(store.directory, durability="process").create("x again")
    searched.until({again.id})


def test_a_large_store_tells_its_first_matches_first_and_a_new_search_ends_the_old_one(
    store: JobStore, request: pytest.FixtureRequest
) -> None:
    size = scale(8_000, 100_000)
    jobs = [job.id for job in store.create_many({"n": n % 100, "pad": "x" * 200} for n in range(size))]
    searched: Searched = request.getfixturevalue("searched")
    searched.ask("pending", "request.pad:x")
    while not searched.messages:
        searched.take(searched.monitor.receive(1.0))
    first = searched.messages[0]
    assert list(first.came) == jobs[: len(first.came)], "in the order of the rows"
    assert not first.complete and first.looked < size == first.total
    searched.ask("pending", "request.n:7")
    told = searched.until(set(jobs[7::100]), 120)
    assert told.looked == told.total == size
    looked = [message.looked for message in searched.messages]
    assert len(looked) > 1 and looked == sorted(looked), "with progress"
    searched.ask("pending", "")
    while isinstance(searched.monitor.receive(1.0), Found):
        pass
