"""A seeded scheduler: processes whose threads are greenlets that switch before every system call.

Killed, a process is never resumed and none of its `finally` runs; stopped, all of it sleeps and its flocks stay.
Time is simulated: it moves a little with every call, and jumps when everybody sleeps. Nothing here is random:
whoever goes next is the choice of a strategy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from greenlet import getcurrent, greenlet

STEP_SECONDS = 20e-6
"""What one call takes."""
MAX_STEPS = 60_000


class Killed(BaseException):
    """Raised in what is left of a killed process, so that nothing of it acts any more."""


class OutOfSteps(AssertionError):
    """The run did not end within its bound of steps."""


Step = tuple[str, str, tuple[Any, ...], float]
"""One call, as the trace keeps it: actor, name, arguments, time."""


def shown(step: Step) -> str:
    actor, name, args, at = step
    return f"{at:12.5f}  {actor:22} {name} {' '.join(str(arg)[:90] for arg in args[:2])}"


@dataclass(eq=False, slots=True)
class Proc:
    """A process: its threads live, are stopped and die together."""

    name: str
    pid: int
    machine: str = "one"
    dead: bool = False
    stopped_until: float = 0.0
    calls: int = 0
    actors: list[Actor] = field(default_factory=list)
    on_death: list[Callable[[], None]] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Actor:
    """One thread of a process. `at`: from when on it can go on; infinity while it waits for somebody."""

    name: str
    proc: Proc
    run: greenlet
    daemon: bool
    at: float = 0.0
    priority: float = 0.0


class Event:
    """threading.Event, for actors."""

    __slots__ = ("_hub", "_set", "waiters")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._set = False
        self.waiters: list[Actor] = []

    def set(self) -> None:
        self._set = True
        for actor in self.waiters:
            self._hub.wake(actor)

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set


class Mutex:
    """threading.Lock, for actors. Death does not free it: it lives in the memory of its process."""

    __slots__ = ("_held", "_hub", "_waiters")

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._held = False
        self._waiters: list[Actor] = []

    def __enter__(self) -> bool:
        while self._held:
            actor = self._hub.current
            assert actor is not None, "the test itself does not wait"
            actor.at = math.inf
            self._waiters.append(actor)
            self._hub.leave(actor)
        self._held = True
        return True

    def __exit__(self, *_: object) -> None:
        self._held = False
        waiters, self._waiters = self._waiters, []
        for actor in waiters:
            self._hub.wake(actor)


class Strategy(Protocol):
    """Who goes next. `current` has just arrived at a call and may go on, if it is among `ready`."""

    def choose(self, ready: list[Actor], current: Actor | None) -> Actor: ...


class Hub:
    """Runs actors one at a time. `before` is asked right before each call acts: it may kill, stop, or raise."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy = strategy
        self.now = 1000.0
        self.steps = 0
        self.step_seconds = STEP_SECONDS
        self.max_steps = MAX_STEPS
        self.quiet: frozenset[str] = frozenset()
        """Calls before which nobody else goes on, where no order of them can make a difference."""
        self.actors: list[Actor] = []
        self.foreground = 0
        """Actors for whose end the run waits."""
        self.current: Actor | None = None
        self.trace: list[Step] = []
        self.before: Callable[[Actor, str, tuple[Any, ...]], None] | None = None
        self._failure: BaseException | None = None
        self._deadline = math.inf
        self._started: list[greenlet] = []
        self._main = getcurrent()

    def start(self, proc: Proc, name: str, run: Callable[[], object], *, daemon: bool = False) -> Actor:
        """A new thread; `daemon`: the run does not wait for its end."""

        def body() -> None:
            try:
                if not proc.dead:
                    run()
            except Killed:
                return
            except BaseException as error:
                if not proc.dead:
                    self._failure = self._failure or error
            if actor in self.actors:
                self.actors.remove(actor)
                proc.actors.remove(actor)
                self.foreground -= not daemon

        actor = Actor(name, proc, greenlet(body, parent=self._main), daemon, at=max(self.now, proc.stopped_until))
        self._started.append(actor.run)
        self.actors.append(actor)
        proc.actors.append(actor)
        self.foreground += not daemon
        return actor

    # ── what actors call ──

    def step(self, proc: Proc, name: str, args: tuple[Any, ...]) -> None:
        """A switching point before a call, and the call's faults."""
        if proc.dead:
            raise Killed
        actor = self.current
        if actor is None:  # the test itself looks
            return
        now = self.now
        ready = [other for other in self.actors if other.at <= now]
        if len(ready) > 1 and name not in self.quiet:
            chosen = self.strategy.choose(ready, actor)
            if chosen is not actor:
                self._go(chosen)
                if proc.dead:
                    raise Killed
        self.steps += 1
        self.now += self.step_seconds
        proc.calls += 1
        self.trace.append((actor.name, name, args, self.now))
        if self.steps > self.max_steps:
            self.fail(OutOfSteps(f"no end after {self.max_steps} steps"))
        if self.before is not None:
            self.before(actor, name, args)
            if proc.dead or actor.at > self.now:
                self.leave(actor)

    def wait(self, event: Event, seconds: float) -> bool:
        """Sleep until the event is set, or so many seconds."""
        actor = self.current
        assert actor is not None, "the test itself does not sleep"
        if actor.proc.dead:
            raise Killed
        if not event.is_set():
            actor.at = max(self.now + max(seconds, 1e-6), actor.proc.stopped_until)
            event.waiters.append(actor)
            try:
                self.leave(actor)
            finally:
                event.waiters.remove(actor)
        return event.is_set()

    def leave(self, actor: Actor) -> None:
        """Let others go on until this actor can."""
        chosen = self._next(actor)
        if chosen is not actor:
            self._go(chosen)
        if actor.proc.dead:
            raise Killed

    def fail(self, error: BaseException) -> None:
        """End the run with this error, whatever the code under test would make of it."""
        self._failure = self._failure or error
        if self.current is not None:
            self._main.switch()

    def wake(self, actor: Actor) -> None:
        actor.at = max(self.now, actor.proc.stopped_until)

    # ── what faults do ──

    def kill(self, proc: Proc) -> None:
        """It never runs again; what the kernel does for the dead is done."""
        proc.dead = True
        self.actors = [actor for actor in self.actors if actor.proc is not proc]
        self.foreground = sum(not actor.daemon for actor in self.actors)
        for call in proc.on_death:
            call()

    def stop(self, proc: Proc, seconds: float) -> None:
        proc.stopped_until = self.now + seconds
        for actor in proc.actors:
            actor.at = max(actor.at, proc.stopped_until)

    def go_on(self, proc: Proc) -> None:
        """The end of a stop."""
        for actor in proc.actors:
            if actor.at == proc.stopped_until:
                actor.at = self.now
        proc.stopped_until = self.now

    def close(self) -> None:
        """Unwind every actor that did not end: what a suspended greenlet refers to is never collected."""
        self.current = None
        for run in self._started:
            if not run.dead:
                run.throw()

    # ── the loop ──

    def run(self, seconds: float = math.inf) -> bool:
        """Run until only daemons are left (True), or so much time has passed. Raises what ended an actor."""
        self._deadline = self.now + seconds
        while self._failure is None and self.foreground:
            chosen = self._next(None)
            if chosen is None:
                break
            self._go(chosen)
            self.current = None
        if self._failure is not None:
            raise self._failure
        return not self.foreground

    def _next(self, current: Actor | None) -> Actor | None:
        """Who goes on; time passes until somebody can. None: back to the loop."""
        if self._failure is not None or not self.foreground:
            return None
        now = self.now
        ready = [actor for actor in self.actors if actor.at <= now]
        if not ready:
            soonest = min([actor.at for actor in self.actors])
            if soonest > self._deadline or soonest == math.inf:
                return None
            self.now = soonest
            ready = [actor for actor in self.actors if actor.at <= soonest]
        if self.now > self._deadline:
            return None
        return ready[0] if len(ready) == 1 else self.strategy.choose(ready, current)

    def _go(self, chosen: Actor | None) -> None:
        self.current = chosen
        (self._main if chosen is None else chosen.run).switch()
