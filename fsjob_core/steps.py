"""The operations on one job, each in the order of steps that survives kill -9 and loss of power at any instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import BinaryIO

from .change import Change, Known, Proof
from .errors import AlreadyFulfilled, InvalidRequest, Unsettled, VersionMismatch
from .ground import STATE_LOCK_WAIT, Ground
from .lease import Bar, Lease
from .ledger import Tries, begun_anew, given_up, only_of_those_who_wait, wanted_anew, with_tries
from .record import PENDING, Ids, JobRecord, Json, dump, same_json, without

BATCH = 256
"""Jobs that share one sync of each directory when many are created."""
BATCH_SECONDS = 0.5
"""Seconds after which a batch is made durable although it is not full."""

Value = bytes | bytearray | memoryview | str | BinaryIO

Keep = Callable[[Change], None]
"""Called under the job's locks once its new state is prepared, before anything that shows is changed: writes down
what the act replaces, so that it can be undone. What it raises ends the act with nothing changed."""
KeepMade = Callable[[Sequence[Known]], None]
"""The same for jobs that are about to be made."""
TellMade = Callable[[Sequence[JobRecord]], None]
"""Called with the jobs of a batch once they are pending, also where nobody takes them any more."""


def _nobody(_: Sequence[JobRecord]) -> None:
    """Who does not want to be told."""


# ── create ──


def create(ground: Ground, request: Json, *, like: str = "", keep: KeepMade | None = None) -> JobRecord:
    """One new job, durable when this returns; `like`: the job that its request was taken from."""
    ground.ready()
    return next(_make(ground, [_new(ground, request, like)], keep))


def create_many(
    ground: Ground, requests: Iterable[Json], *, keep: KeepMade | None = None, tell: TellMade = _nobody
) -> Iterator[JobRecord]:
    """New jobs in batches; a job is yielded once it is durable."""
    ground.ready()
    batch: list[Known] = []
    began = ground.host.monotonic()
    try:
        for request in requests:
            batch.append(_new(ground, request))
            if len(batch) >= BATCH or ground.host.monotonic() - began > BATCH_SECONDS:
                full, batch = batch, []  # what could not be synced is not synced again and acknowledged
                yield from _make(ground, full, keep, tell)
                began = ground.host.monotonic()
    except Exception as error:  # of the caller's iterable, or a refused request: what came before it is made
        yield from _make(ground, batch, keep, tell)
        raise error
    except BaseException:
        for _ in _make(ground, batch, keep, tell):
            pass
        raise
    yield from _make(ground, batch, keep, tell)


def _new(ground: Ground, request: Json, like: str = "") -> Known:
    record = JobRecord(Ids.of(ground.host).new(), request)
    if like:
        record = record.with_ours(like=like)
    return record.to_bytes(), record


def _make(
    ground: Ground, batch: list[Known], keep: KeepMade | None, tell: TellMade = _nobody
) -> Iterator[JobRecord]:
    """Settle the jobs of a batch, make them durable together, and only then give them out."""
    if keep is not None and batch:
        keep(batch)
    made: list[JobRecord] = []
    failure = None
    try:
        for data, record in batch:
            _settle(ground, record.id, data)
            made.append(record)
    except Exception as error:  # a full disk: what was settled is made
        failure = error
    except BaseException:
        _link(ground, made)
        tell(made)
        raise
    _link(ground, made)
    tell(made)
    yield from made
    if failure is not None:
        raise failure


def _link(ground: Ground, made: list[JobRecord]) -> None:
    if made:
        ground.disk.sync_directory(ground.layout.jobs)
        for record in made:
            ground.disk.link(ground.layout.link_text(record.id), ground.layout.pending_link(record.id))
        ground.disk.sync_directory(ground.layout.pending)


def _settle(ground: Ground, job_id: str, data: bytes) -> None:
    """Stage a job's directory and rename it into `jobs/`: whole, or not there."""
    disk, layout = ground.disk, ground.layout
    staging = layout.staging(ground.host.tagged_token())
    disk.make_directory(staging)
    try:
        disk.write_new(f"{staging}/state.json", data)
        disk.sync_directory(staging)
        disk.move(staging, layout.job(job_id))
    except Unsettled:  # if it was renamed, a path of the client's memory still leads into the job
        raise
    except BaseException:
        disk.discard(f"{staging}/state.json")
        with suppress(OSError):
            disk.calls.rmdir(staging)
        raise


# ── fulfill ──


def fulfill(
    ground: Ground,
    job_id: str,
    value: Value,
    *,
    version: int | None = None,
    leases: Sequence[Lease] = (),
    known: Known | None = None,
) -> JobRecord:
    """Give a job its value; the first one wins. Raises AlreadyFulfilled, VersionMismatch, LeaseLost."""
    ground.ready()
    content = _content(value)
    layout = ground.layout
    with Change(ground, job_id, leases=leases, value=True, known=known) as change:
        record = change.record
        if version is not None and record.version != version:
            raise VersionMismatch(f"job {job_id} is at version {record.version}, not {version}: look at it again")
        if record.state != PENDING:
            ground.make_last(job_id)
            change.unlink(layout.pending_link(job_id))
            raise AlreadyFulfilled(f"job {job_id} is fulfilled already; its value stays")
        change.put_value(content)
        finished = ground.host.time() if record.number("started") else None
        change.commit(record.as_fulfilled().with_ours(parked=None, not_before=None, pause=None, finished=finished))
        change.unlink(layout.pending_link(job_id))
        change.unlink(layout.parked_link(job_id), if_there=True)
        return change.record


