"""What the real fs-job-store 1.2.0 does wrong and this library does right, a test for each defect: theirs, then ours.

What takes Node fifteen seconds of retries is started before all of these tests, in the fixture `slow`. What kills Node
or loses its jobs is in test_node_losses.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fsjob_core import JobStore
from fsjob_core.facts import Verdict
from fsjob_core.host import REAL

from .conftest import Process, Start, Starter, eventually
from .wrapped import Call, wrapped

# ── what takes Node fifteen seconds ──


class Slow(NamedTuple):
    """A store, the work lease or job of it that matters, and what a Node process met there."""

    store: JobStore
    id: str
    node: Process


@pytest.fixture(scope="module", autouse=True)
def slow(node_driver: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Slow]]:
    root = tmp_path_factory.mktemp("slow")
    start = Starter(partial(node_driver, script="defects.js"), None, root / "node-tmp")

    def new(name: str) -> JobStore:
        return JobStore(root / name, durability="process")

    locked, one, told, bare = new("locked"), new("one"), new("told"), new("bare")
    locked.create(1)
    first, second = one.create(1), one.create(2)
    kept = [locked.pull_work(), one.pull_work()]
    fulfilled = told.create(1)
    told.fulfill(fulfilled.id, b"value")
    told.queue(fulfilled.id, "somebody")
    lonely = bare.create(1)
    os.rmdir(bare.layout.waiting)
    assert kept[1] is not None and kept[1].id == first.id
    yield {
        "locked": Slow(locked, "", start("pull", "1", locked)),
        "one": Slow(one, second.id, start("pull", "1", one)),
        "told": Slow(told, fulfilled.id, start("flush", fulfilled.id, told)),
        "bare": Slow(bare, lonely.id, start("unqueue", f"{lonely.id}:x", bare)),
    }
    start.end()
    for work in kept:
        assert work is not None
        work.release()


# ── pulling ──


def test_none_left_is_an_error_of_nodes_and_none_of_ours(store: JobStore, defect: Start) -> None:
    node = defect("pull", "1").until("pulled")
    assert node["pulled"] is None and node["error"] == "ERR_INVALID_ARG_TYPE"
    assert store.pull_work() is None


def test_a_fulfilled_job_whose_link_was_left_is_handed_out_by_node_and_unlinked_by_us(
    store: JobStore, defect: Start
) -> None:
    job = store.create(1)
    store.fulfill(job.id, b"done")
    link = store.layout.pending_link(job.id)
    os.symlink(f"{store.directory}/jobs/{job.id}", link)
    node = defect("pull", "1")
    assert node.until("pulled")["pulled"] == job.id
    node.kill()
    os.rmdir(store.layout.work_lock(job.id))
    assert store.pull_work() is None
    assert not os.path.lexists(link) and store.read_value(job.id) == b"done"


def test_node_keeps_the_lock_of_a_dangling_link_and_we_pass_over(store: JobStore, defect: Start) -> None:
    link = f"{store.layout.pending}/job-coming"
    os.symlink(f"{store.directory}/jobs/job-coming", link)  # Node's create, between its link and its directory
    assert store.pull_work() is None
    assert os.path.islink(link) and list(store.locks()) == []
    assert defect("pull", "1").until("pulled")["error"] == "ERR_INVALID_ARG_TYPE"
    assert [(lock.id, lock.verdict) for lock in store.locks()] == [("job-coming", Verdict.LIVE)], "until it exits"


def counted(store: JobStore, pulls: int) -> tuple[int, int]:
    """How many calls so many pulls make, listings apart, and how many names they read."""
    made, names = 0, 0

    def count(name: str, call: Call) -> Call:
        def counting(*arguments: Any, **options: Any) -> Any:
            nonlocal made, names
            result = call(*arguments, **options)
            made += 1
            names += len(result) if name == "listdir" else 0
            return result

        return counting

    stands = REAL.monotonic()  # a listing is kept for a second, and this second does not end
    host = replace(wrapped(count), monotonic=lambda: stands)
    counting = JobStore(store.directory, durability="process", _host=host)
    for _ in range(pulls):
        work = counting.pull_work()
        assert work is not None
        work.release()
    return made, names


def test_each_pull_of_nodes_reads_the_whole_backlog_and_ours_does_not(store: JobStore, defect: Start) -> None:
    few, many, pulls = 1_000, 10_000, 20
    list(store.create_many(range(few)))
    ours = [counted(store, pulls)]
    theirs = [defect("names", str(pulls)).until("end", 60)["names"]]
    list(store.create_many(range(many - few)))
    ours.append(counted(store, pulls))
    theirs.append(defect("names", str(pulls)).until("end", 60)["names"])
    assert theirs == [few * pulls, many * pulls]
    assert ours[0][0] == ours[1][0], "the same calls"
    assert [names for _, names in ours] == [few, many], "one listing for all of the pulls"


# ── notifications ──


def test_node_leaks_the_lock_of_unfulfilled_jobs_it_looks_at_and_we_neither_leak_nor_keep_them(
    store: JobStore, defect: Start
) -> None:
    jobs = [store.create(number) for number in range(3)]
    for job in jobs:
        store.queue(job.id, "somebody")
    assert store.pull_notification() is None
    assert list(store.locks()) == []
    assert defect("look").until("looked") == {"looked": None, "error": None}
    leaked = list(store.locks())
    assert len(leaked) == 2, "of all but the last"
    assert {lock.verdict for lock in leaked} == {Verdict.LEAKED}
    assert "not fulfilled" in leaked[0].proof
    outcome = store.break_lock(leaked[0])
    assert outcome.done and len(list(store.locks())) == 1


def test_node_releases_before_it_unqueues_so_that_it_tells_twice_and_we_the_other_way_round(
    store: JobStore, defect: Start
) -> None:
    job = store.create(1)
    store.queue(job.id, "somebody")
    store.fulfill(job.id, b"value")
    lock = store.layout.notification_lock(job.id)

    node = defect("done")
    assert node.until("looked")["waiting"] == ["somebody"]
    busy = store.ground.lock("state", job.id)  # whatever delays the second half of `done`
    node.tell("done")
    eventually(lambda: not os.path.exists(lock))
    again = store.pull_notification()
    assert again is not None and again.waiting == ["somebody"], "told by Node, and to be told again"
    again.done()
    node.kill()
    busy.release()

    left: list[tuple[bool, object]] = []

    def note_renames(name: str, call: Call) -> Call:
        def rename(staged: str, path: str) -> None:
            call(staged, path)
            left.append((os.path.isdir(lock), json.loads(Path(path).read_bytes())["waiting"]))

        return rename if name == "rename" else call

    note = JobStore(store.directory, durability="process", _host=wrapped(note_renames)).pull_notification()
    assert note is not None
    note.done(None, ["somebody"])
    assert left == [(True, [])], "the lock stood until the list was written"
    assert store.pull_notification() is None and not os.path.exists(lock)


# ── what was started before ──


def test_all_locked_is_an_error_of_nodes_after_fifteen_seconds_and_none_of_ours_at_once(slow: dict[str, Slow]) -> None:
    store, _, node = slow["locked"]
    assert store.pull_work() is None
    said = node.until("pulled")
    assert said["error"] == "ERR_INVALID_ARG_TYPE" and said["seconds"] > 14


def test_a_locked_job_costs_node_fifteen_seconds_before_the_next_and_us_nothing(slow: dict[str, Slow]) -> None:
    store, second, node = slow["one"]
    said = node.until("pulled")
    assert said["pulled"] == second and said["seconds"] > 14
    node.kill()
    os.rmdir(store.layout.work_lock(second))
    waits: list[float] = []

    def wait(event: Any, seconds: float) -> bool:
        waits.append(seconds)
        return REAL.wait(event, seconds)

    host = replace(REAL, wait=wait, services={})
    work = JobStore(store.directory, durability="process", _host=host).pull_work()
    assert work is not None and work.id == second
    assert not [seconds for seconds in waits if seconds < 1], "nobody waited for the locked one"
    work.release()


def test_a_delivered_target_stays_after_nodes_flush_and_is_removed_by_ours(slow: dict[str, Slow]) -> None:
    store, job_id, node = slow["told"]
    assert node.until("flushed") == {"flushed": job_id, "error": None, "told": ["somebody"]}
    slow["one"].node.until("pulled")  # fifteen seconds later: it was not on its way
    assert store.get(job_id).waiting == ["somebody"]
    told: list[object] = []
    responding = JobStore(store.directory, durability="process", respond=lambda target, _: told.append(target))
    responding.flush(job_id)
    assert told == ["somebody"] and store.get(job_id).waiting == []
    assert not os.path.lexists(store.layout.waiting_link(job_id))


def test_a_store_without_waiting_fails_node_after_fifteen_seconds_and_works_with_us(slow: dict[str, Slow]) -> None:
    store, job_id, node = slow["bare"]
    said = node.until("unqueued")
    assert said["error"] == "ENOENT" and said["seconds"] > 14
    ours = JobStore(store.directory, durability="process", read_only=True)
    assert ours.counts().pending == 1 and not os.path.exists(store.layout.waiting), "reading makes nothing"
    ours = JobStore(store.directory, durability="process", must_exist=True)
    assert ours.pull_notification() is None
    ours.unqueue(job_id, "x")
    ours.queue(job_id, "y")
    assert ours.get(job_id).waiting == ["y"] and os.path.islink(store.layout.waiting_link(job_id))
