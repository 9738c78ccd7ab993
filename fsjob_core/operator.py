"""The acts of a person: judged again when they are done, read back from the disk, and kept in the audit log.

The command line and the console act through an Operator alone, so read-only and guarded stores are enforced here.
Programs that use JobStore are not audited.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from .errors import FsJobError, ReadOnly
from .journal import Outcome, append_audit
from .record import JobRecord, Json
from .steps import Value
from .store import JobStore
from .views import LockInfo

if TYPE_CHECKING:
    from .doctor import Problem

Wait = Callable[[float], bool]


class Operator:
    """Somebody who acts on a store: `who` (the account's name by default), `via` "shell" or "console".

    A guarded store (class "prod") is only changed with `write`. Every act raises FsJobError, whose message is one
    line that says what is wrong and what to do, or OSError, which names the path.
    """

    def __init__(self, store: JobStore, who: str = "", *, via: str = "shell", write: bool = False) -> None:
        self.store = store
        self.who = who or _account()
        self.via = via
        self.write = write

    @property
    def writable(self) -> str | None:
        """None where acts are allowed, else one sentence that says why they are not."""
        if self.store.read_only:
            return f"{self.store.directory} was opened read-only"
        if not self.write and self.store.views.label().guarded:
            return f"{self.store.directory} is guarded: open writing with W in the console, --write in the shell"
        return None

    # ── jobs ──

    def create(self, request: Json) -> JobRecord:
        """Make a job."""
        made: list[JobRecord] = []

        def act() -> Outcome:
            made.append(self.store.create(request))
            return Outcome(True, f"job {made[0].id} is pending", made[0].id)

        self._do("create", "", act)
        return made[0]

    def create_many(self, requests: Iterable[Json]) -> Iterator[JobRecord]:
        """Make jobs lazily, in durable batches; one audit line counts them when it ends, however it ends."""
        self._allowed()
        count, first = 0, ""
        try:
            for job in self.store.create_many(requests):
                count, first = count + 1, first or job.id
                yield job
        finally:
            if count:
                self._audit("create", Outcome(True, f"{count} jobs are pending, {first} the first", first), {})

    def fulfill(self, job_id: str, value: Value) -> Outcome:
        """Give a job its value by hand. Raises AlreadyFulfilled, JobNotFound."""

        def act() -> Outcome:
            self.store.fulfill(job_id, value)
            done = self.store.get(job_id).fulfilled
            return Outcome(done, f"job {job_id} is {'fulfilled' if done else 'pending again'}", job_id)

        return self._do("fulfill", job_id, act)

    def requeue(self, job_id: str) -> Outcome:
        """Put a fulfilled or parked job back to pending. Raises JobLocked, which says whose lock stands."""

        def act() -> Outcome:
            self.store.requeue(job_id)
            record = self.store.get(job_id)
            state = "fulfilled already" if record.fulfilled else "pending"
            return Outcome(True, f"job {job_id} is {state}, version {record.version}", job_id)

        return self._do("requeue", job_id, act)

    def park(self, job_id: str, reason: str = "") -> Outcome:
        """Give a pending job up until it is run again. Raises JobLocked."""

        def act() -> Outcome:
            self.store.park(job_id, reason or f"by {self.who}")
            parked = self.store.ground.disk.exists(self.store.layout.parked_link(job_id))
            return Outcome(parked, f"job {job_id} is {'parked' if parked else 'not parked any more'}", job_id)

        return self._do("park", job_id, act, reason=reason)

    def queue(self, job_id: str, target: Json) -> Outcome:
        """Have a target told of the job's value."""

        def act() -> Outcome:
            self.store.queue(job_id, target)
            return Outcome(True, f"{len(self.store.get(job_id).waiting)} targets wait for job {job_id}", job_id)

        return self._do("queue", job_id, act, target=target)

    def unqueue(self, job_id: str, target: Json) -> Outcome:
        """Take a target off a job's waiting list."""

        def act() -> Outcome:
            before = len(self.store.get(job_id).waiting)
            self.store.unqueue(job_id, target)
            left = len(self.store.get(job_id).waiting)
            return Outcome(left < before, f"{left} targets wait for job {job_id}", job_id)

        return self._do("unqueue", job_id, act, target=target)

    # ── locks ──

    def release(self, lock: LockInfo, *, park: bool = False, wait: Wait | None = None) -> Outcome:
        """Release a dead, stale or leaked lock; with `park` the job is parked as well. Raises JobLocked.

        With `wait` a lock that is not yet known to be stale is watched for up to ten seconds: it is called about
        five times a second with the seconds left, and gives up by returning True.
        """

        def act() -> Outcome:
            outcome = self.store.break_lock(lock, wait=wait)
            if park and outcome.done:
                self.store.park(lock.id, f"by {self.who}")
                outcome = Outcome(True, f"{outcome.what}, and the job is parked", lock.id)
            return outcome

        return self._do("release", lock.id, act, kind=lock.kind, token=lock.token)

    def take_away(self, lock: LockInfo, *, park: bool = False, wait: Wait | None = None) -> Outcome:
        """Bar and tell: take a live lock away within seven seconds. Raises JobLocked where it has changed hands."""

        def act() -> Outcome:
            return self.store.break_lock(lock, force=True, park=park, who=self.who, wait=wait)

        return self._do("take away", lock.id, act, kind=lock.kind, token=lock.token)

    # ── the doctor ──

    def repair(self, problem: Problem, *, force: bool = False) -> Outcome:
        """Mend a problem that the doctor found; with `force` one that is left for an operator, too."""

        def act() -> Outcome:
            return self.store.repair(problem, force)

        return self._do("repair", problem.id, act, kind=problem.kind, path=problem.path)

    # ── the store ──

    def pause(self, reason: str = "") -> Outcome:
        """Have no worker of ours pull any more."""

        def act() -> Outcome:
            self.store.pause(reason or f"by {self.who}")
            return Outcome(True, "the store is paused: no worker of ours pulls, Node's go on")

        return self._do("pause", "", act, reason=reason)

    def resume(self) -> Outcome:
        """End a pause."""

        def act() -> Outcome:
            self.store.resume()
            return Outcome(True, "the store is not paused any more")

        return self._do("resume", "", act)

    # ── what every act goes through ──

    def _allowed(self) -> None:
        why_not = self.writable
        if why_not is not None:
            raise ReadOnly(f"{why_not}; nothing was changed")

    def _do(self, name: str, job_id: str, act: Callable[[], Outcome], **details: object) -> Outcome:
        self._allowed()
        try:
            outcome = act()
        except FsJobError as error:
            self._audit_refusal(name, Outcome(False, str(error), job_id), details)
            raise
        self._audit(name, outcome, details)
        return outcome

    def _audit_refusal(self, name: str, outcome: Outcome, details: dict[str, object]) -> None:
        if self.store.ground.disk.exists(self.store.layout.own):  # a refusal makes nothing in a store of Node's
            self._audit(name, outcome, details)

    def _audit(self, name: str, outcome: Outcome, details: dict[str, object]) -> None:
        store = self.store
        append_audit(
            store.ground.disk, store.layout, who=self.who, via=self.via, act=name, outcome=outcome, details=details
        )


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        return "unknown"
