"""File systems that other machines see, too: answers that are old, locks that look free or held, and are not."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fsjob_core import errors
from fsjob_core.careful import CarefulDisk
from fsjob_core.change import Change
from fsjob_core.doctor import Kind
from fsjob_core.fs import Disk
from fsjob_core.host import REAL
from fsjob_core.lease import Judgement, judge, look
from fsjob_core.store import JobStore

from .lying import Machine, failure


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def store(tmp_path: Path, machine: Machine) -> JobStore:
    return JobStore(tmp_path / "store", durability="process", _host=machine.host())


def listed(directory: str) -> set[str]:
    return set(os.listdir(directory))


# ── reading ──


@pytest.mark.parametrize("for_a_while", [1, 40])
def test_a_file_that_was_replaced_is_not_read(
    store: JobStore, machine: Machine, tmp_path: Path, for_a_while: int
) -> None:
    job = store.create("old")
    old = tmp_path / "old"
    os.link(store.layout.state(job.id), old)
    store.update(job.id, 0, "new")
    times = [for_a_while]

    def stale(name: str, *args: Any) -> int | None:
        if name == "open" and args[0].endswith("/state.json") and times[0]:
            times[0] -= 1
            return os.open(old, os.O_RDONLY)
        return None

    machine.calls.before = stale
    assert store.get(job.id).request == "new"
    times[0] = for_a_while
    store.queue(job.id, "target")
    assert (store.get(job.id).request, store.get(job.id).version) == ("new", 1), "no update was lost"


def test_a_file_that_never_reads_as_it_is_listed_is_no_answer(
    store: JobStore, machine: Machine, tmp_path: Path
) -> None:
    job = store.create(1)
    other = tmp_path / "other"
    other.write_bytes(Path(store.layout.state(job.id)).read_bytes())
    machine.calls.before = lambda name, *args: (
        os.open(other, os.O_RDONLY) if name == "open" and args[0].endswith("/state.json") else None
    )
    before = machine.ahead
    for call in (lambda: store.get(job.id), lambda: store.fulfill(job.id, b"")):
        with pytest.raises(errors.Unsettled):
            call()
    assert 5 < machine.ahead - before < 7
    assert store.pull_work() is None, "a pull passes over it"
    machine.calls.before = None
    machine.ahead += 2
    assert store.pull_work() is not None


@pytest.mark.parametrize("odd", ["empty", "zeros", "stale"])
def test_what_reads_empty_or_zero_while_it_is_replaced_is_read_again(
    store: JobStore, machine: Machine, odd: str
) -> None:
    job = store.create("whole")
    ends = machine.ahead + 1.0

    def zeros(name: str, *args: Any) -> bytes | None:
        if name != "read" or machine.ahead >= ends:
            return None
        if odd == "stale":
            raise failure(errno.ESTALE)
        return bytes(len(os.read(*args))) if odd == "zeros" else b""

    machine.calls.before = zeros
    assert store.get(job.id).request == "whole"


def test_what_stays_empty_is_corrupt(store: JobStore) -> None:
    job = store.create(1)
    Path(store.layout.state(job.id)).write_bytes(b"\0" * 9)
    with pytest.raises(errors.CorruptJob, match="zero bytes"):
        store.get(job.id)


def test_a_value_that_was_replaced_is_not_read(store: JobStore, machine: Machine, tmp_path: Path) -> None:
    job = store.create(1)
    store.fulfill(job.id, b"old")
    old = tmp_path / "old"
    os.link(store.layout.value(job.id), old)
    store.requeue(job.id)
    store.fulfill(job.id, b"new")
    stale = [3]

    def before(name: str, *args: Any) -> int | None:
        if name == "open" and args[0].endswith("/value") and stale[0]:
            stale[0] -= 1
            return os.open(old, os.O_RDONLY)
        return None

    machine.calls.before = before
    assert store.read_value(job.id) == b"new"


def test_a_value_that_reads_as_zeros_while_it_is_replaced_is_read_again(store: JobStore, machine: Machine) -> None:
    job = store.create(1)
    value = Path(store.layout.value(job.id))
    store.fulfill(job.id, bytes(5))
    opened = [0]

    def replaced(name: str, *args: Any) -> None:
        if name == "open" and args[0] == str(value):
            opened[0] += 1
            if opened[0] == 3:
                value.write_bytes(b"value")

    machine.calls.before = replaced
    assert store.read_value(job.id) == b"value"
    store.requeue(job.id)
    store.fulfill(job.id, bytes(5))
    assert store.read_value(job.id) == bytes(5), "one that stays so is so"


def test_a_pause_is_seen_where_its_absence_is_remembered(store: JobStore, machine: Machine) -> None:
    store.create(1)
    store.pause("maintenance")

    def absent(name: str, *args: Any) -> None:
        if name == "lstat" and args[0] == store.layout.paused:
            raise failure(errno.ENOENT, args[0])

    machine.calls.before = absent
    assert store.pull_work() is None


# ── changes ──


def test_a_link_that_is_gone_but_still_refused_is_made(store: JobStore, machine: Machine) -> None:
    job = store.create(1)
    store.fulfill(job.id, b"")
    ends = machine.ahead + 1.0

    def exists(name: str, *args: Any) -> None:
        if name == "symlink" and machine.ahead < ends:
            raise failure(errno.EEXIST, args[1])

    machine.calls.before = exists
    store.requeue(job.id)
    assert job.id in listed(store.layout.pending)
    store.fulfill(job.id, b"", version=1)
    ends = machine.ahead + 1000
    with pytest.raises(errors.Unsettled):
        store.requeue(job.id)
    assert store.get(job.id).version == 1, "not run again where nobody would find it"


def test_a_link_that_is_believed_absent_is_removed(store: JobStore, machine: Machine) -> None:
    job = store.create(1)
    store.park(job.id, "broken")
    path = store.layout.parked_link(job.id)
    believed = [True]

    def absent(name: str, *args: Any) -> None:
        if name == "symlink" and args[1] == path:
            believed[0] = False
        if name == "unlink" and args[0] == path and believed[0]:
            raise failure(errno.ENOENT, path)

    machine.calls.before = absent
    store.requeue(job.id)
    assert job.id not in listed(store.layout.parked), "or it would never be pulled"
    assert store.pull_work() is not None


def test_a_link_of_nodes_is_as_good(store: JobStore) -> None:
    job = store.create(1)
    os.symlink(store.layout.job(job.id), store.layout.waiting_link(job.id))
    store.queue(job.id, "target")
    assert store.get(job.id).waiting == ["target"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM])
def test_what_means_what_it_says_is_raised_at_once(store: JobStore, machine: Machine, number: int) -> None:
    job = store.create(1)
    before = machine.ahead

    def full(name: str, *args: Any) -> None:
        if name in ("symlink", "rename"):
            raise failure(number, args[1])

    machine.calls.before = full
    for call in (lambda: store.create(2), lambda: store.queue(job.id, "t"), lambda: store.fulfill(job.id, b"")):
        with pytest.raises(OSError) as refused:
            call()
        assert refused.value.errno == number
    assert machine.ahead == before
    assert listed(store.layout.tmp) == set() and listed(store.layout.job(job.id)) == {"state.json"}


def test_a_create_that_may_have_been_made_is_not_rolled_back(store: JobStore, machine: Machine) -> None:
    """A client that did not hear of its rename still leads the old path to the new place: into the job."""

    def lost(name: str, *args: Any) -> None:
        if name == "rename":
            raise failure(errno.EIO, args[1])

    machine.calls.before = lost
    with pytest.raises(errors.Unsettled):
        store.create(1)
    (left,) = listed(store.layout.tmp)
    assert listed(f"{store.layout.tmp}/{left}") == {"state.json"}


# ── the fence, and a commit of which one was told that it was not made ──


def test_who_takes_a_state_lock_clears_what_others_have_staged_until_nothing_comes(
    store: JobStore, machine: Machine
) -> None:
    job = store.create(1)
    late = [store.layout.staged(job.id, f"late{number}", "state") for number in range(3)]
    Path(late.pop()).touch()

    def lands(name: str, *args: Any) -> None:
        if name == "unlink" and ".fsjob-late" in args[0] and late:
            Path(late.pop()).touch()

    machine.calls.before = lands
    with Change(store.ground, job.id) as change:
        own = {f".fsjob-{change.lock.owner.token}-state", "state.json"}
        assert listed(store.layout.job(job.id)) == own and late == []


def test_a_commit_is_known_by_its_token_not_by_what_it_says(store: JobStore, machine: Machine) -> None:
    """The rename finds nothing, for a successor has cleared the staged file and committed the very same record."""
    job = store.create(1)
    with Change(store.ground, job.id) as change:
        record = change.record.with_ours(attempts=1)
        change.prepare(record)
        Path(store.layout.staged(job.id, change.lock.owner.token, "state")).unlink()
        Path(store.layout.state(job.id)).write_bytes(record.with_ours(commit="another's").to_bytes())
        with pytest.raises(errors.LeaseLost, match="look at it"):
            change.commit_prepared()
    assert store.get(job.id).ours["commit"] == "another's"


def test_a_rename_is_not_tried_again_once_the_lease_is_over(store: JobStore, machine: Machine) -> None:
    job = store.create(1)
    with Change(store.ground, job.id) as change:

        def slow(name: str, *args: Any) -> None:
            if name == "rename":
                machine.ahead += 9
                raise failure(errno.EAGAIN, args[1])

        change.prepare(change.record.with_ours(attempts=1))
        machine.calls.before = slow
        with pytest.raises(errors.LeaseLost):
            change.commit_prepared()
    assert store.get(job.id).ours == {}


def test_a_job_of_which_no_answer_is_certain_does_not_end_the_doctors_examination(
    store: JobStore, machine: Machine
) -> None:
    broken, lost = store.create(1).id, store.create(2).id
    os.unlink(store.layout.state(lost))
    unsure = {store.layout.state(broken)}

    def gone(name: str, *args: Any) -> None:
        if name == "open" and args[0] in unsure:
            raise failure(errno.ENOTCONN, args[0])

    machine.calls.before = gone
    machine.ahead += 60.0
    found = {problem.id: problem for problem in store.doctor()}
    kinds = {job_id: problem.kind for job_id, problem in found.items()}
    assert kinds == {broken: Kind.JOB_NOT_READABLE, lost: Kind.STATE_MISSING}
    unsure.add(store.layout.state(lost))
    mended = store.repair(found[lost], force=True)
    assert not mended.done and "cannot be read" in mended.what and os.path.isdir(store.layout.job(lost))


# ── what is chosen when ──


@pytest.mark.parametrize(("fstype", "fresh_opens"), [("nfs4", True), ("fuse.glusterfs", True), ("fuse.juicefs", False)])
def test_care_is_taken_where_other_machines_see_the_store(tmp_path: Path, fstype: str, fresh_opens: bool) -> None:
    store = JobStore(tmp_path / "s", _host=Machine(fstype=fstype).host())
    assert store.host.careful and store.host.fresh_opens is fresh_opens
    assert isinstance(store.ground.disk, CarefulDisk)


@pytest.mark.parametrize(
    ("fstype", "options", "excludes"),
    [
        ("nfs4", "rw,hard,local_lock=none", True),
        ("nfs", "rw,nolock", False),
        ("nfs", "rw,local_lock=all", False),
        ("fuse.glusterfs", "rw", True),
        ("fuse.sshfs", "rw", False),
    ],
)
def test_where_the_guard_keeps_nobody_out_only_force_takes_a_lock(
    tmp_path: Path, fstype: str, options: str, excludes: bool
) -> None:
    machine = Machine(fstype=fstype)
    store = JobStore(tmp_path / "s", _host=replace(machine.host(), mount_options=lambda path: options))
    job = store.create(1)
    path = store.layout.work_lock(job.id)
    os.mkdir(path)
    os.utime(path, (1, 1))
    seen = look(store.host, path)
    assert seen is not None
    for _ in range(20):
        judge(store.host, path, seen, local=False)
        store.host.wait(store.host.event(), 1.0)
    assert (judge(store.host, path, seen, local=False) is Judgement.STALE) is excludes
    assert store.break_lock(store.locks()[0], force=True).done and not os.path.lexists(path)


def test_a_job_that_was_remembered_as_absent_is_found(store: JobStore, machine: Machine) -> None:
    job = store.create("here")

    def absent(name: str, *args: Any) -> None:
        if name == "lstat" and args[0] == store.layout.job(job.id):
            raise failure(errno.ENOENT, args[0])

    machine.calls.before = absent
    assert store.get(job.id).request == "here"
    store.update(job.id, 0, "new")


def test_a_listing_that_fails_does_not_say_that_a_name_is_absent(store: JobStore, machine: Machine) -> None:
    def broken(name: str, *args: Any) -> None:
        if name == "lstat" and args[0] == store.layout.paused:
            raise failure(errno.ENOENT, args[0])
        if name == "scandir" and args[0] == store.layout.own:
            raise failure(errno.EIO, args[0])

    store.create(1)
    machine.calls.before = broken
    with pytest.raises(OSError, match="Input/output"):
        store.pull_work()  # it may be paused


def test_on_a_local_file_system_nothing_is_asked_twice(tmp_path: Path) -> None:
    machine = Machine(fstype="ext4")
    store = JobStore(tmp_path / "s", _host=machine.host())
    assert type(store.ground.disk) is Disk and store.ground.disk.calls is machine.calls
    asked: list[str] = []
    machine.calls.before = lambda name, *args: asked.append(name)
    job = store.create(1)
    work = store.pull_work()
    assert work is not None
    work.fulfill(b"")
    work.release()
    assert "scandir" not in asked and "commit" not in store.get(job.id).ours
    assert asked.count("rename") == 3 and asked.count("mkdir") == 3


def test_a_child_of_fork_is_somebody_else_there_too(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "s", _host=replace(REAL, fstype=lambda path: "nfs4"))
    for _ in range(2):
        pid = os.fork()
        if pid == 0:
            if os.fork() == 0:
                os._exit(0 if store.host.me.pid == os.getpid() else 1)
            os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
        assert os.waitpid(pid, 0)[1] == 0
