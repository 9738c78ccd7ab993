"""Cells that more than one view shows."""

from __future__ import annotations

from collections.abc import Callable

from fsjob_core.facts import LockInfo, Verdict
from fsjob_core.feed import RowDetail
from fsjob_core.health import SIGNS, elapsed

from ...text import safe_text, short_age
from ..model import Model
from ..pieces import style_of
from .column import EMPTY, By, Cell, Column


def lock_sign(model: Model, key: str, now: float) -> Cell:
    return sign_of(model, key, model.work_locks.get(key))


def sign_of(model: Model, key: str, lock: LockInfo | None) -> Cell:
    if lock is None:
        detail = model.details.get(key)
        return Cell("!", "bad") if detail is not None and detail.problem else EMPTY
    return Cell(SIGNS[lock.verdict], style_of(lock.verdict))


def age(view: str) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        since = model.rows[view].since(key)
        return Cell(short_age(elapsed(now, since))) if since is not None else EMPTY

    return cell


def detail(show: Callable[[RowDetail], Cell]) -> Callable[[Model, str, float], Cell]:
    """A cell of what is read for visible rows only; empty until it was read."""

    def cell(model: Model, key: str, now: float) -> Cell:
        found = model.details.get(key)
        return show(found) if found is not None else EMPTY

    return cell


def tries(row: RowDetail) -> Cell:
    return Cell(str(row.attempts)) if row.attempts else EMPTY


def by_id(model: Model, key: str) -> float:
    """All the same: what is the same goes by its id."""
    return 0.0


def by_lock(model: Model, key: str) -> float | None:
    """Worst first."""
    lock = model.work_locks.get(key)
    return float(VERDICTS.index(lock.verdict)) if lock is not None else None


def by_detail(value: Callable[[RowDetail], float | None]) -> By:
    """By what is read of each job."""

    def by(model: Model, key: str) -> float | None:
        found = model.details.get(key)
        return value(found) if found is not None else None

    return by


BY_TRIES = by_detail(lambda row: row.attempts)
VERDICTS = list(Verdict)
JOB = Column("JOB", 13, 9, lambda model, key, now: Cell(safe_text(key)), wide=20, by=by_id)
