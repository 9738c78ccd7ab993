"""Running parked jobs again with care: how far it goes, and where it stops; a worker is played by hand."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from fsjob_core import JobRecord, JobStore, errors
from fsjob_core.canary import Canary
from fsjob_core.operator import Operator

BROKEN = "exit 1: no font /srv/fonts/17.ttf"


@pytest.fixture
def parked(store: JobStore) -> list[str]:
    """Fourteen parked jobs."""
    ids = [store.create({"n": n}).id for n in range(14)]
    for n, job_id in enumerate(ids):
        store.park(job_id, f"exit 1: no font /srv/fonts/{n}.ttf")
    return ids


    now = [1000.0]
    host = replace(store.host, monotonic=lambda: now[0])
    store.host, store.ground.host = host, host
    return now


def settle(store: JobStore, bad: Callable[[str], str | None] = lambda job_id: None) -> None:
    """Do all that is pending: fulfill it, or have it fail with an error."""
    for entry in list(store.views.entries("pending")):
        error = bad(entry.id)
        if error is None:
            store.fulfill(entry.id, b"done")
        else:
            store.park(entry.id, error)


def test_one_then_ten_then_the_rest_so_many_a_second(store: JobStore, parked: list[str]) -> None:
    now = [1000.0]
    operator = Operator(store)
    canary = Canary(operator, parked, rate=5)
    canary._host = replace(store.host, monotonic=lambda: now[0])
    seen = []
    for _ in range(12):
        canary.step()
        canary.step()  # without an outcome, and without time, nothing more is sent
        seen.append(canary.progress.sent)
        settle(store)
        now[0] += 0.1
    assert seen[:2] == [1, 11]
    after = seen[2:]
    assert all(0 <= later - before <= 1 for before, later in pairwise(after))
    assert canary.progress.state == "done" and canary.progress.fulfilled == 14
    assert store.counts().fulfilled == 14


@pytest.mark.parametrize(
    ("bad", "error", "state", "sent"),
    [(0, "another", "failed", 1), (0, BROKEN, "failed", 1), (7, BROKEN, "failed", 11), (7, "another", "done", 14),
     (12, BROKEN, "failed", 14)],
)  # fmt: skip
def test_it_stops_when_an_error_comes_back(
    store: JobStore, parked: list[str], bad: int, error: str, state: str, sent: int
) -> None:
    """Of the first job any error will do; later one that was seen before, whatever path it names."""
    canary = Canary(Operator(store), parked, rate=1000)
    while not canary.progress.over:
        canary.step()
        settle(store, lambda job_id: error if job_id == parked[bad] else None)
    assert canary.progress.state == state and canary.progress.failed == 1
    assert bad < canary.progress.sent <= sent
    untouched = [store.get(job_id) for job_id in parked[canary.progress.sent :]]
    assert all(record.version == 0 and record.ours["parked"] for record in untouched)
    if state == "failed":
        assert parked[bad] in canary.progress.why and error in canary.progress.why


def test_a_try_that_failed_is_an_outcome_although_it_is_tried_again(store: JobStore, parked: list[str]) -> None:
    canary = Canary(Operator(store), parked)
    canary.step()
    with store.pull_work() as work:  # type: ignore[union-attr]
        work.begin()
        canary.step()
        assert canary.progress.state == "first", "a try that goes on is none"
        work.fail(BROKEN, retry_in=3600)
    canary.step()
    assert canary.progress.state == "failed" and canary.progress.sent == 1


def test_what_is_not_parked_any_more_at_its_turn_is_skipped(store: JobStore, parked: list[str]) -> None:
    store.requeue(parked[0])
    store.fulfill(parked[0], b"first")
    store.requeue(parked[1])
    store.delete(parked[2])
    canary = Canary(Operator(store), parked[:4])
    canary.step()
    assert (canary.progress.skipped, canary.progress.sent) == (3, 1)
    assert store.read_value(parked[0]) == b"first" and store.get(parked[1]).version == 1
    assert len(canary.notes) == 3


def test_paused_it_sends_nothing_and_stopped_it_ends(store: JobStore, parked: list[str]) -> None:
    canary = Canary(Operator(store), parked)
    canary.step()
    canary.pause(True)
    settle(store)
    canary.step()
    assert (canary.progress.state, canary.progress.sent, canary.progress.fulfilled) == ("paused", 1, 1)
    canary.pause(False)
    canary.step()
    assert canary.progress.sent == 11
    canary.stop("enough")
    canary.step()
    assert (canary.progress.state, canary.progress.why, canary.progress.sent) == ("stopped", "enough", 11)


def test_all_of_it_is_undone_together(store: JobStore, parked: list[str]) -> None:
    operator = Operator(store)
    canary = Canary(operator, parked[:1])
    canary.run(lambda progress: canary.stop("enough") if progress.sent else None)
    assert store.counts().parked == 13
    operator.undo()
    assert store.counts().parked == 14


def test_a_file_system_that_gives_no_certain_answer_is_asked_again(
    store: JobStore, parked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = Canary(Operator(store), parked)

    def unsettled(job_id: str) -> JobRecord:
        raise errors.Unsettled("what is opened is not what is listed; try again")

    for sent in (0, 1):  # in sending, and in looking at what became of it
        with monkeypatch.context() as patch:
            patch.setattr(store, "get", unsettled)
            canary.step()
        assert not canary.progress.over and "try again" in canary.progress.why
        canary.step()
        assert (canary.progress.sent, canary.progress.skipped, canary.progress.why) == (1, 0, ""), sent


def test_a_job_that_is_not_ours_to_read_is_skipped(
    store: JobStore, parked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    get = store.get

    def denied(job_id: str) -> JobRecord:
        if job_id == parked[0]:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), store.layout.state(job_id))
        return get(job_id)

    monkeypatch.setattr(store, "get", denied)
    canary = Canary(Operator(store), parked)
    canary.step()
    assert (canary.progress.skipped, canary.progress.sent, len(canary.notes)) == (1, 1, 1)
