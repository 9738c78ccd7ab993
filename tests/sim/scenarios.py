"""Runs: processes act in a world that a seed draws, some are killed, stopped, the power fails; then it heals."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any

from fsjob_core.doctor import Problem
from fsjob_core.host import Host
from fsjob_core.layout import Layout
from fsjob_core.record import from_bytes
from fsjob_core.store import JobStore

from . import history
from .memfs import WorldKind
from .oracle import FOREIGN, Oracle, Violation, WatchedHeart
from .programs import PROGRAMS, attempt, do_work, mend, notifier, sleep
from .sched import STEP_SECONDS, Actor, Strategy
from .strategies import STRATEGIES, Exhaustive, RandomStrategy, Setup
from .world import World

ROOT = "/store"
HEALED_WITHIN = 120.0
"""Simulated seconds within which all is done once faults have ended: a bar that a crash left stands for sixty."""
HEALED_ANYWAY = 0.2
"""The share of runs that are healed whatever they left."""
CROWD = {"rmdir": 12.0, "rename": 12.0, "unlink": 6.0, "lstat": 3.0, "guard": 3.0}
"""Faults fall so many times as often right before these calls, where decisions fall."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)
ERRORS = {
    "mkdir": _FULL, "symlink": _FULL, "rename": _FULL, "write": _FULL, "fsync": (errno.EIO, errno.ENOSPC),
    "open": (errno.EMFILE, errno.ENOSPC, errno.EACCES, errno.EIO), "setxattr": (errno.ENOTSUP, errno.ENOSPC),
    "getxattr": (errno.ENOTSUP, errno.EIO),
}  # fmt: skip
"""With what a call may fail; EIO and EACCES where it is not named."""
MAY_FAIL = frozenset(ERRORS) | {"rmdir", "unlink", "lstat", "listdir", "readlink", "read", "utime"}

PRIVATE = frozenset({"read", "write", "fsync", "fstat", "close"})
"""Calls on descriptors of files that are written once, by one: without a loss of power they commute with all others."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Who acts, and how hostile the world is. Chances are for each system call."""

    actors: tuple[str, ...]
    setup: tuple[str, ...] = ("pending",)
    """One job each: pending, fulfilled, parked, told (fulfilled, and somebody waits), held (by a dead worker), changed
    (fulfilled, and its state lock is held by the dead)."""
    also: tuple[str, ...] = ()
    """Of these each seed draws `drawn` more."""
    drawn: int = 2
    pulls: int = 2
    """Jobs that a worker or notifier does."""
    patience: float = 2.5
    """Seconds for which it waits for them."""
    requeues: int = 1
    acts: int = 3
    """Acts of each person."""
    barred: str = "work"
    """The kind of lock that is taken away by force."""
    long: float = 0.0
    recorded: float = 0.2
    kill: float = 0.0015
    stop: float = 0.0015
    cut: float = 0.01
    healed: float = 1.0
    """The share of runs that are healed where they left something."""
    booted: float = 0.05
    """Of the cuts so many are booted, healed, and checked again."""
    jump: float = 0.0
    error: float = 0.0
    short_writes: float = 0.0
    stops: tuple[float, ...] = (10.5, 13.0, 24.0)
    most: int = 3
    """Kills and stops a run at most."""
    aim: tuple[str, str] = ("", "")
    """A call and the end of its path: a process is stopped right before it with the chance `aimed`."""
    aimed: float = 0.3
    aim_kills: bool = False
    rouse: float = 0.0
    """The chance that who is stopped goes on while somebody holds the guard: before each call of the holder."""
    paces: tuple[float, ...] = (STEP_SECONDS,)
    """Seconds that one call takes; each seed draws one."""
    jitter: float = 0.0
    """A stop takes up to so many seconds more or less."""
    profile: str = ""
    """The network file system that all of it is on."""
    lies: float = 0.0
    spared: str = ""
    """A call before which nobody is stopped."""
    machines: tuple[str, ...] = ("one",)
    skew: float = 0.0


