"""A seeded scheduler: processes whose threads are greenlets that switch before every system call.

Killed, a process is never resumed and none of its `finally` runs; stopped, all of it sleeps and its flocks stay.
Time is simulated: it moves a little with every call, and jumps when everybody sleeps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from greenlet import getcurrent, greenlet

STEP_SECONDS = 20e-6
"""What one call takes."""


class Killed(BaseException):
    """Raised in what is left of a killed process, so that nothing of it acts any more."""


class Event:
    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set


@dataclass(eq=False)
class Proc:
    """A process: its threads live, are stopped and die together."""

    name: str
    pid: int
    dead: bool = False
    stopped_until: float = 0.0
    calls: int = 0
    on_death: list[Callable[[], None]] = field(default_factory=list)


@dataclass(eq=False)
class Actor:
    """One thread of a process."""

    name: str
    proc: Proc
    run: greenlet
    wake_at: float = 0.0
    event: Event | None = None
    blocked: Callable[[], bool] | None = None
    daemon: bool = False
    done: bool = False
    failure: BaseException | None = None
    priority: float = 0.0


class Strategy(Protocol):
    def choose(self, ready: list[Actor], last: Actor | None) -> Actor: ...


class RandomStrategy:
    def __init__(self, random: Random) -> None:
        self.random = random

    def choose(self, ready: list[Actor], last: Actor | None) -> Actor:
        return ready[self.random.randrange(len(ready))]


class StickyStrategy(RandomStrategy):
    """Stays with the same actor four times of five."""

    def choose(self, ready: list[Actor], last: Actor | None) -> Actor:
        if last in ready and self.random.random() < 0.8:
            assert last is not None
            return last
        return super().choose(ready, last)


class PctStrategy(RandomStrategy):
    """Probabilistic concurrency testing: random priorities that change at `depth` random points."""

    def __init__(self, random: Random, depth: int = 3, length: int = 1500) -> None:
        super().__init__(random)
        self.changes = {random.randrange(length) for _ in range(depth)}
        self.step = 0

    def choose(self, ready: list[Actor], last: Actor | None) -> Actor:
        self.step += 1
        for actor in ready:
            if not actor.priority:
                actor.priority = 1.0 + self.random.random()
        best = max(ready, key=lambda actor: actor.priority)
        if self.step in self.changes:
            best.priority = self.random.random()
        return best


STRATEGIES: dict[str, Callable[[Random], Strategy]] = {
    "random": RandomStrategy,
    "sticky": StickyStrategy,
    "pct": PctStrategy,
}


class OutOfSteps(Exception):
    """The run did not end within its bound of steps."""


class Hub:
    """Runs actors one at a time; `before` is asked at each switching point for faults to inject."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.now = 1000.0
        self.actors: list[Actor] = []
        self.current: Actor | None = None
        self.trace: list[tuple[str, str, float]] = []
        self.before: Callable[[Actor, str], None] | None = None
        self.steps = 0
        self._hub = getcurrent()

    def start(self, proc: Proc, name: str, run: Callable[[], object], *, daemon: bool = False) -> Actor:
        def body() -> None:
            try:
                run()
            except Killed:
                pass
            except BaseException as error:
                actor.failure = error
            actor.done = True

        actor = Actor(name, proc, greenlet(body, parent=self._hub), daemon=daemon)
        self.actors.append(actor)
        return actor

    # ── what actors call ──

    def pause(self, what: str) -> None:
        """A switching point before a call."""
        actor = self.current
        assert actor is not None
        if actor.proc.dead:
            raise Killed
        self._hub.switch()
        if actor.proc.dead:
            raise Killed
        actor.proc.calls += 1
        self.steps += 1
        self.now += STEP_SECONDS
        self.trace.append((actor.name, what, self.now))
        if self.before is not None:
            self.before(actor, what)
            if actor.proc.stopped_until > self.now:
                self._hub.switch()
            if actor.proc.dead:
                raise Killed

    def wait(self, event: Event, seconds: float) -> bool:
        actor = self.current
        assert actor is not None
        actor.wake_at, actor.event = self.now + max(seconds, 0.0), event
        self._hub.switch()
        actor.event = None
        if actor.proc.dead:
            raise Killed
        return event.is_set()

    def block(self, until: Callable[[], bool]) -> None:
        """Wait, without time passing for it alone, until something is true."""
        actor = self.current
        assert actor is not None
        while not until():
            actor.blocked = until
            self._hub.switch()
            actor.blocked = None
            if actor.proc.dead:
                raise Killed

    # ── what faults do ──

    def kill(self, proc: Proc) -> None:
        proc.dead = True
        for call in proc.on_death:
            call()

    def stop(self, proc: Proc, seconds: float) -> None:
        proc.stopped_until = self.now + seconds

    # ── the loop ──

    def run(self, until: Callable[[], bool], max_steps: int = 200_000) -> None:
        """Run until `until()` holds or nobody is left. Raises OutOfSteps."""
        last: Actor | None = None
        turns = 0
        while not until():
            turns += 1
            if turns > max_steps:
                raise OutOfSteps(f"no end after {max_steps} steps")
            self.actors = [actor for actor in self.actors if not actor.done and not actor.proc.dead]
            ready = [actor for actor in self.actors if self._ready(actor)]
            if not ready:
                if not self._sleep():
                    return
                continue
            last = self.strategy.choose(ready, last)
            self.current = last
            last.run.switch()
            self.current = None

    def _ready(self, actor: Actor) -> bool:
        if actor.proc.stopped_until > self.now:
            return False
        if actor.blocked is not None:
            return actor.blocked()
        if actor.event is not None:
            return actor.event.is_set() or actor.wake_at <= self.now
        return True

    def _sleep(self) -> bool:
        """Let time pass until somebody can go on."""
        times = []
        for actor in self.actors:
            if actor.event is not None and actor.blocked is None:
                times.append(max(actor.wake_at, actor.proc.stopped_until))
            elif actor.proc.stopped_until > self.now:
                times.append(actor.proc.stopped_until)
        if not times:
            return False
        self.now = max(self.now, min(times)) + 1e-6
        return True
