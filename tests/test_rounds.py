"""What the monitor does in the background: the doctor's rounds, and parked jobs by what went wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fsjob_core import JobStore
from fsjob_core.doctor import Kind, plan
from fsjob_core.facts import Verdict
from fsjob_core.feed import Examine, Grouped, Locks, Overview, Problems, Wanted, Workers
from fsjob_core.host import REAL
from fsjob_core.likeness import alike
from fsjob_core.rounds import AGAIN, PLACES, Rounds
from fsjob_core.thrift import Thrift
from fsjob_core.views import Views

from .conftest import ROOT
from .test_monitor import Watched


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "store", durability="process")


@pytest.fixture
def watched(store: JobStore) -> Iterator[Watched]:
    watched = Watched(Path(store.directory))
    watched.until(lambda: watched.of(Overview))
    yield watched
    watched.monitor.close()


def problems(watched: Watched) -> dict[tuple[Kind, str], int]:
    found = watched.of(Problems)
    return {(group.kind, group.place): group.count for group in found.groups} if isinstance(found, Problems) else {}


def examined(watched: Watched) -> bool:
    found = watched.of(Problems)
    return isinstance(found, Problems) and found.examined is not None


def moved(store: JobStore, count: int) -> list[str]:
    """Jobs whose links lead to where the store was before."""
    ids = [store.create(number).id for number in range(count)]
    for job_id in ids:
        link = Path(store.layout.pending_link(job_id))
        link.unlink()
        link.symlink_to(f"/old/place/jobs/{job_id}")
    return ids


# ── the doctor's rounds ──


def test_links_of_a_moved_store_are_one_problem_that_goes_when_they_are_mended(
    store: JobStore, watched: Watched
) -> None:
    ids = moved(store, 250)
    watched.monitor.send(Examine())
    watched.until(lambda: examined(watched))
    assert problems(watched) == {(Kind.LINK_ELSEWHERE, "/old/place"): 250}
    found = watched.of(Problems)
    assert isinstance(found, Problems) and found.total == 250
    assert 100 < len(found.groups[0].first) < 250, "told one by one only in part"
    first = found.groups[0].first[0]
    assert plan(first) == (f"replace pending/{first.id} by a link that says ../jobs/{first.id}",)

    def told() -> bool:
        overview = watched.of(Overview)
        return isinstance(overview, Overview) and "250 links lead elsewhere, to /old/place" in overview.verdict.text

    watched.until(told)
    overview = watched.of(Overview)
    assert isinstance(overview, Overview) and overview.verdict.evidence[-1].view == "problems"

    for problem in store.doctor():
        assert store.repair(problem).done
    assert all(os.readlink(store.layout.pending_link(job_id)) == f"../jobs/{job_id}" for job_id in ids)
    watched.until(lambda: not problems(watched))
    watched.until(lambda: not told())


def test_links_that_lead_to_many_places_are_told_until_they_are_mended(store: JobStore) -> None:
    """Those beyond the places that are told apart are one group."""
    ids = [store.create(number).id for number in range(PLACES + 5)]
    for number, job_id in enumerate(ids):
        link = Path(store.layout.pending_link(job_id))
        link.unlink()
        link.symlink_to(f"/old{number}/jobs/{job_id}")
    now, told = [1000.0], list[Problems]()
    host = replace(REAL, monotonic=lambda: now[0], services={})
    rounds = Rounds(Views(host, store.layout), tuple, lambda: len(ids), lambda: False, told.append)
    thrift = Thrift(host, host.event(), lambda: False, lambda: False)
    rounds.go_on(thrift)
    assert (told[-1].total, len(told[-1].groups)) == (len(ids), PLACES + 1)
    now[0] += AGAIN
    rounds.go_on(thrift)
    assert told[-1].total == len(ids), "nothing was mended"
    for problem in list(store.doctor())[:-1]:
        assert store.repair(problem).done
    now[0] += AGAIN
    rounds.go_on(thrift)
    assert told[-1].total == 1


def test_what_is_wrong_and_by_whom_it_is_mended(store: JobStore, watched: Watched) -> None:
    odd = Path(store.layout.pending, "\x1b[2J")
    odd.symlink_to("../jobs/nothing")
    lost = store.create(1).id
    os.unlink(store.layout.state(lost))
    watched.monitor.send(Examine())
    wanted = {(Kind.FOREIGN_NAME, ""), (Kind.STATE_MISSING, "")}
    watched.until(lambda: problems(watched).keys() == wanted)
    found = watched.of(Problems)
    assert isinstance(found, Problems) and not any(group.first[0].automatic for group in found.groups)
    assert plan(found.groups[0].first[0]) == (), "nothing is promised that repair does not do"
    odd.unlink()
    watched.until(lambda: problems(watched).keys() == {(Kind.STATE_MISSING, "")})


def test_a_ghost_is_a_problem_though_the_doctor_looks_only_once(store: JobStore, watched: Watched) -> None:
    job = store.create(1)
    script = (
        "import os, sys; from fsjob_core import JobStore; "
        "JobStore(sys.argv[1], worker_name='gone').pull_work(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, store.directory], cwd=ROOT)
    watched.monitor.send(Examine())
    watched.until(lambda: (Kind.DEAD_LOCK, "") in problems(watched))
    watched.until(lambda: isinstance(locks := watched.of(Locks), Locks) and bool(locks.locks))

    def beaten() -> bool:
        os.utime(store.layout.work_lock(job.id))
        return watched.verdicts().get(job.id) is Verdict.GHOST and (Kind.GHOST_LOCK, "") in problems(watched)

    watched.until(beaten)


def test_nothing_is_examined_before_it_is_asked(store: JobStore, watched: Watched) -> None:
    moved(store, 1)
    with pytest.raises(AssertionError):
        watched.until(lambda: watched.of(Problems), 2)


# ── parked jobs by their error ──


def groups(watched: Watched, into: dict[str, str]) -> dict[str, str]:
    """The error of each parked job, as the messages told it."""
    found = watched.last.pop(Grouped, None)
    if isinstance(found, Grouped):
        into.update((job_id, error) for error, ids in found.groups for job_id in ids)
    return into


def test_parked_jobs_are_grouped_by_errors_made_alike(store: JobStore, watched: Watched) -> None:
    wanted = {}
    for number in range(30):
        text = f"open '/srv/{number}.js': no such file" if number % 3 else f"exit 137: Killed after {number} s"
        wanted[store.create(number).id] = alike(text)
        store.park(list(wanted)[-1], text)
    assert set(wanted.values()) == {"open '…': no such file", "exit 137: Killed after … s"}
    watched.monitor.send(Examine())
    watched.monitor.send(Wanted("parked", ()))
    told: dict[str, str] = {}
    watched.until(lambda: groups(watched, told) == wanted)
    first = next(iter(wanted))
    store.requeue(first)
    store.park(first, "another trouble")
    watched.until(lambda: groups(watched, told)[first] == "another trouble", 15)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("exit 1: boom", "exit 137: boom", False),
        ("HTTP 503 from https://a/x?id=1", "HTTP 503 from https://b/y?id=2", True),
        ("HTTP 503 from https://a/x", "HTTP 404 from https://a/x", False),
        ("connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED 10.0.0.7:5432", True),
        ("job 3f2b1c9d-0000-4000-8000-123456789abc", "job 3f2b1c9d-1111-4000-8000-123456789abc", True),
        ("ENOENT: no such file, open '/a b'", "EACCES: permission denied, open '/a b'", False),
        ("line 1\n  at x.js:1:2", "line 1\n  at x.js:30:2", True),
    ],
)
def test_what_makes_two_errors_one(one: str, other: str, same: bool) -> None:
    assert (alike(one) == alike(other)) is same


# ── who works, and what is no work ──


def test_a_holder_that_never_signed_in_is_told_and_when_work_was_last_taken(
    store: JobStore, watched: Watched
) -> None:
    job = store.create(1)
    began = time.time()
    work = store.pull_work()
    assert work is not None

    def told() -> bool:
        found, overview = watched.of(Workers), watched.of(Overview)
        return (
            isinstance(found, Workers)
            and [(each.name, each.state, each.locks) for each in found.workers]
            == [(store.worker_name, "busy", (("work", job.id),))]
            and isinstance(overview, Overview)
            and overview.pulled is not None
            and began - 1 < overview.pulled < time.time()
            and overview.skew is not None
            and -1 < overview.skew[0] <= overview.skew[1] < 1
        )

    watched.until(told)
    work.release()
    watched.until(lambda: isinstance(found := watched.of(Workers), Workers) and not found.workers)
    overview = watched.of(Overview)
    assert isinstance(overview, Overview) and overview.pulled is not None, "it is remembered"


@pytest.mark.parametrize("directory", ["jobs", "pending"])
def test_a_directory_that_vanishes_and_comes_back_is_no_work(
    store: JobStore, watched: Watched, directory: str
) -> None:
    for number in range(20):
        store.fulfill(store.create(number).id, b"1")
    rest = [store.create(number).id for number in range(20)]
    watched.until(lambda: watched.counts.fulfilled == watched.counts.pending == 20)
    overview = watched.of(Overview)
    assert isinstance(overview, Overview)
    there, away = Path(store.directory, directory), Path(store.directory, ".fsjob", "away")
    before = overview.rate_in, overview.rate_out
    there.rename(away)
    watched.until(lambda: watched.counts.fulfilled != 20)
    away.rename(there)
    watched.until(lambda: watched.views["pending"] == set(rest) and watched.counts.fulfilled == 20)
    after = watched.of(Overview)
    assert isinstance(after, Overview) and (after.rate_in, after.rate_out) == before


def test_where_a_part_cannot_be_read_the_store_is_examined_again_all_the_same(store: JobStore) -> None:
    store.create(1)
    now, told = [1000.0], list[Problems]()
    host = replace(REAL, monotonic=lambda: now[0], services={})
    rounds = Rounds(Views(host, store.layout), tuple, lambda: 1, lambda: False, told.append)
    thrift = Thrift(host, host.event(), lambda: False, lambda: False)
    os.rename(store.layout.tmp, f"{store.layout.tmp}.away")
    Path(store.layout.tmp).write_text("no directory")
    with pytest.raises(NotADirectoryError):
        rounds.go_on(thrift)
    os.unlink(store.layout.tmp)
    os.rename(f"{store.layout.tmp}.away", store.layout.tmp)
    now[0] += 1000.0
    rounds.go_on(thrift)
    assert told and told[-1].examined is not None
