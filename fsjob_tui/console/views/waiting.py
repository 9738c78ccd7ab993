"""The jobs whose value somebody waits for."""

from __future__ import annotations

from fsjob_core.facts import LockInfo
from fsjob_core.feed import RowDetail

from ...text import safe_text
from ..model import Model
from ..pieces import style_of
from .cells import BY_TRIES, JOB, VERDICTS, age, by_detail, detail, sign_of, tries
from .column import EMPTY, Cell, Column, by_time
from .view import View


def _first_target(row: RowDetail) -> Cell:
    """Whom, and where telling somebody failed, why."""
    if row.problem:
        return Cell(safe_text(row.problem))
    return Cell(safe_text(f"{row.first_target}  {row.error}".rstrip()), "warn" if row.error else "")


def _lock(model: Model, key: str) -> LockInfo | None:
    """That of who tells, else that of who works on the job."""
    row = model.locks.get(f"notification:{key}")
    return row.info if row else model.work_locks.get(key)


def _sign(model: Model, key: str, now: float) -> Cell:
    return sign_of(model, key, _lock(model, key))


def _verdict(model: Model, key: str, now: float) -> Cell:
    lock = _lock(model, key)
    return Cell(lock.verdict.value, style_of(lock.verdict)) if lock is not None else EMPTY


def _by_lock(model: Model, key: str) -> float | None:
    lock = _lock(model, key)
    return float(VERDICTS.index(lock.verdict)) if lock is not None else None


_TARGETS = Column(
    "TARGETS", 7, 6, detail(lambda row: Cell(str(row.targets))), right=True, by=by_detail(lambda row: row.targets),
    reads=True,
)  # fmt: skip


class Waiting(View):
    name, key, title, short = "waiting", "3", "Waiting", "Wait"
    help = "the jobs whose value somebody waits for"
    empty = "nobody waits to be told"
    columns = (
        Column("", 1, 9, _sign),
        JOB,
        Column("SINCE", 7, 8, age("waiting"), right=True, by=by_time),
        _TARGETS,
        Column("JOB IS", 9, 5, detail(lambda row: Cell("fulfilled" if row.fulfilled else "pending"))),
        Column("TRY", 3, 4, detail(tries), right=True, by=BY_TRIES, reads=True),
        Column("LOCK", 6, 3, _verdict, by=_by_lock),
        Column("FIRST TARGET", 0, 7, detail(_first_target)),
    )

    def lock_of(self, model: Model, key: str) -> LockInfo | None:
        return _lock(model, key)
