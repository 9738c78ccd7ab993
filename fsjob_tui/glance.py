"""One look at a store, as much as fills a screen: figures, locks, the first rows, why jobs were parked, problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fsjob_core.errors import FsJobError
from fsjob_core.facts import STALE_AFTER, Verdict
from fsjob_core.feed import Delta, Details, Grouped, Hello, LockRow, Locks, ProblemGroup, Problems, Show, Workers
from fsjob_core.grouping import error_of
from fsjob_core.health import duration
from fsjob_core.rows import AS_USUAL, row_detail
from fsjob_core.scan import Scan
from fsjob_core.store import JobStore
from fsjob_core.survey import Survey

from .console.model import Model
from .console.views import VIEWS, View

if TYPE_CHECKING:
    from fsjob_core.doctor import Kind, Problem

ERRORS_OF = 300
"""Of so many parked jobs, the last ones, the errors are read."""
CHEAP = 2_000
"""Entries of a store up to which its problems are looked for: that reads every job."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What was seen, put into the model as the monitor would."""

    model: Model
    now: float
    errors_of: int
    """Of so many parked jobs, the last ones, the model has the errors."""

    def rows(self, view: View, count: int) -> list[str]:
        """The first rows of a view."""
        source = view.source(self.model)
        return [source.key(index) for index in range(min(count, len(source)))]


def look(
    directory: str, view: View | None, rows: int, progress: Callable[[], None], show: Show = AS_USUAL
) -> Glance:
    """Look at a store and at the first rows of one view, by default the pending jobs; `progress` is called as it goes.

    Raises NotAStore, OSError.
    """
    store = JobStore(directory, must_exist=True, read_only=True)
    host, views = store.host, store.views
    model = Model(store.directory)
    model.apply(Hello(store.directory, views.label(), host.fstype(store.directory), host.me.host, None))
    scan, survey = Scan(host, store.layout, views, progress, oldest=rows), Survey(host, views)
    deltas = scan.scan(scan.due())
    found = survey.look_at_locks(scan)
    if host.is_local(store.directory):
        now = host.time()
        survey.rows = tuple(_by_the_clock(row, now) for row in found)
    model.apply(Locks(survey.rows))
    model.apply(Workers(survey.crew()))
    overview = survey.overview(scan)
    shown = view or VIEWS["pending"]
    for delta in deltas:
        model.apply(delta)
        progress()
        if delta.view == "waiting" and delta.complete and shown.name != "fulfilled":
            break  # the pending and the fulfilled come last, and there may be a million
    if shown.name == "pending":
        oldest = scan.oldest_pending(rows)
        overview = overview if overview.oldest is not None else survey.overview(scan)
        model.apply(Delta("pending", came=tuple(scan.entries("pending", oldest))))
    model.apply(overview)
    last = model.rows["parked"].first(ERRORS_OF)
    groups: dict[str, list[str]] = {}
    for job_id in last:
        groups.setdefault(error_of(views, job_id), []).append(job_id)
    model.apply(Grouped(tuple((error, tuple(ids)) for error, ids in groups.items()), len(last), len(last)))
    problems = _problems(store, model)
    if problems is not None:
        model.apply(problems)
    glance = Glance(model, host.time(), len(last))
    if shown.reads:
        read = [shown.job_of(model, key) for key in glance.rows(shown, rows)]
        model.apply(Details(tuple(row_detail(views, shown.name, each, views.marks(each), show) for each in read)))
    return glance


def _by_the_clock(row: LockRow, now: float) -> LockRow:
    """A lock that nobody beats is seen to be stale by who watches it; one look must believe the clock, which is one.

    Nothing is released on the strength of this.
    """
    age = now - row.info.last_beat
    if row.info.verdict is not Verdict.LATE or age <= STALE_AFTER:
        return row
    proof = f"last beat {duration(age)} ago by this host's clock, whose file system it is; it was not watched"
    return replace(row, info=replace(row.info, verdict=Verdict.STALE, proof=proof))


def _problems(store: JobStore, model: Model) -> Problems | None:
    """What is wrong, where it is cheap to know: every job is read for it."""
    if sum(model.counts.as_dict().values()) > CHEAP:
        return None
    groups: dict[tuple[Kind, str], list[Problem]] = {}
    try:
        for problem in store.doctor():
            groups.setdefault((problem.kind, problem.place), []).append(problem)
    except (FsJobError, OSError):
        return None
    told = [
        ProblemGroup(kind, place, len(found), min((one.since for one in found if one.since is not None), default=None),
                     tuple(found))
        for (kind, place), found in groups.items()
    ]  # fmt: skip
    return Problems(tuple(told), store.host.time())
