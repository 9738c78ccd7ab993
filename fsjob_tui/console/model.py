"""What the console knows of the store: the monitor's messages put together. No widget, no disk."""

from __future__ import annotations

from fsjob_core.crew import Member
from fsjob_core.facts import Counts, LockInfo, Mood, StoreVerdict
from fsjob_core.feed import (
    LISTED,
    Delta,
    Details,
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
from .rows import Listed, Rows, Source

MANY_DETAILS = 2000


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
        self.filter = ""
        self.listed = {"locked": Listed(), "workers": Listed()}
        self._filtered: dict[str, Source] = {}

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
            self._forget_filtered("parked")
        elif isinstance(message, Problems):
            self.findings.take(message)
            self._forget_filtered("problems")
        elif isinstance(message, Workers):
            self.workers = {worker.key: worker for worker in message.workers}
            self.listed["workers"] = Listed(self.workers)
        elif isinstance(message, Details):
            if len(self.details) > MANY_DETAILS:
                self.details.clear()
            self.details.update((detail.id, detail) for detail in message.details)
        elif isinstance(message, Job):
            self.job = message

    def _apply_delta(self, delta: Delta) -> None:
        rows = self.rows[delta.view]
        if delta.reset:
            rows.clear()
        rows.change(delta.gone, delta.came)
        if delta.view == "parked":
            self.errors.change(delta)
        for job_id in delta.gone:
            self.details.pop(job_id, None)
        if delta.complete:
            self.scanned.add(delta.view)
        self._forget_filtered(delta.view)

    def _apply_locks(self, message: Locks) -> None:
        self.locks = {f"{row.info.kind}:{row.info.id}": row for row in message.locks}
        self.work_locks = {row.info.id: row.info for row in message.locks if row.info.kind == "work"}
        self.listed["locked"] = Listed(self.locks)
        self._filtered.pop("locked", None)

    # ── what the screen asks ──

    def filtered(self, name: str, whole: Source) -> Source:
        """The rows of a view that the filter leaves; `whole`: all of them."""
        if name not in self._filtered:
            self._filtered[name] = whole.filtered(self.filter)
        return self._filtered[name]

    def _forget_filtered(self, name: str) -> None:
        """A view has changed, and with it those that open from its rows."""
        for key in [key for key in self._filtered if key.startswith(name)]:
            del self._filtered[key]

    def set_filter(self, text: str) -> None:
        self.filter = text
        self._filtered.clear()

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