def _content(value: Value) -> bytes | BinaryIO:
    if isinstance(value, str):
        try:
            return value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise InvalidRequest(f"the value is no UTF-8 text: {error}; give bytes") from None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if not hasattr(value, "read"):
        raise InvalidRequest(f"a value is bytes, text or a binary file, not {type(value).__name__}")
    return value


# ── who is to be told ──


def queue(ground: Ground, job_id: str, target: Json) -> JobRecord:
    """Put a target on the waiting list. The link stands before the list names it."""
    ground.ready()
    dump(target, "the target")
    with Change(ground, job_id) as change:
        record = begun_anew(change.record, target)  # who queues it again wants it told
        change.prepare(replace(record, waiting=[*record.waiting, target]))
        ground.disk.link(ground.layout.link_text(job_id), ground.layout.waiting_link(job_id))
        ground.disk.sync_directory(ground.layout.waiting)
        change.commit_prepared()
        return change.record


def unqueue(
    ground: Ground, job_id: str, targets: Sequence[Json], *, leases: Sequence[Lease] = (), keep: Keep | None = None
) -> JobRecord:
    """Take the first match of each target off the waiting list; what is not on it is passed over.

    Who has told them (`leases`) commits although they are off already: the undo of whoever took them off sees that
    something has happened since, and does not have them told again.
    """
    ground.ready()
    with Change(ground, job_id, leases=leases) as change:
        left = without(change.record.waiting, list(targets))
        if leases or len(left) < len(change.record.waiting):
            change.prepare(only_of_those_who_wait(replace(change.record, waiting=left)))
            if keep is not None:
                keep(change)
            change.commit_prepared()
        else:  # somebody else has taken them off, and may have been killed before his sync
            ground.make_last(job_id)
        if not left:  # only once the list is durable
            change.unlink(ground.layout.waiting_link(job_id))
        return change.record


def settle(ground: Ground, job_id: str, lease: Lease, told: Sequence[Json], tries: Sequence[Tries]) -> JobRecord:
    """Record a round of a notifier: who was told is taken off the list, of the others the tries are kept.

    Not of whom somebody wanted told anew meanwhile.
    """
    with Change(ground, job_id, leases=[lease]) as change:
        record = change.record
        for entry in tries:
            if entry.anew in (None, wanted_anew(record)):
                record = with_tries(record, entry)
        left = without(record.waiting, list(told))
        change.commit(only_of_those_who_wait(replace(record, waiting=left)))
        if not left:  # only once the list is durable
            change.unlink(ground.layout.waiting_link(job_id))
        return change.record


def tell_again(ground: Ground, job_id: str, targets: Sequence[Json] | None = None) -> list[Json]:
    """Have targets that wait told anew, as if never tried: these, or all that were given up; gives those that wait."""
    ground.ready()
    with Change(ground, job_id) as change:
        record = change.record
        wanted = given_up(record) if targets is None else targets
        found = [target for target in wanted if any(same_json(one, target) for one in record.waiting)]
        for target in found:
            record = begun_anew(record, target)
        if found:
            change.commit(record)
        return found


# ── change the request, run again, give up ──


def update(ground: Ground, job_id: str, version: int, request: Json, *, keep: Keep | None = None) -> JobRecord:
    """Replace the request of a pending job. Raises VersionMismatch, AlreadyFulfilled."""
    ground.ready()
    dump(request)
    with Change(ground, job_id) as change:
        record = change.record
        if record.state != PENDING:
            raise AlreadyFulfilled(f"job {job_id} is fulfilled; its request is not changed any more")
        if record.version != version:
            raise VersionMismatch(f"job {job_id} is at version {record.version}, not {version}: look at it again")
        change.prepare(replace(record, request=request, version=version + 1))
        if keep is not None:
            keep(change)
        change.commit_prepared()
        return change.record


@contextmanager
def holding(ground: Ground, job_id: str, *kinds: str) -> Iterator[list[Lease]]:
    """Hold locks of a job, in the order given. Raises JobLocked, which says who has one."""
    with ExitStack() as held:
        leases = []
        for kind in kinds:
            lease = ground.lock(kind, job_id, STATE_LOCK_WAIT if kind == "state" else 0.0)
            held.callback(lease.release)
            leases.append(lease)
        yield leases


