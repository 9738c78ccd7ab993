"""A store for one operation, copied for every run of it, and the sweep that kills at every call of the seam."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fsjob_core.host import REAL, Host
from fsjob_core.store import JobStore

from .acting import Acting, Operation
from .machine import Clock, Counter, Ended, Killer, Say, host_with, in_child
from .oracle import Look


class NothingToDo(Exception):
    """A step found no job to be done on."""


@dataclass
class Found:
    """What a sweep went through."""

    points: int = 0
    calls: int = 0
    violations: list[str] = field(default_factory=list)
    hunt: bool = False
    """Whether the first violation is enough."""

    def add(self, where: str, faults: list[str]) -> None:
        self.points += 1
        self.violations += [f"{where}: {fault}" for fault in faults]
        if self.hunt and self.violations:
            raise Enough


class Enough(Exception):
    """What was hunted for is found."""


class Bench:
    """One operation on copies of one store."""

    def __init__(self, operation: Operation, durability: str, room: str) -> None:
        self.operation = operation
        self.durability = durability
        self._template = f"{room}/template"
        self.directory = f"{room}/store"
        self.ids: dict[str, str] = {}
        if operation.setup is not None:
            self.ids = self._set_up(operation.setup)

    def _set_up(self, setup: Callable[[JobStore], dict[str, str]]) -> dict[str, str]:
        def run(say: Say) -> None:
            say(setup(JobStore(self._template, durability="process")))

        ended = in_child(run)
        assert ended.said, ended.failure
        return ended.said[0]

    def fresh(self) -> None:
        """A store as it was before the operation."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.ids:
            shutil.copytree(self._template, self.directory, symlinks=True)

    def acting(self, host: Host, say: Say) -> Acting:
        return Acting(self.directory, self.durability, host, self.ids, say)

    def act(self, acting: Acting) -> None:
        """Make every step, and say so."""
        for number, step in enumerate(self.operation.steps):
            if step.run(acting) is False:
                raise NothingToDo(f"step {number} found nothing to be done on")
            acting.say({"step": number})

    def act_with(self, hook: Any, say: Say) -> None:
        self.act(self.acting(host_with(hook, Clock()), say))

    def act_really(self, say: Say) -> None:
        """Make every step by the real host: its threads, its calls, and unless that takes long its clock."""
        self.act(self.acting(host_with(clock=Clock()) if self.operation.slow else REAL, say))

    def look(self, ended: Ended, *, whole: bool, doctor_first: bool = False) -> list[str]:
        """What a process that comes after finds wrong: this one, which has not touched the store."""
        look = Look(self.operation, self.directory, self.ids, ended.said)
        look.at(look.is_whole if whole else look.is_there)
        look.at(partial(look.goes_on, doctor_first=doctor_first))
        return look.faults


def kill(bench: Bench, found: Found, only: int = 0) -> None:
    """Kill the process before each of its calls, and let it end by itself at last."""
    number = only or 1
    while True:
        bench.fresh()
        ended = in_child(partial(bench.act_with, Killer(number)))
        faults = [ended.failure] if ended.failure else []
        found.add(
            f"killed before call {number}",
            faults + bench.look(ended, whole=not ended.killed, doctor_first=bool(number % 2)),
        )
        if only or not ended.killed:
            found.calls = number - 1
            return
        number += 1


def list_calls(bench: Bench) -> list[str]:
    """Every call of the operation, in order."""
    bench.fresh()

    def run(say: Say) -> None:
        calls = Counter()
        bench.act_with(calls, lambda line: None)
        say({"calls": calls.calls})

    ended = in_child(run)
    assert ended.said, ended.failure
    listed: list[str] = ended.said[0]["calls"]
    return listed
