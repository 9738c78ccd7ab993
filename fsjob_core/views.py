"""The read side: counts, listings, locks, workers, the detail of one job. Never takes a lock, makes nothing."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Iterator

from .errors import CorruptJob, InvalidJobId, JobNotFound
from .facts import VIEWS, Counts, Entry, JobDetail, Label, LockInfo, Verdict, WorkerInfo
from .fs import Disk, Marks, NotRegular
from .health import LockFacts, judge_lock, why_not_done
from .host import Host, Identity
from .layout import LOCK, Layout, is_job_id
from .lease import KINDS, LockPlace, Sighting, Sightings, look
from .pulse import Pulse
from .record import JobRecord, made_at, read_state

__all__ = ["VIEWS", "Counts", "Entry", "JobDetail", "Label", "LockInfo", "Marks", "Verdict", "Views", "WorkerInfo"]

PREVIEW = 64 << 10
"""Bytes of a value that are read to be shown."""
SIGNED_OUT_AFTER = 10.0
"""Seconds without a beat after which a worker that is signed in counts as gone."""
REMEMBERED = 2000
"""Jobs with a lock of which it is remembered whether they are fulfilled."""


class Views:
    """What a store holds, read without a lock; each answer is true for the moment it was read."""

    def __init__(self, host: Host, layout: Layout) -> None:
        self.host = host
        self.layout = layout
        self.disk = Disk(host, host.calls, durable=False)
        self._local = host.is_local(layout.root)
        self._fulfilled: dict[str, tuple[Marks, bool]] = {}

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
            settled = self.ids(self.layout.jobs) - self.ids(self.layout.pending) - self.ids(self.layout.parked)
            yield from self._with_times(settled, self.layout.jobs)
        elif view == "pending":
            wanted = self.ids(self.layout.pending) - self.ids(self.layout.parked)
            yield from self._with_times(wanted, self.layout.pending)
        elif view in ("waiting", "parked"):
            directory = self.layout.waiting if view == "waiting" else self.layout.parked
            yield from self._with_times(self.ids(directory), directory)
        else:
            raise ValueError(f"{view!r} is no view with entries; there are {', '.join(VIEWS)}")

    def _with_times(self, ids: Iterable[str], directory: str) -> Iterator[Entry]:
        for job_id in ids:
            since = self.since(directory, job_id)
            if since is not None:
                yield Entry(job_id, since)

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
        except InvalidJobId:
            raise
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
            locks=tuple(lock for kind in KINDS if (lock := self.lock(kind, job_id))),
        )

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

    def _mtime(self, path: str) -> float | None:
        try:
            return self.host.calls.lstat(path).st_mtime
        except OSError:
            return None

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
        states = [worker.state for worker in workers if worker.state != "gone"]
        return why_not_done(detail, self.host.time(), self.paused(), states)

    # ── the store ──

    def paused(self) -> str | None:
        """The reason of a pause (it may be empty); None where work is taken."""
        try:
            data, _ = self.disk.read_start(self.layout.paused, 400)
        except (OSError, NotRegular):
            return None
        return data.decode("utf-8", "replace").strip()

    def about(self) -> dict[str, object]:
        """What `store.json` holds; nothing where there is none."""
        return self._json(self.layout.about)

    def lacks_room(self, size: int) -> bool:
        """Whether the file system has no room for so many bytes, or for a file."""
        found = os.statvfs(self.layout.root)
        return found.f_bavail * found.f_frsize < size or bool(found.f_files and not found.f_favail)

    def label(self) -> Label:
        """Name and class of the store."""
        found = self.about()
        return Label(str(found.get("name") or ""), str(found.get("class") or ""))

    def workers(self) -> list[WorkerInfo]:
        """Workers that are signed in, gone ones included."""
        names = self.disk.list_directory(self.layout.workers)
        found = (self._worker(name) for name in sorted(names) if is_job_id(name))
        return [worker for worker in found if worker is not None]

    def _worker(self, name: str) -> WorkerInfo | None:
        path = self.layout.worker(name)
        beat, told = self._mtime(path), self._json(path)
        if beat is None or not told:
            return None
        pid, boot = _whole(told.get("pid")), str(told.get("boot", ""))
        me = Identity(str(told.get("host", "")), boot, _whole(told.get("pidns")), pid, _whole(told.get("start")))
        alive = self.host.alive(me) if self._local and pid > 0 else None
        gone = alive is False or (alive is None and self.host.time() - beat > SIGNED_OUT_AFTER)
        return WorkerInfo(
            name=name,
            host=me.host,
            pid=pid,
            state="gone" if gone else str(told.get("state", "idle")),
            now=_whole(told.get("now")),
            done=_whole(told.get("done")),
            failed=_whole(told.get("failed")),
            beat=beat,
            since=float(_whole(told.get("since"))),
            command=str(told.get("command", "")),
            kind="notifier" if told.get("kind") == "notifier" else "worker",
        )

    def _json(self, path: str) -> dict[str, object]:
        try:
            found = json.loads(self.disk.read(path, PREVIEW))
        except (OSError, NotRegular, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


def _whole(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 1e15 else 0
