"""What the monitor's parent wants read: the rows on its screen and the job that is open, again when they change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .errors import FsJobError
from .facts import JobDetail
from .feed import Details, Examine, Job, Message, Open, Read, RowDetail, Show, Wanted
from .host import Host
from .masking import shallow
from .record import JobRecord
from .rows import row_detail
from .views import Marks, Views

AT_ONCE = 20
"""Rows in one message, so that the first are seen while the others are read."""
PART = 200
"""Rows of those that are to be read once which are read at one go."""
COST, IDLE_COST = 20.0, 500.0
"""An open job is read again after so many times what it cost: 5 % of a core, 0.2 % where it has not changed."""


class Answers:
    """Asked from one thread, answers from another."""

    def __init__(self, host: Host, send: Callable[[Message], None]) -> None:
        self._host, self._send = host, send
        self._wanted = Wanted("pending", ())
        self._answered: Wanted | None = None
        self._rows: dict[str, tuple[Marks, RowDetail]] = {}
        self._show = Show()
        self._open = Open(None)
        self._opened: Open | None = None
        self._seen: tuple[int, ...] = ()
        self._told: Job | None = None
        self._soonest = self._latest = 0.0
        self._mutex = host.mutex()
        self._to_read: list[Read] = []
        self.examine: Examine | None = None
        """What was last asked of the doctor."""

    @property
    def view(self) -> str:
        """What is on the parent's screen."""
        return self._wanted.view

    def ask(self, request: object) -> None:
        if isinstance(request, Wanted):
            self._wanted = request
        elif isinstance(request, Open):
            self._open = request
        elif isinstance(request, Examine):
            self.examine = request
        elif isinstance(request, Read):
            with self._mutex:
                self._to_read.append(request)
        elif isinstance(request, Show):
            self._show = request

    def answer(self, views: Views) -> bool:
        """Send what was asked for and not yet told, and what changed of the rest; says whether there is more to do.

        While the store is away nothing is told: what was known last holds until it is back.
        """
        if not _is_there(views):
            return False
        self._answer_rows(views)
        if self._open.id is not None:
            self._answer_open(views, self._open, self._open.id)
        return self._read_some(views)

    def _read_some(self, views: Views) -> bool:
        """A part of what is to be read once, so that what is on the screen never waits for all of it."""
        with self._mutex:
            if not self._to_read:
                return False
            view, ids = self._to_read[0].view, self._to_read[0].ids
        show = self._show
        details = tuple(row_detail(views, view, job_id, views.marks(job_id), show) for job_id in ids[:PART])
        if any(row.problem for row in details) and not _is_there(views):
            return False
        with self._mutex:
            self._to_read[:1] = [Read(view, ids[PART:])] if len(ids) > PART else []
        self._send(Details(details))
        return True

    def _answer_rows(self, views: Views) -> None:
        wanted = self._wanted
        anew = wanted is not self._answered
        rows: dict[str, tuple[Marks, RowDetail]] = {}
        to_tell: list[RowDetail] = []
        for job_id in wanted.ids:
            marks, known = views.marks(job_id), self._rows.get(job_id)
            read = known is None or known[0] != marks
            row = row_detail(views, wanted.view, job_id, marks, self._show) if known is None or read else known[1]
            if read and row.problem and not _is_there(views):
                return
            rows[job_id] = marks, row
            if read or anew:
                to_tell.append(row)
            if len(to_tell) >= AT_ONCE:
                self._send(Details(tuple(to_tell)))
                to_tell = []
        if to_tell:
            self._send(Details(tuple(to_tell)))
        self._rows, self._answered = rows, wanted

    def _answer_open(self, views: Views, asked: Open, job_id: str) -> None:
        """A huge job must not be parsed all the time: how often it is read is bounded by what reading it costs."""
        anew = asked is not self._opened
        began = self._host.monotonic()
        seen = self._marks(views, job_id)
        if not anew and (began < self._soonest or (seen == self._seen and began < self._latest)):
            return
        job = _read(views, job_id)
        if job.detail.record is None and not _is_there(views):
            return
        ended = self._host.monotonic()
        self._soonest, self._latest = ended + COST * (ended - began), ended + max(1.0, IDLE_COST * (ended - began))
        self._opened, self._seen = asked, seen
        if anew or job != self._told:
            self._told = job
            self._send(job)

    def _marks(self, views: Views, job_id: str) -> tuple[int, ...]:
        """All that changes with a job, without opening any of it."""
        layout, found = views.layout, [*views.marks(job_id)]
        for path in (
            layout.value(job_id), layout.pending_link(job_id), layout.waiting_link(job_id), layout.parked_link(job_id),
            layout.work_lock(job_id), layout.notification_lock(job_id), layout.state_lock(job_id),
        ):  # fmt: skip
            try:
                status = self._host.calls.lstat(path)
                found += (status.st_ino, status.st_mtime_ns)
            except (OSError, ValueError):
                found += (0, 0)
        return tuple(found)


def _is_there(views: Views) -> bool:
    """Whether it is the store that was asked: where it is not, a job that is not found was not deleted."""
    try:
        return views.is_store()
    except OSError:  # it cannot be read; the scan meets with the same, and says so
        return False


def _read(views: Views, job_id: str) -> Job:
    try:
        detail = views.detail(job_id, value=True)
        why = views.why_of(detail)
        if detail.record is not None:
            detail = replace(detail, record=_shallow(detail.record))
        return Job(detail, why)
    except (FsJobError, OSError) as error:
        nothing = JobDetail(job_id, False, str(error), None, None, None, 0, False, False, False, None, b"", ())
        return Job(nothing, f"it cannot be read: {error}")


def _shallow(record: JobRecord) -> JobRecord:
    """A job as deep as it can be told and shown: what is told is gone through by calls, down to its last level."""
    return replace(
        record,
        request=shallow(record.request),
        waiting=[shallow(target) for target in record.waiting],
        extra={name: shallow(value) for name, value in record.extra.items()},
    )
