"""What the console knows of the store: the monitor's messages put together. No widget, no disk."""

from __future__ import annotations

from collections.abc import Sequence

from fsjob_core.crew import Member
from fsjob_core.facts import Counts, LockInfo, Mood, StoreVerdict
from fsjob_core.feed import (
    LISTED,
    Delta,
    Details,
    Found,
    Gone,
    Grouped,
    Hello,
    Job,
    LockRow,
    Locks,
    Message,
    Overview,
    Problems,
    RowDetail,
    Workers,
)

from .errors import Errors
from .findings import Findings
from .narrowed import Narrowed
from .rows import Listed, Rows

MANY_DETAILS = 2000
FEW = 200
"""Jobs that come at once up to which each is marked as new for a moment."""


class Model:
    """The store as the last message told it."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.hello: Hello | None = None
        self.problem: str | None = None
        self.overview: Overview | None = None
        self.rows = {view: Rows(newest=view in ("fulfilled", "parked")) for view in LISTED}
        self.scanned: set[str] = set()
        self.locks: dict[str, LockRow] = {}
        self.told_locks = False
        self.work_locks: dict[str, LockInfo] = {}
        self.workers: dict[str, Member] = {}
        self.details: dict[str, RowDetail] = {}
        self.job: Job | None = None
        self.findings = Findings()
        self.opened_problem = ""
        """The group of problems whose problems are shown, by its key."""
        self.errors = Errors()
        self.opened_error = ""
        """The error whose parked jobs are shown; empty: all."""
        self.here = 0
        """The pid of the worker in this console; 0 where there is none."""
        self.opened_member = ""
        """Whose locks are shown, by its key."""
        self.locks_by_job: dict[str, list[LockInfo]] = {}
        self._changed: set[str] = set()
        self.listed = {"locked": Listed(), "workers": Listed()}
        self.narrowed = Narrowed(self)

    def apply(self, message: Message) -> None:
        """Take one message of the monitor."""
        if isinstance(message, Hello):
            self.hello, self.problem = message, message.problem
            self.findings.take(Problems())
        elif isinstance(message, Gone):
            self.problem = message.problem
        elif isinstance(message, Delta):
            self._apply_delta(message)
        elif isinstance(message, Locks):
            self._apply_locks(message)
        elif isinstance(message, Overview):
            self.overview = message
        elif isinstance(message, Grouped):
            self.errors.regroup(message, self.rows["parked"])
        elif isinstance(message, Problems):
            self.findings.take(message)
        elif isinstance(message, Workers):
            self.workers = {worker.key: worker for worker in message.workers}
            self.listed["workers"] = Listed(self.workers)
        elif isinstance(message, Details):
            if len(self.details) > MANY_DETAILS:
                self.details.clear()
            for detail in message.details:
                if self.details.get(detail.id, detail) != detail:
                    self._changed.add(detail.id)
                self.details[detail.id] = detail
            self.narrowed.read(message)
        elif isinstance(message, Found):
            self.narrowed.found(message)
        elif isinstance(message, Job):
            self.job = message

    def _apply_delta(self, delta: Delta) -> None:
        rows = self.rows[delta.view]
        if delta.reset:
            rows.clear()
        rows.change(delta.gone, delta.came)
        if delta.view == "parked":
            self.errors.change(delta)
        if delta.view in self.scanned and not delta.reset and len(delta.came) <= FEW:
            self._changed.update(entry.id for entry in delta.came)
        for job_id in delta.gone:
            self.details.pop(job_id, None)
        if delta.complete:
            self.scanned.add(delta.view)
        self.narrowed.changed(delta)

    def take_changed(self) -> set[str]:
        """The keys of rows that are new or read differently since this was last asked; not of those first read."""
        changed, self._changed = self._changed, set()
        return changed

    def _apply_locks(self, message: Locks) -> None:
        verdicts = {key: row.info.verdict for key, row in self.locks.items()} if self.told_locks else None
        self.told_locks = True
        self.locks = {f"{row.info.kind}:{row.info.id}": row for row in message.locks}
        self.work_locks = {row.info.id: row.info for row in message.locks if row.info.kind == "work"}
        if verdicts is not None:
            self._changed.update(key for key, row in self.locks.items() if verdicts.get(key) != row.info.verdict)
        self.listed["locked"] = Listed(self.locks)
        before, self.locks_by_job = self.locks_by_job, {}
        for row in message.locks:
            self.locks_by_job.setdefault(row.info.id, []).append(row.info)
        ids = {*before, *self.locks_by_job}
        self.narrowed.locks_changed(each for each in ids if before.get(each) != self.locks_by_job.get(each))

    # ── what the screen asks ──

    def is_in(self, view: str, job_id: str) -> bool:
        """Whether a job is in a view; "locked": whether any lock of it stands."""
        return job_id in (self.locks_by_job if view == "locked" else self.rows[view])

    def locks_of(self, job_id: str) -> Sequence[LockInfo]:
        """The locks of a job."""
        return self.locks_by_job.get(job_id, ())

    @property
    def counts(self) -> Counts:
        return self.overview.counts if self.overview else Counts()

    @property
    def verdict(self) -> StoreVerdict:
        if self.problem is not None:
            return StoreVerdict(Mood.NOT_ANSWERING, self.problem.replace(self.directory, "the directory", 1))
        if self.overview is None:
            return StoreVerdict(Mood.IDLE, "reading the store …")
        return self.overview.verdict

    @property
    def guarded(self) -> bool:
        return self.hello is not None and self.hello.label.guarded
