"""What must hold on the disk after an operation was cut off, or a call of it failed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from fsjob_core import errors
from fsjob_core.errors import FsJobError
from fsjob_core.host import REAL, Host, Identity
from fsjob_core.layout import LOCK, STAGED, Layout, is_job_id
from fsjob_core.lease.sight import OWNER_ATTRIBUTE
from fsjob_core.store import JobStore

from .acting import Acting, Operation, Step
from .machine import Clock, host_with
from .state import Job, read_job

ROUNDS = 6
"""Rounds within which a doctor must have mended all there is."""
ROUND = 1.1
"""Seconds after which a worker looks again: a job that was handed out is not handed out again for one."""
UNOWNED = 14.0
"""Virtual seconds within which a lock whose owner was not written yet has gone stale."""
BARRED = 75.0
"""The same for a bar that a crash left."""
LITTER = 3700.0
"""The same for what was staged before the machine came up again."""

DONE_ALREADY = (
    errors.AlreadyFulfilled, errors.NotFulfilled, errors.VersionMismatch, errors.JobNotFound, errors.NotAStore,
)  # fmt: skip
"""What a repeated step may say where it was done before the crash."""
IN_THE_WAY = (errors.JobLocked, errors.LockTimeout, errors.LeaseLost)


@dataclass
class Look:
    """One look by a process that comes after: what it finds wrong."""

    operation: Operation
    directory: str
    ids: dict[str, str]
    said: list[dict[str, Any]]
    failed: bool = False
    """Calls failed, and the process that made them lives: what it could not release has to go stale."""
    rebooted: bool = False
    """Power was lost: of those who held something nobody can tell whether they live, they were of another boot."""
    faults: list[str] = field(default_factory=list)
    patience: float = 0.0
    """Virtual seconds for which locks of unknown owners may be in the way."""

    def __post_init__(self) -> None:
        self.clock = Clock()
        self.host = host_with(clock=self.clock)
        if self.rebooted:
            _boot_again(self.host)
        self.layout = Layout(self.directory)
        self.made = {line["made"]: line["request"] for line in self.said if "made" in line}
        self.acknowledged = sum("step" in line for line in self.said)
        self.in_progress: Step | None = None
        if self.acknowledged < len(self.operation.steps):
            self.in_progress = self.operation.steps[self.acknowledged]

    def _store(self) -> JobStore:
        return JobStore(self.directory, durability="process", worker_name="looker", _host=self.host)

    def _must(self, holds: bool, fault: str) -> None:
        if not holds:
            self.faults.append(fault)

    def at(self, look: Callable[[], None]) -> None:
        """Look; what cannot even be read is found wrong, too."""
        try:
            look()
        except (FsJobError, OSError) as error:
            self.faults.append(f"{type(error).__name__}: {error}")

    # ── what was acknowledged is there ──

    def is_there(self) -> None:
        """Every acknowledged step is on the disk, an unknown one wholly or not at all, before any repair."""
        if not os.path.isdir(self.layout.jobs):
            self._must(not self.ids and not self.acknowledged, "the store is gone")
            return
        store = JobStore(self.directory, read_only=True, _host=self.host)
        allowed = self.operation.allowed(self.acknowledged, failed=self.failed, rebooted=self.rebooted)
        for name, job_id in self.ids.items():
            found = read_job(store, job_id)
            wanted = [state.jobs.get(name) for state in allowed]
            self._must(found in wanted, f"job {name} is {found}, not {' or '.join(map(str, wanted))}")
            if found is not None:
                self._links(name, job_id, found)
        self._creates(store)
        paused = store.views.paused() is not None
        self._must(any(state.paused == paused for state in allowed), f"paused is {paused}")

    def _creates(self, store: JobStore) -> None:
        wanted = self.in_progress.creates if self.in_progress is not None else ()
        for job_id in set(_listed(self.layout.jobs)) - set(self.ids.values()):
            if is_job_id(job_id):
                found = read_job(store, job_id)
                whole = found is not None and found.request in (*wanted, *self.made.values()) and found.version == 0
                self._must(whole, f"job {job_id}, which nobody acknowledged, is {found}")
        for job_id, request in self.made.items():
            found = read_job(store, job_id)
            self._must(found == Job(request), f"the acknowledged job {job_id} is {found}")
            self._must(_link(self.layout.pending_link(job_id)) == f"../jobs/{job_id}", f"{job_id} has no pending link")

    def _links(self, name: str, job_id: str, job: Job) -> None:
        """Where nobody finds a job, it is lost; an unknown delete apart."""
        if self.in_progress is not None and name in self.in_progress.deletes:
            return
        layout, text = self.layout, f"../jobs/{job_id}"
        if job.state == 1 and not job.parked:
            self._must(_link(layout.pending_link(job_id)) == text, f"job {name} is pending and has no link")
        if job.parked:
            self._must(_link(layout.parked_link(job_id)) == text, f"job {name} is parked and has no link")
        if job.waiting:
            self._must(_link(layout.waiting_link(job_id)) == text, f"somebody waits for job {name} and no link says so")

    def is_whole(self) -> None:
        """An operation that ended by itself has left its state and nothing else."""
        self.is_there()
        states = self.operation.states()[-1]
        wanted = {
            f"{directory}/{self.ids[name]}"
            for name, job in states.jobs.items()
            for directory, stands in (
                ("jobs", True),
                ("pending", job.state == 1 and not job.parked),
                ("parked", job.parked),
                ("waiting", bool(job.waiting)),
            )
            if stands
        }
        wanted |= {f"{directory}/{job_id}" for job_id in self.made for directory in ("jobs", "pending")}
        found = {
            f"{directory}/{name}"
            for directory in ("jobs", "pending", "parked", "waiting", ".fsjob/tmp")
            for name in _listed(f"{self.directory}/{directory}")
        }
        self._must(found == wanted, f"left over: {sorted(found - wanted)}, missing: {sorted(wanted - found)}")
        self._must(not staged(self.layout), f"staged files are left: {staged(self.layout)}")

    # ── and it goes on ──

    def goes_on(self, *, doctor_first: bool = False) -> None:
        """The operation can be made again without a wait, and a worker gets every job done; the doctor the rest."""
        if doctor_first:
            self._cure()
        self.patience = self._how_patient()
        self._again()
        self._drain()
        self._all_done()
        if hasattr(JobStore, "doctor"):
            self._cure()
            self._drain()
            self._all_done(linked=False)
            self._nothing_is_left()

    def _cure(self) -> None:
        """Have the doctor mend all that it finds, until it finds nothing, once all is too old to be in progress."""
        store = self._store()
        find, mend = getattr(store, "doctor", None), getattr(store, "repair", None)
        if find is None or mend is None:
            return
        self.clock.pass_by(LITTER if self.rebooted else BARRED)
        for _ in range(ROUNDS):
            problems = list(find())
            if not problems:
                return
            for problem in problems:
                mend(problem)
        self.faults.append(f"the doctor does not end: {problems}")

    def _nothing_is_left(self) -> None:
        left = [*locks(self.layout), *staged(self.layout)]
        if not self.failed:  # of a process that lives the doctor cannot know that it has given up
            left += _listed(self.layout.tmp)
        self._must(not left, f"after the doctor this is left: {left}")

    def _how_patient(self) -> float:
        """Locks of the dead are taken at once, where it was written whose they are."""
        patience = 0.0
        for path in locks(self.layout):
            if os.path.islink(path):
                patience += BARRED
            elif self.failed or self.rebooted or self.operation.slow or not _has_owner(path):
                patience += UNOWNED
        return patience

    def _again(self) -> None:
        acting = Acting(self.directory, "process", self.host, self.ids, lambda line: None)
        before = self.clock.waited
        for step in self.operation.steps:
            if not self._make(step, acting):
                break
        acting.release()
        forced = 15.0 if self.operation.slow else 0.0
        waited = self.clock.waited - before
        self._must(waited <= self.patience + forced, f"again: {waited:.1f} s were waited")

    def _make(self, step: Step, acting: Acting) -> bool:
        """Make one step, waiting for locks as long as they may be in the way; says whether there may be a next."""
        ends = self.clock.ahead + self.patience
        while True:
            try:
                return step.run(acting) is not False
            except DONE_ALREADY:
                return True
            except IN_THE_WAY as error:
                if self.clock.ahead > ends:
                    self.faults.append(f"again: {error}")
                    return False
                self.clock.pass_by(ROUND)

    def _drain(self) -> None:
        """A worker and a notifier that come after."""
        store = self._store()
        store.resume()
        ends = self.clock.ahead + self.patience + 3 * ROUND
        while self.clock.ahead < ends and not self._is_done():
            while (work := store.pull_work()) is not None:
                with work:
                    work.fulfill(b"done")
            while (note := store.pull_notification()) is not None:
                note.done(None, note.waiting)
            self.clock.pass_by(ROUND)

    def _open_jobs(self, *, linked: bool = True) -> Iterator[str]:
        """Jobs that are not done. `linked`: one that nobody acknowledged counts only where it can be found."""
        store = JobStore(self.directory, read_only=True, _host=self.host)
        for job_id in _listed(self.layout.jobs):
            if is_job_id(job_id) and (job := read_job(store, job_id)) is not None:
                known = job_id in self.made or job_id in self.ids.values()
                found = os.path.lexists(self.layout.pending_link(job_id)) or not linked
                waits = os.path.lexists(self.layout.parked_link(job_id))  # a park cut off is one that was made
                if job.state == 1 and not waits and (known or found):
                    yield f"job {job_id} is never done: {job}"
                if job.state == 2 and job.waiting:
                    yield f"{job.waiting} are never told of job {job_id}"

    def _is_done(self) -> bool:
        return not list(self._open_jobs(linked=not hasattr(JobStore, "doctor")))

    def _all_done(self, *, linked: bool = True) -> None:
        self.faults += self._open_jobs(linked=linked)


# ── what lies about ──


def _boot_again(host: Host) -> None:
    me = replace(REAL.me, boot="another-boot")

    def alive(other: Identity) -> bool | None:
        return REAL.alive(replace(other, boot=REAL.me.boot)) if other.boot == me.boot else None

    object.__setattr__(host, "me", me)
    object.__setattr__(host, "alive", alive)


def _listed(path: str) -> list[str]:
    return os.listdir(path) if os.path.isdir(path) else []


def _link(path: str) -> str | None:
    return os.readlink(path) if os.path.islink(path) else None


def locks(layout: Layout) -> list[str]:
    """The paths of all locks that stand."""
    return [
        f"{directory}/{name}"
        for directory in (layout.jobs, layout.pending, layout.waiting)
        for name in _listed(directory)
        if name.endswith(LOCK)
    ]


def staged(layout: Layout) -> list[str]:
    """Staged files that lie in job directories."""
    found: Iterable[str] = (f"{layout.jobs}/{job}/{name}" for job in _listed(layout.jobs)
                            for name in _listed(f"{layout.jobs}/{job}"))  # fmt: skip
    return [path for path in found if os.path.basename(path).startswith(STAGED)]


def _has_owner(path: str) -> bool:
    try:
        return bool(os.getxattr(path, OWNER_ATTRIBUTE))
    except OSError:
        return False
