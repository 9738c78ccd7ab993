"""Who works on a store: those who are signed in, and those seen by their locks alone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .facts import LockInfo, Verdict, WorkerInfo

UNKNOWN = "no owner"
"""The name of all holders together who write none: Node's workers."""
_AT_WORK = frozenset({Verdict.LIVE, Verdict.LATE, Verdict.LONG, Verdict.FUTURE, Verdict.LEAKED, Verdict.GHOST})


@dataclass(frozen=True, slots=True)
class Member:
    """A worker or notifier. What is not known of those that are not signed in is None.

    `state`: busy, idle, draining, paused or gone. `rate`: jobs a second of late. `locks`: kind and job of each.
    """

    key: str
    name: str
    host: str
    pid: int
    state: str
    now: int
    beat: float
    locks: tuple[tuple[str, str], ...]
    since: float | None = None
    done: int | None = None
    failed: int | None = None
    rate: float | None = None
    command: str = ""
    kind: str = ""

    @property
    def signed_in(self) -> bool:
        return self.done is not None


def crew(
    workers: Iterable[WorkerInfo], locks: Iterable[LockInfo], rates: Mapping[str, float | None]
) -> tuple[Member, ...]:
    """Everybody: those who are signed in first. One that is gone is told of for as long as its locks stand."""
    held: dict[tuple[str, str, int], list[LockInfo]] = {}
    for lock in locks:
        if lock.kind != "state" and (lock.bar is None and lock.verdict is not Verdict.BARRED):
            owner = lock.owner
            whose = (owner.worker, owner.host, owner.pid) if owner else (UNKNOWN, "", 0)
            held.setdefault(whose, []).append(lock)
    members = []
    for worker in workers:
        own = held.pop((worker.name, worker.host, worker.pid), [])
        if own or worker.state != "gone":
            members.append(_signed_in(worker, own, rates.get(worker.name)))
    return (*members, *(_by_locks(whose, own) for whose, own in sorted(held.items())))


def _signed_in(worker: WorkerInfo, own: Sequence[LockInfo], rate: float | None) -> Member:
    return Member(
        key=worker.name, name=worker.name, host=worker.host, pid=worker.pid, state=worker.state, now=worker.now,
        beat=worker.beat, locks=_named(own), since=worker.since, done=worker.done, failed=worker.failed, rate=rate,
        command=worker.command, kind=worker.kind,
    )  # fmt: skip


def _by_locks(whose: tuple[str, str, int], own: Sequence[LockInfo]) -> Member:
    name, host, pid = whose
    at_work = sum(lock.verdict in _AT_WORK for lock in own)
    return Member(
        key=f"{name}/{host}/{pid}", name=name, host=host, pid=pid, state="busy" if at_work else "gone", now=at_work,
        beat=max(lock.last_beat for lock in own), locks=_named(own), kind="" if host else "node",
    )  # fmt: skip


def _named(locks: Sequence[LockInfo]) -> tuple[tuple[str, str], ...]:
    return tuple((lock.kind, lock.id) for lock in locks)
