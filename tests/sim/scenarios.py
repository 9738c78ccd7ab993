"""What processes do in a simulated world, while others are killed, stopped, and the power fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from fsjob_core.errors import FsJobError, LeaseLost
from fsjob_core.host import Host
from fsjob_core.store import JobStore

from .memfs import WorldKind
from .oracle import Oracle, Violation, foreign_hands, lookup, read_record
from .sched import STRATEGIES, Actor, Event, OutOfSteps, Proc
from .world import World

ROOT = "/store"
HEALED_WITHIN = 90.0
"""Simulated seconds within which everything acknowledged is done once faults have ended."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How hostile a run is. Chances are for each system call."""

    jobs: int = 2
    workers: int = 2
    requeues: int = 1
    parks: int = 0
    queues: int = 0
    doctors: int = 0
    kill: float = 0.002
    stop: float = 0.002
    cut: float = 0.02
    stops: tuple[float, ...] = (10.5, 13.0, 24.0)
    aim: str = ""
    """Calls that begin so are where a process is stopped with the chance `aimed`."""
    aimed: float = 0.2
    fault_seconds: float = 40.0


PLANS: dict[str, Plan] = {
    "life": Plan(),
    "requeue": Plan(jobs=1, workers=2, requeues=3),
    "parked": Plan(jobs=2, workers=1, requeues=2, parks=2),
    "queued": Plan(jobs=1, workers=1, requeues=1, queues=2),
    "stopped": Plan(jobs=1, workers=3, requeues=0, kill=0.0, stop=0.01),
    "contended": Plan(jobs=1, workers=3, requeues=4, queues=2, kill=0.0, stop=0.02, fault_seconds=80.0),
    "late": Plan(kill=0.0, stop=0.0, stops=(24.0, 40.0), aim="rename /store/jobs/", fault_seconds=80.0),
    "doctored": Plan(jobs=2, requeues=2, parks=1, queues=1, doctors=1, kill=0.004, stop=0.004, fault_seconds=20.0),
    "killed": Plan(jobs=2, workers=2, requeues=0, kill=0.01, stop=0.0),
}


@dataclass
class Figures:
    """What a run went through."""

    steps: int = 0
    kills: int = 0
    stops: int = 0
    cuts: int = 0
    fulfills: int = 0
    lost: int = 0


