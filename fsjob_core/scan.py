"""Scanning a store's directories into deltas: the names, and what changed among them since the last look."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import chain

from .errors import FsJobError
from .facts import Counts
from .feed import LISTED, Delta, Entries
from .host import Host
from .layout import LOCK, Layout, is_job_id
from .lease import KINDS
from .listing import Directory
from .names import BUCKETS, Largest, Names, differences, in_order
from .pace import EACH, RATE_WINDOW, REMEMBERED, Oldest, Pace, run_time
from .record import JobRecord, all_made_at, made_at
from .skew import Skew
from .views import Views

CHUNK = 5_000
BULK = 20_000
"""From so many changed ids on views are compared bucket by bucket, not id by id."""
VERIFIED = 200
"""Jobs without a link that are read, to see whether they are fulfilled, at one look."""
SAMPLE = 300
"""Recent jobs from which rates and run times at second zero come."""
LARGEST_READ = 256 << 10
"""Bytes of a state.json that is read for such a reason; of a larger one the links are believed."""
BY_SIZE = ("parked", "waiting", "pending", "fulfilled")
"""The small ones first."""
BEING_MADE = 5.0
"""Seconds for which an unfulfilled job without a link is believed to be in the making, and not shown."""

Where = tuple[bool, bool, bool, bool]
"""Whether a job is in each of the views, in the order of LISTED."""
NOWHERE: Where = (False, False, False, False)
Listings = dict[str, Names]


class Scan:
    """The four directories of a store and the views that follow from them.

    `progress` is called as listings go on, so that a call that hangs is told from a listing that takes long.
    `oldest`: as many of the oldest pending jobs are known at least; whoever looks but once needs few.
    """

    def __init__(
        self, host: Host, layout: Layout, views: Views, progress: Callable[[], None], *, oldest: int = EACH
    ) -> None:
        self._host, self._views, self._progress = host, views, progress
        local, self.skew = host.is_local(layout.root), Skew()
        # in this order a job that is fulfilled, parked or made between two listings is seen in one place at least
        paths = (layout.jobs, layout.pending, layout.parked, layout.waiting)
        self._all = [Directory(host, path, self.skew, local=local) for path in paths]
        self._jobs, self._pending, self._parked, self._waiting = self._all
        self.first = True
        self.pace = Pace()
        self._oldest = Oldest(oldest)
        self._sizes = dict.fromkeys(LISTED, 0)
        self._made_since: dict[str, float] = {}
        """Jobs believed to be in the making, since when by the monotonic clock."""

    # ── views ──

    def _where(self, job_id: str, before: Listings | None = None) -> Where:
        """In which views a job is now, or was."""
        names = before if before is not None else self._listings()
        pending, parked = job_id in names[self._pending.path], job_id in names[self._parked.path]
        settled = not pending and not parked and job_id in names[self._jobs.path]
        return (
            pending and not parked,
            job_id in names[self._waiting.path],
            settled and job_id not in self._made_since,
            parked,
        )

    def _listings(self) -> Listings:
        return {directory.path: directory.names for directory in self._all}

    def _buckets(self, view: str, names: Listings) -> Iterator[Set[str]]:
        """The ids of a view, bucket by bucket."""
        jobs, pending = names[self._jobs.path], names[self._pending.path]
        parked, waiting = names[self._parked.path], names[self._waiting.path]
        for index in range(BUCKETS):
            if view == "pending":
                yield pending.bucket(index) - parked.bucket(index)
            elif view == "fulfilled":
                yield jobs.bucket(index) - pending.bucket(index) - parked.bucket(index) - self._made_since.keys()
            else:
                yield (waiting if view == "waiting" else parked).bucket(index)

    # ── for who searches: in another thread, while this one goes on ──

    def size_of(self, view: str) -> int:
        """How many jobs a view has."""
        return len(self.ids_of_locks()) if view == "locked" else self._sizes[view]

    def buckets(self, view: str) -> Iterator[Set[str]]:
        """The ids of a view as of now, some at a time; "locked": of the jobs of which any lock stands."""
        return iter([self.ids_of_locks()]) if view == "locked" else self._buckets(view, self._listings())

    def is_in(self, view: str, job_id: str) -> bool:
        """Whether a job is in a view."""
        if view == "locked":
            return any(f"{job_id}{LOCK}" in directory.locks for directory in self._all)
        return self._where(job_id)[LISTED.index(view)]

    def ids_of_locks(self) -> set[str]:
        """The jobs of which a lock stands."""
        return {job_id for _, job_id in self.lock_names()}

    def counts(self) -> Counts:
        return Counts(locked=sum(len(directory.locks) for directory in self._all), **self._sizes)

    def size(self) -> int:
        """How many names of jobs stand in the four directories."""
        return sum(len(directory.names) for directory in self._all)

    def lock_names(self) -> Iterator[tuple[str, str]]:
        """Kind and job of every lock, as of the last look."""
        for kind, directory in zip(KINDS, (self._pending, self._waiting, self._jobs), strict=True):
            for name in sorted(set(directory.locks)):
                if is_job_id(name[: -len(LOCK)]):
                    yield kind, name[: -len(LOCK)]

    def oldest(self) -> tuple[float, str] | None:
        """When the oldest pending job was made, and its id."""
        found = self._oldest.first(self._is_pending)
        if found is None and self._sizes["pending"]:
            self._oldest.fill(self._progressing(self._buckets("pending", self._listings())), self._made)
            found = self._oldest.first(self._is_pending)
        return found

    def oldest_pending(self, count: int) -> list[str]:
        """Some of the oldest pending jobs, oldest first; all of them if there are not more."""
        self.oldest()
        return [job_id for job_id in self._oldest.some(count) if self._is_pending(job_id)]

    def _is_pending(self, job_id: str) -> bool:
        return job_id in self._pending.names and job_id not in self._parked.names

    def _made(self, job_id: str) -> float | None:
        made = made_at(job_id)
        return made if made is not None else self._views.since(self._pending.path, job_id)

    def _progressing(self, buckets: Iterable[Set[str]]) -> Iterator[Set[str]]:
        for bucket in buckets:
            self._progress()
            yield bucket

    # ── looking ──

    def due(self) -> list[Directory]:
        """The directories that changed since they were listed, or may have."""
        return [directory for directory in self._all if self.first or directory.is_due()]

    def scan(self, directories: Iterable[Directory]) -> Iterator[Delta]:
        """List these directories; gives what changed in the views. Raises OSError where one cannot be read."""
        before, another = self._listings(), False
        for directory in directories:
            directory.read(self._progress)
            another = another or directory.is_another
        if self.first:
            self.first = False
            self._begin()
            return self._first_deltas()
        self.pace.holds = another  # nobody has worked where all of a directory went, or came back
        changed = [found for d in self._all for found in differences(before[d.path], d.names)]
        if sum(len(came) + len(gone) for came, gone in changed) > BULK:
            return self._in_bulk(before)
        touched = set[str]().union(*chain.from_iterable(changed))
        return self._one_by_one({job_id: self._where(job_id, before) for job_id in touched})

    def look_at(self, hints: Iterable[str]) -> Iterator[Delta]:
        """Look at single paths that are said to have changed."""
        named: dict[str, set[str]] = {directory.path: set() for directory in self._all}
        for hint in hints:
            path, _, name = hint.rpartition("/")
            if path in named:
                named[path].add(name)
        found: list[tuple[Directory, str, bool]] = []
        before: dict[str, Where] = {}
        self.pace.holds = False
        for directory in self._all:
            if named[directory.path] and not directory.explain():
                continue  # it went, or came back: it is listed anew
            for name in named[directory.path]:
                job_id = name.removesuffix(LOCK)
                if is_job_id(job_id):
                    found.append((directory, name, directory.has(name)))
                    if name == job_id or job_id in self._made_since:
                        before[job_id] = self._where(job_id)
        for directory, name, there in found:
            if name.endswith(LOCK):
                (directory.locks.add if there else directory.locks.discard)(name)
            else:
                (directory.names.add if there else directory.names.discard)(name)
        return self._one_by_one(before)

    def look_again(self) -> Iterator[Delta]:
        """Look once more at jobs that are being made: a link has come, or they are shown without one."""
        return self._one_by_one(dict.fromkeys(list(self._made_since)[:VERIFIED], NOWHERE))

    # ── a few changes ──

    def _one_by_one(self, before: dict[str, Where]) -> Iterator[Delta]:
        now = self._host.time()
        left: dict[str, list[str]] = {view: [] for view in LISTED}
        new: dict[str, list[str]] = {view: [] for view in LISTED}
        to_read = VERIFIED
        done = 0
        for job_id, was in before.items():
            seen = self._made_since.pop(job_id, None)
            where = self._where(job_id)
            if where[2] and not was[2]:
                believed = to_read > 0 or 2 * done >= VERIFIED  # as most of those that were read
                done += self._settle(job_id, was, seen, now, read=to_read > 0) if believed else 0
                to_read -= 1
                where = self._where(job_id)
            if where[0] and not was[0]:
                self.pace.count_in(now, now)
            for index, view in enumerate(LISTED):
                if where[index] != was[index]:
                    (new if where[index] else left)[view].append(job_id)
        for view in LISTED:
            self._sizes[view] += len(new[view]) - len(left[view])
        return self._deltas((view, left[view], new[view]) for view in LISTED if left[view] or new[view])

    def _settle(self, job_id: str, was: Where, seen: float | None, now: float, *, read: bool) -> bool:
        """Count a job without a link as fulfilled, if it is; else it may be in the making, or in deletion."""
        small = self._views.marks(job_id).size <= LARGEST_READ
        record = self._record(job_id) if read else None
        if record is None and read and small:
            return False  # gone again or unreadable: shown as its links say, and not counted
        if record is not None and not record.fulfilled:
            seen = seen if seen is not None else self._host.monotonic()
            if self._host.monotonic() - seen < BEING_MADE:
                self._made_since[job_id] = seen
            return False
        self.pace.count_out(now, now)
        if not any(was) and now - (made_at(job_id) or now) < RATE_WINDOW:  # made and done between two looks
            self.pace.count_in(now, now)
        took = run_time(record)
        if took is not None:
            self.pace.ran(took)
        if record is not None:
            self.pace.began_at(record.number("started"))
        return True

    def _record(self, job_id: str) -> JobRecord | None:
        try:
            return self._views.record(job_id) if self._views.marks(job_id).size <= LARGEST_READ else None
        except (FsJobError, OSError):
            return None

    def _deltas(self, changes: Iterable[tuple[str, list[str], list[str]]]) -> Iterator[Delta]:
        for view, left, new in changes:
            for at in range(0, max(len(left), len(new)), CHUNK):
                came = self.entries(view, new[at : at + CHUNK])
                if view == "pending":
                    for entry in came:
                        self._oldest.add(entry.since, entry.id)
                yield Delta(view, tuple(left[at : at + CHUNK]), came)

    def entries(self, view: str, ids: Sequence[str]) -> Entries:
        """These jobs with the time since when they are in a view."""
        now = self._host.time()
        if view == "pending" and (made := all_made_at(ids)) is not None:
            return Entries(ids, made, told=True)
        times, told = array("d"), view == "pending"
        for job_id in ids:
            since = made_at(job_id) if view == "pending" else None
            if since is None:
                since, told = self._views.since_when(view, job_id), False
            times.append(since if since is not None else now)
        return Entries(ids, times, told=told)

    # ── many at once ──

    def _in_bulk(self, before: Listings) -> Iterator[Delta]:
        """What changed where much did."""
        names, now = self._listings(), self._host.time()
        sizes = self._measured(names)
        if (more := sizes["fulfilled"] - self._sizes["fulfilled"]) > 0:
            self.pace.count_out(now, now, more)
        if (more := sizes["pending"] - self._sizes["pending"]) > 0:
            self.pace.count_in(now, now, more)
        self._sizes = sizes
        self._oldest.forget()
        return self._bulk_deltas(before, names)

    def _measured(self, names: Listings) -> dict[str, int]:
        fulfilled = sum(map(len, self._buckets("fulfilled", names)))
        return {**self._linked(names), "fulfilled": fulfilled}

    def _linked(self, names: Listings) -> dict[str, int]:
        """How many jobs are in the views that links tell of."""
        parked, waiting = len(names[self._parked.path]), len(names[self._waiting.path])
        pending = sum(map(len, self._buckets("pending", names))) if parked else len(names[self._pending.path])
        return {"pending": pending, "waiting": waiting, "parked": parked}

    def _bulk_deltas(self, before: Listings, after: Listings) -> Iterator[Delta]:
        for view in BY_SIZE:
            left: list[str] = []
            new: list[str] = []
            for was, now in zip(self._buckets(view, before), self._buckets(view, after), strict=True):
                left += was - now
                new += now - was
                if len(left) + len(new) >= CHUNK:
                    yield Delta(view, tuple(left), self.entries(view, new), complete=False)
                    left, new = [], []
            yield Delta(view, tuple(left), self.entries(view, new), complete=True)

    # ── the first look ──

    def _begin(self) -> None:
        """The figures: rates and run times from file times of the youngest jobs and the last ones done."""
        now, names = self._host.time(), self._listings()
        jobs, pending, parked = (names[directory.path] for directory in (self._jobs, self._pending, self._parked))
        youngest, last, settled = Largest(SAMPLE), Largest(SAMPLE), 0
        for index in range(BUCKETS):  # once: a million names are no strings at one time, and making them takes long
            bucket = jobs.listed(index)
            youngest.add(bucket)
            self._progress()
            if jobs.same_bucket(pending, index):
                continue
            done_here = set(bucket)
            for other in (pending, parked):
                done_here.difference_update(other.listed(index))
            settled += len(done_here)
            last.add(done_here)
        done = {job_id: self._views.since_when("fulfilled", job_id) or 0.0 for job_id in last.names()}
        for job_id in sorted(done, key=done.__getitem__)[-VERIFIED:]:
            record = self._record(job_id)
            took = run_time(record)
            if took is not None:
                self.pace.ran(took)
            if record is not None:
                self.pace.began_at(record.number("started"))
            if (record is None or not record.fulfilled) and now - done.pop(job_id) < BEING_MADE:
                self._made_since[job_id] = self._host.monotonic()
        made = map(made_at, youngest.names())
        self.pace.begin([at for at in made if at is not None], done.values(), now)
        self._sizes = {**self._linked(names), "fulfilled": settled - len(self._made_since)}

    def _first_deltas(self) -> Iterator[Delta]:
        """All rows, those first that are shown first."""
        names, oldest = self._listings(), Oldest()
        for view in BY_SIZE:
            reset = True
            buckets = self._progressing(self._buckets(view, names))
            for ids in in_order(buckets, self._sizes[view], newest=view in ("fulfilled", "parked")):
                for at in range(0, len(ids), CHUNK):
                    came = self.entries(view, ids[at : at + CHUNK])
                    self._pace_of(view, came)
                    if view == "pending":
                        oldest.take(came.times, came.ids)
                    yield Delta(view, (), came, complete=False, reset=reset)
                    reset = False
            if view == "pending":
                self._oldest = oldest
            yield Delta(view, reset=reset)
        self.pace.began()

    def _pace_of(self, view: str, came: Entries) -> None:
        """Count what came and what was done in the last minutes."""
        now = self._host.time()
        if not came:
            return
        if view == "pending" and now - max(came.times) < REMEMBERED:
            for since in came.times:
                if now - since < REMEMBERED:
                    self.pace.count_in(since, now)
        elif view == "fulfilled":
            self.pace.count_out(max(came.times), now, 0)
            for job_id, since in zip(came.ids, came.times, strict=True):
                if now - since < REMEMBERED:
                    self.pace.count_out(since, now)
                    self.pace.count_in(made_at(job_id) or 0.0, now)
