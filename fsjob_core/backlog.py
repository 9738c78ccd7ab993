"""What to pull next: a kept listing of `pending/` or `waiting/`, oldest first, and what is passed over in it.

A listing is renewed after max(1 s, 50 x what it cost), so that a pull from a million jobs costs what one from a
thousand does. What is not due, unreadable, or was just handed out is remembered and costs no lock and no read.
Jobs that are said to be new, or are due now, can be taken without a listing.
"""

from __future__ import annotations

import errno
import math
import zlib
from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import NamedTuple, TypeVar

from .change import Known
from .errors import CorruptJob, GuardBusy, JobNotFound, Unsettled
from .fs import Marks
from .ground import Ground
from .layout import LOCK, is_job_id
from .lease import Judgement, Lease, LockPlace, judge, look, take_over
from .record import key_of_time, made_at

T = TypeVar("T")

KEEP_AT_LEAST = 1.0
"""Seconds: also for a job released unfulfilled, which is not handed out again before, or a caller's loop would spin."""
KEEP_TIMES_COST = 50.0
HEAD = 32
"""How many of the oldest jobs several workers spread over."""


class PassOver(Exception):
    """This job is not to be had now. `until`: not before then (seconds since 1970), unless its state changes."""

    def __init__(self, until: float | None = None) -> None:
        self.until = until


def read_candidate(ground: Ground, job_id: str) -> Known:
    """Read a job whose lock was just taken. Raises PassOver where it cannot be read: the others can be had."""
    try:
        return ground.read(job_id)
    except (JobNotFound, Unsettled):  # Node's create makes the link before the directory
        raise PassOver from None
    except (CorruptJob, PermissionError):  # Node's jobs are its account's alone
        raise PassOver(math.inf) from None
    except OSError as error:
        if error.errno == errno.EIO:  # a bad block under one job
            raise PassOver from None
        raise


class _Remembered(NamedTuple):
    until: float
    marks: Marks


