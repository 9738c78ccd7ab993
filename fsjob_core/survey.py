"""The locks of a store as they live, and what all figures together mean."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress

from .crew import Member, crew
from .doctor import LITTER_KINDS, LOCK_KINDS, headline
from .errors import FsJobError
from .facts import Counts, Evidence, LockInfo, Verdict
from .feed import LockRow, Overview, Problems
from .health import StoreFacts, elapsed, judge_store
from .host import Host
from .pace import RATE_WINDOW
from .pulse import Pulse
from .scan import LARGEST_READ, Scan
from .views import Marks, Views

FEW = 100
"""So many pending jobs are read, to see whether any is due, where nothing moves."""
LARGE = 10_000
"""Up to so many pending jobs the oldest is looked for before the first figures are told."""
_ORDER = list(Verdict)


class Survey:
    """Looks at a store again and again, and remembers how its locks beat."""

    def __init__(self, host: Host, views: Views) -> None:
        self._host, self._views = host, views
        self._pulses: dict[tuple[str, str], Pulse] = {}
        self._pulled: float | None = None
        self._done: dict[str, deque[tuple[float, int]]] = {}
        """How many jobs each worker had done, by its last beats."""
        self._dues: dict[str, tuple[Marks, float]] = {}
        self._told = False
        self.rows: tuple[LockRow, ...] = ()
        self.workers = 0
        """How many are signed in and not gone."""
        self.problems = Problems()
        """What the doctor found."""

    def look_at_locks(self, scan: Scan) -> tuple[LockRow, ...]:
        """Every lock, worst first."""
        p95 = self._views.p95 = scan.pace.usual()[1]
        pulses: dict[tuple[str, str], Pulse] = {}
        rows = []
        for kind, job_id in scan.lock_names():
            pulse = self._pulses.get((kind, job_id)) or Pulse()
            info = self._views.lock(kind, job_id, p95, pulse)
            if info is not None:
                pulses[kind, job_id] = pulse
                hearts = pulse.hearts(info.whose if info.owner else "")
                rows.append(LockRow(info, pulse.beats, pulse.unchanged, hearts))
        self._pulses = pulses
        rows.sort(key=lambda row: (_ORDER.index(row.info.verdict), row.info.id, row.info.kind))
        taken = [row.info.since for row in rows if row.info.kind == "work" and row.info.since is not None]
        if taken:
            self._pulled = max(*taken, self._pulled or 0.0)
        self.rows = tuple(rows)
        return self.rows

    def crew(self) -> tuple[Member, ...]:
        """Who works, as of now and by the last look at the locks."""
        now, workers = self._host.time(), self._views.workers()
        self.workers = sum(each.state != "gone" and each.kind == "worker" for each in workers)
        done: dict[str, deque[tuple[float, int]]] = {}
        for worker in workers:
            before = self._done.get(worker.name, deque())
            if before and before[-1][1] > worker.done:  # another of the same name
                before = deque()
            if not before or before[-1][0] != worker.beat:
                before.append((worker.beat, worker.done))
            while len(before) > 2 and before[1][0] < now - RATE_WINDOW:
                before.popleft()
            done[worker.name] = before
        self._done = done
        return crew(workers, (row.info for row in self.rows), {name: _rate(beats) for name, beats in done.items()})

    def overview(self, scan: Scan) -> Overview:
        """The store in figures, and the verdict on it."""
        now = self._host.time()
        counts, paused = scan.counts(), self._views.paused()
        oldest = scan.oldest() if self._told or counts.pending <= LARGE else None
        self._told = True
        rate_in, rate_out = (round(rate, 1) for rate in scan.pace.rates(now))
        usual, p95 = scan.pace.usual()
        finished = scan.pace.last_finished
        locks = [row.info for row in self.rows]
        pulled = max((at for at in (self._pulled, scan.pace.last_begun) if at is not None), default=None)
        facts = StoreFacts(
            counts=counts,
            locks=locks,
            paused=paused,
            rate_in=rate_in,
            rate_out=rate_out,
            since_finished=elapsed(now, finished) if finished is not None else None,
            since_pulled=elapsed(now, pulled) if pulled is not None else None,
            oldest=elapsed(now, oldest[0]) if oldest is not None else None,
            workers=self.workers,
            oldest_id=oldest[1] if oldest is not None else "",
            next_due=None if rate_out else self._next_due(scan, counts, locks, now),
            disk_full=self._views.lacks_room(1),
            problems=tuple(_evidence(self.problems)),
        )
        since = oldest[0] if oldest is not None else None
        history = tuple((round(came, 2), round(done, 2)) for came, done in scan.pace.history(now))
        bounds = scan.skew.bounds()
        return Overview(
            counts, judge_store(facts), rate_in, rate_out, since, usual, p95, paused, pulled=pulled, history=history,
            skew=(math.floor(bounds[0] * 10) / 10, math.ceil(bounds[1] * 10) / 10) if bounds is not None else None,
        )  # fmt: skip

    def _next_due(self, scan: Scan, counts: Counts, locks: list[LockInfo], now: float) -> float | None:
        """Seconds until the first try, where all that is pending waits for its next one; None otherwise."""
        if not 0 < counts.pending <= FEW or any(lock.kind == "work" for lock in locks):
            self._dues.clear()
            return None
        pending = scan.oldest_pending(FEW)
        self._dues = {job_id: self._due(job_id) for job_id in pending}
        first = min((due for _, due in self._dues.values()), default=0.0)
        return first - now if first > now else None

    def _due(self, job_id: str) -> tuple[Marks, float]:
        marks = self._views.marks(job_id)
        known = self._dues.get(job_id)
        if known is not None and known[0] == marks:
            return known
        due = 0.0
        if marks.size <= LARGEST_READ:
            with suppress(FsJobError, OSError):  # unreadable, so never worked on: a stall
                due = self._views.record(job_id).number("not_before")
        return marks, due


def _rate(beats: Sequence[tuple[float, int]]) -> float | None:
    """Jobs a second between the first beat and the last; None of a single one."""
    (began, before), (ended, done) = beats[0], beats[-1]
    return round((done - before) / (ended - began), 1) if ended > began else None


def _evidence(problems: Problems) -> Iterator[Evidence]:
    """What the doctor found and is in somebody's way; locks are evidence themselves."""
    for group in problems.groups:
        if group.kind not in LOCK_KINDS | LITTER_KINDS:
            yield Evidence("problems", group.key, headline(group.kind, group.place, group.count))
