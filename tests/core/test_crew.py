"""Who works, what follows from a lock's verdict, and by how much clocks differ: pure, from facts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fsjob_core.advice import what_follows
from fsjob_core.crew import UNKNOWN, Member, crew
from fsjob_core.facts import LockInfo, Verdict, WorkerInfo
from fsjob_core.lease import Owner
from fsjob_core.skew import Skew

NOW = 1_000_000.0


def worker(name: str, state: str = "idle", pid: int = 1, **more: object) -> WorkerInfo:
    return WorkerInfo(name, "here", pid, state, 0, 7, 1, NOW - 1, NOW - 100, **more)  # type: ignore[arg-type]


def lock(job_id: str, verdict: Verdict = Verdict.LIVE, owner: str = "", pid: int = 1, kind: str = "work") -> LockInfo:
    whose = Owner("here", "boot", 1, pid, 1, owner, NOW - 50, "token") if owner else None
    return LockInfo(kind, job_id, f"/s/{job_id}.lock", whose, NOW - 50, NOW - 2, 1, 1, verdict, "proof")


def told(members: tuple[Member, ...]) -> list[tuple[str, str, int, int]]:
    return [(each.name, each.state, each.now, len(each.locks)) for each in members]


def test_everybody_is_there_once_and_the_gone_until_their_locks_are() -> None:
    workers = [worker("idle"), worker("busy", "busy", 2), worker("gone", "gone", 3), worker("forgotten", "gone", 4)]
    locks = [
        lock("a", owner="busy", pid=2), lock("b", Verdict.DEAD, "gone", 3), lock("c", Verdict.DEAD, "away", 5),
        lock("d", owner="other", pid=6), lock("e"), lock("f", Verdict.LATE), lock("g", Verdict.STALE),
        lock("h", owner="idle", pid=1, kind="state"),
    ]  # fmt: skip
    members = crew(workers, locks, {"busy": 0.5})
    assert told(members) == [
        ("idle", "idle", 0, 0), ("busy", "busy", 0, 1), ("gone", "gone", 0, 1),
        ("away", "gone", 0, 1), (UNKNOWN, "busy", 2, 3), ("other", "busy", 1, 1),
    ]  # fmt: skip
    assert [each.rate for each in members][:2] == [None, 0.5]
    assert [each.signed_in for each in members] == [True] * 3 + [False] * 3
    assert len({each.key for each in members}) == len(members)


@pytest.mark.parametrize(
    ("verdict", "workers", "pulled", "paused", "says"),
    [
        (Verdict.DEAD, [], NOW - 60, False, "nobody has pulled since 13:45:40 UTC: releasing alone starts nothing"),
        (Verdict.DEAD, [], None, False, "releasing alone starts nothing"),
        (Verdict.DEAD, [worker("one")], NOW - 60, False, "1 worker is idle: one takes the job at once"),
        (Verdict.STALE, [worker("one", "busy")], NOW - 60, False, "the job waits for its turn"),
        (Verdict.STALE, [worker("one")], NOW - 60, True, "paused"),
        (Verdict.LATE, [], None, False, "stale in 8.0 s"),
        (Verdict.LONG, [], None, False, "may hang"),
        (Verdict.LIVE, [], None, False, "nothing is to be done"),
        (Verdict.GHOST, [], None, False, "x takes it away, for nobody works on it"),
        (Verdict.LEAKED, [], None, False, "bars it for 7 s"),
    ],
)
def test_what_follows(
    verdict: Verdict, workers: list[WorkerInfo], pulled: float | None, paused: bool, says: str
) -> None:
    members = crew(workers, [], {})
    sentence = what_follows(lock("a", verdict), NOW, members, pulled=pulled, paused=paused, unchanged=NOW - 2)
    assert says in sentence


def test_a_beat_from_the_future_makes_a_lock_no_less_stale() -> None:
    future = replace(lock("a", Verdict.FUTURE), last_beat=NOW + 3600)
    follows = what_follows(future, NOW, [], pulled=None, paused=False, unchanged=NOW - 2)
    assert follows == "stale in 8.0 s, unless it beats"


def test_a_change_between_two_looks_bounds_the_offset_of_the_clocks() -> None:
    skew, second = Skew(), 10**9
    assert skew.bounds() is None
    skew.hear("/s/jobs", (1, 100 * second), 200.0, 200.1)
    assert skew.bounds() is None, "when it changed is not known"
    skew.hear("/s/jobs", (1, 203 * second), 200.5, 200.6)
    assert skew.bounds() == pytest.approx((2.4, 3.0))
    skew.hear("/s/jobs", (1, 203 * second), 209.9, 210.0)
    skew.hear("/s/jobs", (1, 212_600_000_000), 210.0, 210.1)
    assert skew.bounds() == pytest.approx((2.5, 2.7)), "several narrow it down"
    skew.hear("/s/jobs", (2, 500 * second), 211.0, 211.1)
    assert skew.bounds() == pytest.approx((2.5, 2.7)), "another directory proves nothing"
    skew.hear("/s/jobs", (2, 211 * second), 211.2, 211.3)
    assert skew.bounds() == pytest.approx((-0.3, 0.0)), "a clock was set: the last one tells"