class Backlog:
    """The jobs of one directory of links, for one store object; the store lets in one thread at a time."""

    def __init__(self, ground: Ground, kind: str, *, order: str = "oldest") -> None:
        self._ground = ground
        self._kind = kind
        self._directory = ground.layout.pending if kind == "work" else ground.layout.waiting
        self._random_order = order == "random"
        self._ids: list[str] = []
        self._next = 0
        self._held: set[str] = set()
        self._keep_until = -math.inf
        self._spread = False
        self._made: set[str] = set()
        """Jobs of the listing that this store has made since."""
        self.parked_too: set[str] = set()
        """Jobs of the listing that have a link in `parked/` as well: a park or a requeue of theirs was cut off."""
        self._remembered: dict[str, _Remembered] = {}
        self._dues: list[tuple[float, str]] = []
        self._ready: dict[str, None] = {}
        self._not_before: dict[str, float] = {}
        self.unfinished = False
        """Whether the last `take_next` gave nothing for its time was up: the next goes on from there."""

    def take_next(self, accept: Callable[[Lease], T], seconds: float = math.inf) -> T | None:
        """Lock one job after the other until `accept` keeps one; None only after a listing made in this call.

        Or after so many `seconds`: to pass over many jobs for the first time takes a while.

        `accept` raises PassOver for what it does not want; the lock is then given back. It may be asked twice.
        """
        listed = False
        self.unfinished = False
        began = self._ground.host.monotonic() if seconds < math.inf else 0.0
        while True:
            exhausted = self._next >= len(self._ids)
            if exhausted or (not listed and self._ground.host.monotonic() > self._keep_until):
                if exhausted and listed:
                    return None
                self._list()
                listed = True
                continue
            taken = self._take(self._pop(), accept)
            if taken is not None:
                return taken
            if seconds < math.inf and self._ground.host.monotonic() - began > seconds:
                self.unfinished = True
                return None

    def made(self, job_id: str) -> None:
        """This store has made a job: the kept listing, which is not old, goes on with it."""
        if not self._random_order and self._ground.host.monotonic() < self._keep_until:
            self._made.add(job_id)
            self._ids.append(job_id)

    def take_ready(self, accept: Callable[[Lease], T], hinted: Iterable[str]) -> T | None:
        """The same among jobs that are said to be new and those that are due by now, without a listing."""
        self._ready.update(dict.fromkeys(hinted))
        self._ready.update(dict.fromkeys(self._due_by_now()))
        while self._ready:
            job_id = next(iter(self._ready))
            del self._ready[job_id]
            if job_id in self._not_before or self._is_remembered(job_id):
                continue
            if self._ground.disk.exists(f"{self._directory}/{job_id}"):
                taken = self._take(job_id, accept)
                if taken is not None:
                    return taken
        return None

    # ── one candidate ──

    def _take(self, job_id: str, accept: Callable[[Lease], T]) -> T | None:
        lease = self._lock(job_id)
        if lease is None:
            return None
        try:
            taken = self._accepted(lease, accept)
        except PassOver:
            lease.release()
            return None
        except BaseException:
            lease.release()
            raise
        self.put_off(job_id, KEEP_AT_LEAST)
        return taken

    def put_off(self, job_id: str, seconds: float) -> None:
        """Do not take a job for so many seconds, and not before the next listing."""
        self._not_before[job_id] = self._ground.host.monotonic() + seconds

    def _accepted(self, lease: Lease, accept: Callable[[Lease], T]) -> T:
        """What `accept` makes of it. What is passed over for long is looked at twice before that is remembered.

        Between a look and a mark taken after it the job may have changed, and would be forgotten for ever.
        """
        try:
            return accept(lease)
        except PassOver as reason:
            if reason.until is None:
                raise
        marks = self._marks(lease.place.id)
        try:
            return accept(lease)
        except PassOver as reason:
            if reason.until is not None and marks is not None:
                self._remember(lease.place.id, reason.until, marks)
            raise

    def _pop(self) -> str:
        here = self._next
        if self._spread:
            there = here + int(self._ground.host.token(), 36) % min(HEAD, len(self._ids) - here)
            self._ids[here], self._ids[there] = self._ids[there], self._ids[here]
        self._next += 1
        return self._ids[here]

    def _lock(self, job_id: str) -> Lease | None:
        if job_id in self._not_before:  # since the listing: by a hint, by whoever was given it, or put off
            return None
        ground, place = self._ground, self._ground.place(self._kind, job_id)
        if job_id in self._held:
            return self._take_from_the_dead(place)
        if job_id in self._made:
            self._made.remove(job_id)
            if not ground.disk.exists(f"{self._directory}/{job_id}"):
                return None
        elif self._spread and ground.local and not ground.disk.exists(f"{self._directory}/{job_id}"):
            return None
        lease = Lease.take(ground.host, place, ground.worker)
        if lease is None:
            self._spread = True  # others are at work here: spread over the head, look before locking
            return self._take_from_the_dead(place)
        return lease

    def _take_from_the_dead(self, place: LockPlace) -> Lease | None:
        ground = self._ground
        seen = look(ground.host, place.path)
        if seen is None:
            return Lease.take(ground.host, place, ground.worker)
        if judge(ground.host, place.path, seen, local=ground.local) is Judgement.HELD:
            return None
        try:
            return take_over(ground.host, place, seen, ground.worker)
        except GuardBusy:
            return None

    # ── the listing ──

    def _list(self) -> None:
        ground = self._ground
        began = ground.host.monotonic()
        names = ground.disk.list_directory(self._directory)
        locked = {name[: -len(LOCK)] for name in names if name.endswith(LOCK)}
        ids = [name for name in names if is_job_id(name)]
        if self._kind == "work":
            self.parked_too = set(ground.disk.list_directory(ground.layout.parked)).intersection(ids)
        self._forget_put_off(began)
        self._forget_gone(ids)
        if self._not_before or self._remembered:
            ids = [job_id for job_id in ids if job_id not in self._not_before and not self._is_remembered(job_id)]
        self._sort(ids)
        self._ids, self._next, self._held, self._spread = ids, 0, locked, False
        self._made.clear()
        now = ground.host.monotonic()
        self._keep_until = now + max(KEEP_AT_LEAST, KEEP_TIMES_COST * (now - began))

    def _sort(self, ids: list[str]) -> None:
        """Oldest first: ours by id, foreign ids by the mtime of their link."""
        if self._random_order:
            salt = zlib.crc32(self._ground.host.token().encode())
            ids.sort(key=lambda job_id: zlib.crc32(job_id.encode("utf-8", "surrogatepass"), salt))
            return
        foreign = {job_id: self._link_key(job_id) for job_id in ids if made_at(job_id) is None}
        if foreign:
            ids.sort(key=lambda job_id: foreign.get(job_id, job_id))
        else:
            ids.sort()

    def _link_key(self, job_id: str) -> str:
        try:
            made = self._ground.disk.calls.lstat(f"{self._directory}/{job_id}").st_mtime
        except OSError:  # gone since it was listed
            made = 0.0
        return key_of_time(made)

    def _forget_put_off(self, now: float) -> None:
        self._not_before = {job_id: until for job_id, until in self._not_before.items() if now < until}

    # ── what waits for its time ──

    def _remember(self, job_id: str, until: float, marks: Marks) -> None:
        self._remembered[job_id] = _Remembered(until, marks)
        if until < math.inf:
            heappush(self._dues, (until, job_id))

    def _is_remembered(self, job_id: str) -> bool:
        found = self._remembered.get(job_id)
        if found is None:
            return False
        if self._ground.host.time() < found.until and self._marks(job_id) == found.marks:
            return True
        del self._remembered[job_id]
        return False

    def _forget_gone(self, ids: list[str]) -> None:
        """Jobs that are not listed any more were done by others, deleted or parked."""
        if self._remembered:
            there = self._remembered.keys() & ids
            if len(there) < len(self._remembered):
                self._remembered = {job_id: self._remembered[job_id] for job_id in there}
        if len(self._dues) > 2 * len(self._remembered):
            self._dues = [due for due in self._dues if self._is_due_still(due)]
            heapify(self._dues)

    def _marks(self, job_id: str) -> Marks | None:
        try:
            found = self._ground.disk.marks(self._ground.layout.state(job_id))
        except OSError:
            return None
        return found if found.inode else None

    def _is_due_still(self, due: tuple[float, str]) -> bool:
        found = self._remembered.get(due[1])
        return found is not None and found.until == due[0]

    def _due_by_now(self) -> list[str]:
        found = []
        now = self._ground.host.time()
        while self._dues and self._dues[0][0] <= now:
            due = heappop(self._dues)
            if self._is_due_still(due):
                del self._remembered[due[1]]
                found.append(due[1])
        return found

    def next_due(self) -> float | None:
        """When the first job that waits for its time is due, in seconds since 1970; None where none is known."""
        while self._dues and not self._is_due_still(self._dues[0]):
            heappop(self._dues)
        return self._dues[0][0] if self._dues else None