class Run:
    """One seed in one world."""

    def __init__(self, plan: Plan, strategy: str, seed: int, kind: WorldKind) -> None:
        self.plan = plan
        self.random = Random(seed)
        self.world = World(STRATEGIES[strategy](Random(seed + 1)), Random(seed + 2), kind)
        self.figures = Figures()
        self.hostile = False
        self._fresh = 0

    # ── the whole of it ──

    def play(self) -> Figures:
        """Set up, be hostile for a while, heal, and check. Raises Violation."""
        world = self.world
        try:
            host = world.process("setup")
            self._actor(host, self._set_up)
            world.hub.run(lambda: hasattr(self, "oracle"))
            self._raise_failures()
            world.on_call = foreign_hands(world.fs, self._holds_guard)
            world.hub.before = self._faults
            self._start_all()
            self.hostile = True
            ends = world.hub.now + self.plan.fault_seconds
            self._run(lambda: world.hub.now > ends)
            self.hostile = False
            self._heal()
        finally:
            self.figures.steps = world.hub.steps
            world.close()
        return self.figures

    def _set_up(self) -> None:
        store = JobStore(ROOT, _host=self.world.process("maker"))
        oracle = Oracle(store.layout)
        for number in range(self.plan.jobs):
            job = store.create({"n": number})
            oracle.created[job.id] = {"n": number}
        self.oracle = oracle

    def _start_all(self) -> None:
        for _ in range(self.plan.workers):
            self._start_worker()
        for number, act in ((self.plan.requeues, self._requeue), (self.plan.parks, self._park)):
            if number:
                self._start(f"operator-{act.__name__}", partial(self._operate, act=act, times=number))
        if self.plan.queues:
            self._start("queuer", self._queue)
        for number in range(self.plan.doctors):
            self._start(f"doctor-{number}", self._mend)
        self._start("creator", self._create)

    def _heal(self) -> None:
        """No more faults: a fresh worker gets everything done."""
        world, ends = self.world, self.world.hub.now + HEALED_WITHIN
        self._start_worker()
        self._run(lambda: world.hub.now > ends or self._all_done())
        self.oracle.check(world.fs)
        if not self._all_done():
            raise Violation("not everything acknowledged is done after the faults have ended")

    def _all_done(self) -> bool:
        layout, fs = self.oracle.layout, self.world.fs
        return all(
            read_record(fs, layout, job_id).fulfilled or lookup(fs, layout.parked_link(job_id)) is not None
            for job_id in self.oracle.created
        )

    def _run(self, until: Callable[[], bool]) -> None:
        try:
            self.world.hub.run(until)
        except OutOfSteps as error:
            raise Violation(str(error)) from None
        self._raise_failures()

    def _raise_failures(self) -> None:
        for actor in self.actors:
            if actor.failure is not None:
                raise actor.failure

    # ── faults ──

    def _holds_guard(self, proc: Proc) -> bool:
        return any(guard.exclusive is proc for guard in self.world.guards.values())

    def _faults(self, actor: Actor, what: str) -> None:
        self._raise_failures()
        if not self.hostile:
            return
        if self.plan.aim and what.startswith(self.plan.aim) and self.random.random() < self.plan.aimed:
            self._stop(actor.proc)
            return
        crowd = 6.0 if what.startswith(("rmdir", "rename", "unlink", "lstat")) else 1.0
        chance = self.random.random()
        if chance < self.plan.kill * crowd:
            self.figures.kills += 1
            self.world.hub.kill(actor.proc)
            if not actor.daemon:
                self._start_worker()
        elif chance < (self.plan.kill + self.plan.stop) * crowd:
            self._stop(actor.proc)
        elif chance < self.plan.cut + (self.plan.kill + self.plan.stop) * crowd:
            self.figures.cuts += 1
            after = self.world.fs.after_power_cut(self.random, self.world._fs_clock)
            self.oracle.check(after)

    def _stop(self, proc: Proc) -> None:
        self.figures.stops += 1
        self.world.hub.stop(proc, self.random.choice(self.plan.stops))

    # ── the actors ──

    actors: list[Actor]

    def _actor(self, host: Host, run: Callable[[], None]) -> None:
        proc = self.world.proc_of(host)
        self.actors = [*getattr(self, "actors", []), self.world.hub.start(proc, proc.name, run)]

    def _start(self, name: str, run: Callable[[JobStore], None]) -> None:
        host = self.world.process(name)

        def body() -> None:
            run(JobStore(ROOT, worker_name=name, must_exist=True, _host=host))

        self._actor(host, body)

    def _start_worker(self) -> None:
        self._fresh += 1
        self._start(f"worker-{self._fresh}", self._work)

    def _work(self, store: JobStore) -> None:
        number = 0
        while True:
            work = self._try(store.pull_work)
            if work is None:
                store.host.wait(Event(), 0.7)
                continue
            number += 1
            value = f"{store.worker_name}:{number}".encode() * self.random.randint(1, 3)
            version = work.version
            self.oracle.give(work.id, version, value)
            try:
                work.fulfill(value)
                self.oracle.acknowledge_fulfill(work.id, version, value)
                self.figures.fulfills += 1
            except LeaseLost:
                self.figures.lost += 1
            except (FsJobError, OSError):
                pass
            self._try(work.release)

    def _create(self, store: JobStore) -> None:
        for number in range(2):
            request = {"late": number}
            job = self._try(partial(store.create, request))
            if job is not None:
                self.oracle.created[job.id] = request
            store.host.wait(Event(), self.random.random() * 5)

    def _mend(self, store: JobStore) -> None:
        """A doctor that makes its rounds."""
        while True:
            for problem in store.doctor():
                store.repair(problem)
            store.host.wait(Event(), 3 + self.random.random() * 5)

    def _operate(self, store: JobStore, act: Callable[[JobStore, str], None], times: int) -> None:
        for _ in range(times):
            store.host.wait(Event(), self.random.random() * 8)
            job_id = self.random.choice(sorted(self.oracle.created))
            self._try(partial(act, store, job_id))

    def _requeue(self, store: JobStore, job_id: str) -> None:
        store.requeue(job_id)

    def _park(self, store: JobStore, job_id: str) -> None:
        store.park(job_id, "by hand")

    def _queue(self, store: JobStore) -> None:
        for number in range(self.plan.queues):
            job_id = self.random.choice(sorted(self.oracle.created))
            target = {"target": number}

            def act(wanted: str = job_id, told: dict[str, int] = target) -> bool:
                store.queue(wanted, told)
                return True

            if self._try(act):
                self.oracle.waiting.setdefault(job_id, []).append(target)

    def _try(self, act: Callable[[], Any]) -> Any:
        """What an act gives; None where it was refused."""
        try:
            return act()
        except (FsJobError, OSError):
            return None
