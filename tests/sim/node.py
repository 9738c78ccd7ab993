"""The Node package fs-job-store 1.2.0, call by call: one more process beside ours, with all its faults.

What the package does in parallel is done here in an order chosen at random. It syncs nothing. An operation whose
lock is compromised stops where it is and cleans up nothing: `Aborted`; a process that does not catch what Node then
throws ends, and runs `exit`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fsjob_core.record import same_json

from .nodeprocess import Aborted, Ends, Process, Task
from .properlock import Failure, Lock, NodeError

__all__ = ["Aborted", "Job", "Node", "NodeError", "Notification"]

RESOLVING, FULFILLED = 1, 2
REFUSALS = (OSError, NodeError, ValueError)
"""What the package hands to a callback: errors of calls, its own, and those of JSON."""


@dataclass(eq=False, slots=True)
class Job:
    """A job that was pulled."""

    id: str
    version: int
    request: Any
    lock: Lock
    compromised: bool = False

    def lose(self, error: Failure) -> None:
        """`oncompromised`."""
        self.compromised = True


@dataclass(eq=False, slots=True)
class Notification:
    """A notification that was pulled."""

    id: str
    waiting: list[Any]
    value: bytes
    lock: Lock
    compromised: bool = False

    def lose(self, error: Failure) -> None:
        """`oncompromised`."""
        self.compromised = True


class Node(Process):
    """The package's operations, in blocking style; each raises what the callback would get."""

    # ── making and changing jobs ──

    def create(self, request: Any) -> str:
        """The link first, then the directory."""
        task = Task()
        job_id = f"job-{self._word()}"
        job, link = self.path("jobs", job_id), self.path("pending", job_id)
        with suppress(OSError):
            self.do(task, "stat", job)
        self.make(task, self.path("pending"))
        lock = self.locks.lock(link, task.abort)
        task.go_on()
        self.do(task, "symlink", job, link)
        task.locks.append(lock)
        made = False

        def leave() -> None:
            self.locks.remove(lock)
            if not made:
                self.calls.unlink(link)

        task.cleanup.append(leave)
        try:
            staged = self.stage(task, remove=False)
            state = {"version": 0, "state": RESOLVING, "waiting": [], "request": request}
            self.write_state(task, f"{staged}/state.json", state)
            try:
                self.do(task, "rename", staged, job)
            except FileNotFoundError:
                self.make(task, self.path("jobs"))
                self.do(task, "rename", staged, job)
            made = True
        except (OSError, NodeError):
            self.finish(task)
            raise
        self.finish(task)
        return job_id

    def update(self, job_id: str, version: int, request: Any) -> None:
        with Ends(self, task := Task()):
            self.lock(task, self.path("jobs", job_id))
            state = self.state(task, job_id)
            if state["state"] != RESOLVING:
                task.cleanup.append(lambda: self.calls.unlink(self.path("pending", job_id)))
                raise NodeError("already resolved")
            if state["version"] != version:
                raise NodeError("version mismatch")
            state["version"] += 1
            state["request"] = request
            staged = self.stage(task)
            self.write_state(task, f"{staged}/state.json", state)
            self.do(task, "rename", f"{staged}/state.json", f"{self.path('jobs', job_id)}/state.json")

    def fulfill(self, job_id: str, value: bytes) -> None:
        """Unlinks `pending/ID` in parallel with the release of the state lock."""
        state: dict[str, Any] = {}
        job = self.path("jobs", job_id)
        try:
            with Ends(self, task := Task()):
                self.lock(task, job)
                state = self.state(task, job_id)
                if state["state"] != RESOLVING:
                    task.cleanup.append(lambda: self.calls.unlink(self.path("pending", job_id)))
                    raise NodeError("already resolved")
                state["state"] = FULFILLED
                staged = self.stage(task)
                self.write(task, f"{staged}/value", value)
                self.write_state(task, f"{staged}/state.json", state)
                self.do(task, "rename", f"{staged}/value", f"{job}/value")
                self.do(task, "rename", f"{staged}/state.json", f"{job}/state.json")
                task.cleanup.append(lambda: self.calls.unlink(self.path("pending", job_id)))
        except REFUSALS:
            if state.get("waiting"):
                self.flush(job_id)
            raise
        if state["waiting"]:
            self.flush(job_id)

    # ── pulling ──

    def pull_job(self) -> Job:
        """Raises NodeError where nothing is free, after 15 s for each job that is locked."""
        task = Task()
        lock: Lock | None = None
        for job_id in self._shuffled(task, "pending"):
            try:
                lock = self.locks.lock(self.path("pending", job_id), task.abort)
            except NodeError:
                continue
            task.go_on()
            try:
                self.do(task, "stat", self.path("pending", job_id))
                self.do(task, "stat", self.path("jobs", job_id))
            except OSError:  # the lock stays, and is beaten as long as the process lives
                lock = None
                continue
            break
        if lock is None:
            raise NodeError("nothing to pull")
        try:
            state = self.state(task, job_id)
        except (OSError, ValueError):
            self._unlock([lock])
            raise
        job = Job(job_id, state["version"], state["request"], lock)
        lock.compromised = job.lose
        return job

    def release(self, job: Job) -> None:
        """Remove the lock of a job, whoever holds it by now."""
        self.locks.unlock(job.lock)

    def _shuffled(self, task: Task, part: str) -> list[str]:
        names = [name for name in self.do(task, "listdir", self.path(part)) if not name.endswith(".lock")]
        self.random.shuffle(names)
        return names

    # ── telling ──

    def queue(self, job_id: str, target: Any) -> None:
        job = self.path("jobs", job_id)
        try:
            with Ends(self, task := Task()):
                self.lock(task, job)
                state = self.state(task, job_id)
                staged = self.stage(task)
                state["waiting"].append(target)
                self.make(task, self.path("waiting"))
                with suppress(FileExistsError):
                    self.do(task, "symlink", job, self.path("waiting", job_id))
                self.write_state(task, f"{staged}/state.json", state)
                self.do(task, "rename", f"{staged}/state.json", f"{job}/state.json")
        except REFUSALS:
            self.flush(job_id)
            raise
        self.flush(job_id)

    def unqueue(self, job_id: str, targets: list[Any]) -> None:
        """State lock, then notification lock; the link goes before the list is empty on the disk."""
        with Ends(self, task := Task()):
            self.lock(task, self.path("jobs", job_id))
            self.lock(task, self.path("waiting", job_id))
            state = self.state(task, job_id)
            waiting, before = state["waiting"], len(state["waiting"])
            for target in targets:
                found = next((at for at, other in enumerate(waiting) if same_json(other, target)), None)
                if found is not None:
                    del waiting[found]
            if len(waiting) == before:
                return
            staged = self.stage(task)
            if not waiting:
                self.do(task, "unlink", self.path("waiting", job_id))
            self.write_state(task, f"{staged}/state.json", state)
            self.do(task, "rename", f"{staged}/state.json", f"{self.path('jobs', job_id)}/state.json")

    def flush(self, job_id: str) -> None:
        """Tell everybody under the state lock, and take nobody off: the list of the told is unqueued as one target."""
        told: list[Any] = []
        fulfilled = False
        with suppress(*REFUSALS), Ends(self, task := Task()):
            self.lock(task, self.path("jobs", job_id))
            state = self.state(task, job_id)
            if state["state"] == FULFILLED:
                fulfilled = True
                value = self.read(task, f"{self.path('jobs', job_id)}/value")
                for target in state["waiting"] if self.respond is not None else ():
                    assert self.respond is not None
                    if self.respond(target, job_id, value):
                        told.append(target)
        if fulfilled:
            with suppress(*REFUSALS):
                self.unqueue(job_id, [told])

    def pull_notification(self) -> Notification | None:
        """Leaks the lock of each unfulfilled job that it looks at, but the last one's where it finds nothing."""
        task = Task()
        last: list[Lock] = []
        try:
            for job_id in self._shuffled(task, "waiting"):
                with suppress(NodeError):
                    last[:] = [self.locks.lock(self.path("waiting", job_id), task.abort)]
                    task.go_on()
                    state = self.state(task, job_id)
                    if state["state"] == FULFILLED:
                        value = self.read(task, f"{self.path('jobs', job_id)}/value")
                        note = Notification(job_id, state["waiting"], value, last.pop())
                        note.lock.compromised = note.lose
                        return note
        except REFUSALS:
            self._unlock(last)
            raise
        self._unlock(last)
        return None

    def _unlock(self, locks: list[Lock]) -> None:
        for lock in locks:
            with suppress(OSError):
                self.locks.unlock(lock)

    def done(self, note: Notification, told: list[Any]) -> None:
        """Releases first, and takes off who was told afterwards."""
        self._unlock([note.lock])
        self.unqueue(note.id, told)
