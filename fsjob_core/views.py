"""The read side: counts, listings, locks, the detail of one job. Never takes a lock, makes nothing."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice

from .about import PREVIEW, About
from .errors import CorruptJob, FsJobError, JobNotFound
from .facts import VIEWS, Counts, Entry, JobDetail, Label, LockInfo, Trashed, Verdict, WorkerInfo
from .fs import Disk, Marks, NotRegular
from .health import LONG_AT_LEAST, LockFacts, judge_lock
from .host import Host
from .journal import Journal
from .layout import LOCK, SIDES, Layout, is_job_id
from .lease import KINDS, LockPlace, Sighting, Sightings, look, stale_after
from .pace import Pace, run_time
from .pulse import Pulse
from .record import JobRecord, made_at, read_state
from .why import Around, why_not_done

__all__ = ["VIEWS", "Counts", "Entry", "JobDetail", "Label", "LockInfo", "Marks", "Verdict", "Views", "WorkerInfo"]

REMEMBERED = 2000
"""Jobs with a lock of which it is remembered whether they are fulfilled."""
SAMPLE, LARGEST_SAMPLED = 100, 64 << 10
"""Jobs that are read, and bytes of each, to know how long a run usually takes where nobody has told that."""


class Views(About):
    """What a store holds, read without a lock; each answer is true for the moment it was read."""

    def __init__(self, host: Host, layout: Layout) -> None:
        super().__init__(host, layout)
        self._fulfilled: dict[str, tuple[Marks, bool]] = {}
        self._opened: tuple[str, dict[str, Pulse]] = ("", {})
        self.p95: float | None = None
        """Of run times in seconds, where somebody who follows the store has told it."""

    def is_store(self) -> bool:
        return any(map(self.disk.exists, (self.layout.jobs, self.layout.pending, self.layout.own)))

    # ── listings ──

    def ids(self, directory: str) -> set[str]:
        """The legal job ids in one of the store's directories."""
        return {name for name in self.disk.list_directory(directory) if is_job_id(name)}

    def lock_names(self) -> Iterator[tuple[str, str]]:
        """Kind and job of every lock that stands."""
        for kind, directory in zip(KINDS, (self.layout.pending, self.layout.waiting, self.layout.jobs), strict=True):
            for name in self.disk.list_directory(directory):
                if name.endswith(LOCK) and is_job_id(name[: -len(LOCK)]):
                    yield kind, name[: -len(LOCK)]

    def counts(self, *, settled: bool = False) -> Counts:
        """How many jobs each view has, from the directories alone.

        `settled`: of each one without a link it is looked whether it is a job at all: a create or delete that was cut
        off leaves a directory without state.json, which is nobody's work, and the doctor's.
        """
        pending = self.disk.list_directory(self.layout.pending)
        waiting = self.disk.list_directory(self.layout.waiting)
        jobs = self.disk.list_directory(self.layout.jobs)
        parked = self.ids(self.layout.parked)
        wanted = {name for name in pending if is_job_id(name)}
        locked = sum(name.endswith(LOCK) for names in (pending, waiting, jobs) for name in names)
        return Counts(
            pending=len(wanted - parked),
            locked=locked,
            waiting=sum(map(is_job_id, waiting)),
            fulfilled=sum(
                is_job_id(name) and name not in wanted and name not in parked and (not settled or self._has_state(name))
                for name in jobs
            ),
            parked=len(parked),
        )

    def _has_state(self, job_id: str) -> bool:
        try:
            self.host.calls.lstat(self.layout.state(job_id))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def entries(self, view: str) -> Iterator[Entry]:
        """The jobs of a view with the time since when they are there, in no order."""
        if view == "fulfilled":
            ids = self.ids(self.layout.jobs) - self.ids(self.layout.pending) - self.ids(self.layout.parked)
        elif view == "pending":
            ids = self.ids(self.layout.pending) - self.ids(self.layout.parked)
        elif view in ("waiting", "parked"):
            ids = self.ids(self.layout.waiting if view == "waiting" else self.layout.parked)
        else:
            raise ValueError(f"{view!r} is no view with entries; there are {', '.join(VIEWS)}")
        for job_id in ids:
            since = self.since_when(view, job_id)
            if since is not None:
                yield Entry(job_id, since)

    def since_when(self, view: str, job_id: str) -> float | None:
        """Since when a job is in a view: its link's mtime, or its value's, which is written once; None: it is gone."""
        if view != "fulfilled":
            return self._mtime(self.layout.link(view, job_id))
        written = self._mtime(self.layout.value(job_id))
        return written if written is not None else self.since(self.layout.jobs, job_id)

    def since(self, directory: str, job_id: str) -> float | None:
        """The mtime of an entry; None where it is gone."""
        try:
            return self.host.calls.lstat(f"{directory}/{job_id}").st_mtime
        except OSError:
            return None

    # ── locks ──

    def locks(self, kinds: Iterable[str] = KINDS, usual: float | None = None) -> list[LockInfo]:
        """Every lock of these kinds. `usual`: the p95 of run times in seconds, where it is known."""
        wanted = set(kinds)
        found = (self.lock(kind, job_id, usual) for kind, job_id in self.lock_names() if kind in wanted)
        return [lock for lock in found if lock is not None]

    def lock(
        self, kind: str, job_id: str, usual: float | None = None, pulse: Pulse | None = None
    ) -> LockInfo | None:
        """One lock; None where none stands. `pulse`: what was seen of it, for who watches it; it hears this look."""
        place = LockPlace.of(self.layout, kind, job_id)
        seen = look(self.host, place.path)
        if seen is None:
            return None
        verdict, proof = judge_lock(self._lock_facts(place, seen, usual, pulse))
        owner = seen.owner
        return LockInfo(
            kind=kind,
            id=job_id,
            path=place.path,
            owner=owner,
            since=owner.since if owner else None,
            last_beat=seen.mtime_ns / 1e9,
            inode=seen.inode,
            mtime_ns=seen.mtime_ns,
            verdict=verdict,
            proof=proof,
            bar=seen.bar,
            stale_after=stale_after(self._local),
        )

    def _lock_facts(self, place: LockPlace, seen: Sighting, usual: float | None, pulse: Pulse | None) -> LockFacts:
        now, owner = self.host.time(), seen.owner
        alive = self.host.alive(owner.identity) if owner and self._local else None
        whose = f"{owner.worker} on {owner.host} (pid {owner.pid})" if owner else ""
        since = owner.since if owner else None
        if pulse is not None:
            pulse.hear(seen, alive is False, now)
            since = since if since is not None else pulse.since
        fulfilled, missing = self._settled(place)
        changed = self.marks(place.id).mtime_ns if fulfilled is not None else 0
        return LockFacts(
            kind=place.kind,
            age=now - seen.mtime_ns / 1e9,
            unchanged=Sightings.of(self.host).unchanged_for(place.path, seen),
            dead=None if alive is None else not alive,
            owner=whose,
            held=now - since if since is not None else None,
            fulfilled=fulfilled,
            missing=missing,
            settled=now - changed / 1e9 if changed else None,
            bar=seen.bar,
            foreign=seen.foreign,
            ghost=pulse.ghost(whose) if pulse is not None else None,
            usual=usual if place.kind == "work" else None,
            stale_after=stale_after(self._local),
        )

    def _settled(self, place: LockPlace) -> tuple[bool | None, bool]:
        """Whether the job of a lock is fulfilled (None: cannot be told), and whether it is missing altogether."""
        if place.kind == "state":
            return None, False
        marks = self.marks(place.id)
        known = self._fulfilled.get(place.id)
        if known is not None and known[0] == marks and marks.inode:
            return known[1], False
        try:
            fulfilled = self.record(place.id).fulfilled
        except JobNotFound:  # Node's create holds the lock and makes the link before the directory
            link = self.layout.pending_link if place.kind == "work" else self.layout.waiting_link
            return None, not self.disk.exists(link(place.id))
        except (CorruptJob, OSError):
            return None, False
        if len(self._fulfilled) >= REMEMBERED:
            self._fulfilled.clear()
        self._fulfilled[place.id] = marks, fulfilled
        return fulfilled, False

    # ── one job ──

    def marks(self, job_id: str) -> Marks:
        """By what a change of the job's state.json is seen without reading it."""
        try:
            return self.disk.marks(self.layout.state(job_id))
        except (OSError, ValueError):  # ValueError: a name that no file can have
            return Marks()

    def record(self, job_id: str) -> JobRecord:
        """The job as its state.json has it. Raises InvalidJobId, JobNotFound, CorruptJob, OSError."""
        return read_state(self.disk, self.layout, job_id)[1]

    def detail(self, job_id: str, value: bool = False) -> JobDetail:
        """All that can be told of one job, with the first 64 kB of its value if asked. Raises InvalidJobId."""
        layout, disk = self.layout, self.disk
        record, problem, found = None, None, True
        try:
            record = self.record(job_id)
        except JobNotFound as error:
            problem = str(error)
            links = (layout.pending_link(job_id), layout.waiting_link(job_id), layout.parked_link(job_id))
            found = any(map(disk.exists, links))
            if found:
                problem = f"a link names it, but {layout.job(job_id)} does not exist: a create or delete was cut off"
        except CorruptJob as error:
            problem = str(error)
        except OSError as error:
            problem = f"{error.filename or layout.state(job_id)}: {error.strerror}"
        size, start = self._value(job_id, value) if record is not None and record.fulfilled else (None, b"")
        made = made_at(job_id)
        return JobDetail(
            id=job_id,
            found=found,
            problem=problem,
            record=record,
            made=made if made is not None else self._first_time(job_id),
            changed=self._mtime(layout.state(job_id)),
            state_size=self._size(layout.state(job_id)),
            pending=disk.exists(layout.pending_link(job_id)),
            parked=disk.exists(layout.parked_link(job_id)),
            waiting_link=disk.exists(layout.waiting_link(job_id)),
            value_size=size,
            value_start=start,
            locks=self._locks_of(job_id),
            elsewhere=tuple(side for side in SIDES if link_elsewhere(disk, layout, side, job_id) is not None),
            trash=None if found else self._trashed(job_id),
            finished=None if size is None else self._mtime(layout.value(job_id)),
        )

    def _locks_of(self, job_id: str) -> tuple[LockInfo, ...]:
        """The locks of a job that is looked at again and again, perhaps: beats of a dead owner show only so."""
        known = self._opened[1] if self._opened[0] == job_id else {}
        pulses = {kind: known.get(kind) or Pulse() for kind in KINDS}
        self._opened = job_id, pulses
        locks = [self.lock(kind, job_id, self.p95, pulses[kind]) for kind in KINDS]
        held = self.host.time() - work.since if (work := locks[0]) and work.since is not None else 0.0
        if self.p95 is None and held > LONG_AT_LEAST:
            locks[0] = self.lock("work", job_id, self._sampled_p95(), pulses["work"])
        return tuple(lock for lock in locks if lock is not None)

    def _sampled_p95(self) -> float | None:
        """p95 of the run times of some jobs, whichever the file system gives first: a store may have a million."""
        pace = Pace()
        try:
            with self.host.calls.scandir(self.layout.jobs) as entries:
                names = [entry.name for entry in islice(entries, SAMPLE) if is_job_id(entry.name)]
        except OSError:
            return None
        for name in names:
            if self.marks(name).size <= LARGEST_SAMPLED:
                with suppress(FsJobError, OSError):
                    took = run_time(self.record(name))
                    if took is not None:
                        pace.ran(took)
        return pace.usual()[1]

    def _trashed(self, job_id: str) -> Trashed | None:
        """Where a job that is not found was deleted, the last time."""
        names = [name for name in self.disk.list_directory(self.layout.trash) if name.rpartition(".")[0] == job_id]
        found = []
        for name in names:
            with suppress(OSError):  # purged meanwhile
                found.append((self.host.calls.lstat(self.layout.in_trash(name)).st_ctime, name))
        if not found:
            return None
        since, name = max(found)
        return Trashed(since, Journal(self.disk, self.layout).that_deleted(job_id, name))

    def _value(self, job_id: str, wanted: bool) -> tuple[int | None, bytes]:
        path = self.layout.value(job_id)
        try:
            if wanted:
                start, size = self.disk.read_start(path, PREVIEW)
                return size, start
            found = self.host.calls.lstat(path)
        except (OSError, NotRegular):
            return None, b""
        return (found.st_size, b"") if stat.S_ISREG(found.st_mode) else (None, b"")

    def _first_time(self, job_id: str) -> float | None:
        """When a foreign job was made: its pending link's time, else that of its directory."""
        link = self._mtime(self.layout.pending_link(job_id))
        return link if link is not None else self._mtime(self.layout.job(job_id))

    def _size(self, path: str) -> int:
        try:
            return self.host.calls.lstat(path).st_size
        except OSError:
            return 0

    def why(self, job_id: str) -> str:
        """One sentence: why is this job not done? Raises InvalidJobId."""
        return self.why_of(self.detail(job_id))

    def why_of(self, detail: JobDetail) -> str:
        """The same of a job that was just read."""
        workers = [worker for worker in self.workers() if worker.kind == "worker"]
        return why_not_done(detail, Around(self.host.time(), self.paused(), workers, self._is_full()))

    def _is_full(self) -> bool:
        with suppress(OSError):
            return self.lacks_room(1)
        return False


def link_elsewhere(disk: Disk, layout: Layout, side: str, job_id: str) -> str | None:
    """What the link of a job says, where it is there and does not lead to the job; the job must exist."""
    path, job = layout.link(side, job_id), layout.job(job_id)
    try:
        text = str(disk.calls.readlink(path))
    except OSError:  # gone, or no link
        return None
    if text in (layout.link_text(job_id), job) or not disk.exists(job):
        return None
    if text.endswith(f"/jobs/{job_id}"):  # an absolute link may lead to it by another name of the store's directory
        with suppress(OSError):
            there, here = (disk.calls.lstat(f"{end}/.") for end in (path, job))
            if (there.st_ino, there.st_dev) == (here.st_ino, here.st_dev):
                return None
    return text
