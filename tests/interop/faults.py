"""A run of real processes on one store that are killed, stopped and continued at random, and what they said of it."""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fsjob_core import JobStore

from .conftest import Process
from .history import Call, calls_of

LONG = 13.0
"""Seconds of a stop in which others take over."""
EVERY = 1.0
"""Seconds from one fault to the next, on average."""


class Fault(NamedTuple):
    """`seconds`: for how long it was stopped; infinite: killed."""

    process: str
    at: float
    seconds: float


class Run:
    """Some processes of each kind on one store for a time. A killed one is followed by another of its kind."""

    def __init__(self, directory: Path, node_command: Callable[..., list[str]], nodes: int, pythons: int, seed: int):
        directory.mkdir()
        self.store = JobStore(directory / "store", durability="process")
        self.made = {
            job.id: f"first-{number}" for number in range(20) for job in [self.store.create(f"first-{number}")]
        }
        self.faults: list[Fault] = []
        self._tmp = directory / "tmp"
        self._node_command = node_command
        self._random = random.Random(seed)
        self._processes: dict[str, Process] = {}
        self._standing: dict[str, float] = {}
        self._kinds = ["node"] * nodes + ["python"] * pythons
        self._running = [self._start(kind) for kind in self._kinds]

    def _start(self, kind: str) -> str:
        name = f"{kind}-{len(self._processes)}"
        script = str(Path(__file__).with_name("actor.py"))
        if kind == "node":
            command = self._node_command(name, self.store.directory, script="history.js")
        else:
            command = [sys.executable, script, name, self.store.directory]
        self._processes[name] = Process(command, self._tmp)
        return name

    # ── faults ──

    def play(self, seconds: float) -> None:
        """Let them run; the first faults are long stops, one of each kind of process."""
        ends = time.monotonic() + seconds
        long = [self._kinds.index(kind) for kind in sorted(set(self._kinds))]
        while time.monotonic() < ends:
            self._wait(self._random.random() * 2 * EVERY)
            if long:
                self._stop(long.pop(), LONG)
            else:
                self._fault()
        for name in list(self._standing):
            self._go_on(name)
        self._wait(1.0)  # what was stopped acts once more
        for process in self._processes.values():
            process.kill()

    def _wait(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while (now := time.monotonic()) < ends:
            for name in [name for name, until in self._standing.items() if until <= now]:
                self._go_on(name)
            time.sleep(0.01)

    def _fault(self) -> None:
        slot = self._random.randrange(len(self._running))
        if self._running[slot] in self._standing:
            return
        kind = self._random.random()
        if kind < 0.4:
            self._kill(slot)
        elif kind < 0.45:
            self._stop(slot, LONG)
        else:
            self._stop(slot, self._random.random() * 2)

    def _kill(self, slot: int) -> None:
        name = self._running[slot]
        self.faults.append(Fault(name, time.monotonic(), float("inf")))
        self._processes[name].kill()
        self._running[slot] = self._start(self._kinds[slot])

    def _stop(self, slot: int, seconds: float) -> None:
        name = self._running[slot]
        now = time.monotonic()
        self.faults.append(Fault(name, now, seconds))
        self._processes[name].signal(signal.SIGSTOP)
        self._standing[name] = now + seconds

    def _go_on(self, name: str) -> None:
        del self._standing[name]
        self._processes[name].signal(signal.SIGCONT)

    # ── what came of it ──

    def calls(self) -> list[Call]:
        return [call for name, process in self._processes.items() for call in calls_of(name, process.said)]

    def acknowledged(self) -> dict[str, str]:
        """Jobs of which a create was acknowledged, with their request."""
        creates = (call for call in self.calls() if call.op == "create")
        return {**self.made, **{call.id: call.given["request"] for call in creates}}

    def died(self) -> list[str]:
        """Processes of ours that ended by an error that is none of the promised ones."""
        return [line["died"] for process in self._processes.values() for line in process.said if "died" in line]
