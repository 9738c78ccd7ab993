"""What an operation is: steps that are acknowledged one by one, by a process that acts on a store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fsjob_core.delivery import Fulfillment, Notification
from fsjob_core.host import Host
from fsjob_core.record import JobRecord, Json
from fsjob_core.store import JobStore
from fsjob_core.work import WorkLease

from .machine import Say
from .state import Change, State, same

VALUE = b"\x00six\n"


def respond(target: Json, told: Fulfillment) -> None:
    """Tells everybody but one, and the value is the one that was given."""
    if target == "deaf" or told.value != VALUE:
        raise RuntimeError(f"{target} does not hear")


@dataclass
class Acting:
    """One process at work on a store."""

    directory: str
    durability: str
    host: Host
    ids: dict[str, str]
    say: Say
    work: WorkLease | None = None
    note: Notification | None = None
    _store: JobStore | None = None

    @property
    def store(self) -> JobStore:
        if self._store is None:
            self._store = JobStore(
                self.directory, durability=self.durability, respond=respond, worker_name="actor", _host=self.host
            )
        return self._store

    def made(self, job: JobRecord) -> None:
        self.say({"made": job.id, "request": job.request})

    @property
    def a(self) -> str:
        return self.ids["a"]

    def pull(self) -> None:
        self.work = self.store.pull_work()

    def pull_note(self) -> None:
        self.note = self.store.pull_notification()

    def release(self) -> None:
        """Give back what is held, whatever has become of it."""
        if self.work is not None:
            self.work.release()
        if self.note is not None:
            self.note.done()


@dataclass(frozen=True)
class Step:
    """One acknowledged act. `run` gives False where there was nothing to do it on any more."""

    run: Callable[[Acting], Any]
    after: Change = same
    between: tuple[Change, ...] = ()
    unless: tuple[Change, ...] = ()
    """What may hold instead of `after` where calls failed: it is done as far as it was promised."""
    creates: tuple[Json, ...] = ()
    """Requests of jobs that it makes."""
    deletes: tuple[str, ...] = ()
    """Jobs whose links may be gone while it is unknown whether it was done."""
    lasts: bool = True
    """Whether it is promised to survive loss of power."""


@dataclass(frozen=True)
class Operation:
    """`before`: what stands once `setup` has run, which gives the ids of the jobs."""

    name: str
    steps: tuple[Step, ...]
    before: State = field(default_factory=State)
    setup: Callable[[JobStore], dict[str, str]] | None = None
    """None: there is no directory yet."""
    locked: bool = False
    """Whether locks stand before."""
    slow: bool = False
    """Whether it takes seconds."""
    tidies: bool = True
    """Whether it does no more than tidy up after its last sync, so that nothing of that may fail it."""

    def states(self) -> list[State]:
        """What holds after none, one, two, ... of the steps."""
        found = [self.before]
        for step in self.steps:
            found.append(step.after(found[-1]))
        return found

    def allowed(self, acknowledged: int, *, failed: bool = False, rebooted: bool = False) -> list[State]:
        """What may be found once so many steps were acknowledged; calls failed meanwhile, or power was lost."""
        if rebooted and acknowledged and not self.steps[acknowledged - 1].lasts:
            return [*self.allowed(acknowledged - 1, rebooted=True), *self.allowed(acknowledged)]
        states = self.states()
        if failed and acknowledged and (unless := self.steps[acknowledged - 1].unless):
            return [states[acknowledged], *(change(states[acknowledged - 1]) for change in unless)]
        if acknowledged == len(self.steps):
            return [states[acknowledged]]
        between = [change(states[acknowledged]) for change in self.steps[acknowledged].between]
        return [states[acknowledged], *between, states[acknowledged + 1]]
