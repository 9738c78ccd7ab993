"""An operator's hand on a live lock, where something comes in between."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fsjob_core import errors, steps
from fsjob_core.host import REAL, Host
from fsjob_core.lease import bar, look
from fsjob_core.locks import take_away
from fsjob_core.store import JobStore

from ..crash.machine import Clock, host_with


@pytest.fixture
def host() -> Host:
    """By a clock that waits move."""
    return host_with(clock=Clock())


@pytest.fixture
def store(tmp_path: Path, host: Host) -> JobStore:
    return JobStore(tmp_path / "store", durability="process", _host=host)


def held(store: JobStore) -> str:
    """A job whose lock another holds."""
    job_id = store.create(1).id
    os.mkdir(store.layout.work_lock(job_id))
    return job_id


def busy_from(host: Host, hold: int) -> Host:
    """A host for which the guard is busy from its n-th hold on."""
    holds = 0

    @contextmanager
    def guard(path: str, shared: bool) -> Iterator[None]:
        nonlocal holds
        holds += 1
        if holds >= hold:
            raise errors.GuardBusy(f"{path} is busy")
        with REAL.guard(path, shared):
            yield

    def held_guard(path: str, shared: bool) -> AbstractContextManager[None]:
        return guard(path, shared)

    return replace(host, guard=held_guard)


def test_a_lock_that_was_let_go_of_is_no_reason_not_to_park(store: JobStore) -> None:
    job_id = held(store)
    lock = store.views.lock("work", job_id)
    assert lock is not None
    os.rmdir(store.layout.work_lock(job_id))
    outcome = take_away(store.ground, lock, "ann", park=True)
    assert outcome.done and outcome.what.endswith("is gone already, and the job is parked")
    assert os.path.islink(store.layout.parked_link(job_id))


def test_who_gives_up_while_a_bar_stands_leaves_it_and_is_told_so(store: JobStore, host: Host) -> None:
    job_id = held(store)
    outcome = store.break_lock(store.locks()[0], force=True, park=True, wait=lambda left: left < 5)
    assert not outcome.done and "is parked" in outcome.what and "barred still" in outcome.what
    seen = look(host, store.layout.work_lock(job_id))
    assert seen is not None and seen.bar
    assert store.counts().parked == 1


def test_nothing_is_parked_under_a_bar_that_is_gone(store: JobStore, host: Host) -> None:
    job_id = held(store)
    place = store.ground.place("work", job_id)
    seen = look(host, place.path)
    assert seen is not None
    barred = bar(host, place, seen, "ops")
    host.wait(host.event(), 55.0)  # others may believe it old soon
    with pytest.raises(errors.LeaseLost):
        steps.park(store.ground, job_id, "x", bar=barred)
    again = replace(barred, set_at=host.monotonic())
    os.unlink(place.path)
    with pytest.raises(errors.LeaseLost):
        steps.park(store.ground, job_id, "x", bar=again)
    assert not store.get(job_id).ours and store.counts().pending == 1


def test_a_lock_is_set_free_although_the_job_cannot_be_parked(store: JobStore) -> None:
    job_id = held(store)

    def full(change: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "journal")

    outcome = take_away(store.ground, store.locks()[0], "ops", park=True, keep=full)
    assert not outcome.done and "released" in outcome.what and "No space left" in outcome.what
    assert not os.path.lexists(store.layout.work_lock(job_id)) and not store.get(job_id).ours


def test_a_bar_that_the_guard_keeps_from_being_removed_is_told(tmp_path: Path, host: Host) -> None:
    held(JobStore(tmp_path / "store"))
    store = JobStore(tmp_path / "store", durability="process", _host=busy_from(host, 2))
    outcome = store.break_lock(store.locks()[0], force=True)
    assert not outcome.done and "taken away" in outcome.what and "barred still" in outcome.what


@pytest.mark.parametrize(("hold", "gone"), [(1, False), (2, True), (3, True)])
def test_a_delete_that_the_guard_cut_off_says_what_is_gone(tmp_path: Path, host: Host, hold: int, gone: bool) -> None:
    store = JobStore(tmp_path / "store", durability="process", _host=busy_from(host, hold))
    job_id = JobStore(store.directory).create(1).id
    JobStore(store.directory).queue(job_id, "t")
    with pytest.raises(errors.GuardBusy) as raised:
        store.delete(job_id)
    assert ("links of it are gone" in str(raised.value)) is gone
    assert os.path.lexists(store.layout.pending_link(job_id)) is not gone
    assert os.path.isdir(store.layout.job(job_id))
