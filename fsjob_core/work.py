"""A job under its work lease: what `pull_work` returns."""

from __future__ import annotations

import math
from collections.abc import Callable

from . import steps
from .backlog import PassOver, read_candidate
from .change import Known, unlink_left_over
from .ground import Ground
from .held import Held
from .lease import Lease
from .ledger import AHEAD
from .record import PENDING, JobRecord, Json

CLOCKS_APART = 1800.0
"""Seconds by which a host's clock and its file system's are never apart: a pause is told by both."""


class WorkLease(Held):
    """Exclusive work on one job until `release`, as long as the lock is kept fresh, which a thread does.

    A handler that keeps the interpreter's lock for eight seconds loses its lease. Use it as a context manager, or
    call `release` in any case, fulfilled or not.
    """

    def __init__(self, ground: Ground, lease: Lease, known: Known, after: Callable[[JobRecord], None]) -> None:
        super().__init__(ground, lease)
        self._after = after
        self._known = known

    @property
    def record(self) -> JobRecord:
        """The job as it was read last."""
        return self._known[1]

    @property
    def request(self) -> Json:
        """What is to be done: any JSON value."""
        return self.record.request

    @property
    def version(self) -> int:
        """How often the request was changed or run again; `fulfill` refuses if that has changed."""
        return self.record.version

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1 on, once `begin` was called; before, how many there were."""
        return int(self.record.number("attempts"))

    def fulfill(self, value: steps.Value) -> None:
        """Give the job its value, then flush. Raises LeaseLost, AlreadyFulfilled, VersionMismatch."""
        known, version = self._known, self.record.version
        record = steps.fulfill(self._ground, self.id, value, version=version, leases=[self._lease], known=known)
        self._after(record)

    def begin(self) -> None:
        """Record, before the work starts, that an attempt was made. For worker loops."""
        self._known = steps.begin(self._ground, self.id, self._lease, self._known)

    def fail(self, error: str, retry_in: float) -> None:
        """Record why the attempt failed; the job is not handed out again for `retry_in` seconds."""
        steps.fail(self._ground, self.id, self._lease, error, retry_in)

    def give_back(self) -> None:
        """Record that the attempt was cut short and does not count: its worker was told to end."""
        steps.give_back(self._ground, self.id, self._lease)

    def park(self, reason: str) -> None:
        """Give the job up: nobody works on it until an operator runs it again."""
        steps.park(self._ground, self.id, reason, lease=self._lease)

    def prove(self) -> None:
        """Raise LeaseLost unless the lock is still ours, as of now."""
        self._lease.require()


def accept_work(
    ground: Ground, lease: Lease, after: Callable[[JobRecord], None], *, parked_too: bool = False
) -> WorkLease:
    """Make of a work lock a job to work on; `after` is called once it is fulfilled. Raises PassOver.

    `parked_too`: the job has a link in `parked/` as well, and its state tells which of the two was meant.
    """
    job_id = lease.place.id
    known = read_candidate(ground, job_id)
    record = known[1]
    if record.state != PENDING:
        _unlink_fulfilled(ground, lease)
        raise PassOver
    if record.is_parked:
        raise PassOver(math.inf)
    if record.number("not_before") > ground.host.time() and not _clock_went_back(ground, record):
        raise PassOver(record.number("not_before"))
    if parked_too:
        _unlink_parked(ground, lease)
    return WorkLease(ground, lease, known, after)


def _clock_went_back(ground: Ground, record: JobRecord) -> bool:
    """Whether the job was written at a time that is yet to come: then its next try would be as far away.

    Or while the clock was set back: then its next try is later than its writing and the pause explain.
    """
    try:
        written = ground.disk.calls.lstat(ground.layout.state(record.id)).st_mtime
    except FileNotFoundError:
        return False
    explained = written + record.number("pause") + CLOCKS_APART
    return written - ground.host.time() > AHEAD or ("pause" in record.ours and record.number("not_before") > explained)


def _unlink_fulfilled(ground: Ground, lease: Lease) -> None:
    link = ground.layout.pending_link(lease.place.id)
    unlink_left_over(ground, lease, link, lambda record: record.fulfilled)


def _unlink_parked(ground: Ground, lease: Lease) -> None:
    link = ground.layout.parked_link(lease.place.id)
    unlink_left_over(ground, lease, link, lambda record: not record.is_parked)
