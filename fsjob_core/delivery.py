"""Telling those who wait: notifications that are pulled, and the flush that a store does itself."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import BinaryIO, NamedTuple

from . import steps
from .backlog import PassOver, read_candidate
from .careful import Patience
from .change import Change, unlink_left_over
from .errors import FsJobError, JobLocked, NotFulfilled, named
from .fs import NotRegular
from .ground import Ground
from .held import Held
from .lease import Lease
from .ledger import Tries, due_targets, entry_of, next_due, read_ledger
from .record import JobRecord, Json, same_json, without

_log = logging.getLogger("fsjob")


def open_value(ground: Ground, job_id: str) -> BinaryIO:
    """The value of a fulfilled job as a binary file. Raises NotFulfilled, JobNotFound."""
    version = _fulfilled_version(ground, job_id)
    try:
        while True:
            file = ground.disk.open_file(ground.layout.value(job_id))
            try:
                again = _fulfilled_version(ground, job_id)
            except BaseException:
                file.close()
                raise
            if again == version:
                return file
            file.close()  # run again meanwhile: it may be the value of a worker that has not committed it yet
            version = again
    except FileNotFoundError:
        raise NotFulfilled(f"job {job_id} is fulfilled, but its value is missing; run it again") from None
    except NotRegular as error:
        raise NotFulfilled(f"job {job_id}: {error}") from None


def _fulfilled_version(ground: Ground, job_id: str) -> int:
    record = ground.read(job_id)[1]
    if not record.fulfilled:
        raise NotFulfilled(f"job {job_id} is not fulfilled: there is no value yet")
    return record.version


def read_value(ground: Ground, job_id: str) -> bytes:
    """The value of a fulfilled job. Raises NotFulfilled, JobNotFound."""
    patience = None
    while True:
        with open_value(ground, job_id) as file:
            try:
                value = file.read()
            except OSError as error:
                raise named(error, ground.layout.value(job_id)) from None
        if not ground.host.careful or not value or value.strip(b"\0"):
            return value
        patience = patience or Patience(ground.host)  # JuiceFS shows a file as zeros while it is replaced
        if not patience.again():
            return value


class Fulfillment(NamedTuple):
    """What a target is told: which job, and its value."""

    id: str
    value: bytes


Respond = Callable[[Json, Fulfillment], object]
"""`respond(target, fulfillment)`: delivers; raising means that this target was not told."""


class Notification(Held):
    """Exclusive right to tell the targets of one fulfilled job, until `done`."""

    def __init__(self, ground: Ground, lease: Lease, record: JobRecord) -> None:
        super().__init__(ground, lease)
        self._record = record
        self._value: bytes | None = None

    @property
    def record(self) -> JobRecord:
        """The job as it was read last."""
        return self._record

    @property
    def waiting(self) -> list[Json]:
        """The targets to be told, any JSON values."""
        return self._record.waiting

    @property
    def value(self) -> bytes:
        """The job's value, read when first asked for."""
        if self._value is None:
            self._value = read_value(self._ground, self.id)
        return self._value

    def open_value(self) -> BinaryIO:
        """The job's value as a binary file: for values that are large."""
        return open_value(self._ground, self.id)

    def done(self, error: object = None, delivered: Sequence[Json] = ()) -> None:
        """Take the delivered targets off the list, then release. `error` is ignored, as the format's README says.

        Raises LeaseLost; the targets then stay on the list.
        """
        try:
            if delivered:
                steps.unqueue(self._ground, self.id, delivered, leases=[self._lease])
        finally:
            self._lease.release()

    # ── what notifiers record ──

    def due_targets(self) -> list[Json]:
        """The targets to be told now by the ledger on the job, those never tried first; reads the job again.

        As a change that changes nothing: who could not be taken off the list would be told again and again.
        """
        with Change(self._ground, self.id, leases=[self._lease]) as change:
            self._record = change.record
            change.prepare(change.record)  # a full disk says so before anybody is told
        return due_targets(self._record, self._ground.host.time()) if self._record.fulfilled else []

    def tries(self, target: Json) -> int:
        """How often it was tried in vain to tell a target."""
        entry = entry_of(read_ledger(self._record), target)
        return entry.count if entry else 0

    def still_waits(self, target: Json) -> bool:
        """Whether a target is on the list still; reads the job, not under its lock."""
        record = self._ground.read(self.id)[1]
        return any(same_json(target, one) for one in record.waiting)

    def settle(self, told: Sequence[Json], failed: Sequence[Tries] = ()) -> None:
        """Take who was told off the list, and keep the tries of those who could not be. Raises LeaseLost."""
        self._record = steps.settle(self._ground, self.id, self._lease, told, failed)


def accept_due(ground: Ground, lease: Lease) -> Notification:
    """Like `accept_notification`, but only where a target is due by the ledger on the job. Raises PassOver."""
    note = accept_notification(ground, lease)
    now = ground.host.time()
    due = next_due(note.record, now)
    if due > now:
        raise PassOver(due)
    return note


def accept_notification(ground: Ground, lease: Lease) -> Notification:
    """Make of a notification lock something to deliver. Raises PassOver where there is nothing."""
    job_id = lease.place.id
    _, record = read_candidate(ground, job_id)
    if not record.fulfilled:
        raise PassOver(math.inf)  # once it is, its state has changed
    if not record.waiting:
        link = ground.layout.waiting_link(job_id)  # with an empty list Node hands it out for ever
        unlink_left_over(ground, lease, link, lambda record: not record.waiting)
        raise PassOver
    ground.make_last(job_id)
    return Notification(ground, lease, record)


def flush(ground: Ground, job_id: str, respond: Respond) -> None:
    """Deliver to every target of a fulfilled job; who was told is taken off the list.

    A target for which `respond` raises stays on the list, for a notifier. Does nothing where somebody else holds
    the notification lock, or the job is not fulfilled.
    """
    with suppress(JobLocked):
        lease = ground.lock("notification", job_id)
        try:
            _deliver(ground, lease, respond)
        finally:
            lease.release()


def _deliver(ground: Ground, lease: Lease, respond: Respond) -> None:
    job_id = lease.place.id
    tried: list[Json] = []
    value: bytes | None = None
    while True:
        _, record = ground.read(job_id)
        fresh = without(record.waiting, tried) if record.fulfilled else []
        if not fresh:  # also looks for targets that came while others were told
            return
        if value is None:
            ground.make_last(job_id)
            value = read_value(ground, job_id)
        told = [target for target in fresh if _tell(lease, respond, target, Fulfillment(job_id, value))]
        tried += [target for target in fresh if not any(same_json(target, one) for one in told)]
        if told:
            steps.unqueue(ground, job_id, told, leases=[lease])


def _tell(lease: Lease, respond: Respond, target: Json, fulfillment: Fulfillment) -> bool:
    lease.require()
    try:
        respond(target, fulfillment)
    except Exception as error:  # somebody else's code: this target was not told, the others are
        _log.warning("job %s: telling %.200r failed: %s", fulfillment.id, target, error)
        return False
    return True


def flush_quietly(ground: Ground, job_id: str, respond: Respond) -> None:
    """The flush after a fulfill or a queue, whose own success does not depend on it."""
    try:
        flush(ground, job_id, respond)
    except (FsJobError, OSError) as error:
        _log.warning("job %s: its notifications are left for later: %s", job_id, error)
