"""The jobs that were given up: by what went wrong, most first; and the jobs of one such group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fsjob_core.health import elapsed

from ...text import safe_text, short_age
from ..errors import ALL
from ..model import Model
from ..rows import Listed, Rows, Source
from ..targets import Target
from .cells import BY_TRIES, JOB, age, detail
from .column import EMPTY, Cell, Column, by_time
from .view import View

if TYPE_CHECKING:
    from ..screens.main import MainScreen

TOLD = 3
"""Errors that a dialog names."""


def _jobs(model: Model, error: str) -> Rows:
    """The jobs of a group, all where it is that of all."""
    if error == ALL:
        return model.rows["parked"]
    return model.errors.rows(error) or Rows()


def _group(show: Callable[[Rows, float], Cell]) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        rows = _jobs(model, key)
        return show(rows, now) if len(rows) else EMPTY

    return cell


def _key(rows: Rows, *, oldest: bool) -> str:
    return rows.key(len(rows) - 1 if oldest == rows.newest else 0)


def _end(rows: Rows, now: float, *, oldest: bool) -> Cell:
    since = rows.since(_key(rows, oldest=oldest))
    return Cell(short_age(elapsed(now, since))) if since is not None else EMPTY


def _error(model: Model, key: str, now: float) -> Cell:
    return Cell(safe_text(key), "bad") if key != ALL else Cell("all of them, whatever went wrong", "dim")


def _whose(errors: Sequence[str]) -> list[str]:
    """What the jobs of groups failed of."""
    if ALL in errors:
        return ["all errors, whatever went wrong"]
    more = [f"and {len(errors) - TOLD:,} more"] if len(errors) > TOLD else []
    return [*(f"error  {error}" for error in errors[:TOLD]), *more]


class Parked(View):
    name, key, title, short = "parked", "5", "Parked", "Park"
    help = "the jobs that were given up, by what went wrong"
    empty = "no job was given up"
    state = "parked"
    filters = False
    narrows = True
    beside = False
    reads = False
    columns = (
        Column("JOBS", 7, 9, _group(lambda rows, now: Cell(f"{len(rows):,}")), right=True),
        Column("ERROR", 0, 8, _error),
        Column("OLDEST", 7, 6, _group(lambda rows, now: _end(rows, now, oldest=True)), right=True),
        Column("NEWEST", 7, 7, _group(lambda rows, now: _end(rows, now, oldest=False)), right=True),
        Column("JOB", 13, 5, _group(lambda rows, now: Cell(safe_text(_key(rows, oldest=False)), "dim")), wide=20),
    )

    def whole(self, model: Model) -> Source:
        return model.errors.listed() if len(model.rows["parked"]) and self.known(model) else Listed()

    def known(self, model: Model) -> bool:
        """Once errors are told: until then the only row would be that of all jobs, and the cursor would stay on it."""
        return "parked" in model.scanned and (len(model.errors.listed()) > 1 or not len(model.rows["parked"]))

    def neighbour(self, source: Source, index: int) -> int:
        """Never that of all: only who goes there means all."""
        return index - 1 if index and source.key(index) == ALL else index

    def summary(self, model: Model, now: float) -> str:
        errors, parked = model.errors, len(model.rows["parked"])
        if not parked:
            return ""
        going_on = f" · grouping {errors.done:,} of {parked:,}" if errors.done < parked else ""
        groups = len(errors.listed()) - 1
        return f"{parked:,} parked, {groups:,} error{'s' if groups != 1 else ''}{going_on}"

    def job_of(self, model: Model, key: str) -> str:
        return ""

    def key_of(self, model: Model, job_id: str) -> str | None:
        return None

    def troubles(self, model: Model) -> list[str]:
        return []

    def target_of(self, model: Model, key: str) -> Target | None:
        """All jobs of the group together."""
        return Target("", "parked") if len(_jobs(model, key)) else None

    def targets_of(self, model: Model, key: str) -> list[Target]:
        rows = _jobs(model, key)
        ids = (rows.key(index) for index in range(len(rows)))
        return [Target(job_id, "parked", self.lock_of(model, job_id)) for job_id in ids]

    def whose(self, model: Model, keys: Sequence[str]) -> list[str]:
        return _whose(keys)

    def narrowed(self, model: Model) -> View:
        """All parked jobs, one by one."""
        model.opened_error = ALL
        return PARKED_JOBS

    def why_not_open(self, model: Model, key: str) -> str | None:
        return None

    def open(self, screen: MainScreen, key: str) -> None:
        screen.model.opened_error = key
        screen.go(PARKED_JOBS)


class ParkedJobs(View):
    """The jobs of one group."""

    name, key, title, short = "parked-jobs", "5", "Parked", "Park"
    help = "the jobs that were given up"
    empty = "no job of this group is parked any more; esc: all groups"
    under = "parked"
    state = "parked"
    columns = (
        JOB,
        Column("PARKED", 7, 8, age("parked"), right=True, by=by_time),
        Column("TRY", 3, 5, detail(lambda row: Cell(str(row.attempts))), right=True, by=BY_TRIES, reads=True),
        Column("ERROR", 0, 7, detail(lambda row: Cell(safe_text(row.problem or row.error), "bad"))),
        Column("REQUEST", 24, 2, detail(lambda row: Cell(safe_text(row.request))), wide=36),
    )

    def whole(self, model: Model) -> Source:
        return _jobs(model, model.opened_error)

    def total(self, model: Model) -> int:
        return len(self.whole(model))

    def summary(self, model: Model, now: float) -> str:
        return f"{self.total(model):,} parked: {model.opened_error or 'whatever went wrong'} · esc: all groups"

    def known(self, model: Model) -> bool:
        return "parked" in model.scanned

    def whose(self, model: Model, keys: Sequence[str]) -> list[str]:
        """Of all jobs it is told where all of them are meant."""
        told = model.opened_error != ALL or 1 < len(keys) == self.total(model)
        return _whose([model.opened_error]) if told else []


PARKED_JOBS = ParkedJobs()