def requeue(
    ground: Ground, job_id: str, *, version: int | None = None, only_parked: bool = False, keep: Keep | None = None
) -> JobRecord:
    """Put a fulfilled or parked job back to pending, one version up. Raises JobLocked.

    With `only_parked` not one that has a value, or is pending, by now; with `version` only one that is at it still:
    AlreadyFulfilled, VersionMismatch. The value stays on the disk: it means nothing while the state is 1, and
    unlinking it destroyed a later one.
    """
    ground.ready()
    ground.require_job(job_id)
    layout = ground.layout
    with holding(ground, job_id, "work", "notification") as leases, Change(ground, job_id, leases=leases) as change:
        record = change.record
        _require_unchanged(ground, record, version, only_parked)
        again = replace(record, state=PENDING, version=record.version + 1)
        again = again.with_ours(tries=None, anew=None)  # a new value to tell
        change.prepare(
            again.with_ours(attempts=None, started=None, finished=None, not_before=None, pause=None, parked=None)
        )
        if keep is not None:
            keep(change)
        ground.disk.link(layout.link_text(job_id), layout.pending_link(job_id))
        ground.disk.sync_directory(layout.pending)
        change.commit_prepared()
        change.unlink(layout.parked_link(job_id))  # where it is left, the pull that takes the job removes it
        return change.record


def _require_unchanged(ground: Ground, record: JobRecord, version: int | None, only_parked: bool) -> None:
    if only_parked and record.state != PENDING:
        raise AlreadyFulfilled(f"job {record.id} is fulfilled by now; it is not run again")
    if version is not None and record.version != version:
        raise VersionMismatch(f"job {record.id} is at version {record.version}, not {version}: look at it again")
    if only_parked and not ground.disk.exists(ground.layout.parked_link(record.id)):
        raise VersionMismatch(f"job {record.id} is not parked any more")


def park(
    ground: Ground,
    job_id: str,
    reason: str,
    *,
    lease: Lease | None = None,
    bar: Bar | None = None,
    keep: Keep | None = None,
) -> JobRecord:
    """Give a pending job up until an operator says otherwise. Raises JobLocked, AlreadyFulfilled.

    VersionMismatch where it is parked already, for why it was would be lost.
    `lease`: the work lease of the caller. `bar`: the caller's bar, which stands at the work lock instead.
    """
    ground.ready()
    ground.require_job(job_id)
    layout = ground.layout
    with ExitStack() as held:
        right: Sequence[Proof] = [proof for proof in (lease, bar) if proof is not None]
        right = right or held.enter_context(holding(ground, job_id, "work"))
        change = held.enter_context(Change(ground, job_id, leases=right))
        if change.record.state != PENDING:
            raise AlreadyFulfilled(f"job {job_id} is fulfilled: there is nothing to park")
        if _is_parked_whole(ground, change.record):
            raise VersionMismatch(f"job {job_id} is parked already: it stays so, and why")
        parked = {"at": ground.host.time(), "reason": reason}
        change.prepare(change.record.with_ours(parked=parked, not_before=None, pause=None))
        if keep is not None:
            keep(change)
        ground.disk.link(layout.link_text(job_id), layout.parked_link(job_id))
        ground.disk.sync_directory(layout.parked)
        change.commit_prepared()
        change.unlink(layout.pending_link(job_id))
        return change.record


def _is_parked_whole(ground: Ground, record: JobRecord) -> bool:
    """Whether a park has come to its end; one that was cut off is done anew."""
    layout, exists = ground.layout, ground.disk.exists
    linked = record.is_parked and exists(layout.parked_link(record.id))
    return bool(linked) and not exists(layout.pending_link(record.id))


# ── what worker loops record ──


def begin(ground: Ground, job_id: str, lease: Lease, known: Known) -> Known:
    """Count an attempt before it starts: a job that kills its worker must still be parked one day.

    The count may be lost with the power; the job must not be, so the new state is synced before it is renamed.
    """
    with Change(ground, job_id, leases=[lease], known=known) as change:
        if change.record.state != PENDING:
            raise AlreadyFulfilled(f"job {job_id} is fulfilled already")
        attempts = int(change.record.number("attempts")) + 1
        # the pause is over: one that a clock has set a day ahead must not begin again if this worker is killed
        begun = change.record.with_ours(attempts=attempts, started=ground.host.time(), not_before=None, pause=None)
        change.commit(begun, last=False)
        return change.data, change.record


def give_back(ground: Ground, job_id: str, lease: Lease) -> JobRecord:
    """Uncount an attempt that was cut short for no fault of its own."""
    with Change(ground, job_id, leases=[lease]) as change:
        if change.record.state == PENDING:
            attempts = int(change.record.number("attempts")) - 1
            change.commit(change.record.with_ours(attempts=attempts if attempts > 0 else None))
        return change.record


def fail(ground: Ground, job_id: str, lease: Lease, error: str, retry_in: float) -> JobRecord:
    """Record why an attempt failed, and from when on the job may be tried again."""
    with Change(ground, job_id, leases=[lease]) as change:
        if change.record.state == PENDING:
            due = ground.host.time() + retry_in
            why = {"last_error": error, "failed_on": ground.worker}
            change.commit(change.record.with_ours(**why, not_before=due, pause=retry_in))
        return change.record
