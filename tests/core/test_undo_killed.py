"""Killed at every system call of an act, and of its undo: the job is as before or as after, and undo still knows."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fsjob_core.host import REAL, Host
from fsjob_core.operator import Operator
from fsjob_core.record import JobRecord
from fsjob_core.store import JobStore

from ..conftest import scale
from .test_undo import ACTS, content, links


class Killed(BaseException):
    """Nothing of the process goes on after this."""


class Mortal:
    """The machine's calls, until the last one that is granted; after it every call fails."""

    def __init__(self, granted: int) -> None:
        self.granted = granted
        self._open: set[int] = set()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        real = getattr(REAL.calls, name)

        def call(*args: Any, **options: Any) -> Any:
            if self.granted <= 0:
                raise Killed(name)
            self.granted -= 1
            answer = real(*args, **options)
            if name == "open":
                self._open.add(answer)
            elif name in ("close", "fdopen"):  # a Python file closes itself
                self._open.discard(args[0])
            return answer

        return call

    def bury(self) -> None:
        """What the kernel does for the dead."""
        self.granted = 0
        while self._open:
            os.close(self._open.pop())


class NoThread:
    def join(self, timeout: float | None = None) -> None:
        return


def host(calls: Any = REAL.calls, *, dead: bool = False) -> Host:
    """A process of its own that is known to be dead afterwards, or the one that comes after it."""
    me = replace(REAL.me, pid=1, start=1) if dead else REAL.me
    return replace(
        REAL, calls=calls, me=me, services={}, spawn=lambda run, name: NoThread(), fstype=lambda path: "ext4"
    )


def killed(directory: Path, granted: int, do: Callable[[Operator], object], durability: str) -> bool:
    """Do something in a process that is killed after so many calls; whether it was."""
    calls = Mortal(10**9)
    operator = Operator(JobStore(directory, durability, _host=host(calls, dead=True)), "ann")
    calls.granted = granted
    try:
        do(operator)
    except Killed:
        return True
    finally:
        calls.bury()
    return False


def ten_seconds_pass(store: JobStore) -> None:
    """A lock whose maker was killed before he signed it is anybody's ten seconds later; spare the test that time."""
    for lock in store.locks():
        if lock.owner is None:
            os.rmdir(lock.path)


STRIDE = scale(3, 1)
"""How many calls further each next kill comes: small sweeps begin at another call every time."""


def calls_granted(name: str) -> Iterator[int]:
    return iter(range(zlib.crc32(f"{name}{os.getpid()}".encode()) % STRIDE, 10**6, STRIDE))


Seen = tuple[JobRecord | None, set[str]]


def look(store: JobStore, job_id: str) -> Seen:
    return store.get(job_id) if os.path.exists(store.layout.job(job_id)) else None, links(store, job_id)


def same(one: JobRecord | None, other: JobRecord | None) -> bool:
    return one == other or (one is not None and other is not None and content(one) == content(other))


@pytest.mark.parametrize("name", ACTS)
def test_an_act_killed_at_any_call(tmp_path: Path, name: str) -> None:
    make, act = ACTS[name]
    durability = ("process", "full")[scale(0, 1)]
    for granted in calls_granted(name):
        directory = tmp_path / str(granted)
        store = JobStore(directory, durability, _host=host())
        job_id = make(store)
        before = look(store, job_id)
        was_killed = killed(directory, granted, partial(act, job_id=job_id), durability)
        ten_seconds_pass(store)
        after = look(store, job_id)
        fresh = Operator(store, "ann")
        group = fresh.last()
        assert group is not None or after == before, f"after {granted} calls: changed, and the journal does not know"
        outcomes = fresh.undo()
        now = look(store, job_id)
        assert all(outcome.done for outcome in outcomes), outcomes
        assert same(now[0], before[0]) and now[1] >= before[1], f"after {granted} calls: {now}, not {before}"
        assert fresh.undo() == []
        if not was_killed:
            print(f"\n{name}: killed at each of {granted} calls")
            return


@pytest.mark.parametrize("name", ACTS)
def test_an_undo_killed_at_any_call(tmp_path: Path, name: str) -> None:
    make, act = ACTS[name]
    durability = ("process", "full")[scale(0, 1)]
    for granted in calls_granted(name):
        directory = tmp_path / str(granted)
        store = JobStore(directory, durability, _host=host())
        job_id = make(store)
        before = look(store, job_id)
        act(Operator(store, "ann"), job_id)
        left = look(store, job_id)
        was_killed = killed(directory, granted, Operator.undo, durability)
        ten_seconds_pass(store)
        after = look(store, job_id)
        assert same(after[0], left[0]) or same(after[0], before[0])
        outcomes = Operator(store, "ann").undo()
        now = look(store, job_id)
        assert all(outcome.done for outcome in outcomes), outcomes
        assert same(now[0], before[0]) and now[1] >= before[1], f"after {granted} calls: {now}, not {before}"
        if not was_killed:
            assert outcomes == []
            print(f"\n{name}: killed at each of {granted} calls")
            return


def test_a_create_killed_at_any_call(tmp_path: Path) -> None:
    durability = ("process", "full")[scale(0, 1)]
    for granted in calls_granted(""):
        directory = tmp_path / str(granted)
        store = JobStore(directory, durability, _host=host())
        was_killed = killed(directory, granted, lambda operator: operator.create({"n": 1}), durability)
        made = os.listdir(store.layout.jobs)
        fresh = Operator(store, "ann")
        assert fresh.last() is not None or not made
        assert all(outcome.done for outcome in fresh.undo())
        assert os.listdir(store.layout.jobs) == os.listdir(store.layout.pending) == []
        assert len(os.listdir(store.layout.trash)) == len(made)
        if not was_killed:
            return


def test_acts_on_one_job_are_undone_although_the_undo_of_the_younger_was_killed(tmp_path: Path) -> None:
    for granted in calls_granted(""):
        directory = tmp_path / str(granted)
        store = JobStore(directory, "process", _host=host())
        job_id = store.create(1).id
        operator = Operator(store, "ann")
        operator.park(job_id, "no")
        operator.requeue(job_id)
        was_killed = killed(directory, granted, Operator.undo, "process")
        ten_seconds_pass(store)
        fresh = Operator(store, "ann")
        while outcomes := fresh.undo():
            assert all(outcome.done for outcome in outcomes), (granted, outcomes)
        assert store.get(job_id).ours == {} and links(store, job_id) >= {"pending"}
        if not was_killed:
            return


def test_a_purge_killed_at_any_call_leaves_a_deleted_job_whole_or_gone(tmp_path: Path) -> None:
    for granted in calls_granted(""):
        directory = tmp_path / str(granted)
        store = JobStore(directory, "process", _host=host())
        job_id = store.create(1).id
        store.fulfill(job_id, b"value")
        Operator(store, "ann").delete(job_id)
        was_killed = killed(directory, granted, lambda operator: operator.purge(0), "process")
        ten_seconds_pass(store)
        (outcome,) = Operator(store, "ann").undo()
        if outcome.done:
            assert store.read_value(job_id) == b"value"
        else:
            assert "purged" in outcome.what and os.listdir(store.layout.jobs) == []
        if not was_killed:
            assert not outcome.done
            return
