from __future__ import annotations

import errno
import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import errors
from fsjob_core.change import Change
from fsjob_core.delivery import Fulfillment
from fsjob_core.fs import Disk
from fsjob_core.host import REAL, RealCalls
from fsjob_core.store import JobStore

from .conftest import Holder


@pytest.fixture(params=["local", "careful"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> JobStore:
    """The same tests where the mount table says that other machines see the file system, too."""
    host = REAL if request.param == "local" else replace(REAL, fstype=lambda path: "nfs4", services={})
    return JobStore(tmp_path / "store", durability="process", _host=host)


def tree(store: JobStore) -> set[str]:
    root = Path(store.directory)
    parts = (path.relative_to(root).as_posix() for path in root.rglob("*"))
    return {part for part in parts if part.split("/")[0] in ("jobs", "pending", "waiting", "parked") and "/" in part}


def state(store: JobStore, job_id: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(store.layout.state(job_id)).read_text())
    return found


@pytest.mark.parametrize("durability", ["full", "process"])
def test_a_job_lives(tmp_path: Path, durability: str) -> None:
    store = JobStore(tmp_path / "s", durability=durability)
    job = store.create({"calculate": "3+3"})
    assert (job.version, job.state, job.waiting, job.extra) == (0, 1, [], {})
    assert os.readlink(store.layout.pending_link(job.id)) == f"../jobs/{job.id}"
    assert state(store, job.id) == {"version": 0, "state": 1, "waiting": [], "request": {"calculate": "3+3"}}
    with store.pull_work() as work:  # type: ignore[union-attr]
        assert (work.id, work.request, work.version) == (job.id, {"calculate": "3+3"}, 0)
        assert store.pull_work() is None
        work.fulfill(b"6")
    assert store.read_value(job.id) == b"6"
    assert tree(store) == {f"jobs/{job.id}", f"jobs/{job.id}/state.json", f"jobs/{job.id}/value"}
    assert os.listdir(store.layout.tmp) == []


def test_the_first_value_stays(store: JobStore) -> None:
    job = store.create(1)
    store.fulfill(job.id, "first")
    with pytest.raises(errors.AlreadyFulfilled):
        store.fulfill(job.id, "second")
    assert store.read_value(job.id) == b"first"


def test_a_value_that_was_never_committed_is_not_read(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = store.create(1).id
    store.fulfill(job_id, "first")
    open_file = Disk.open_file

    def open_late(disk: Disk, path: str) -> Any:
        monkeypatch.setattr(Disk, "open_file", open_file)
        store.requeue(job_id)
        with Change(store.ground, job_id, value=True) as change:
            change.put_value(b"of a worker that died before its commit")
        return open_file(disk, path)

    monkeypatch.setattr(Disk, "open_file", open_late)
    with pytest.raises(errors.NotFulfilled, match="there is no value yet"):
        store.read_value(job_id)


def test_a_value_may_be_a_file_of_any_size(store: JobStore) -> None:
    job = store.create(1)
    store.fulfill(job.id, io.BytesIO(b"x" * 3_000_000))
    with store.open_value(job.id) as value:
        assert len(value.read()) == 3_000_000


def test_reading_what_is_not_there(store: JobStore) -> None:
    job = store.create(1)
    with pytest.raises(errors.NotFulfilled):
        store.read_value(job.id)
    for call in (store.get, store.read_value, store.requeue, store.park):
        with pytest.raises(errors.JobNotFound):
            call("nothing-here")
    with pytest.raises(errors.JobNotFound):
        store.fulfill("nothing-here", b"")
    with pytest.raises(errors.InvalidJobId):
        store.get("../etc")


def test_jobs_come_oldest_first_foreign_ones_by_their_link(store: JobStore) -> None:
    ours = [store.create(n).id for n in range(3)]
    foreign = "job-zzz"
    os.mkdir(store.layout.job(foreign))
    Path(store.layout.state(foreign)).write_text('{"version":0,"state":1,"waiting":[],"request":9}')
    os.symlink(store.layout.job(foreign), store.layout.pending_link(foreign))
    os.utime(store.layout.pending_link(foreign), (1, 1), follow_symlinks=False)
    pulled = []
    while work := store.pull_work():
        pulled.append(work.id)
        work.fulfill(b"")
        work.release()
    assert pulled == [foreign, *ours]


def test_a_released_job_does_not_make_a_loop_spin(store: JobStore) -> None:
    store.create(1)
    pulls = 0
    began = store.host.monotonic()
    while store.host.monotonic() - began < 0.5:
        if work := store.pull_work():
            pulls += 1
            work.release()
    assert pulls == 1


def test_create_many_is_lazy_and_keeps_what_it_made(store: JobStore) -> None:
    taken = store.create_many(iter([1, 2, float("nan"), 3]))
    made = [next(taken).request, next(taken).request]
    with pytest.raises(errors.InvalidRequest):
        next(taken)
    assert made == [1, 2]
    assert store.counts().pending == 2


def test_update_wants_the_version(store: JobStore) -> None:
    job = store.create("old")
    with pytest.raises(errors.VersionMismatch):
        store.update(job.id, version=1, request="new")
    assert store.update(job.id, version=0, request="new").version == 1
    work = store.pull_work()
    assert work is not None and work.request == "new"
    store.update(job.id, version=1, request="newer")
    with pytest.raises(errors.VersionMismatch):
        work.fulfill(b"of the old request")
    work.release()
    store.fulfill(job.id, b"")
    with pytest.raises(errors.AlreadyFulfilled):
        store.update(job.id, version=2, request="late")


def test_requeue_and_park(store: JobStore) -> None:
    job = store.create(1)
    store.park(job.id, "broken")
    assert store.pull_work() is None
    assert store.counts().as_dict() == {"pending": 0, "locked": 0, "waiting": 0, "fulfilled": 0, "parked": 1}
    assert store.requeue(job.id).version == 1
    assert tree(store) == {f"jobs/{job.id}", f"jobs/{job.id}/state.json", f"pending/{job.id}"}
    store.fulfill(job.id, b"1")
    with pytest.raises(errors.AlreadyFulfilled):
        store.park(job.id)
    store.requeue(job.id)
    with pytest.raises(errors.NotFulfilled):
        store.read_value(job.id)
    store.fulfill(job.id, b"2", version=2)
    assert store.read_value(job.id) == b"2"


def test_a_live_lock_refuses_requeue_and_park_and_says_whose_it_is(
    store: JobStore, holding: Callable[[str], Holder]
) -> None:
    job = store.create(1)
    holding("work = store.pull_work(); print(work.id, flush=True)")
    for call in (store.requeue, store.park):
        with pytest.raises(errors.JobLocked, match="held by holder on"):
            call(job.id)


def test_attempts_errors_and_pauses_are_kept_on_the_job(store: JobStore) -> None:
    job = store.create(1)
    with store.pull_work() as work:  # type: ignore[union-attr]
        work.begin()
        assert work.attempt == 1
        work.fail("exit 1", retry_in=3600)
    record = store.get(job.id)
    assert record.ours["attempts"] == 1 and record.ours["last_error"] == "exit 1"
    fresh = JobStore(store.directory, durability="process")
    assert fresh.pull_work() is None
    due = fresh.next_due()
    assert due is not None and due == record.ours["not_before"]
    store.requeue(job.id)
    assert fresh.pull_work() is not None, "run again: due at once, although it was remembered"


def test_a_pause_is_no_longer_than_it_was_meant_to_be(store: JobStore) -> None:
    """A clock that is set back between the look at it and the write would make a day of it."""
    job = store.create(1)
    with store.pull_work() as work:  # type: ignore[union-attr]
        work.begin()
        work.fail("exit 1", retry_in=600)
    assert JobStore(store.directory, durability="process").pull_work() is None
    written = time.time() - 86_400
    os.utime(store.layout.state(job.id), (written, written))
    assert JobStore(store.directory, durability="process").pull_work() is not None


def test_a_pause_is_over_once_the_next_try_begins(store: JobStore) -> None:
    """Else one that a clock has set a day ahead would begin again when the worker of that try is killed."""
    job = store.create(1)
    for _ in range(2):
        work = store.pull_work()
        assert work is not None
        work.begin()
        begun = store.get(job.id).ours
        work.fail("exit 1", retry_in=0)
        work.release()
        store = JobStore(store.directory, durability="process")
    assert begun["attempts"] == 2 and "not_before" not in begun


def test_unknown_members_survive_everything(store: JobStore) -> None:
    job = store.create(1)
    path = Path(store.layout.state(job.id))
    path.write_text(json.dumps({**json.loads(path.read_text()), "theirs": {"x": [1]}}))
    store.queue(job.id, "t")
    store.update(job.id, 0, 2)
    store.park(job.id, "r")
    store.requeue(job.id)
    store.fulfill(job.id, b"")
    assert state(store, job.id)["theirs"] == {"x": [1]}


def test_pause_and_resume(store: JobStore) -> None:
    store.create(1)
    store.pause("maintenance")
    assert store.pull_work() is None
    store.resume()
    assert store.pull_work() is not None


# ── notifications ──


def test_the_three_workflows(store: JobStore) -> None:
    job = store.create({"calculate": "3+3"})
    store.queue(job.id, {"mail": "a"})
    store.queue(job.id, {"mail": "b"})
    assert store.pull_notification() is None, "not before there is a value"
    store.fulfill(job.id, b"6")
    note = store.pull_notification()
    assert note is not None
    assert (note.id, note.value, note.waiting) == (job.id, b"6", [{"mail": "a"}, {"mail": "b"}])
    assert store.pull_notification() is None
    note.done(None, [{"mail": "a"}])
    assert store.get(job.id).waiting == [{"mail": "b"}]
    again = JobStore(store.directory).pull_notification()
    assert again is not None
    again.done(None, [{"mail": "b"}])
    assert tree(store) == {f"jobs/{job.id}", f"jobs/{job.id}/state.json", f"jobs/{job.id}/value"}


def test_a_failed_target_stays_and_does_not_hold_back_the_others(tmp_path: Path) -> None:
    told: list[object] = []

    def respond(target: object, what: Fulfillment) -> None:
        if target == "bad":
            raise RuntimeError("no such address")
        told.append((target, what.value))

    store = JobStore(tmp_path / "s", durability="process", respond=respond)
    job = store.create(1)
    for target in ("one", "bad", "two"):
        store.queue(job.id, target)
    store.fulfill(job.id, b"v")
    assert told == [("one", b"v"), ("two", b"v")]
    assert store.get(job.id).waiting == ["bad"]
    store.queue(job.id, "late")
    assert told[2:] == [("late", b"v")]


def test_unqueue_takes_the_first_match_of_each(store: JobStore) -> None:
    job = store.create(1)
    for target in (1, True, 1, "x"):
        store.queue(job.id, target)
    store.unqueue_all(job.id, [1.0, "y"])
    assert store.get(job.id).waiting == [True, 1, "x"]
    store.unqueue(job.id, "x")
    store.unqueue_all(job.id, [True, 1])
    assert f"waiting/{job.id}" not in tree(store)


def test_an_empty_waiting_list_loses_its_link(store: JobStore) -> None:
    job = store.create(1)
    store.fulfill(job.id, b"")
    os.symlink(f"../jobs/{job.id}", store.layout.waiting_link(job.id))
    assert store.pull_notification() is None
    assert f"waiting/{job.id}" not in tree(store)


# ── what may stand in the directories ──


def test_a_link_left_on_a_fulfilled_job_is_removed_by_a_pull(store: JobStore) -> None:
    job = store.create(1)
    store.fulfill(job.id, b"")
    os.symlink(f"../jobs/{job.id}", store.layout.pending_link(job.id))
    assert store.pull_work() is None
    assert f"pending/{job.id}" not in tree(store)


def test_nothing_that_stands_there_is_followed_or_hangs_a_pull(store: JobStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "state.json").write_text('{"version":0,"state":1,"waiting":[],"request":"outside"}')
    os.symlink(outside, store.layout.job("linked"))
    for name in ("fifo", "huge", "list", "gone"):
        os.mkdir(store.layout.job(name))
    os.mkfifo(store.layout.state("fifo"))
    with open(store.layout.state("huge"), "wb") as file:
        file.truncate(2 << 30)
    Path(store.layout.state("list")).write_text("[]")
    os.rmdir(store.layout.job("gone"))
    for name in ("linked", "fifo", "huge", "list", "gone", "odd\nname", "-dash"):
        os.symlink(f"../jobs/{name}", f"{store.layout.pending}/{name}")
    assert store.pull_work() is None
    for name in ("linked", "fifo", "huge", "list"):
        with pytest.raises(errors.CorruptJob):
            store.get(name)
        with pytest.raises(errors.CorruptJob):
            store.fulfill(name, b"x")
    assert (outside / "state.json").exists() and not (outside / "value").exists()
    assert [name for name in os.listdir(store.layout.pending) if name.endswith(".lock")] == []
    assert [name for name in os.listdir(store.layout.jobs) if name.endswith(".lock")] == []


@pytest.mark.parametrize(("refused", "number"), [(os.O_CREAT, errno.EACCES), (os.O_NONBLOCK, errno.EIO)])
def test_a_job_that_cannot_be_changed_or_read_holds_no_other_back(tmp_path: Path, refused: int, number: int) -> None:
    class Refusing(RealCalls):
        job = "none"

        def open(self, path: str, flags: int, mode: int = 0o777) -> int:  # type: ignore[override]
            if path.startswith(f"{self.job}/") and flags & refused:
                raise OSError(number, os.strerror(number), path)
            return os.open(path, flags, mode)

    calls: Any = Refusing()
    store = JobStore(tmp_path / "store", durability="process", _host=replace(REAL, calls=calls, services={}))
    left, other, told = (store.create(number) for number in range(3))
    store.fulfill(left.id, "done")
    for side in ("pending", "waiting"):  # as crashes leave them
        os.symlink(store.layout.link_text(left.id), store.layout.link(side, left.id))
    store.fulfill(told.id, "done")
    store.queue(told.id, "ann")
    calls.job = store.layout.job(left.id)
    with store.pull_work() as work, store.pull_notification() as note:  # type: ignore[union-attr]
        assert (work.id, note.id) == (other.id, told.id)


def test_reading_makes_nothing_and_needs_a_store(tmp_path: Path) -> None:
    for directory in (tmp_path / "missing", tmp_path):
        with pytest.raises(errors.NotAStore):
            JobStore(directory, must_exist=True)
    (tmp_path / "node" / "jobs").mkdir(parents=True)
    store = JobStore(tmp_path / "node", read_only=True)
    assert store.counts().pending == 0 and list(store.locks()) == []
    with pytest.raises(errors.ReadOnly):
        store.create(1)
    assert os.listdir(tmp_path / "node") == ["jobs"]
    JobStore(tmp_path / "node", must_exist=True).counts()
    assert os.listdir(tmp_path / "node") == ["jobs"], "opening for writing makes nothing either, until it writes"
    JobStore(tmp_path / "node", must_exist=True).create(1)
    assert sorted(os.listdir(tmp_path / "node")) == [".fsjob", "jobs", "parked", "pending", "waiting"]


def test_a_write_that_fails_leaves_no_link_behind(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    job, done = store.create(1), store.create(2)
    store.fulfill(done.id, b"value")
    before = tree(store)

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(RealCalls, "write", staticmethod(full))
    for act in (
        lambda: store.park(job.id, "why"),
        lambda: store.queue(job.id, "target"),
        lambda: store.requeue(done.id),
        lambda: store.update(job.id, 0, "new"),
        lambda: store.fulfill(job.id, b"value"),
        lambda: store.create(3),
    ):
        with pytest.raises(OSError, match="No space left") as refused:
            act()
        assert refused.value.filename, "it says where"
        assert tree(store) == before
    monkeypatch.undo()
    assert os.listdir(store.layout.tmp) == []
    store.fulfill(job.id, b"later")
    assert store.read_value(job.id) == b"later"


def test_the_state_that_wanted_a_new_value_is_durable_before_the_older_value_goes(tmp_path: Path) -> None:
    """Whoever ran the job again may have been stopped before his sync, and a power cut brings state 2 back."""
    store = JobStore(tmp_path / "s")
    job = store.create(1)
    store.fulfill(job.id, b"old")
    store.requeue(job.id)
    seen: list[str] = []

    class Recorder(RealCalls):
        def __getattribute__(self, name: str) -> Any:
            real = getattr(REAL.calls, name)

            def call(*args: object, **options: object) -> object:
                if name in ("fsync", "rename"):
                    where = os.readlink(f"/proc/self/fd/{args[0]}") if name == "fsync" else str(args[1])
                    seen.append(f"{name} {os.path.basename(where)}")
                return real(*args, **options)

            return call

    JobStore(store.directory, _host=replace(REAL, calls=Recorder(), services={})).fulfill(job.id, b"new")
    assert f"fsync {job.id}" in seen[: seen.index("rename value")]


def test_a_job_that_is_put_off_is_not_taken_from_a_listing_made_before(store: JobStore) -> None:
    jobs = [store.create(number) for number in range(3)]
    store.pull_work().release()  # type: ignore[union-attr]
    store.put_off(jobs[1].id, 60)
    taken = store.pull_work()
    assert taken is not None and taken.id == jobs[2].id
    taken.fulfill(b"")
    taken.release()


@pytest.mark.parametrize("fstype", ["ext4", "nfs4"])
def test_a_child_of_fork_pulls_though_a_thread_of_its_parent_was_pulling(tmp_path: Path, fstype: str) -> None:
    store = JobStore(tmp_path / "store", _host=replace(REAL, fstype=lambda path: fstype))
    jobs = [store.create(n).id for n in range(3)]

    def fork(generations: int) -> int:
        """What the last of so many children has pulled, as its exit code says; each was made amid a pull."""
        pulling, forked = threading.Event(), threading.Event()

        def pull() -> None:
            with store._pulling:
                pulling.set()
                forked.wait()

        thread = threading.Thread(target=pull)
        thread.start()
        pulling.wait()
        pid = os.fork()
        if pid:
            forked.set()
            thread.join()
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        try:
            signal.alarm(20)  # a child that hangs
            if generations > 1:
                os._exit(fork(generations - 1))
            work = store.pull_work()
            os._exit(jobs.index(work.id) + 1 if work is not None else 0)
        finally:
            os._exit(99)

    assert [fork(1), fork(2)] == [1, 2]
