"""Undoing an act of a person: a job is judged again under its own locks, and put back where nothing has changed.

Versions only go up: what an act had raised by one is put back another one up, so that no version means two things
and nobody who pulled one in between can fulfill it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace

from .change import Change
from .errors import CorruptJob, FsJobError, GuardBusy, JobNotFound
from .ground import Ground
from .journal import Entry, Journal, Kept, Left, Outcome
from .layout import SIDES
from .lease import Lease
from .record import PENDING, JobRecord, from_bytes, same_json
from .removal import delete
from .steps import holding

WORDS = {
    "create": "create",
    "requeue": "run again",
    "park": "park",
    "edit": "edit",
    "unqueue": "unqueue",
    "delete": "delete",
}
"""Every act that can be undone, as it is called."""
_LOCKS = {"requeue": ("work", "notification"), "park": ("work",), "edit": (), "unqueue": ()}
"""The locks that each act takes before the state lock: its undo takes the same."""
_MOVES = ("requeue", "park")
"""Acts that change whether a job is pending, parked or fulfilled."""
_RAISES = ("requeue", "edit")
"""Acts that raise the version."""


class ChangedSince(FsJobError):
    """Something has changed since the act, so that it is not undone; the message says what."""


def undo(ground: Ground, journal: Journal, entry: Entry, kept: Kept) -> Outcome:
    """Put back what one act replaced on one job. Raises ChangedSince; JobLocked and the like, where it may do later."""
    ground.ready()
    if kept.act == "create":
        return _undo_create(ground, journal, entry, kept)
    if kept.act == "delete":
        return _undo_delete(ground, kept)
    if kept.act in _LOCKS:
        return _put_back(ground, journal, entry, kept)
    raise ChangedSince(f"{kept.act!r:.40} is no act that can be undone")


# ── acts that committed a new state ──


def _put_back(ground: Ground, journal: Journal, entry: Entry, kept: Kept) -> Outcome:
    job_id = kept.id
    try:
        old = from_bytes(job_id, kept.old.encode("utf-8", "surrogatepass"))
    except CorruptJob as error:
        raise ChangedSince(f"what the {WORDS[kept.act]} replaced cannot be read: {error}") from None
    try:
        with (
            holding(ground, job_id, *_LOCKS[kept.act]) as leases,
            Change(ground, job_id, leases=leases) as change,
        ):
            now = Left.of(ground.disk.marks(ground.layout.state(job_id)), change.data)
            if now in kept.left:
                _require_value(ground, kept)
                _restore(ground, journal, entry, kept, change, old)
            elif _is_as_before(ground, kept, change.record, old):
                return Outcome(True, f"job {job_id} is as it was before the {WORDS[kept.act]}", job_id)
            else:
                raise ChangedSince(_what_changed(kept, old, change.record))
    except JobNotFound:
        raise ChangedSince(f"job {job_id} is not there any more: nothing was put back") from None
    return _read_back(ground, kept, change.record)


def _restore(
    ground: Ground, journal: Journal, entry: Entry, kept: Kept, change: Change, old: JobRecord
) -> None:
    """Commit what was there, between the links that it wants and those that it does not, as the acts do."""
    version = change.record.version
    change.prepare(replace(old, version=version if version == old.version else version + 1))
    older = journal.before(entry, kept.id)
    if older is not None and kept.found in older.jobs[0].left:
        journal.also_left(older, Left.of(*change.to_come))
    wanted = {"waiting"} if old.waiting else set()
    if kept.act in _MOVES and old.state == PENDING:
        wanted.add("parked" if _was_parked(kept, old) else "pending")
    elif kept.act in _MOVES:
        ground.make_last(kept.id)  # no state 2 without its value
    _link(ground, kept.id, sorted(wanted))
    change.commit_prepared()
    unwanted = {"pending", "parked"} - wanted if kept.act in _MOVES else set()
    for name in sorted(unwanted):
        change.unlink(ground.layout.link(name, kept.id))


def _was_parked(kept: Kept, record: JobRecord) -> bool:
    """Whether a job that was not fulfilled was parked: its state says so, or it was linked in `parked/` alone.

    Linked in both, a park or a requeue, or the undo of one, had been cut off.
    """
    return record.is_parked or ("parked" in kept.links and "pending" not in kept.links)


def _link(ground: Ground, job_id: str, names: Iterable[str]) -> None:
    for name in names:
        path = ground.layout.link(name, job_id)
        ground.disk.link(ground.layout.link_text(job_id), path)
        ground.disk.sync_directory(os.path.dirname(path))


def _require_value(ground: Ground, kept: Kept) -> None:
    if not _has_its_value(ground, kept):
        raise ChangedSince(f"job {kept.id}: a worker has written another value since; it stays pending")


def _has_its_value(ground: Ground, kept: Kept) -> bool:
    if kept.act != "requeue" or kept.value is None:
        return True
    return ground.disk.marks(ground.layout.value(kept.id)) == kept.value


def _is_as_before(ground: Ground, kept: Kept, record: JobRecord, old: JobRecord) -> bool:
    """Whether nothing is to be put back: somebody was killed before the act, or after it was undone."""
    versions = (old.version, old.version + 2) if kept.act in _RAISES else (old.version,)
    undone_before_it = len(kept.left) > 1  # the versions of younger acts and their undo count, too
    if record.version not in versions and not (undone_before_it and record.version > old.version):
        return False
    same = replace(record, version=old.version).to_bytes() == old.to_bytes()
    return same and _has_its_value(ground, kept)


def _what_changed(kept: Kept, old: JobRecord, now: JobRecord) -> str:
    expected = old.version + (kept.act in _RAISES)
    tried = 0 if kept.act == "requeue" else old.number("attempts")
    if now.fulfilled and (not old.fulfilled or kept.act == "requeue"):
        what = "it was fulfilled since"
    elif now.version > expected:
        what = f"it is at version {now.version} by now, edited or run again since"
    elif kept.act == "park" and not now.is_parked:
        what = "it is not parked any more"
    elif kept.act != "park" and now.is_parked and not (kept.act != "requeue" and old.is_parked):
        what = "it was parked since"
    elif now.number("attempts") > tried:
        what = "a worker has tried it since"
    elif kept.act == "unqueue" or not same_json(now.waiting, old.waiting):
        what = "its waiting list has changed since"
    else:
        what = "its state was written anew since"
    return f"job {kept.id}: {what}; the {WORDS[kept.act]} was not undone"


def waiting_for(job_id: str, count: int) -> str:
    """How many targets wait for a job, in words."""
    return f"{count:,} {'target waits' if count == 1 else 'targets wait'} for job {job_id}"


def _read_back(ground: Ground, kept: Kept, left: JobRecord) -> Outcome:
    try:
        _, record = ground.read(kept.id)
        parked = ground.disk.exists(ground.layout.parked_link(kept.id))
    except (FsJobError, OSError):  # it is put back all the same
        record, parked = left, left.is_parked
    if kept.act == "unqueue":
        what = f"{waiting_for(kept.id, len(record.waiting))} again"
    elif kept.act == "edit":
        what = f"job {kept.id} has its request of before, version {record.version}"
    else:
        state = "fulfilled" if record.fulfilled else "parked" if parked else "pending"
        what = f"job {kept.id} is {state} again, version {record.version}"
    return Outcome(True, what, kept.id)


# ── create and delete ──


def _undo_create(ground: Ground, journal: Journal, entry: Entry, kept: Kept) -> Outcome:
    """Delete a job that nobody has touched since it was made; it goes to the trash.

    Acts on it that were undone have raised its version, and so has who ran it again: by its value that stands, or by
    what the journal has, it is seen to be wanted.
    """

    def judge(name: str) -> None:
        _, record = ground.read(kept.id)
        made = Left.of(kept.left[0].marks, replace(record, version=0).to_bytes()) if kept.left else None
        if made in kept.left and (
            ground.disk.exists(ground.layout.value(kept.id)) or journal.has_later(entry, kept.id)
        ):
            raise ChangedSince(f"job {kept.id}: it was run again since it was made; it stays")
        if made not in kept.left:
            raise ChangedSince(f"job {kept.id}: {_how_touched(record)} since it was made; it stays")

    try:
        delete(ground, kept.id, keep=judge)
    except JobNotFound:
        return Outcome(True, f"job {kept.id} is not there any more", kept.id)
    gone = not ground.disk.exists(ground.layout.job(kept.id))
    return Outcome(gone, f"job {kept.id} is {'in the trash' if gone else 'there again'}", kept.id)


def _how_touched(record: JobRecord) -> str:
    if record.fulfilled:
        return "it was fulfilled"
    if record.is_parked:
        return "it was parked"
    if record.number("attempts") or record.number("started"):
        return "a worker has tried it"
    return "somebody waits for it" if record.waiting else "its request was changed"


def _undo_delete(ground: Ground, kept: Kept) -> Outcome:
    """Take a job back out of the trash, then link it again: a dangling link would cost a Node worker the job."""
    layout, disk, job_id = ground.layout, ground.disk, kept.id
    with holding(ground, job_id, "work", "notification", "state") as leases:
        for lease in leases:
            lease.require()
        if disk.exists(layout.job(job_id)):
            if disk.exists(layout.in_trash(kept.trash)):
                raise ChangedSince(f"job {job_id}: another one was made since; the deleted one stays in the trash")
        else:
            if not disk.is_directory(layout.in_trash(kept.trash)):
                raise ChangedSince(f"job {job_id} is not in the trash any more: it was purged and cannot be put back")
            _move_back(ground, kept, leases)
        missing = _missing_links(ground, kept)
        _link(ground, job_id, missing)
    return Outcome(True, f"job {job_id} is there again, {_state_of(ground, job_id)}", job_id)


def _move_back(ground: Ground, kept: Kept, leases: Sequence[Lease]) -> None:
    layout, disk = ground.layout, ground.disk

    def move(there: str) -> None:
        for lease in leases:
            lease.require()
        disk.move(layout.in_trash(kept.trash), there)

    if not leases[-1].step(move, layout.job(kept.id)):
        raise GuardBusy(f"job {kept.id} was not brought back: the store's guard is busy; try again")
    disk.sync_directory(layout.jobs)
    disk.sync_directory(layout.trash)


def _missing_links(ground: Ground, kept: Kept) -> list[str]:
    """The links that the job wants and that do not stand; of one that cannot be read, those that stood."""
    standing = {name for name in SIDES if ground.disk.exists(ground.layout.link(name, kept.id))}
    try:
        _, record = ground.read(kept.id)
    except CorruptJob:
        return sorted(set(kept.links) - standing)
    wanted = {"waiting"} if record.waiting else set()
    if record.state == PENDING and not standing & {"pending", "parked"}:
        wanted.add("parked" if _was_parked(kept, record) else "pending")
    return sorted(wanted - standing)


def _state_of(ground: Ground, job_id: str) -> str:
    try:
        _, record = ground.read(job_id)
        if record.fulfilled:
            return "fulfilled"
        return "parked" if ground.disk.exists(ground.layout.parked_link(job_id)) else "pending"
    except CorruptJob:
        return "and its state.json cannot be used, as before"
    except (FsJobError, OSError) as error:  # brought back it is all the same
        return f"and cannot be read now: {error}"
