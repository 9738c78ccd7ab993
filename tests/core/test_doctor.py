"""Each state that a crash, a foreign tool or Node can leave: made on a real disk, found, left alone, mended."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from fsjob_core import errors
from fsjob_core.doctor import Kind, Problem, look_again, plan
from fsjob_core.doctor.problems import Links, drift
from fsjob_core.doctor.repairing import REPAIRS
from fsjob_core.host import REAL
from fsjob_core.journal import read_audit
from fsjob_core.operator import Operator
from fsjob_core.record import JobRecord
from fsjob_core.store import JobStore

from ..crash.machine import Clock, host_with
from .conftest import Holder

LONG_AGO = 100.0
TWO_DAYS = 172_800.0


def age(path: str, seconds: float = LONG_AGO) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then), follow_symlinks=False)


def snapshot(store: JobStore) -> dict[str, tuple[int, int, float]]:
    """Everything in a store: inode, mode and time of each entry."""
    root = Path(store.directory)
    found = {path.relative_to(root).as_posix(): path.lstat() for path in root.rglob("*")}
    return {name: (stat.st_ino, stat.st_mode, stat.st_mtime) for name, stat in found.items()}


def told(store: JobStore) -> list[Kind]:
    return [problem.kind for problem in store.doctor()]


def settled(store: JobStore, number: int = 1) -> str:
    """A job that was made a while ago."""
    job_id = store.create({"n": number}).id
    age(store.layout.state(job_id))
    return job_id


def change(store: JobStore, job_id: str, act: Callable[[str], object]) -> str:
    act(job_id)
    age(store.layout.state(job_id))
    return job_id


# ── the states ──


@dataclass
class Case:
    """How a state is made (gives the job's id), and what holds once it is mended."""

    kind: Kind
    make: Callable[[JobStore], str]
    then: Callable[[JobStore, str], object] = lambda store, job_id: True
    name: str = ""


def is_pending(store: JobStore, job_id: str) -> bool:
    linked = os.readlink(store.layout.pending_link(job_id)) == store.layout.link_text(job_id)
    return linked and not os.path.lexists(store.layout.parked_link(job_id)) and store.get(job_id).state == 1


def is_parked(store: JobStore, job_id: str) -> bool:
    linked = os.readlink(store.layout.parked_link(job_id)) == store.layout.link_text(job_id)
    return linked and not os.path.lexists(store.layout.pending_link(job_id))


def is_done(store: JobStore, job_id: str) -> bool:
    linked = os.path.lexists(store.layout.pending_link(job_id)) or os.path.lexists(store.layout.parked_link(job_id))
    return store.read_value(job_id) == b"v" and not linked


def in_trash(store: JobStore, job_id: str) -> list[str]:
    return sorted(os.listdir(store.layout.trash))


def pending_without_link(store: JobStore) -> str:
    job_id = settled(store)
    os.unlink(store.layout.pending_link(job_id))
    return job_id


def parked(store: JobStore) -> str:
    return change(store, settled(store), lambda job_id: store.park(job_id, "by hand"))


def fulfilled(store: JobStore) -> str:
    return change(store, settled(store), lambda job_id: store.fulfill(job_id, b"v"))


def waiting(store: JobStore) -> str:
    return change(store, settled(store), lambda job_id: store.queue(job_id, {"mail": "ops"}))


def parked_without_link(store: JobStore) -> str:
    job_id = parked(store)
    os.unlink(store.layout.parked_link(job_id))
    return job_id


def moved_to_parked_by_hand(store: JobStore) -> str:
    job_id = settled(store)
    os.rename(store.layout.pending_link(job_id), store.layout.parked_link(job_id))
    return job_id


def moved_back_by_hand(store: JobStore) -> str:
    job_id = parked(store)
    os.rename(store.layout.parked_link(job_id), store.layout.pending_link(job_id))
    return job_id


def waiting_without_link(store: JobStore) -> str:
    job_id = waiting(store)
    os.unlink(store.layout.waiting_link(job_id))
    return job_id


def link(store: JobStore, side: str, job_id: str, text: str = "") -> str:
    path = store.layout.link(side, job_id)
    if os.path.lexists(path):
        os.unlink(path)
    os.symlink(text or store.layout.link_text(job_id), path)
    return job_id


def park_cut_off(store: JobStore) -> str:
    return link(store, "parked", settled(store))


def requeue_cut_off(store: JobStore) -> str:
    return link(store, "pending", parked(store))


def leads_to_another(store: JobStore) -> str:
    job_id, other = settled(store), settled(store, 2)
    return link(store, "pending", job_id, store.layout.link_text(other))


def dangling(store: JobStore) -> str:
    link(store, "waiting", "job-1")
    age(store.layout.waiting_link("job-1"), TWO_DAYS)
    return "job-1"


def file_for_a_link(store: JobStore) -> str:
    job_id = settled(store)
    os.unlink(store.layout.pending_link(job_id))
    Path(store.layout.pending_link(job_id)).write_text("no link")
    return job_id


def without_value(store: JobStore) -> str:
    job_id = fulfilled(store)
    os.unlink(store.layout.value(job_id))
    return job_id


def value_is_a_directory(store: JobStore) -> str:
    job_id = without_value(store)
    os.mkdir(store.layout.value(job_id))
    return job_id


def without_state(store: JobStore) -> str:
    job_id = settled(store)
    os.unlink(store.layout.state(job_id))
    return job_id


def with_state(data: bytes, size: int = 0) -> Callable[[JobStore], str]:
    def make(store: JobStore) -> str:
        job_id = settled(store)
        with open(store.layout.state(job_id), "wb") as file:
            file.write(data)
            if size:
                file.truncate(size)
        age(store.layout.state(job_id))
        return job_id

    return make


def state_is_a_fifo(store: JobStore) -> str:
    job_id = without_state(store)
    os.mkfifo(store.layout.state(job_id))
    age(store.layout.state(job_id))
    return job_id


def job_is_a_file(store: JobStore) -> str:
    job_id = settled(store)
    shutil.rmtree(store.layout.job(job_id))
    Path(store.layout.job(job_id)).write_text("no job")
    return job_id


def job_is_a_link(store: JobStore) -> str:
    job_id = settled(store)
    os.rename(store.layout.job(job_id), f"{store.directory}/elsewhere")
    os.symlink("../elsewhere", store.layout.job(job_id))
    return job_id


def bar_left(store: JobStore) -> str:
    job_id = settled(store)
    os.symlink("fsjob-bar tag.token by ops at 1", store.layout.work_lock(job_id))
    age(store.layout.work_lock(job_id))
    return job_id


def file_for_a_lock(store: JobStore) -> str:
    job_id = settled(store)
    Path(store.layout.state_lock(job_id)).write_text("no lock")
    age(store.layout.state_lock(job_id))
    return job_id


def link_for_a_lock(store: JobStore) -> str:
    job_id = settled(store)
    os.symlink("/", store.layout.notification_lock(job_id))
    age(store.layout.notification_lock(job_id))
    return job_id


def staged_file(store: JobStore) -> str:
    job_id = settled(store)
    Path(store.layout.staged(job_id, "tag.token", "value")).write_text("a value that was never committed")
    return job_id


def staging_of_the_dead(store: JobStore) -> str:
    gone = os.fork()
    if not gone:
        os._exit(0)
    os.waitpid(gone, 0)
    me = REAL.me
    os.mkdir(store.layout.staging(f"{me.boot[:8]}.{me.pidns}.{gone}.1.abcdefghjkmn"))
    return ""


def staging_of_another_machine(store: JobStore) -> str:
    path = store.layout.staging("12345678.4026531836.7.99.abcdefghjkmn")
    os.mkdir(path)
    age(path, 4000)
    return ""


def staging_without_a_tag(store: JobStore) -> str:
    path = store.layout.staging("x" * 250)
    Path(path).write_text("")
    age(path, 4000)
    return ""


def worker_gone(store: JobStore) -> str:
    path = store.layout.worker("render-07")
    Path(path).write_text(json.dumps({"name": "render-07", "host": "far", "pid": 7, "state": "busy"}))
    age(path, 4000)
    return ""


CASES = [
    Case(Kind.PENDING_WITHOUT_LINK, pending_without_link, is_pending),
    Case(Kind.PARKED_WITHOUT_LINK, parked_without_link, is_parked),
    Case(Kind.PARKED_WITHOUT_LINK, moved_back_by_hand, is_parked),
    Case(
        Kind.WAITING_WITHOUT_LINK, waiting_without_link,
        lambda store, job_id: os.path.lexists(store.layout.waiting_link(job_id)),
    ),
    Case(Kind.FULFILLED_AND_PENDING, lambda store: link(store, "pending", fulfilled(store)), is_done),
    Case(Kind.FULFILLED_AND_PARKED, lambda store: link(store, "parked", fulfilled(store)), is_done),
    Case(Kind.PARKED_AND_PENDING, park_cut_off, is_pending),
    Case(Kind.PARKED_AND_PENDING, requeue_cut_off, is_parked),
    Case(Kind.PARKED_WITHOUT_REASON, moved_to_parked_by_hand, is_parked),
    Case(Kind.WAITING_FOR_NOTHING, lambda store: link(store, "waiting", settled(store)), is_pending),
    Case(Kind.LINK_ELSEWHERE, leads_to_another, is_pending),
    Case(Kind.LINK_ELSEWHERE, lambda store: link(store, "pending", settled(store), "store/jobs/x"), is_pending),
    Case(Kind.DANGLING_LINK, dangling, lambda store, job_id: len(in_trash(store, job_id)) == 1),
    Case(Kind.NOT_A_LINK, file_for_a_link, in_trash),
    Case(Kind.VALUE_MISSING, without_value, is_pending),
    Case(Kind.VALUE_NOT_A_FILE, value_is_a_directory, in_trash),
    Case(Kind.STATE_MISSING, without_state, in_trash),
    Case(Kind.STATE_CORRUPT, with_state(b'{"state": 1'), in_trash, "torn"),
    Case(Kind.STATE_CORRUPT, with_state(b""), in_trash, "empty"),
    Case(Kind.STATE_CORRUPT, with_state(b'{"version": 0, "state": 7, "waiting": []}'), in_trash, "of no known state"),
    Case(Kind.STATE_CORRUPT, with_state(b"", 17 << 20), in_trash, "too large"),
    Case(Kind.STATE_CORRUPT, state_is_a_fifo, in_trash),
    Case(Kind.JOB_NOT_A_DIRECTORY, job_is_a_file, in_trash),
    Case(Kind.JOB_NOT_A_DIRECTORY, job_is_a_link, in_trash),
    Case(Kind.OLD_BAR, bar_left, is_pending),
    Case(Kind.FOREIGN_LOCK, file_for_a_lock, in_trash),
    Case(Kind.FOREIGN_LOCK, link_for_a_lock, in_trash),
    Case(Kind.STAGED_FILE, staged_file, in_trash),
    Case(Kind.STAGING_LITTER, staging_of_the_dead, in_trash),
    Case(Kind.STAGING_LITTER, staging_of_another_machine, in_trash),
    Case(Kind.STAGING_LITTER, staging_without_a_tag, in_trash),
    Case(Kind.GONE_WORKER, worker_gone, in_trash),
]  # fmt: skip


def case_name(case: Case) -> str:
    return f"{case.kind.value}-{case.name or case.make.__name__}"


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_found_left_alone_and_mended(store: JobStore, case: Case) -> None:
    healthy = [settled(store, 8), fulfilled(store), parked(store), waiting(store)]
    assert told(store) == []
    job_id = case.make(store)
    before = snapshot(store)

    found = list(store.doctor())
    assert [(problem.kind, problem.id) for problem in found] == [(case.kind, job_id)]
    assert snapshot(store) == before, "finding changes nothing"
    problem = found[0]
    assert problem.explanation and problem.remedy and (problem.since is None or problem.since < time.time())

    if not problem.automatic:
        refused = store.repair(problem)
        assert not refused.done and problem.remedy in refused.what
        assert snapshot(store) == before, "what is for an operator is left alone"
    outcome = store.repair(problem, force=not problem.automatic)
    assert outcome.done, outcome.what
    assert case.then(store, job_id)
    for later in store.doctor():  # a job whose link or value was in the way
        assert later.kind in (Kind.PENDING_WITHOUT_LINK, Kind.VALUE_MISSING) and later.id == job_id
        assert store.repair(later).done
    assert told(store) == []
    assert store.repair(problem, force=True).done, "again is as good"
    assert [os.path.lexists(store.layout.job(job)) for job in healthy] == [True] * 4
    assert not [name for name in os.listdir(store.layout.jobs) if name.endswith(".lock")]


def test_every_kind_has_its_repair_and_its_test() -> None:
    with_repair = set(REPAIRS)
    assert set(Kind) - with_repair == {Kind.FOREIGN_NAME, Kind.JOB_NOT_READABLE}
    assert {kind for kind in Kind if kind.automatic} <= with_repair
    elsewhere = {
        Kind.DEAD_LOCK, Kind.SILENT_LOCK, Kind.LEAKED_LOCK, Kind.FILLED_LOCK, Kind.GHOST_LOCK, Kind.FOREIGN_NAME,
        Kind.JOB_NOT_READABLE,
    }  # fmt: skip
    assert {case.kind for case in CASES} | elsewhere == set(Kind)


@pytest.mark.parametrize("durability", ["full", "process"])
def test_many_at_once_are_mended_in_one_run(tmp_path: Path, durability: str) -> None:
    store = JobStore(tmp_path / "s", durability=durability)
    for case in CASES:
        if case.kind.automatic:
            case.make(store)
    for problem in store.doctor():
        outcome = store.repair(problem)
        assert outcome.done, (problem, outcome)
    assert told(store) == []


def test_names_that_are_no_ids_are_told_alone(store: JobStore) -> None:
    for place in (store.layout.jobs, store.layout.pending, store.layout.parked):
        os.mkdir(os.fsencode(place) + b"/.hid\xffden")
    found = list(store.doctor())
    assert [problem.kind for problem in found] == [Kind.FOREIGN_NAME] * 3
    before = snapshot(store)
    assert not any(store.repair(problem, force=True).done for problem in found)
    assert snapshot(store) == before


def test_a_job_of_another_account_is_told_alone() -> None:
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        list(nodes_store(Path(directory, "s"), 1))
        store, account = JobStore(Path(directory, "s"), read_only=True), os.geteuid()
        if account:
            os.chmod(store.layout.job("job-0"), 0)
        else:
            os.seteuid(65534)
        try:
            found = list(store.doctor())
        finally:
            os.seteuid(account)
            os.chmod(store.layout.job("job-0"), 0o700)
    assert [problem.kind for problem in found] == [Kind.JOB_NOT_READABLE]
    assert "Permission denied" in found[0].explanation


# ── locks ──


def test_the_lock_of_a_killed_worker(store: JobStore, holding: Callable[[str], Holder]) -> None:
    job_id = settled(store)
    holder = holding("work = store.pull_work(); print(work.id, flush=True)")
    assert told(store) == []
    holder.kill()
    problem, = store.doctor()
    assert (problem.kind, problem.id) == (Kind.DEAD_LOCK, job_id)
    assert store.repair(problem).done
    assert told(store) == []
    assert is_pending(store, job_id)


def test_locks_that_are_watched(store: JobStore) -> None:
    """By a clock that waits move: the watching and the bar take their seconds."""
    clock = Clock()
    store = JobStore(store.directory, durability="process", _host=host_with(clock=clock))
    silent, filled, leaked, beaten = [settled(store, number) for number in range(4)]
    for job_id in (silent, filled, beaten):
        os.mkdir(store.layout.work_lock(job_id))
    Path(store.layout.work_lock(filled), "something").write_text("")
    os.mkdir(store.layout.notification_lock(leaked))  # Node's pullNotification leaves such
    for job_id in (silent, filled, beaten):
        age(store.layout.work_lock(job_id))
    found = {problem.id: problem for problem in store.doctor()}
    kinds = {job_id: problem.kind for job_id, problem in found.items()}
    assert kinds == {
        silent: Kind.SILENT_LOCK, filled: Kind.FILLED_LOCK, leaked: Kind.LEAKED_LOCK, beaten: Kind.SILENT_LOCK,
    }  # fmt: skip
    assert not store.repair(found[filled]).done
    assert store.repair(found[leaked]).done
    os.utime(store.layout.work_lock(beaten), (clock.time(),) * 2)
    assert store.repair(found[beaten]).done, "it beats: there is no such problem any more"
    assert os.path.isdir(store.layout.work_lock(beaten))
    assert store.repair(found[silent]).done
    assert store.repair(found[filled], force=True).done
    assert len(os.listdir(store.layout.trash)) == 1, "the filled one"
    left = [problem.id for problem in store.doctor()]
    assert left in ([], [beaten]), "only what nobody beats any more"


def test_a_lock_that_changed_hands_is_left_alone(store: JobStore, holding: Callable[[str], Holder]) -> None:
    settled(store)
    holder = holding("work = store.pull_work(); print(work.id, flush=True)")
    holder.kill()
    problem, = store.doctor()
    with store.pull_work() as work:  # type: ignore[union-attr]
        outcome = store.repair(problem)
        assert outcome.done, "the problem is gone"
        work.prove()
    assert told(store) == []


def test_another_lock_than_the_one_that_was_found_is_left_alone(store: JobStore) -> None:
    job_id = settled(store)
    lock, other = store.layout.notification_lock(job_id), f"{store.directory}/other"
    os.mkdir(lock)
    problem, = store.doctor()
    os.mkdir(other)
    os.rmdir(lock)
    os.rename(other, lock)
    assert store.repair(problem).done, "the problem is gone"
    assert os.path.isdir(lock)


def test_a_value_that_came_back_is_not_run_over(store: JobStore) -> None:
    job_id = without_value(store)
    problem, = store.doctor()
    store.requeue(job_id)
    store.fulfill(job_id, b"again")
    version = store.get(job_id).version
    assert store.repair(problem).done, "the problem is gone"
    assert (store.read_value(job_id), store.get(job_id).version) == (b"again", version)
    assert not [name for name in os.listdir(store.layout.job(job_id)) if name.startswith(".")]


def test_a_lock_without_a_job_is_looked_at_twice(store: JobStore) -> None:
    os.mkdir(store.layout.work_lock("job-1"))
    found = list(store.doctor())
    assert [problem.kind for problem in found] == [Kind.LEAKED_LOCK]


# ── what is at work is no problem ──


def test_live_work_is_neither_told_nor_touched(store: JobStore, holding: Callable[[str], Holder]) -> None:
    """A lease, a change half done with its staged files, and a create between its two steps."""
    job_id = settled(store)
    holder = holding(
        "import os, time\n"
        "from fsjob_core.change import Change\n"
        "from dataclasses import replace\n"
        "work = store.pull_work()\n"
        "os.mkdir(store.layout.staging(store.host.me.tag + '.abcdefghjkmn'))\n"
        "os.utime(store.layout.staging(store.host.me.tag + '.abcdefghjkmn'), (1, 1))\n"
        "change = Change(store.ground, work.id, value=True)\n"
        "change.__enter__()\n"
        "os.unlink(store.layout.pending_link(work.id))\n"
        "print('holding', flush=True)\n"
        "sys.stdin.readline()\n"
        "change.put_value(b'v')\n"
        "change.commit(replace(change.record, state=2))\n"
        "change.__exit__()\n"
        "print('committed', work.compromised, flush=True)"
    )
    store.create("just made")
    os.unlink(store.layout.pending_link(sorted(os.listdir(store.layout.pending))[-1]))
    before = snapshot(store)
    assert told(store) == []
    assert {name: seen[:2] for name, seen in snapshot(store).items()} == {n: seen[:2] for n, seen in before.items()}

    # a repair that was asked for nevertheless waits for the state lock, and mends what is then the case
    assert holder.process.stdin is not None and holder.process.stdout is not None
    holder.process.stdin.write("\n")
    holder.process.stdin.flush()
    path = store.layout.pending_link(job_id)
    outcome = store.repair(Problem(Kind.PENDING_WITHOUT_LINK, job_id, path, None, "")).done
    assert holder.process.stdout.readline() == "committed False\n"
    assert outcome and is_done(store, job_id)


def test_a_repair_that_cannot_have_the_job_says_so(store: JobStore, holding: Callable[[str], Holder]) -> None:
    job_id = without_value(store)
    link(store, "pending", job_id)
    holding("lease = store.ground.lock('work', store.list('pending').__next__().id); print('has it', flush=True)")
    problem, = store.doctor()
    outcome = store.repair(problem)
    assert not outcome.done and "holder" in outcome.what
    assert store.get(job_id).fulfilled


# ── other stores ──


def nodes_store(root: Path, count: int = 3) -> Iterator[str]:
    """A store as Node leaves it: absolute links, directories at mode 0700, nothing of ours."""
    for part in ("jobs", "pending"):
        (root / part).mkdir(parents=True)
    for number in range(count):
        job_id = f"job-{number}"
        (root / "jobs" / job_id).mkdir(mode=0o700)
        (root / "jobs" / job_id / "state.json").write_text('{"version":0,"state":1,"waiting":[],"request":1}')
        (root / "pending" / job_id).symlink_to(root / "jobs" / job_id)
        age(str(root / "jobs" / job_id / "state.json"))
        yield job_id


def test_a_store_of_nodes_is_read_and_nothing_is_made(tmp_path: Path) -> None:
    list(nodes_store(tmp_path / "s"))
    store = JobStore(tmp_path / "s", read_only=True)
    before = snapshot(store)
    assert told(store) == []
    assert snapshot(store) == before and not os.path.exists(store.layout.own)


def test_a_store_by_another_name_is_not_moved(tmp_path: Path) -> None:
    list(nodes_store(tmp_path / "s"))
    os.symlink(tmp_path / "s", tmp_path / "other")
    assert told(JobStore(tmp_path / "other", read_only=True)) == []


def test_a_moved_store_is_relinked(tmp_path: Path) -> None:
    ids = list(nodes_store(tmp_path / "s"))
    os.rename(tmp_path / "s", tmp_path / "moved")
    store = JobStore(tmp_path / "moved", must_exist=True)
    found = list(store.doctor())
    assert [(problem.kind, problem.id) for problem in found] == [(Kind.LINK_ELSEWHERE, job_id) for job_id in ids]
    assert all(store.repair(problem).done for problem in found)
    assert told(store) == []
    assert all(is_pending(store, job_id) for job_id in ids)


def test_a_young_link_to_no_job_is_a_create_of_nodes(store: JobStore) -> None:
    link(store, "pending", "job-1")
    assert told(store) == []
    age(store.layout.pending_link("job-1"), TWO_DAYS)
    os.mkdir(store.layout.work_lock("job-1"))
    assert told(store) == []


# ── who repairs ──


def test_a_repair_is_audited_and_refused_where_nothing_may_be_changed(store: JobStore) -> None:
    pending_without_link(store)
    problem, = store.doctor()
    with pytest.raises(errors.ReadOnly):
        JobStore(store.directory, read_only=True).repair(problem)
    with pytest.raises(errors.ReadOnly):
        Operator(JobStore(store.directory, read_only=True)).repair(problem)
    assert Operator(store, "ops").repair(problem).done
    line = list(read_audit(store.ground.disk, store.layout))[-1]
    assert (line["who"], line["act"], line["kind"], line["id"]) == ("ops", "repair", problem.kind.value, problem.id)


# ── the judgement alone ──


def test_mending_all_that_drifted_leaves_no_drift() -> None:
    for state in (1, 2):
        for parking in ({}, {"fsjob": {"parked": {"at": 1}}}):
            for targets in ([], ["t"]):
                job = JobRecord("j", None, 0, state, list(targets), dict(parking))
                for number in range(8):
                    links = Links(bool(number & 1), bool(number & 2), bool(number & 4))
                    found = list(drift(job, links))
                    mended, after = links._asdict(), job
                    for one in found:
                        mended.update({side: True for side in [one.link] if side})
                        mended.update({side: False for side in [one.unlink] if side})
                        if one.kind is Kind.PARKED_WITHOUT_REASON:
                            after = replace(job, extra={"fsjob": {"parked": {"at": 1}}})
                    assert list(drift(after, Links(**mended))) == [], (job, links, found)


def test_what_a_repair_changes_is_told_before_of_each_kind_that_is_repaired() -> None:
    told = {kind for kind in Kind if plan(Problem(kind, "id", "/store/pending/id.lock", None, ""))}
    assert told == set(REPAIRS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name or case.kind.value)
def test_a_problem_is_found_again_until_it_is_mended(store: JobStore, case: Case) -> None:
    case.make(store)
    problem = next(problem for problem in store.doctor() if problem.kind is case.kind)
    again = look_again(store.ground, store.views, problem)
    assert again is not None and (again.kind, again.path, again.mark) == (case.kind, problem.path, problem.mark)
    if case.kind not in REPAIRS:
        return
    assert store.repair(problem, force=True).done
    assert look_again(store.ground, store.views, problem) is None
