"""The table of operations: what stands before, which steps are made, what holds once each is acknowledged.

A new operation is one entry. Each step of it is acknowledged by itself; a step that was cut off has either
happened or not (`after`), or stands `between` where it is several acknowledged steps in one.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from fsjob_core import steps
from fsjob_core.host import REAL, Host
from fsjob_core.operator import Operator
from fsjob_core.record import Json
from fsjob_core.store import JobStore
from fsjob_core.work import WorkLease

from .acting import VALUE, Acting, Operation, Step
from .machine import Say, host_with, in_child
from .state import Job, State, becomes, is_gone, is_paused, same

REQUEST = {"calculate": "3+3"}


# ── what stands before ──


def jobs(store: JobStore, **more: Callable[[JobStore, str], object]) -> dict[str, str]:
    """A job for each name, made and then treated."""
    ids = {}
    for name, treat in more.items():
        ids[name] = store.create(REQUEST).id
        treat(store, ids[name])
    return ids


def untouched(store: JobStore, job_id: str) -> None:
    return None


def fulfilled(store: JobStore, job_id: str) -> None:
    store.fulfill(job_id, VALUE)


def parked(store: JobStore, job_id: str) -> None:
    store.park(job_id, "broken")


def wanted_by(*targets: Json) -> Callable[[JobStore, str], None]:
    def treat(store: JobStore, job_id: str) -> None:
        for target in targets:
            store.queue(job_id, target)

    return treat


def told_to(*targets: Json) -> Callable[[JobStore, str], None]:
    def treat(store: JobStore, job_id: str) -> None:
        wanted_by(*targets)(store, job_id)
        store.fulfill(job_id, VALUE)

    return treat


def with_jobs(**more: Callable[[JobStore, str], object]) -> Callable[[JobStore], dict[str, str]]:
    return lambda store: jobs(store, **more)


PENDING = Job(REQUEST)
FULFILLED = Job(REQUEST, state=2, value=VALUE)


def _with_job_in_trash(store: JobStore) -> dict[str, str]:
    ids = jobs(store, a=fulfilled, b=told_to("t"), c=untouched, trashed=fulfilled)
    store.delete(ids.pop("trashed"))
    return ids


def _dead_in(act: Callable[[JobStore, Host], object]) -> Callable[[JobStore], dict[str, str]]:
    """A store with a job whose worker was killed at the end of `act`."""

    def setup(store: JobStore) -> dict[str, str]:
        ids = jobs(store, a=untouched)

        def die(say: Say) -> None:
            host = host_with(_kill_at_commit)
            act(JobStore(store.directory, durability="process", worker_name="dead", _host=host), host)
            os.kill(os.getpid(), signal.SIGKILL)

        ended = in_child(die)
        assert ended.killed, ended.failure
        return ids

    return setup


def _kill_at_commit(name: str, real: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    if name == "rename" and str(args[1]).endswith("/state.json"):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args, **named)


def _die_at_work(store: JobStore, host: Host) -> None:
    assert store.pull_work() is not None


def _die_at_commit(store: JobStore, host: Host) -> None:
    work = store.pull_work()
    assert work is not None
    work.fulfill(b"never acknowledged")


def _held_alive(store: JobStore) -> dict[str, str]:
    """A job whose lock names a process that lives: the one that makes the sweep, which never beats it."""
    ids = jobs(store, a=untouched)
    parent = replace(REAL.me, pid=os.getppid(), start=_start_of(os.getppid()))
    host = replace(REAL, services={}, me=parent)
    assert JobStore(store.directory, durability="process", worker_name="alive", _host=host).pull_work() is not None
    return ids


def _start_of(pid: int) -> int:
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rpartition(")")[2].split()[19])


def _old(setup: Callable[[JobStore], dict[str, str]]) -> Callable[[JobStore], dict[str, str]]:
    """The same a minute later: the doctor leaves alone what may be in progress."""

    def run(store: JobStore) -> dict[str, str]:
        ids = setup(store)
        for job_id in ids.values():
            os.utime(store.layout.state(job_id), (1e9, 1e9))
        return ids

    return run


# ── the steps ──


def _create_many(acting: Acting) -> None:
    before, steps.BATCH = steps.BATCH, 2
    try:
        for job in acting.store.create_many({"n": number} for number in range(5)):
            acting.made(job)
    finally:
        steps.BATCH = before


def _on_work(act: Callable[[WorkLease], object]) -> Callable[[Acting], object]:
    def run(acting: Acting) -> object:
        return False if acting.work is None else act(acting.work)

    return run


def _done(acting: Acting) -> bool:
    if acting.note is None:
        return False
    acting.note.done(None, acting.note.waiting)
    return True


def _break_locks(*, force: bool = False, park: bool = False) -> Callable[[Acting], bool]:
    def run(acting: Acting) -> bool:
        done = True
        for lock in acting.store.locks():
            done &= acting.store.break_lock(lock, force=force and lock.bar is None, park=park).done
        return done

    return run


def _undo(acting: Acting) -> bool:
    outcomes = Operator(acting.store, "op").undo()
    return bool(outcomes) and all(outcome.done for outcome in outcomes)


def _cure(acting: Acting) -> bool:
    outcomes = [acting.store.repair(problem) for problem in acting.store.doctor()]
    return all(outcome.done for outcome in outcomes)


PULL = Step(Acting.pull)
RELEASE = Step(_on_work(WorkLease.release))
FULFILL = Step(_on_work(lambda work: work.fulfill(VALUE)), becomes("a", state=2, value=VALUE))
BEGIN = Step(_on_work(WorkLease.begin), becomes("a", attempts=1), lasts=False)


def _entries() -> Iterator[Operation]:
    one = State({"a": PENDING})
    yield Operation("new-store", (Step(lambda it: it.store),))
    yield Operation(
        "create",
        (Step(lambda it: it.made(it.store.create({"n": 1})), creates=({"n": 1},)),),
        one,
        with_jobs(a=untouched),
    )
    many = tuple({"n": number} for number in range(5))
    yield Operation("create-many", (Step(_create_many, creates=many),), one, with_jobs(a=untouched))
    yield Operation("work", (PULL, FULFILL, RELEASE), one, with_jobs(a=untouched))
    yield Operation(
        "fulfill",
        (Step(lambda it: it.store.fulfill(it.a, VALUE), becomes("a", state=2, value=VALUE)),),
        one,
        with_jobs(a=untouched),
    )
    yield Operation(
        "fulfill-and-tell",
        (
            Step(
                lambda it: it.store.fulfill(it.a, VALUE),
                becomes("a", state=2, value=VALUE, waiting=("deaf",)),
                between=(becomes("a", state=2, value=VALUE),),
                unless=(becomes("a", state=2, value=VALUE),),
            ),
        ),
        State({"a": replace(PENDING, waiting=("one", "deaf", {"two": 2}))}),
        with_jobs(a=wanted_by("one", "deaf", {"two": 2})),
    )
    yield Operation(
        "queue",
        (Step(lambda it: it.store.queue(it.a, ["t"]), becomes("a", waiting=(["t"],))),),
        one,
        with_jobs(a=untouched),
    )
    yield Operation(
        "unqueue",
        (
            Step(lambda it: it.store.unqueue(it.a, "t"), becomes("a", waiting=("u",))),
            Step(lambda it: it.store.unqueue(it.a, "u"), becomes("a", waiting=())),
        ),
        State({"a": replace(PENDING, waiting=("t", "u"))}),
        with_jobs(a=wanted_by("t", "u")),
    )
    yield Operation(
        "notify",
        (Step(Acting.pull_note), Step(_done, becomes("a", waiting=()))),
        State({"a": replace(FULFILLED, waiting=("t", "u"))}),
        with_jobs(a=told_to("t", "u")),
    )
    yield Operation(
        "update",
        (Step(lambda it: it.store.update(it.a, 0, "new"), becomes("a", request="new", version=1)),),
        one,
        with_jobs(a=untouched),
    )
    yield Operation(
        "requeue-fulfilled",
        (Step(lambda it: it.store.requeue(it.a), becomes("a", state=1, version=1, value=None)),),
        State({"a": replace(FULFILLED, waiting=("t",))}),
        with_jobs(a=told_to("t")),
    )
    yield Operation(
        "requeue-parked",
        (Step(lambda it: it.store.requeue(it.a), becomes("a", version=1, parked=False)),),
        State({"a": replace(PENDING, parked=True)}),
        with_jobs(a=parked),
    )
    yield Operation(
        "park", (Step(lambda it: it.store.park(it.a, "bad"), becomes("a", parked=True)),), one, with_jobs(a=untouched)
    )
    yield Operation(
        "delete",
        (
            Step(lambda it: it.store.delete(it.ids["b"]), is_gone("b"), deletes=("b",)),
            Step(lambda it: it.store.delete(it.a), is_gone("a"), deletes=("a",)),
        ),
        State({"a": replace(FULFILLED, waiting=("t",)), "b": PENDING}),
        with_jobs(a=told_to("t"), b=untouched),
    )
    yield Operation(
        "purge",
        (Step(lambda it: it.store.purge(0.0), is_gone("a"), deletes=("a",), unless=(same,)),),
        State({"a": FULFILLED, "b": replace(FULFILLED, waiting=("t",)), "c": PENDING}),
        _with_job_in_trash,
        tidies=False,
    )
    yield Operation(
        "attempt-fails",
        (PULL, BEGIN, Step(_on_work(lambda work: work.fail("exit 1", 0.0)), becomes("a", error="exit 1")), RELEASE),
        one,
        with_jobs(a=untouched),
    )
    yield Operation(
        "attempt-given-back",
        (PULL, BEGIN, Step(_on_work(WorkLease.give_back), becomes("a", attempts=0)), RELEASE),
        one,
        with_jobs(a=untouched),
    )
    yield Operation(
        "attempt-parked",
        (PULL, BEGIN, Step(_on_work(lambda work: work.park("bad")), becomes("a", parked=True)), RELEASE),
        one,
        with_jobs(a=untouched),
    )
    yield Operation(
        "pause-and-resume",
        (Step(lambda it: it.store.pause("why"), is_paused(True)), Step(lambda it: it.store.resume(), is_paused(False))),
        one,
        with_jobs(a=untouched),
    )
    yield Operation("break-lock-of-the-dead", (Step(_break_locks()),), one, _dead_in(_die_at_work), locked=True)
    yield Operation("recover", (PULL, FULFILL, RELEASE), one, _dead_in(_die_at_commit), locked=True)
    yield Operation("force", (Step(_break_locks(force=True)),), one, _held_alive, locked=True, slow=True)
    yield Operation(
        "force-and-park",
        (Step(_break_locks(force=True, park=True), becomes("a", parked=True)),),
        one,
        _held_alive,
        locked=True,
        slow=True,
        tidies=False,
    )
    yield Operation(
        "operator-parks",
        (Step(lambda it: Operator(it.store, "op").park(it.a, "bad"), becomes("a", parked=True)),),
        one,
        with_jobs(a=untouched),
    )

    yield Operation(
        "park-and-undo",
        (
            Step(lambda it: Operator(it.store, "op").park(it.a, "bad"), becomes("a", parked=True)),
            Step(_undo, becomes("a", parked=False)),
        ),
        one,
        with_jobs(a=untouched),
    )
    yield Operation(
        "delete-and-undo",
        (
            Step(lambda it: Operator(it.store, "op").delete(it.a), is_gone("a"), deletes=("a",)),
            Step(_undo, lambda state: one, deletes=("a",)),
        ),
        one,
        with_jobs(a=untouched),
    )
    yield Operation(
        "edit-and-undo",
        (
            Step(lambda it: Operator(it.store, "op").edit(it.a, 0, "new"), becomes("a", request="new", version=1)),
            Step(_undo, becomes("a", request=REQUEST, version=2)),
        ),
        one,
        with_jobs(a=untouched),
    )

    yield Operation("doctor", (Step(_cure),), one, _old(_dead_in(_die_at_commit)), locked=True, slow=True)


OPERATIONS = {operation.name: operation for operation in _entries()}
