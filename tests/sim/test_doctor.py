"""An act is cut off at any call, by a kill or a loss of power; the doctor is killed at any call; the doctor again."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from random import Random
from typing import Any, TypeVar

import pytest

from fsjob_core.layout import Layout
from fsjob_core.record import from_bytes
from fsjob_core.store import JobStore

from ..conftest import scale
from .memfs import WORLDS, Inode, MemFs, WorldKind
from .oracle import content
from .sched import Actor
from .strategies import RandomStrategy
from .world import World

ROOT = "/store"
LATER = 120.0
"""Seconds after which nothing counts as being in progress any more."""

T = TypeVar("T")


Jobs = dict[str, str]
"""Ids by what was acknowledged of each."""


class Machine:
    """One file system, and processes on it one after the other."""

    def __init__(self, world: World) -> None:
        self.world = world

    def run(self, act: Callable[[JobStore], T], kill_at: int = 1 << 30) -> tuple[T | None, int]:
        """Act in a process of its own, killed before its n-th call; gives what came of it, and its calls."""
        hub, host = self.world.hub, self.world.process("one")
        proc, came = self.world.proc_of(host), list[T]()

        def before(actor: Actor, name: str, args: tuple[Any, ...]) -> None:
            if actor.proc is proc and proc.calls >= kill_at:
                hub.kill(proc)

        hub.before = before
        hub.start(proc, "one", lambda: came.append(act(JobStore(ROOT, _host=host))))
        hub.run()
        if not proc.dead:
            hub.kill(proc)
        hub.now += LATER
        return (came[0] if came else None), proc.calls

    def after_power_cut(self) -> Machine:
        return Machine(self.world.after_power_cut(RandomStrategy(Random(1))))


def set_up(store: JobStore) -> Jobs:
    jobs = {name: store.create({"is": name}).id for name in ("pending", "parked", "done", "queued", "told")}
    store.park(jobs["parked"], "by hand")
    store.fulfill(jobs["done"], b"v")
    store.queue(jobs["queued"], "t")
    store.queue(jobs["told"], "t")
    store.fulfill(jobs["told"], b"v")
    return jobs


def work(store: JobStore, jobs: Jobs) -> None:
    with store.pull_work() as lease:  # type: ignore[union-attr]
        lease.begin()
        lease.fulfill(b"w")


def tell(store: JobStore, jobs: Jobs) -> None:
    note = store.pull_notification()
    if note is not None:
        note.done(None, note.waiting)


ACTS: dict[str, Callable[[JobStore, Jobs], object]] = {
    "create": lambda store, jobs: store.create("late"),
    "work": work,
    "tell": tell,
    "park": lambda store, jobs: store.park(jobs["pending"], "y"),
    "requeue parked": lambda store, jobs: store.requeue(jobs["parked"]),
    "requeue done": lambda store, jobs: store.requeue(jobs["done"]),
    "queue": lambda store, jobs: store.queue(jobs["pending"], "q"),
    "unqueue": lambda store, jobs: store.unqueue(jobs["queued"], "t"),
    "delete": lambda store, jobs: store.delete(jobs["pending"]),
    "delete parked": lambda store, jobs: store.delete(jobs["parked"]),
    "pause": lambda store, jobs: store.pause("x"),
}


def mend(store: JobStore) -> bool:
    """One run of the doctor. Raises AssertionError where it leaves something."""
    for problem in store.doctor():
        outcome = store.repair(problem)
        assert outcome.done, (problem, outcome)
    left = list(store.doctor())
    assert left == [], left
    return True


def check(fs: MemFs, act: str, jobs: Jobs) -> None:
    """What was acknowledged before the act holds, but for what the act may have changed."""
    layout = Layout(ROOT)
    gone = {"delete": "pending", "delete parked": "parked"}.get(act)
    for name, job_id in jobs.items():
        if name == gone and fs.lookup(layout.job(job_id)) is None:
            continue
        record = from_bytes(job_id, content(fs, layout.state(job_id)) or b"")
        pending, parked, waits = (fs.lookup(layout.link(side, job_id)) for side in ("pending", "parked", "waiting"))
        assert record.request == {"is": name}
        assert bool(waits) >= bool(record.waiting), "who waits is found"
        if record.fulfilled:
            assert content(fs, layout.value(job_id)) in (b"v", b"w")
        else:
            assert pending or parked, f"{name}: nobody finds it"
        if name == "done" or name == "told":
            assert act == f"requeue {name}" or (record.fulfilled and content(fs, layout.value(job_id)) == b"v")
        if (name, act) in (("queued", "unqueue"), ("told", "tell")):
            continue
        assert record.waiting == ["t"] or name not in ("queued", "told")


def tree(inode: Inode, path: str = "") -> dict[str, object]:
    """All that stands in a file system, but for the trash."""
    found: dict[str, object] = {}
    for name, entry in inode.entries.items():
        if f"{path}/{name}" != f"{ROOT}/.fsjob/trash":
            found[f"{path}/{name}"] = entry.data or entry.text
            found |= tree(entry, f"{path}/{name}")
    return found


class Story:
    """Set up, an act that is cut off at its n-th call, perhaps a loss of power: what the doctor finds."""

    def __init__(self, act: str, kind: WorldKind, seed: int) -> None:
        self.act, self.kind, self.seed = act, kind, seed

    def begin(self, cut_at: int, power: bool) -> tuple[Machine, Jobs]:
        machine = Machine(World(RandomStrategy(Random(self.seed)), Random(self.seed + 1), self.kind))
        jobs, _ = machine.run(set_up)
        assert jobs is not None
        machine.run(lambda store: ACTS[self.act](store, jobs), cut_at)
        return (machine.after_power_cut() if power else machine), jobs

    def calls(self) -> int:
        machine, jobs = self.begin(0, False)
        return machine.run(lambda store: ACTS[self.act](store, jobs))[1]

    def check(self, cut_at: int, power: bool, random: Random) -> None:
        machine, jobs = self.begin(cut_at, power)
        done, calls = machine.run(mend)
        assert done
        check(machine.world.fs, self.act, jobs)

        again, _ = self.begin(cut_at, power)
        again.run(mend, random.randint(1, calls))
        done, _ = again.run(mend)
        assert done
        assert tree(again.world.fs.root) == tree(machine.world.fs.root), "killed and run again it ends the same"


@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("act", sorted(ACTS))
def test_the_doctor_mends_what_a_crash_leaves(act: str, kind: WorldKind) -> None:
    seed = zlib.crc32(f"{act}{kind}".encode())
    random, story = Random(seed), Story(act, kind, seed)
    calls = story.calls()
    every = max(1, calls // scale(8, 10_000))
    for cut_at in range(1 + random.randrange(every), calls + 1, every):
        story.check(cut_at, bool(random.getrandbits(1)), random)


@pytest.mark.parametrize("kind", ["logtree", "posix"])
@pytest.mark.parametrize("act", ["work", "park", "requeue parked"])
def test_what_was_mended_outlasts_a_loss_of_power(act: str, kind: WorldKind) -> None:
    """A link that the doctor removed for a state must not be gone when the state is taken back."""
    story, random = Story(act, kind, zlib.crc32(f"{act}{kind}".encode())), Random(1)
    for cut_at in range(1, story.calls() + 1):
        machine, jobs = story.begin(cut_at, power=False)
        machine.run(mend)
        for _ in range(4):
            check(machine.world.fs.after_power_cut(random, machine.world.fs_clock), act, jobs)
