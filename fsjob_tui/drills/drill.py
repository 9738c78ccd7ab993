"""What a drill is. A new one is a subclass in a file of its own, and its name in the table and in `NAMES`."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, ClassVar

from fsjob_core import JobStore
from fsjob_core.errors import FsJobError
from fsjob_core.operator import Operator

from ..shift import Shift

SETTLED = ("parked", "fulfilled", "missing")
"""States of a job on which nobody works any more."""
PATIENCE = 60.0
"""Seconds within which its trouble must have come about."""


class CannotBeMade(FsJobError):
    """The trouble cannot be made on this machine; the message says why."""


class Drill:
    """One trouble: how it is made, what is left of it, and what a good answer is. It is in a store of its own."""

    name: ClassVar[str]
    trouble: ClassVar[str]
    """What somebody who is called finds."""
    answer: ClassVar[str]
    """What a good answer was."""
    steady: ClassVar[float] = 1.0
    """Seconds for which nothing must be left of it before it counts as solved."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.ended = threading.Event()
        self.shift = Shift(directory)

    def begin(self) -> None:
        """Make the store, and the trouble in it. Raises CannotBeMade."""
        self.prepare()
        self.store = JobStore(self.directory, durability="process", worker_name="drill")
        Operator(self.store, "drill", via="demo").label(f"drill {self.name}")
        self.make()

    def prepare(self) -> None:
        """What must be there before the store is."""
        os.mkdir(self.directory)

    def make(self) -> None:
        """Make the trouble."""
        raise NotImplementedError

    def left(self) -> str:
        """What is left of the trouble, in a few words, by a look at the store itself; empty where nothing is."""
        raise NotImplementedError

    def tend(self) -> None:
        """Go on with what makes the trouble; called several times a second until the end."""

    def stop(self) -> None:
        """End every process of it."""
        self.ended.set()
        self.shift.stop()

    def remove(self) -> None:
        """Leave nothing of it, nor the folder around it if there is nothing else in it."""
        shutil.rmtree(self.directory, ignore_errors=True)
        with suppress(OSError):
            os.rmdir(os.path.dirname(self.directory))

    # ── what most of them need ──

    def create(self, requests: Iterable[Mapping[str, Any]]) -> list[str]:
        """Make jobs; gives their ids."""
        return [job.id for job in self.store.create_many(map(dict, requests))]

    def state_of(self, job_id: str) -> str:
        """The state of a job; "" while somebody holds its lock, or its dead holder does."""
        detail = self.store.views.detail(job_id)
        return "" if any(lock.kind == "work" for lock in detail.locks) else detail.state

    def until(self, true: Callable[[], object]) -> None:
        """Wait until something is true. Raises CannotBeMade where that takes a minute."""
        began = time.monotonic()
        while not true() and not self.ended.wait(0.05):
            if time.monotonic() - began > PATIENCE:
                raise CannotBeMade(f"the trouble of the drill {self.name} did not come about within a minute")
