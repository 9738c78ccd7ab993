"""JobStore: create jobs, pull them under a lease, fulfill them, tell those who wait.

What each operation means is what the README of the Node package fs-job-store 1.2.0 says.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO
from weakref import WeakSet

from . import delivery, locks, removal, steps
from .backlog import Backlog
from .careful import CarefulDisk, careful
from .delivery import Notification, Respond
from .errors import InvalidRequest
from .fs import Disk, NotRegular
from .ground import Ground
from .host import REAL, Host
from .journal import Outcome
from .layout import Layout, check_id
from .lease import Lease
from .record import MAX_STATE, JobRecord, Json, dump, parse
from .views import Counts, Entry, LockInfo, Views, WorkerInfo
from .work import WorkLease, accept_work

if TYPE_CHECKING:
    from .doctor import Problem


class JobStore:
    """One job store in a directory.

    `durability` "full" survives loss of power, "process" skips every fsync and survives kill -9 alone. `respond`
    delivers notifications of jobs that this object fulfills. `order` "oldest" or "random" is how work is pulled.
    The directory is made unless `must_exist` (or `read_only`): then NotAStore is raised where it is no store.
    An object may be shared by threads; after a fork the child's use of it is its own.

        >>> import tempfile
        >>> store = JobStore(tempfile.mkdtemp(), durability="process")
        >>> job = store.create({"calculate": "3+3"})
        >>> with store.pull_work() as work:
        ...     work.fulfill(b"6")
        >>> store.read_value(job.id)
        b'6'
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        durability: str = "full",
        respond: Respond | None = None,
        worker_name: str | None = None,
        order: str = "oldest",
        must_exist: bool = False,
        read_only: bool = False,
        _host: Host = REAL,
    ) -> None:
        if durability not in ("full", "process"):
            raise ValueError(f"durability is 'full' or 'process', not {durability!r}")
        if order not in ("oldest", "random"):
            raise ValueError(f"order is 'oldest' or 'random', not {order!r}")
        root = os.path.abspath(os.fspath(directory))
        local = _host.is_local(root)
        if not local:
            _host = careful(_host, root)
        self.host = _host
        self.layout = Layout(root)
        self.respond = respond
        self.worker_name = worker_name or f"{_host.me.host}-{_host.me.pid}"
        disk = (Disk if local else CarefulDisk)(_host, _host.calls, durable=durability == "full")
        self.ground = Ground(_host, self.layout, disk, self.worker_name, read_only, local)
        if must_exist or read_only:
            self.ground.require_store()
        else:
            self.ground.make_root()
        self.views = Views(_host, self.layout)
        self._order = order
        self._begin_pulling()

    def _begin_pulling(self) -> None:
        """Know nothing of what was pulled before: at the start, and in the child of a fork."""
        self._work = Backlog(self.ground, "work", order=self._order)
        self._notifications = Backlog(self.ground, "notification", order=self._order)
        self._due_notifications = Backlog(self.ground, "notification", order=self._order)
        self._pulling = self.host.mutex()
        self.host.services.setdefault(_Stores, _Stores()).add(self)

    @property
    def directory(self) -> str:
        """The store's directory, absolute."""
        return self.layout.root

    @property
    def read_only(self) -> bool:
        """Whether it was opened to look only."""
        return self.ground.read_only

    # ── create and change ──

    def create(self, request: Json) -> JobRecord:
        """Make a pending job. Returns once it is durable. Raises InvalidRequest, OSError.

            >>> store.create({"calculate": "3+3"}).request
            {'calculate': '3+3'}
        """
        job = steps.create(self.ground, request)
        self._work.made(job.id)
        return job

    def create_many(self, requests: Iterable[Json]) -> Iterator[JobRecord]:
        """Make jobs lazily, in durable batches: each is yielded once it is durable.

            >>> [job.request for job in store.create_many({"n": n} for n in range(3))]
            [{'n': 0}, {'n': 1}, {'n': 2}]
        """
        return steps.create_many(self.ground, requests)

    def update(self, job_id: str, version: int, request: Json) -> JobRecord:
        """Replace the request of a pending job. Raises VersionMismatch, AlreadyFulfilled, JobNotFound.

            >>> job = store.create({"w": 640})
            >>> store.update(job.id, version=0, request={"w": 320}).version
            1
        """
        return steps.update(self.ground, check_id(job_id), version, request)

    def fulfill(self, job_id: str, value: steps.Value, version: int | None = None) -> None:
        """Give a job its value: bytes, text (kept as UTF-8) or a binary file. The first one stays.

        Raises AlreadyFulfilled, VersionMismatch (where a version is given), JobNotFound, LockTimeout.

            >>> job = store.create({"calculate": "3+3"})
            >>> store.fulfill(job.id, "6")
            >>> store.fulfill(job.id, "7")
            Traceback (most recent call last):
            fsjob_core.errors.AlreadyFulfilled: job ... is fulfilled already; its value stays
        """
        self.flush_after(steps.fulfill(self.ground, check_id(job_id), value, version=version))

    def requeue(self, job_id: str) -> JobRecord:
        """Put a fulfilled or parked job back to pending, one version up. Raises JobLocked, JobNotFound.

            >>> job = store.create({"calculate": "3+3"})
            >>> store.fulfill(job.id, "7")
            >>> again = store.requeue(job.id)
            >>> (again.version, again.fulfilled)
            (1, False)
        """
        return steps.requeue(self.ground, check_id(job_id))

    def park(self, job_id: str, reason: str = "") -> JobRecord:
        """Give a pending job up until it is requeued. Raises JobLocked, AlreadyFulfilled, JobNotFound.

        VersionMismatch where it is parked already: the first reason stays.

            >>> job = store.create({"font": "none"})
            >>> store.park(job.id, "waits for the font").ours["parked"]["reason"]
            'waits for the font'
            >>> store.pull_work() is None
            True
        """
        return steps.park(self.ground, check_id(job_id), reason)

    def delete(self, job_id: str) -> None:
        """Move a job into the trash, `.fsjob/trash/`. Raises JobLocked, JobNotFound.

            >>> job = store.create(1)
            >>> store.delete(job.id)
            >>> store.counts().pending
            0
        """
        removal.delete(self.ground, check_id(job_id))

    def purge(self, older_than: float) -> int:
        """Remove for good what was fulfilled, or lies in the trash, for longer than so many seconds; how many.

        Raises OSError where some could not be removed, the first of them, once all others are.

            >>> store.fulfill(store.create(1).id, "done")
            >>> store.purge(older_than=86400)
            0
        """
        purged = removal.purge(self.ground, older_than)
        if purged.first is not None:
            raise purged.first
        return purged.count

    # ── notifications ──

    def queue(self, job_id: str, target: Json) -> None:
        """Have a target told of the job's value once there is one. Raises JobNotFound, InvalidRequest.

            >>> job = store.create(1)
            >>> store.queue(job.id, {"mail": "ops@example.org"})
            >>> store.get(job.id).waiting
            [{'mail': 'ops@example.org'}]
        """
        self.flush_after(steps.queue(self.ground, check_id(job_id), target))

    def unqueue(self, job_id: str, target: Json) -> None:
        """Take a target off the waiting list; nothing happens where it is not on it.

            >>> job = store.create(1)
            >>> store.queue(job.id, "ops")
            >>> store.unqueue(job.id, "ops")
            >>> store.get(job.id).waiting
            []
        """
        self.unqueue_all(job_id, [target])

    def unqueue_all(self, job_id: str, targets: Sequence[Json]) -> None:
        """Take the first match of each target off the waiting list.

            >>> job = store.create(1)
            >>> for target in ("a", "b", "c"):
            ...     store.queue(job.id, target)
            >>> store.unqueue_all(job.id, ["a", "c"])
            >>> store.get(job.id).waiting
            ['b']
        """
        steps.unqueue(self.ground, check_id(job_id), targets)

    def flush(self, job_id: str) -> None:
        """Deliver to the targets of a fulfilled job now, through `respond(target, Fulfillment)`.

            >>> job = store.create(1)
            >>> store.queue(job.id, "ops")
            >>> store.fulfill(job.id, "6")
            >>> store.respond = lambda target, fulfillment: print(target, "is told", fulfillment.value)
            >>> store.flush(job.id)
            ops is told b'6'
        """
        if self.respond is not None:
            self.ground.ready()
            delivery.flush(self.ground, check_id(job_id), self.respond)

    def flush_after(self, record: JobRecord) -> None:
        """Deliver after a step that fulfilled a job or found it so; never raises for a delivery."""
        if self.respond is not None and record.fulfilled and record.waiting:
            delivery.flush_quietly(self.ground, record.id, self.respond)

    def pull_notification(self) -> Notification | None:
        """Take the right to tell the targets of one fulfilled job; None where nobody waits.

            >>> job = store.create(1)
            >>> store.queue(job.id, "ops")
            >>> store.fulfill(job.id, "6")
            >>> note = store.pull_notification()
            >>> (note.value, note.waiting)
            (b'6', ['ops'])
            >>> note.done(None, note.waiting)
        """
        self.ground.ready()
        with self._pulling:
            return self._notifications.take_next(lambda lease: delivery.accept_notification(self.ground, lease))

    def pull_due_notification(
        self, among: Iterable[str] | None = None, seconds: float = math.inf
    ) -> Notification | None:
        """The same for notifiers, who go by the tries that are kept on the jobs: only where a target is due.

        `among`: look only at these jobs, and at those that are due by now; then nothing is listed.
        """
        self.ground.ready()
        with self._pulling:
            backlog = self._due_notifications
            accept = functools.partial(delivery.accept_due, self.ground)
            return backlog.take_next(accept, seconds) if among is None else backlog.take_ready(accept, among)

    def next_notification_due(self) -> float | None:
        """When the first target that waits for its next try is due (seconds since 1970), as of the last such pull."""
        with self._pulling:
            return self._due_notifications.next_due()

    def notification_pull_is_unfinished(self) -> bool:
        """Whether the last such pull gave None for its `seconds` were up."""
        return self._due_notifications.unfinished

    def tell_again(self, job_id: str, targets: Sequence[Json] | None = None) -> Sequence[Json]:
        """Have targets that wait told anew, as if never tried: these, or all that notifiers have given up.

        Gives those of them that wait. Raises JobNotFound, LockTimeout.

            >>> job = store.create(1)
            >>> store.queue(job.id, "ops")
            >>> store.tell_again(job.id, ["ops", "nobody"])
            ['ops']
        """
        return steps.tell_again(self.ground, check_id(job_id), targets)

    # ── work ──

    def pull_work(self, among: Iterable[str] | None = None, seconds: float = math.inf) -> WorkLease | None:
        """Take the oldest pending job that nobody works on; None where there is none, or the store is paused.

        `among`: look only at these jobs, and at those whose next try is due by now; then nothing is listed.
        `seconds`: look no longer than that, and go on from there the next time.

            >>> job = store.create({"calculate": "3+3"})
            >>> with store.pull_work() as work:
            ...     work.fulfill(str(eval(work.request["calculate"])))
            >>> store.pull_work() is None
            True
        """
        self.ground.ready()
        if self.ground.disk.exists(self.layout.paused):
            return None
        with self._pulling:
            if among is not None:
                return self._work.take_ready(self._accept_work, among)
            return self._work.take_next(self._accept_work, seconds)

    def _accept_work(self, lease: Lease) -> WorkLease:
        parked_too = lease.place.id in self._work.parked_too
        return accept_work(self.ground, lease, self.flush_after, parked_too=parked_too)

    pull_job = pull_work

    def next_due(self) -> float | None:
        """When the first job that waits for its next try is due (seconds since 1970), as of the last pull."""
        with self._pulling:
            return self._work.next_due()

    def pull_is_unfinished(self) -> bool:
        """Whether the last pull gave None for its `seconds` were up."""
        return self._work.unfinished

    def put_off(self, job_id: str, seconds: float) -> None:
        """Have this object pull a job, or its notification, not again for so many seconds.

            >>> job = store.create(1)
            >>> store.put_off(job.id, 60)
            >>> store.pull_work() is None
            True
        """
        with self._pulling:
            for backlog in (self._work, self._notifications, self._due_notifications):
                backlog.put_off(job_id, seconds)

    def pause(self, reason: str = "") -> None:
        """Have no worker of ours pull any more; Node's go on.

            >>> job = store.create(1)
            >>> store.pause("a disk is replaced")
            >>> store.pull_work() is None
            True
            >>> store.resume()
            >>> with store.pull_work() as work:
            ...     work.id == job.id
            True
        """
        self.ground.ready()
        scratch = self.layout.staging(self.host.tagged_token())
        self.ground.disk.replace(self.layout.paused, reason.encode("utf-8", "replace") + b"\n", scratch)

    def resume(self) -> None:
        """End a pause."""
        self.ground.ready()
        self.ground.disk.remove(self.layout.paused)
        self.ground.disk.sync_directory(self.layout.own)

    def label(self, name: str | None = None, klass: str | None = None) -> None:
        """Give the store a name or a class; "" takes it away, None leaves it. Further members of the file stay.

        Raises InvalidRequest where store.json holds something else: it is left as it is.

            >>> store.label("thumbnails", "staging")
            >>> store.views.label().name
            'thumbnails'
        """
        self.ground.ready()
        members = self._about()
        for member, value in (("name", name), ("class", klass)):
            if value is not None:
                members[member] = value
        scratch = self.layout.staging(self.host.tagged_token())
        self.ground.disk.replace(self.layout.about, dump(members, "the label") + b"\n", scratch)

    def _about(self) -> dict[str, Json]:
        path = self.layout.about
        try:
            found = parse(self.ground.disk.read(path, MAX_STATE).decode("utf-8"))
        except FileNotFoundError:
            return {}
        except (ValueError, NotRegular) as error:
            raise InvalidRequest(f"{path} cannot be used, mend it or move it away: {error}") from None
        if not isinstance(found, dict):
            raise InvalidRequest(f"{path} holds no JSON object: mend it or move it away")
        return found

    # ── locks ──

    def locks(self) -> Sequence[LockInfo]:
        """Every lock in the store, with its owner, verdict and the proof of it.

            >>> job = store.create(1)
            >>> with store.pull_work() as work:
            ...     [(lock.kind, lock.verdict.value) for lock in store.locks()]
            [('work', 'live')]
        """
        return self.views.locks()

    def break_lock(
        self,
        lock: LockInfo,
        force: bool = False,
        *,
        park: bool = False,
        who: str = "",
        wait: Callable[[float], bool] | None = None,
    ) -> Outcome:
        """Remove a lock whose holder is dead, stale or holds it for nothing; raises JobLocked for a live one.

        `force` bars a live lock for seven seconds, so that its holder is told, and then frees or parks the job. `park`
        parks the job of a work lock that was released, too.
        `wait` is called about five times a second with the seconds left; with it, a lock that is not yet known
        to be stale is watched until it is, unless `wait` returns True.
        """
        if force:
            return locks.take_away(self.ground, lock, who or self.worker_name, park=park, wait=wait)
        released = locks.release(self.ground, lock, wait=wait)
        if park and released.done and lock.kind == "work":
            steps.park(self.ground, lock.id, f"released by {who or self.worker_name}")
            return Outcome(True, f"{released.what}, and the job is parked", lock.id)
        return released

    # ── the doctor ──

    def doctor(self) -> Iterator[Problem]:
        """Every state that a crash, a foreign tool or a defect of Node's left, lazily. Changes nothing.

            >>> list(store.doctor())
            []
        """
        from .doctor import find  # the doctor is seldom called, and a command is to start fast

        return find(self.ground, self.views)

    def repair(self, problem: Problem, force: bool = False) -> Outcome:
        """Mend a problem that `doctor` found, if it still is one; what was in the way goes into the trash.

        What is not `problem.automatic` is left for an operator unless `force` is given. May watch a lock for ten
        seconds, or wait 25 for one.
        """
        from .doctor import repair

        return repair(self.ground, self.views, problem, force=force)

    # ── reading ──

    def get(self, job_id: str) -> JobRecord:
        """A job as its state.json has it. Raises JobNotFound, CorruptJob, InvalidJobId.

            >>> store.get(store.create({"w": 640}).id).request
            {'w': 640}
        """
        return self.ground.read(job_id)[1]

    def open_value(self, job_id: str) -> BinaryIO:
        """The value of a fulfilled job as a binary file. Raises NotFulfilled, JobNotFound.

            >>> job = store.create(1)
            >>> store.fulfill(job.id, "0123456789")
            >>> with store.open_value(job.id) as value:
            ...     value.read(4)
            b'0123'
        """
        return delivery.open_value(self.ground, check_id(job_id))

    def read_value(self, job_id: str) -> bytes:
        """The value of a fulfilled job. Raises NotFulfilled, JobNotFound.

            >>> job = store.create(1)
            >>> store.fulfill(job.id, b"6")
            >>> store.read_value(job.id)
            b'6'
        """
        return delivery.read_value(self.ground, check_id(job_id))

    def counts(self) -> Counts:
        """How many jobs are pending, locked, waiting, fulfilled, parked.

            >>> job = store.create(1)
            >>> store.counts().pending
            1
        """
        return self.views.counts()

    def list(self, view: str) -> Iterator[Entry] | Iterator[LockInfo]:
        """The entries of a view, lazily; `list("locked")` is `locks()`.

            >>> job = store.create(1)
            >>> [entry.id == job.id for entry in store.list("pending")]
            [True]
        """
        return iter(self.locks()) if view == "locked" else self.views.entries(view)

    def workers(self) -> Sequence[WorkerInfo]:
        """Workers that are signed in, and those seen by their locks alone."""
        return self.views.workers()

    def why(self, job_id: str) -> str:
        """One sentence: why is this job not done?

            >>> store.why(store.create(1).id)
            'pending 0 s: no worker is signed in (Node workers are seen only while they hold a lock)'
        """
        return self.views.why(check_id(job_id))


class _Stores(WeakSet[JobStore]):
    """The stores of a process."""

    def abandon(self) -> None:
        """In the child of a fork: a thread that was pulling is not there to free its mutex, or to end its listing."""
        for store in self:
            store._begin_pulling()
