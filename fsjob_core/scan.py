"""Scanning a store's directories into deltas: the names, and what changed among them since the last look."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Iterable, Iterator
from heapq import nlargest

from .errors import FsJobError
from .facts import Counts, Entry
from .feed import LISTED, Delta
from .fs import Disk
from .layout import LOCK, Layout, is_job_id
from .lease import KINDS
from .record import made_at
from .views import Views

CHUNK = 5000
RATE_WINDOW = 30
"""Seconds over which rates are taken."""
SAMPLE = 100
"""Recent jobs from which the usual run time comes."""
TICK = 0.02
"""Seconds within which two changes may leave one and the same mtime on a directory."""


class Directory:
    """The names of one directory, as of the last scan."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.names: set[str] = set()
        self.mtime = -1.0
        self.scanned = 0.0


class Scan:
    """The four directories of a store and the views that follow from them."""

    def __init__(self, views: Views, disk: Disk, layout: Layout) -> None:
        self._views, self._disk, self._host = views, disk, disk.host
        self.pending = Directory(layout.pending)
        self.waiting = Directory(layout.waiting)
        self.parked = Directory(layout.parked)
        self.jobs = Directory(layout.jobs)
        self.directories = {d.path: d for d in (self.pending, self.waiting, self.parked, self.jobs)}
        self.locks: dict[str, set[str]] = {path: set() for path in self.directories}
        self.first = True
        self._buckets: dict[int, list[int]] = {}
        self._sizes = dict.fromkeys(LISTED, 0)
        self._oldest: float | None = None
        self._oldest_unknown = True
        self._foreign: dict[str, float] = {}
        self.last_finished: float | None = None
        self._recent: deque[str] = deque(maxlen=SAMPLE)

    # ── views ──

    def is_in(self, view: str, job_id: str) -> bool:
        if view == "pending":
            return job_id in self.pending.names and job_id not in self.parked.names
        if view == "waiting":
            return job_id in self.waiting.names
        if view == "parked":
            return job_id in self.parked.names
        done = job_id in self.jobs.names
        return done and job_id not in self.pending.names and job_id not in self.parked.names

    def counts(self) -> Counts:
        return Counts(locked=sum(map(len, self.locks.values())), **self._sizes)

    def oldest(self) -> float | None:
        """When the oldest pending job was made; looked for again only after a change of what is pending."""
        if self._oldest_unknown:
            ours = min((name for name in self.pending.names if name not in self._foreign), default=None)
            times = [made_at(ours)] if ours else []
            times += [since for job_id, since in self._foreign.items() if job_id in self.pending.names]
            self._oldest = min((at for at in times if at is not None), default=None)
            self._oldest_unknown = False
        return self._oldest

    def lock_names(self) -> Iterator[tuple[str, str]]:
        """Kind and job of every lock, as of the last scan."""
        for kind, directory in zip(KINDS, (self.pending, self.waiting, self.jobs), strict=True):
            for name in sorted(self.locks[directory.path]):
                if is_job_id(name[: -len(LOCK)]):
                    yield kind, name[: -len(LOCK)]

    # ── looking ──

    def changed(self) -> list[Directory]:
        """The directories that changed since they were scanned, or may have."""
        found = []
        for directory in self.directories.values():
            try:
                mtime = self._host.calls.lstat(directory.path).st_mtime
            except FileNotFoundError:
                mtime = 0.0
            if mtime != directory.mtime or directory.scanned - mtime < TICK:
                found.append(directory)
        return found

    def scan(self, directories: Iterable[Directory]) -> Iterator[Delta]:
        """List these directories; gives what changed in the views. Raises OSError where one cannot be read."""
        came: dict[str, set[str]] = {}
        gone: dict[str, set[str]] = {}
        for directory in directories:
            directory.scanned = self._host.time()
            try:
                directory.mtime = self._host.calls.lstat(directory.path).st_mtime
            except FileNotFoundError:
                directory.mtime = 0.0
            names = self._disk.list_directory(directory.path)
            self.locks[directory.path] = {name for name in names if name.endswith(LOCK)}
            now = {name for name in names if is_job_id(name)}
            came[directory.path], gone[directory.path] = now - directory.names, directory.names - now
        return self._apply(came, gone)

    def look_at(self, hints: Iterable[str]) -> Iterator[Delta]:
        """Look at single paths that are said to have changed."""
        came: dict[str, set[str]] = {path: set() for path in self.directories}
        gone: dict[str, set[str]] = {path: set() for path in self.directories}
        for hint in hints:
            path, _, name = hint.rpartition("/")
            directory = self.directories.get(path)
            if directory is None:
                continue
            exists = self._disk.exists(hint)
            if name.endswith(LOCK):
                (self.locks[path].add if exists else self.locks[path].discard)(name)
            elif is_job_id(name) and exists != (name in directory.names):
                (came if exists else gone)[path].add(name)
        return self._apply(came, gone)

    def _apply(self, came: dict[str, set[str]], gone: dict[str, set[str]]) -> Iterator[Delta]:
        touched = set().union(*came.values(), *gone.values())
        before = {view: {job_id for job_id in touched if self.is_in(view, job_id)} for view in LISTED}
        for path in came:
            self.directories[path].names |= came[path]
            self.directories[path].names -= gone[path]
        changes = []
        for view, was in before.items():
            now = [job_id for job_id in touched if self.is_in(view, job_id)]
            left, new = was.difference(now), [job_id for job_id in now if job_id not in was]
            self._sizes[view] += len(new) - len(left)
            self._oldest_unknown |= view == "pending" and (bool(left) or self._oldest is None)
            if left or new or self.first:
                changes.append((view, tuple(left), new))
        first, self.first = self.first, False
        return self._deltas(changes, first)

    def _deltas(self, changes: list[tuple[str, tuple[str, ...], list[str]]], first: bool) -> Iterator[Delta]:
        for view, left, new in changes:
            for job_id in left:
                self._foreign.pop(job_id, None)
            for at in range(0, max(len(new), 1), CHUNK):
                entries = tuple(self._entries(view, new[at : at + CHUNK], first))
                last = at + CHUNK >= len(new)
                yield Delta(view, () if at else left, entries, complete=last, reset=first and not at)

    def _entries(self, view: str, ids: Iterable[str], first: bool) -> Iterator[Entry]:
        directory = {"pending": self.pending, "waiting": self.waiting, "parked": self.parked}.get(view, self.jobs).path
        now = self._host.time()
        for job_id in ids:
            made = made_at(job_id)
            since = made if view == "pending" and made is not None else self._views.since(directory, job_id)
            if since is None:
                since = now
            if view == "pending":
                if made is None:
                    self._foreign[job_id] = since
                self._count(0, since if first else now, now)
            elif view == "fulfilled":
                self._count(1, since if first else now, now)
                if first and made is not None:
                    self._count(0, made, now)
                self.last_finished = max(self.last_finished or 0.0, since)
                self._recent.append(job_id)
            yield Entry(job_id, since)

    # ── rates and usual times ──

    def _count(self, which: int, at: float, now: float) -> None:
        if now - at < RATE_WINDOW:
            self._buckets.setdefault(int(at), [0, 0])[which] += 1

    def rates(self) -> tuple[float, float]:
        """Jobs that came and jobs that were fulfilled, a second, over the last half minute."""
        now = int(self._host.time())
        for second in [second for second in self._buckets if now - second >= RATE_WINDOW]:
            del self._buckets[second]
        came, done = (sum(bucket[which] for bucket in self._buckets.values()) for which in (0, 1))
        return came / RATE_WINDOW, done / RATE_WINDOW

    def remember_newest(self, entries: Iterable[Entry]) -> None:
        """After the first scan: take the sample from the jobs fulfilled last."""
        self._recent.extend(entry.id for entry in reversed(nlargest(SAMPLE, entries, key=lambda entry: entry.since)))

    def usual(self) -> tuple[float | None, float | None]:
        """Median and p95 of the run times of recent jobs of ours, in seconds."""
        times = []
        for job_id in self._recent:
            try:
                record = self._views.record(job_id)
            except (FsJobError, OSError):  # gone, or unreadable: one job fewer in the sample
                continue
            started, finished = record.number("started"), record.number("finished")
            if started and finished >= started:
                times.append(finished - started)
        if not times:
            return None, None
        times.sort()
        return statistics.median(times), times[min(len(times) - 1, int(len(times) * 0.95))]
