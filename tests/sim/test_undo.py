"""Acts of a person and their undo in simulated worlds: kills, stops, power cuts, and workers beside them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from fsjob_core.errors import FsJobError, JobLocked
from fsjob_core.journal import Outcome
from fsjob_core.operator import Operator
from fsjob_core.record import JobRecord
from fsjob_core.store import JobStore

from ..conftest import scale
from .memfs import WORLDS, MemFs, WorldKind
from .oracle import Oracle, Violation, lookup, read, read_record
from .scenarios import Plan, Run
from .sched import STRATEGIES, Event

BASE = int(os.environ.get("FSJOB_SEED", "1"))
HERE, GONE, UNKNOWN = "here", "gone", "unknown"


@dataclass
class UndoOracle(Oracle):
    """Knows besides where each job must be, and that versions only go up."""

    places: dict[str, str] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def place(self, job_id: str) -> str:
        return self.places.get(job_id, HERE)

    def _check_job(self, fs: MemFs, job_id: str, request: Any) -> None:
        here = lookup(fs, self.layout.job(job_id)) is not None
        names = [name for name in fs.listdir(self.layout.trash) if name.startswith(f"{job_id}.")]
        in_trash = [read(fs, f"{self.layout.in_trash(name)}/state.json") for name in names]
        place = self.place(job_id)
        if not here and not any(in_trash):
            raise Violation(f"job {job_id} ({place}) is neither in jobs/ nor whole in the trash")
        if place == UNKNOWN:
            return
        if here != (place == HERE):
            raise Violation(f"job {job_id} must be {place}")
        if place == GONE:
            return
        record = read_record(fs, self.layout, job_id)
        if record.request["n"] != request["n"]:
            raise Violation(f"job {job_id} has the request of another")
        if record.version < self.versions.get(job_id, 0):
            raise Violation(f"job {job_id} is at version {record.version}, and was at {self.versions[job_id]}")
        super()._check_job(fs, job_id, record.request)

    def _check_value(self, fs: MemFs, record: JobRecord) -> None:
        """An undo brings back a state 2 under a higher version, with the value that was given to a lower one."""
        value = read(fs, self.layout.value(record.id))
        given: set[bytes] = set().union(
            *(
                values
                for (job_id, version), values in self.given.items()
                if job_id == record.id and version <= record.version
            )
        )
        if value is None or value not in given:
            raise Violation(f"job {record.id} is fulfilled with {value!r:.60}, which nobody gave to it")


class UndoRun(Run):
    """People who act and undo, instead of programs that requeue and park."""

    oracle: UndoOracle
    undone = 0

    def _set_up(self) -> None:
        super()._set_up()
        self.oracle = UndoOracle(self.oracle.layout, created=self.oracle.created)

    def _start_all(self) -> None:
        for _ in range(self.plan.workers):
            self._start_worker()
        for number in range(3):
            self._start(f"person-{number}", partial(self._act_and_undo, who=f"person-{number}"))

    def _act_and_undo(self, store: JobStore, who: str) -> None:
        operator = Operator(store, who)
        for number in range(self.plan.requeues):
            store.host.wait(Event(), self.random.random() * 6)
            self._act(operator, number)
            store.host.wait(Event(), self.random.random() * 2)
            if self.random.random() < 0.7:
                self._undo(operator)

    def _act(self, operator: Operator, number: int) -> None:
        here = sorted(job_id for job_id in self.oracle.created if self.oracle.place(job_id) == HERE)
        act = self.random.choice(("create", "requeue", "requeue", "park", "edit", "delete", "delete"))
        if act == "create" or not here:
            self._created(operator, number)
            return
        job_id = self.random.choice(here)
        if act == "delete":
            self._moved(job_id, lambda: operator.delete(job_id), GONE)
        elif act == "edit":
            record = self._try(lambda: operator.store.get(job_id))
            if record is not None:
                new = {**record.request, "edited": number}
                self._told(self._try(lambda: operator.edit(job_id, record.version, new)), job_id, operator)
        else:
            self._told(self._try(lambda: getattr(operator, act)(job_id)), job_id, operator)

    def _created(self, operator: Operator, number: int) -> None:
        job = self._try(lambda: operator.create({"n": 100 + number}))
        if job is not None:
            self.oracle.created[job.id] = job.request

    def _told(self, outcome: Outcome | None, job_id: str, operator: Operator) -> None:
        """Acknowledged: what version it left, or a younger one, is on the disk."""
        if outcome is not None and outcome.done and "version " in outcome.what:
            version = int(outcome.what.rpartition("version ")[2])
            self.oracle.versions[job_id] = max(self.oracle.versions.get(job_id, 0), version)

    def _moved(self, job_id: str, act: Callable[[], Outcome], to: str) -> None:
        before, self.oracle.places[job_id] = self.oracle.place(job_id), UNKNOWN
        try:
            outcome = act()
        except JobLocked:
            self.oracle.places[job_id] = before
        except (FsJobError, OSError):
            pass
        else:
            if outcome.done:
                self.oracle.places[job_id] = to

    def _undo(self, operator: Operator) -> None:
        group = self._try(operator.last)
        if group is None:
            return
        (kept,) = group.first.jobs
        moves = kept.act in ("create", "delete")
        before = self.oracle.place(kept.id)
        if moves:
            self.oracle.places[kept.id] = UNKNOWN
        outcomes = self._try(lambda: operator.undo(group)) or []
        for outcome in outcomes:
            if outcome.done:
                self.undone += 1
                if moves:
                    self.oracle.places[kept.id] = HERE if kept.act == "delete" else GONE
                else:
                    self._told(outcome, kept.id, operator)
            elif moves and "held" in outcome.what:
                self.oracle.places[kept.id] = before

    def _all_done(self) -> bool:
        layout, fs = self.oracle.layout, self.world.fs
        return all(
            read_record(fs, layout, job_id).fulfilled or lookup(fs, layout.parked_link(job_id)) is not None
            for job_id in self.oracle.created
            if self.oracle.place(job_id) == HERE
        )


PLANS = {
    "killed": Plan(jobs=2, workers=1, requeues=6, kill=0.0005, stop=0.0, fault_seconds=60.0),
    "stopped": Plan(jobs=2, workers=2, requeues=6, kill=0.0, stop=0.0015, fault_seconds=200.0),
    "quiet": Plan(jobs=2, workers=1, requeues=8, kill=0.0, stop=0.0, fault_seconds=60.0),
}


def play(name: str, strategy: str, seed: int, world: WorldKind) -> UndoRun:
    run = UndoRun(PLANS[name], strategy, seed, world)
    try:
        run.play()
    except BaseException as error:
        last = "\n".join(f"  {at:11.5f} {actor:24} {what}" for actor, what, at in run.world.hub.trace[-60:])
        raise AssertionError(f"{type(error).__name__}: {error}\n{name}:{strategy}:{seed}:{world}\n{last}") from error
    return run


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", sorted(PLANS))
def test_no_job_is_lost_and_no_version_comes_back(name: str, world: WorldKind) -> None:
    undone = cuts = 0
    for strategy in sorted(STRATEGIES):
        first = zlib.crc32(f"undo{name}{strategy}{world}{BASE}".encode())
        for seed in range(first, first + scale(3, 1000)):
            run = play(name, strategy, seed, world)
            undone, cuts = undone + run.undone, cuts + run.figures.cuts
    assert undone, "the scenario does something"
    print(f"\nsim: undo {name} {world}: {undone} undone, {cuts} power cuts")
