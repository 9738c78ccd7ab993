"""The acts of a person: judged again when they are done, read back from the disk, and kept in the audit log.

The command line and the console act through an Operator alone, so read-only and guarded stores are enforced here.
Programs that use JobStore are not audited.
"""

from __future__ import annotations

import getpass
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING

from . import locks, removal, steps
from .errors import FsJobError, GuardBusy, JobLocked, LeaseLost, LockTimeout, ReadOnly, in_words
from .journal import REFUSED, UNDONE, Entry, Group, Journal, Kept, Outcome, append_audit, read_audit
from .keeping import Keeper
from .layout import check_id
from .locks import Wait
from .record import JobRecord, Json
from .removal import Due
from .steps import Value
from .store import JobStore
from .undoing import undo, waiting_for
from .views import LockInfo

if TYPE_CHECKING:
    from .doctor import Problem

_log = logging.getLogger("fsjob")

Told = Callable[[Outcome], object]
"""Called with what became of each job of a set; True ends it there."""
_LATER = (JobLocked, LockTimeout, GuardBusy, LeaseLost, OSError)
"""Why an undo did not succeed now, and may later."""


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
        self.journal = Journal(store.ground.disk, store.layout)
        self._group = ""

    @property
    def writable(self) -> str | None:
        """None where acts are allowed, else one sentence that says why they are not."""
        if self.store.read_only:
            return f"{self.store.directory} was opened read-only"
        if not self.write and self.store.views.label().guarded:
            return f"{self.store.directory} is guarded: open writing with W in the console, --write in the shell"
        return None

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is done inside is one group, and undone together; otherwise each act is a group of its own."""
        outer, self._group = self._group, self._group or self.journal.new_name()
        try:
            yield
        finally:
            self._group = outer

    @property
    def _keeper(self) -> Keeper:
        group = self._group or self.journal.new_name()
        return Keeper(self.store.ground, self.journal, group, self.who, self.via)

    # ── jobs ──

    def create(self, request: Json, *, like: str = "") -> JobRecord:
        """Make a job; `like`: the job that its request was taken from, which is kept on it."""
        made: list[JobRecord] = []

        def act() -> Outcome:
            made.append(steps.create(self.store.ground, request, like=like, keep=self._keeper.made))
            return Outcome(True, f"job {made[0].id} is pending", made[0].id)

        self._do("create", "", act, like=like)
        return made[0]

    def create_many(self, requests: Iterable[Json]) -> Iterator[JobRecord]:
        """Make jobs lazily, in durable batches; one audit line counts them when it ends, however it ends."""
        self._allowed()
        count, first = 0, ""

        def tell(made: Sequence[JobRecord]) -> None:
            nonlocal count, first
            count, first = count + len(made), first or next((job.id for job in made), "")

        try:
            yield from steps.create_many(self.store.ground, requests, keep=self._keeper.made, tell=tell)
        finally:
            if count:
                are = "job is" if count == 1 else "jobs are"
                self._audit("create", Outcome(True, f"{count} {are} pending, {first} the first", first), {})

    def fulfill(self, job_id: str, value: Value) -> Outcome:
        """Give a job its value by hand. Raises AlreadyFulfilled, JobNotFound."""

        def act() -> Outcome:
            record = steps.fulfill(self.store.ground, check_id(job_id), value)
            self.store.flush_after(record)
            done = self._as_it_stands(record).fulfilled
            return Outcome(done, f"job {job_id} is {'fulfilled' if done else 'pending again'}", job_id)

        return self._do("fulfill", job_id, act)

    def edit(self, job_id: str, version: int, request: Json) -> Outcome:
        """Replace the request of a pending job. Raises VersionMismatch where it is not at `version` any more.

        Whoever works on it would do so in vain: JobLocked, which says whose lock stands.
        """

        def act() -> Outcome:
            ground, keep = self.store.ground, self._keeper.changed("edit")
            ground.ready()
            ground.require_job(check_id(job_id))
            with steps.holding(ground, job_id, "work"):
                record = steps.update(ground, job_id, version, request, keep=keep)
            return Outcome(True, f"job {job_id} is at version {self._as_it_stands(record).version}", job_id)

        return self._do("edit", job_id, act)

    def requeue(self, job_id: str, *, version: int | None = None, only_parked: bool = False) -> Outcome:
        """Put a fulfilled or parked job back to pending. Raises JobLocked, which says whose lock stands.

        `version`, `only_parked`: not where it is at another version, or has been run again, by now.
        """

        def act() -> Outcome:
            ground, keep = self.store.ground, self._keeper.changed("requeue")
            record = steps.requeue(ground, check_id(job_id), version=version, only_parked=only_parked, keep=keep)
            record = self._as_it_stands(record)
            state = "fulfilled already" if record.fulfilled else "pending"
            return Outcome(True, f"job {job_id} is {state}, version {record.version}", job_id)

        return self._do("requeue", job_id, act)

    def park(self, job_id: str, reason: str = "") -> Outcome:
        """Give a pending job up until it is run again. Raises JobLocked, VersionMismatch (parked already)."""

        def act() -> Outcome:
            self._park(job_id, reason)
            parked = self._stands(self.store.layout.parked_link(job_id))
            return Outcome(parked, f"job {job_id} is {'parked' if parked else 'not parked any more'}", job_id)

        return self._do("park", job_id, act, reason=reason)

    def _park(self, job_id: str, reason: str = "") -> None:
        keep = self._keeper.changed("park")
        steps.park(self.store.ground, check_id(job_id), reason or f"by {self.who}", keep=keep)

    def _park_too(self, released: Outcome) -> Outcome:
        try:
            self._park(released.id)
        except (FsJobError, OSError) as error:
            return Outcome(False, f"{released.what}, but the job is not parked: {in_words(error)}", released.id)
        return Outcome(True, f"{released.what}, and the job is parked", released.id)

    def delete(self, job_id: str) -> Outcome:
        """Move a job into the trash, from where `undo` brings it back until it is purged. Raises JobLocked."""

        def act() -> Outcome:
            ground = self.store.ground
            name = removal.delete(ground, check_id(job_id), keep=self._keeper.deleted(job_id))
            there = self._stands(ground.layout.in_trash(name))
            return Outcome(there, f"job {job_id} is {'in the trash' if there else 'not in the trash any more'}", job_id)

        return self._do("delete", job_id, act)

    def due(self, older_than: float) -> Due:
        """What a purge would remove for good: fulfilled jobs and the trash, for longer than so many seconds."""
        return removal.due(self.store.ground, older_than)

    def due_each(self, ages: Sequence[float]) -> list[Due]:
        """The same for each of several ages, at the price of one."""
        return removal.due_each(self.store.ground, ages)

    def purge(self, older_than: float, what: Due | None = None) -> Outcome:
        """Remove for good what is due, or that part of it that was shown before; there is no way back.

        Not done where some could not be removed; all others are. The audit has what was done if it is cut short, too.
        """
        purged = removal.Purged()

        def act() -> Outcome:
            try:
                removal.purge(self.store.ground, older_than, what, purged)
            except BaseException:
                if purged.count:
                    cut_short = Outcome(False, f"{purged.told}; then it was cut short")
                    self._audit("purge", cut_short, {"older_than": older_than})
                raise
            return Outcome(purged.first is None, purged.told)

        return self._do("purge", "", act, older_than=older_than)

    def queue(self, job_id: str, target: Json) -> Outcome:
        """Have a target told of the job's value."""

        def act() -> Outcome:
            record = steps.queue(self.store.ground, check_id(job_id), target)
            self.store.flush_after(record)
            return Outcome(True, waiting_for(job_id, len(self._as_it_stands(record).waiting)), job_id)

        return self._do("queue", job_id, act, target=target)

    def unqueue(self, job_id: str, target: Json) -> Outcome:
        """Take a target off a job's waiting list."""

        def act() -> Outcome:
            before = len(self.store.get(job_id).waiting)
            keep = self._keeper.changed("unqueue")
            record = steps.unqueue(self.store.ground, check_id(job_id), [target], keep=keep)
            left = len(self._as_it_stands(record).waiting)
            what = waiting_for(job_id, left)
            return Outcome(left < before, what if left < before else f"this target did not wait: {what}", job_id)

        return self._do("unqueue", job_id, act, target=target)

    def tell_again(self, job_id: str, targets: Sequence[Json] | None = None) -> Outcome:
        """Have notifiers tell targets anew that they have given up, or these."""

        def act() -> Outcome:
            found = self.store.tell_again(job_id, targets)
            if not found:
                which = "none that was given up waits" if targets is None else "these do not wait"
                return Outcome(False, f"no target of job {job_id} is told anew: {which}", job_id)
            many = "1 target is" if len(found) == 1 else f"{len(found):,} targets are"
            return Outcome(True, f"job {job_id}: {many} told anew", job_id)

        return self._do("tell again", job_id, act, targets=targets)

    # ── locks ──

    def release(self, lock: LockInfo, *, park: bool = False, wait: Wait | None = None) -> Outcome:
        """Release a dead, stale or leaked lock; with `park` the job is parked as well. Raises JobLocked.

        With `wait` a lock that is not yet known to be stale is watched for up to ten seconds: it is called about
        five times a second with the seconds left, and gives up by returning True.
        """

        def act() -> Outcome:
            outcome = self.store.break_lock(lock, wait=wait)
            return self._park_too(outcome) if park and outcome.done else outcome

        return self._do("release", lock.id, act, kind=lock.kind, token=lock.token)

    def take_away(self, lock: LockInfo, *, park: bool = False, wait: Wait | None = None) -> Outcome:
        """Bar and tell: take a live lock away within seven seconds. Raises JobLocked where it has changed hands."""

        def act() -> Outcome:
            keep = self._keeper.changed("park")
            return locks.take_away(self.store.ground, lock, self.who, park=park, wait=wait, keep=keep)

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

    def label(self, name: str | None = None, klass: str | None = None) -> Outcome:
        """Give the store a name, a class, or both; "" takes one away. Class "prod" makes it guarded."""

        def act() -> Outcome:
            self.store.label(name, klass)
            return Outcome(True, f"the store {self.store.views.label().told}")

        return self._do("label", "", act, label=name, klass=klass)

    def unmask(self, job_id: str) -> Outcome:
        """Say in the audit log that somebody has looked at what is masked of a job; allowed in a guarded store."""
        if self.store.read_only:
            raise ReadOnly(f"{self.store.directory} was opened read-only: no audit line can say who looked")
        outcome = Outcome(True, f"what is masked of job {job_id} was shown", job_id)
        disk, layout = self.store.ground.disk, self.store.layout
        append_audit(disk, layout, who=self.who, via=self.via, act="unmask", outcome=outcome, details={})
        return outcome

    def audit(self, count: int) -> list[dict[str, object]]:
        """The last so many lines of the audit log, oldest first."""
        return list(read_audit(self.store.ground.disk, self.store.layout))[-count:]

    # ── undoing ──

    def undoable(self, count: int = 20) -> list[Group]:
        """The youngest groups of acts that were not undone, everybody's, the youngest first."""
        return list(islice(self.journal.groups(), count))

    def last(self) -> Group | None:
        """The youngest group of acts of this person that was not undone; None where there is none."""
        return next((group for group in self.journal.groups() if group.first.who == self.who), None)

    def undo(self, group: Group | None = None, told: Told | None = None) -> list[Outcome]:
        """Undo a group of acts, by default the last of this person: job by job, the youngest act first.

        Each job is judged again under its own locks, and put back where nothing has changed since; else its outcome
        says what has. What could not be judged now (somebody holds the job) stays undoable.
        """
        self._allowed()
        group = group or self.last()
        outcomes: list[Outcome] = []
        if group is None:
            return outcomes
        journal = Journal(self.store.ground.disk, self.store.layout)
        for name in reversed(group.names):
            for outcome in self.undo_act(group, name, journal):
                outcomes.append(outcome)
                if told is not None and told(outcome) is True:
                    return outcomes
        return outcomes

    def undo_act(self, group: Group, name: str, journal: Journal | None = None) -> Iterator[Outcome]:
        """Undo one act of a group, job by job. Acts on different jobs may be undone at the same time.

        `journal`: one that is shared by the acts of a group, so that what is older is listed once.
        """
        self._allowed()
        journal = journal or self.journal
        entry = journal.read(group.name, name)
        if entry is None:  # somebody else has undone it, or no act followed
            return
        results = []
        for kept in entry.jobs:
            results.append(self._undo_one(journal, entry, kept))
            if len(results) == len(entry.jobs) and all(settled for _, settled in results):
                how = UNDONE if any(outcome.done for outcome, _ in results) else REFUSED
                try:
                    journal.settle(entry, how)
                except OSError as error:  # undone it is, and undone again it says so
                    _log.warning("the journal does not know that this is undone: %s", error)
            yield results[-1][0]

    def _undo_one(self, journal: Journal, entry: Entry, kept: Kept) -> tuple[Outcome, bool]:
        """What became of one job, and whether that is the last word."""

        def act() -> Outcome:
            outcome = undo(self.store.ground, journal, entry, kept)
            if outcome.done and kept.act != "create" and self.store.respond is not None:
                with suppress(FsJobError, OSError):  # it may be fulfilled again, and somebody wait for it
                    self.store.flush_after(self.store.get(kept.id))
            return outcome

        try:
            return self._do("undo", kept.id, act, of=kept.act, group=entry.group), True
        except (FsJobError, OSError) as error:
            return Outcome(False, in_words(error), kept.id), not isinstance(error, _LATER)

    # ── what every act goes through ──

    def _as_it_stands(self, left: JobRecord) -> JobRecord:
        """A job read back after an act; as the act left it where it cannot be read: done it is all the same."""
        try:
            return self.store.get(left.id)
        except (FsJobError, OSError):
            return left

    def _stands(self, path: str) -> bool:
        """Whether what an act has made stands there; it did, where that cannot be told."""
        try:
            return self.store.ground.disk.exists(path)
        except OSError:
            return True

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
        disk, layout = self.store.ground.disk, self.store.layout
        try:
            append_audit(disk, layout, who=self.who, via=self.via, act=name, outcome=outcome, details=details)
        except OSError as error:  # the act is done, or refused: it must not be taken for failed, and be done again
            _log.warning("%s: %s; but %s could not be written: %s", name, outcome.what, layout.audit, error.strerror)


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in containers
        return "unknown"
