"""The pending jobs."""

from __future__ import annotations

from fsjob_core.feed import RowDetail

from ...text import safe_text, short_age
from ..model import Model
from ..pieces import style_of
from .cells import BY_TRIES, JOB, age, by_lock, detail, lock_sign, tries
from .column import EMPTY, Cell, Column, by_time
from .view import View


def _lock_words(model: Model, key: str, now: float) -> Cell:
    lock = model.work_locks.get(key)
    if lock is None:
        found = model.details.get(key)
        due = found.not_before if found is not None else None
        return Cell(f"due {short_age(due - now)}", "dim") if due is not None and due > now else EMPTY
    return Cell(f"{lock.verdict.value} {short_age(now - lock.last_beat)}", style_of(lock.verdict))


def _request(row: RowDetail) -> Cell:
    return Cell(safe_text(row.problem), "bad") if row.problem else Cell(safe_text(row.request))


class Pending(View):
    name, key, title, short = "pending", "1", "Pending", "Pend"
    help = "the pending jobs"
    empty = "nothing is pending; c creates a job"
    state = "pending"
    columns = (
        Column("", 1, 9, lock_sign),
        JOB,
        Column("AGE", 7, 8, age("pending"), right=True, by=by_time),
        Column("TRY", 3, 5, detail(tries), right=True, by=BY_TRIES, reads=True),
        Column("LOCK", 12, 7, _lock_words, by=by_lock),
        Column("REQUEST", 0, 6, detail(_request)),
    )
