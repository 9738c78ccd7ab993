"""What the doctor found: every state that a crash, a foreign tool or Node left, and what repair would do."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from fsjob_core.doctor import Problem, headline, plan
from fsjob_core.facts import LockInfo
from fsjob_core.feed import ProblemGroup
from fsjob_core.health import elapsed

from ...text import safe_text, short_age
from ..findings import Finding
from ..model import Model
from ..pieces import Piece, line
from ..rows import Source
from ..targets import Target
from .column import EMPTY, Cell, Column
from .view import View

if TYPE_CHECKING:
    from ..screens.frame import Frame
    from ..screens.main import MainScreen


def _finding(show: Callable[[Finding, Model, float], Cell]) -> Callable[[Model, str, float], Cell]:
    def cell(model: Model, key: str, now: float) -> Cell:
        finding = model.findings.rows.get(key)
        return show(finding, model, now) if finding is not None else EMPTY

    return cell


def _sign(finding: Finding, model: Model, now: float) -> Cell:
    return Cell("!", "bad") if finding.kind.automatic else Cell("◐", "warn")


def _what(finding: Finding, model: Model, now: float) -> Cell:
    return Cell(finding.kind.value, "bad" if finding.kind.automatic else "warn")


def _where(finding: Finding, model: Model, now: float) -> Cell:
    if isinstance(finding, ProblemGroup):
        return Cell(safe_text(headline(finding.kind, finding.place, finding.count)))
    return Cell(safe_text(finding.id or os.path.relpath(finding.path, model.directory)))


def _since(finding: Finding, model: Model, now: float) -> Cell:
    return Cell(short_age(elapsed(now, finding.since))) if finding.since is not None else Cell("?", "dim")


def _repair(finding: Finding, model: Model, now: float) -> Cell:
    remedy = finding.kind.remedy
    return Cell(remedy) if finding.kind.automatic else Cell(f"by hand: {remedy}", "dim")


class ProblemRows(View):
    name, key, title, short = "problems", "6", "Problems", "Prob"
    help = "what the doctor found, and what repair would do"
    empty = "nothing is wrong; the doctor looks again by itself"
    beside = False
    reads = False
    columns = (
        Column("", 1, 9, _finding(_sign)),
        Column("WHAT", 21, 8, _finding(_what)),
        Column("WHERE", 22, 9, _finding(_where), wide=34),
        Column("SINCE", 7, 5, _finding(_since), right=True),
        Column("REPAIR WOULD", 0, 7, _finding(_repair)),
    )

    def whole(self, model: Model) -> Source:
        return model.findings.listed

    def total(self, model: Model) -> int:
        return model.findings.told.total

    def counted(self, model: Model, count: Callable[[int], str]) -> str:
        told = model.findings.told
        return "·" if told.examined is None and not told.total else count(told.total)

    def alarms(self, model: Model) -> int:
        return 0

    def summary(self, model: Model, now: float) -> str:
        told = model.findings.told
        if told.of:
            return f"{told.total:,} found, looked at {told.looked:,} of {told.of:,}"
        if told.examined is None:
            return "the doctor is going through the store"
        return f"{told.total:,} found; the whole store was gone through {short_age(elapsed(now, told.examined))} ago"

    def known(self, model: Model) -> bool:
        return model.findings.told.examined is not None

    def job_of(self, model: Model, key: str) -> str:
        return ""

    def lock_of(self, model: Model, key: str) -> LockInfo | None:
        return None

    def key_of(self, model: Model, job_id: str) -> str | None:
        """The row of a group, or of the first problem of one that is no row itself."""
        if model.findings.listed.index(job_id) is not None:
            return job_id
        of_group = model.findings.of(job_id)
        return of_group.key(0) if len(of_group) else None

    def troubles(self, model: Model) -> list[str]:
        return list(model.findings.rows)

    def target_of(self, model: Model, key: str) -> Target | None:
        return None

    def marks(self, model: Model, key: str) -> bool:
        return key in model.findings.rows

    def why_not_open(self, model: Model, key: str) -> str | None:
        return None if key in model.findings.rows else "it is no problem any more"

    def open(self, screen: MainScreen, key: str) -> None:
        finding = screen.model.findings.rows.get(key)
        if isinstance(finding, ProblemGroup):
            screen.model.opened_problem = key
            screen.go(GROUP_PROBLEMS)
        elif finding is not None:
            from ..screens.dialogs import Lines  # a glance without a screen does without

            lines = ["".join(text for text, _ in explained(finding))]

            screen.app.push_screen(Lines(finding.kind.value.upper(), lines[0].splitlines()))

    def below(self, screen: Frame, room: int) -> tuple[str, list[Piece]] | None:
        finding = screen.model.findings.rows.get(screen.table.cursor or "")
        return (finding.kind.value, explained(finding)) if finding is not None else None

    def height_below(self, screen: Frame) -> int:
        return min(11, screen.size.height // 2 - 2) if screen.model.findings.rows else 0


def explained(finding: Finding) -> list[Piece]:
    """The whole explanation, and what repair would change: the dry run."""
    one = finding if isinstance(finding, Problem) else next(iter(finding.first), None)
    pieces: list[Piece] = []
    if isinstance(finding, ProblemGroup):
        pieces += line("what", safe_text(headline(finding.kind, finding.place, finding.count)))
        pieces += line("why", safe_text(finding.kind.explanation))
    else:
        pieces += line("why", safe_text(finding.explanation)) + line("where", safe_text(finding.path), "dim")
    pieces += line("repair" if finding.kind.automatic else "by hand", finding.kind.remedy)
    steps = plan(one) if one is not None else ()
    for number, step in enumerate(steps):
        pieces += line("" if number else "would" if finding.kind.automatic else "forced", safe_text(step))
    if isinstance(finding, ProblemGroup):
        pieces += line("", f"and the same with {finding.count - 1:,} more" if finding.count > 1 else "")
    return pieces


class GroupProblems(ProblemRows):
    """The problems of one group, as far as they are told one by one."""

    name, under = "group-problems", "problems"
    empty = "none of this group is left; esc: all problems"

    def whole(self, model: Model) -> Source:
        return model.findings.of(model.opened_problem)

    def summary(self, model: Model, now: float) -> str:
        group = model.findings.rows.get(model.opened_problem)
        if not isinstance(group, ProblemGroup):
            return "esc: all problems"
        shown = f", the first {len(group.first):,} are shown" if len(group.first) < group.count else ""
        return f"{headline(group.kind, group.place, group.count)}{shown} · esc: all problems"


GROUP_PROBLEMS = GroupProblems()