@dataclass
class Figures:
    """What runs went through."""

    runs: int = 0
    steps: int = 0
    kills: int = 0
    stops: int = 0
    cuts: int = 0
    boots: int = 0
    errors: int = 0
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0
    lost: int = 0

    def add(self, other: Figures) -> None:
        for member in fields(self):
            setattr(self, member.name, getattr(self, member.name) + getattr(other, member.name))


@dataclass
class Faults:
    """What befell whom: the actor, its call, and the fault. With the choices it is what a schedule was."""

    told: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, actor: Actor, what: str) -> None:
        self.told.append((actor.name, actor.proc.calls, what))


class Run:
    """One schedule in one world."""

    def __init__(self, plan: Plan, strategy: Strategy, seed: int, kind: WorldKind) -> None:
        self.plan = plan
        self.strategy = strategy
        self.random = Random(seed)
        self.world = World(Setup(), Random(seed + 2), kind)
        self.layout = Layout(ROOT)
        self.oracle = Oracle(self.world, self.layout)
        self.figures = Figures(runs=1)
        self.faults = Faults()
        self.hostile = False
        self._numbers = 0
        self._dead: Host | None = None

    @classmethod
    def seeded(cls, plan: Plan, strategy: str, seed: int, kind: WorldKind) -> Run:
        return cls(plan, STRATEGIES[strategy](Random(seed + 1)), seed, kind)

    # ── the whole of it ──

    def play(self) -> Figures:
        """Set up, be hostile, heal, and check. Raises Violation."""
        world, figures = self.world, self.figures
        try:
            self._set_up()
            if isinstance(self.strategy, Exhaustive):
                world.hub.quiet = PRIVATE
            world.hub.before = self._before
            world.hub.strategy = self.strategy
            world.go_on_network(self.plan.profile, self.plan.lies)
            extra = self.random.sample(self.plan.also, min(self.plan.drawn, len(self.plan.also)))
            for name in (*self.plan.actors, *extra):
                self.start(name)
            self.hostile = True
            world.hub.step_seconds = self.random.choice(self.plan.paces)
            world.short_writes = self.plan.short_writes
            if not world.hub.run(600.0):
                raise Violation("the processes did not come to an end within ten minutes")
            self.hostile = False
            world.hub.step_seconds = STEP_SECONDS
            self.oracle.check(world.fs)
            self._check_processes()
            draw = self.random.random()
            if draw < HEALED_ANYWAY or (draw < self.plan.healed and self._left(world, self.oracle)):
                self._heal_there(world, self.oracle)
        finally:
            figures.steps = world.hub.steps
            self._count()
            world.close()
        return figures

    def _count(self) -> None:
        for calls in self.oracle.calls.values():
            self.figures.acknowledged += sum(call.acknowledged for call in calls)
            self.figures.refused += sum(call.refused for call in calls)
            self.figures.unknown += sum(not call.acknowledged and not call.refused for call in calls)
        self.figures.lost = sum(bool(told) for _, _, told in self.oracle.losses.values())

    # ── what programs ask for ──

    def value(self) -> bytes:
        """A value that nobody else gives."""
        self._numbers += 1
        return f"value {self._numbers}".encode() * self.random.randint(1, 3)

    def target(self) -> dict[str, int]:
        """A target that nobody else queues."""
        self._numbers += 1
        return {"target": self._numbers}

    def some_job(self) -> str:
        return self.random.choice(sorted(self.oracle.calls))

    def start(self, program: str) -> None:
        """A new process that runs a program."""
        self._numbers += 1
        machine = self.random.choice(self.plan.machines)
        self.spawn(self.world, self.oracle, f"{program}-{self._numbers}", PROGRAMS[program], machine)

    def spawn(
        self, world: World, oracle: Oracle, name: str, program: Callable[[Run, JobStore], None], machine: str = "one"
    ) -> None:
        host = world.process(name, machine=machine)
        proc = world.proc_of(host)
        WatchedHeart(world, oracle, proc)

        def body() -> None:
            with suppress(OSError):  # failing calls may keep it from starting at all
                store = JobStore(ROOT, worker_name=name, must_exist=True, _host=host)
                store.ground._ready = True
                program(self, store)

        world.hub.start(proc, proc.name, body)

    # ── setting up: by the real operations, without faults ──

    def _set_up(self) -> None:
        world = self.world
        for machine in self.plan.machines[1:]:
            world.skew[machine] = self.random.choice((-1.0, 1.0)) * self.plan.skew
        host = world.process("setup")
        self._dead = world.process("gone")
        world.hub.start(world.proc_of(host), "setup", lambda: self._make_jobs(host))
        world.hub.run()
        world.hub.kill(world.proc_of(self._dead))

    def _make_jobs(self, host: Host) -> None:
        store = JobStore(ROOT, _host=host)
        for number, what in enumerate(self.plan.setup):
            request = {"n": number}
            job = store.create(request)
            self.oracle.add_created(job.id, history.created(request), 0)
            self._add_foreign_member(job.id)
            if what in ("told", "queued"):
                PROGRAMS["queuer"](self, store)
            if what in ("fulfilled", "told", "changed"):
                work = store.pull_work()
                assert work is not None
                do_work(self, store, work)
            elif what == "parked":
                PROGRAMS["parker"](self, store)
            elif what == "held":
                assert self._dead is not None
                JobStore(ROOT, worker_name="gone", must_exist=True, _host=self._dead).pull_work()
            elif what == "changed":
                assert self._dead is not None
                JobStore(ROOT, worker_name="gone", must_exist=True, _host=self._dead).ground.lock("state", job.id)

    def _add_foreign_member(self, job_id: str) -> None:
        inode = self.world.fs.lookup(self.layout.state(job_id))
        assert inode is not None
        record = from_bytes(job_id, inode.data)
        record.extra[FOREIGN] = {"keep": [1, "2"]}
        inode.data = record.to_bytes()
        inode.versions = [inode.data]
        self.oracle.foreign.add(job_id)

    # ── faults ──

    def _before(self, actor: Actor, name: str, args: tuple[Any, ...]) -> None:
        self.oracle.before_call(actor.proc, name, args)
        if not self.hostile:
            return
        if isinstance(self.strategy, Exhaustive):
            fault = "" if name in self.world.hub.quiet else self.strategy.fault(actor)
            if fault:
                self._inflict(actor, fault)
            return
        plan = self.plan
        draw = self.random.random()
        if name == plan.aim[0] and str(args[0]).endswith(plan.aim[1]):
            if draw < plan.aimed and len(self.faults.told) < plan.most:
                self._inflict(actor, "kill" if plan.aim_kills else "stop")
            return
        if plan.rouse and self.world.holds_guard(actor.proc) and self.random.random() < plan.rouse:
            self._rouse()
        crowd = 0.0 if name == plan.spared else CROWD.get(name, 1.0)
        if draw < (plan.kill + plan.stop) * crowd:
            if len(self.faults.told) < plan.most:
                self._inflict(actor, "kill" if draw < plan.kill * crowd else "stop")
            return
        draw -= (plan.kill + plan.stop) * crowd
        if draw < plan.error and name in MAY_FAIL:
            self._fail(actor, name, args)
        draw -= plan.error
        if draw < plan.cut:
            self._cut_power()
        elif draw < plan.cut + plan.jump:
            ahead = self.random.choice((-86400.0, -3600.0, 3600.0, 86400.0))
            self.world.skew[actor.proc.machine] = self.world.skew.get(actor.proc.machine, 0.0) + ahead
            self.faults.add(actor, f"the clock jumps by {ahead:.0f} s")

    def _inflict(self, actor: Actor, fault: str) -> None:
        if fault == "stop" and actor.proc in self.oracle.nodes:  # a robbed Node overwrites: out of every promise
            return
        self.faults.add(actor, fault)
        if fault == "kill":
            self.figures.kills += 1
            self.world.hub.kill(actor.proc)
        else:
            self.figures.stops += 1
            jitter = self.plan.jitter * (2.0 * self.random.random() - 1.0)
            self.world.hub.stop(actor.proc, self.random.choice(self.plan.stops) + jitter)

    def _rouse(self) -> None:
        now = self.world.hub.now
        for proc in self.world.procs:
            if proc.stopped_until > now:
                self.world.hub.go_on(proc)

    def _fail(self, actor: Actor, name: str, args: tuple[Any, ...]) -> None:
        """The call fails, and nothing of it is done; a failed fsync has lost what it was to keep."""
        number = self.random.choice(ERRORS.get(name, (errno.EIO, errno.EACCES)))
        self.faults.add(actor, f"{name} fails with {errno.errorcode[number]}")
        self.figures.errors += 1
        if name == "fsync":
            self.world.lose_pages(actor.proc, args[0])
        raise OSError(number, os.strerror(number), args[0] if isinstance(args[0], str) else None)

    def _cut_power(self) -> None:
        self.figures.cuts += 1
        if self.random.random() >= self.plan.booted:
            self._checked(lambda: self.oracle.check(self.world.fs.after_power_cut(self.random, self.world.fs_clock)))
            return
        self.figures.boots += 1
        after = self.world.after_power_cut(RandomStrategy(Random(self.random.getrandbits(64))))
        oracle = self.oracle.after_power_cut(after)

        def boots() -> None:
            oracle.check(after.fs)
            after.hub.before = lambda actor, name, args: oracle.before_call(actor.proc, name, args)
            self._heal_there(after, oracle)

        try:
            self._checked(boots)
        finally:
            after.close()

    def _checked(self, check: Callable[[], None]) -> None:
        try:
            check()
        except AssertionError as found:
            self.world.hub.fail(Violation(f"after a power cut: {found}"))

    # ── healing ──

    def _check_processes(self) -> None:
        """Whoever has done his program holds nothing open, and was told of what he lost."""
        world, oracle = self.world, self.oracle
        open_files = any(getattr(host.calls, "files", {}) for host in world.hosts.values())
        if open_files or any(lease.compromised and not told for _, lease, told in oracle.losses.values()):
            idle = world.process("idle")  # for a beat that is under way, and for watchdogs
            world.hub.start(world.proc_of(idle), "idle", lambda: idle.wait(idle.event(), 45.0))
            world.hub.run()
        oracle.check_losses()
        for proc, host in world.hosts.items():
            left = getattr(host.calls, "files", {})
            if left and not proc.dead and proc not in oracle.nodes:
                raise Violation(f"{proc.name} has left descriptors open: {sorted(left)}")

    def _left(self, world: World, oracle: Oracle) -> list[str]:
        """What is not done, and what nobody has removed; litter of another boot may be somebody's for an hour."""
        certain = world.boot == "boot-1" and not world.profile
        return oracle.unsettled(world.fs) + (oracle.leftovers(world.fs) if certain else [])

    def _heal_there(self, world: World, oracle: Oracle) -> None:
        """No more faults: fresh processes get everything done, and leave nothing behind."""
        world.hub.strategy = Setup()
        for proc in world.procs:
            if not proc.dead:  # who has done his program ends
                world.hub.kill(proc)
        world.short_writes = 0.0
        outer = self.world, self.oracle, self.hostile
        problems: list[Problem] = []
        ends = world.hub.now + HEALED_WITHIN

        def heals(run: Run, store: JobStore) -> None:
            run.world, run.oracle, run.hostile = world, oracle, False
            while (mend(run, store) or self._left(world, oracle)) and world.hub.now < ends:
                work = attempt(store.pull_work)
                while work is not None:
                    do_work(run, store, work)
                    work = attempt(store.pull_work)
                if oracle.unsettled(world.fs):
                    notifier(run, store)
                elif self._left(world, oracle):
                    sleep(store, 11.0)  # until nobody can be believed to hold what he left
            problems.extend(store.doctor())

        try:
            self.spawn(world, oracle, "healer", heals)
            if not world.hub.run(HEALED_WITHIN + 60.0):
                raise Violation("the healer did not come to an end")
            oracle.check(world.fs)
            left = self._left(world, oracle)
            if left or problems:
                raise Violation(f"not done, or left over, after all faults have ended: {left} {problems}")
        finally:
            self.world, self.oracle, self.hostile = outer


__all__ = ["PROGRAMS", "Figures", "Plan", "Run", "sleep"]
