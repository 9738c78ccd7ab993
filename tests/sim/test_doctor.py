"""An act is cut off at any call, by a kill or a loss of power; the doctor is killed at any call; the doctor again."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from random import Random
from typing import TypeVar

import pytest

from fsjob_core.layout import Layout
from fsjob_core.store import JobStore

from ..conftest import scale
from . import history
from .ahead import played
from .memfs import WORLDS, Inode, MemFs, WorldKind
from .oracle import Oracle
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

    def __init__(self, kind: WorldKind, seed: int, fs: MemFs | None = None, now: float = 0.0) -> None:
        self.random = Random(seed)
        self.world = World(RandomStrategy(self.random), Random(seed + 1), kind)
        if fs is not None:  # the same disk after a loss of power
            self.world.fs, self.world.boot, self.world._pids = fs, "boot-2", 1000
            fs.now_ns, self.world.hub.now = self.world.fs_clock, now

    def run(self, act: Callable[[JobStore], T], kill_at: int = 1 << 30) -> tuple[T | None, int]:
        """Act in a process of its own, killed before its n-th call; gives what came of it, and its calls."""
        hub, host = self.world.hub, self.world.process("one")
        proc, came = self.world.proc_of(host), list[T]()

        def body() -> None:
            came.append(act(JobStore(ROOT, _host=host)))

        def before(actor: Actor, name: str, args: tuple[object, ...]) -> None:
            if actor.proc is proc and proc.calls >= kill_at:
                hub.kill(proc)

        hub.before = before
        hub.start(proc, "one", body)
        hub.run()
        if not proc.dead:
            hub.kill(proc)
        hub.now += LATER
        return (came[0] if came else None), proc.calls

    def after_power_cut(self, seed: int) -> Machine:
        fs = self.world.fs.after_power_cut(self.random, self.world.fs_clock)
        return Machine(self.world.kind, seed, fs, self.world.hub.now)


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


def oracle_of(act: str, jobs: Jobs, world: World) -> Oracle:
    """What was acknowledged before the act, and what the act may have done."""
    oracle = Oracle(world, Layout(ROOT))
    for name, job_id in jobs.items():
        oracle.add_created(job_id, history.created({"is": name}), 0)
    known: dict[str, list[history.Effect]] = {
        "parked": [history.parked], "done": [history.fulfilled(b"v", 0)], "queued": [history.queued("t")],
        "told": [history.queued("t"), history.fulfilled(b"v", 0)],
    }  # fmt: skip
    for name, effects in known.items():
        oracle.calls[jobs[name]] += [history.Call("known", effect, 0, 0, True) for effect in effects]
    if act in EFFECTS:
        name, what, effect = EFFECTS[act]
        oracle.calls[jobs[name]].append(history.Call(what, effect, 1))
    return oracle


EFFECTS: dict[str, tuple[str, str, history.Effect]] = {
    "work": ("pending", "fulfill", history.fulfilled(b"w", 0)),
    "tell": ("told", "done", history.unqueued(["t"])),
    "park": ("pending", "park", history.parked),
    "requeue parked": ("parked", "requeue", history.requeued),
    "requeue done": ("done", "requeue", history.requeued),
    "queue": ("pending", "queue", history.queued("q")),
    "unqueue": ("queued", "unqueue", history.unqueued(["t"])),
    "delete": ("pending", "delete", history.deleted),
    "delete parked": ("parked", "delete", history.deleted),
}
"""Which job each act changes, and how."""


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
        machine = Machine(self.kind, self.seed)
        jobs, _ = machine.run(set_up)
        assert jobs is not None
        machine.run(lambda store: ACTS[self.act](store, jobs), cut_at)
        return (machine.after_power_cut(self.seed) if power else machine), jobs

    def calls(self) -> int:
        machine, jobs = self.begin(0, False)
        return machine.run(lambda store: ACTS[self.act](store, jobs))[1]

    def check(self, cut_at: int, power: bool, random: Random) -> None:
        machine, jobs = self.begin(cut_at, power)
        done, calls = machine.run(mend)
        assert done
        oracle_of(self.act, jobs, machine.world).check(machine.world.fs)

        again, _ = self.begin(cut_at, power)
        again.run(mend, random.randint(1, calls))
        done, _ = again.run(mend)
        assert done
        assert tree(again.world.fs.root) == tree(machine.world.fs.root), "killed and run again it ends the same"


def cut_off(act: str, kind: WorldKind) -> None:
    seed = zlib.crc32(f"{act}{kind}".encode())
    random, story = Random(seed), Story(act, kind, seed)
    calls = story.calls()
    every = max(1, calls // scale(8, 10_000))
    for cut_at in range(1 + random.randrange(every), calls + 1, every):
        story.check(cut_at, bool(random.getrandbits(1)), random)


@played(cut_off)
@pytest.mark.parametrize("kind", WORLDS)
@pytest.mark.parametrize("act", sorted(ACTS))
def test_the_doctor_mends_what_a_crash_leaves(act: str, kind: WorldKind, outcome: None) -> None:
    assert outcome is None


def mend_and_cut(act: str, kind: WorldKind) -> None:
    story, random = Story(act, kind, zlib.crc32(f"{act}{kind}".encode())), Random(1)
    for cut_at in range(1, story.calls() + 1):
        machine, jobs = story.begin(cut_at, power=False)
        machine.run(mend)
        for _ in range(4):
            after = machine.world.fs.after_power_cut(random, machine.world.fs_clock)
            oracle_of(act, jobs, machine.world).check(after)


@played(mend_and_cut)
@pytest.mark.parametrize("kind", ["logtree", "posix"])
@pytest.mark.parametrize("act", ["work", "park", "requeue parked"])
def test_what_was_mended_outlasts_a_loss_of_power(act: str, kind: WorldKind, outcome: None) -> None:
    """A link that the doctor removed for a state must not be gone when the state is taken back."""
    assert outcome is None
