"""Repairing what the doctor found: shown before, asked about, judged again under each job's own locks, audited."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from fsjob_core.doctor import Kind, Problem, headline, plan
from fsjob_core.feed import ProblemGroup
from fsjob_core.operator import Operator

from ..many import Tally, each
from .findings import Finding
from .screens.dialogs import Typed
from .sets import Told

if TYPE_CHECKING:
    from .acting import Acts

STEPS_SHOWN = 6


class Repairing:
    """The acts on problems."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._screen = acts.screen

    def repair(self, findings: list[Finding]) -> None:
        """Repair these: what is left for an operator only alone, and with its typed word."""
        by_hand = [finding for finding in findings if not finding.kind.automatic]
        if len(findings) == 1 and by_hand:
            self._by_hand(by_hand[0])
            return
        due = [finding for finding in findings if finding.kind.automatic]
        if not due:
            self._screen.tell("these are for an operator, one kind at a time: nothing was changed", wrong=True)
            return
        lines = [self._headline(finding) for finding in due[:4]]
        if len(due) > 4:
            lines.append(f"and {len(due) - 4:,} more")
        lines += ["", *(f"  {step}" for step in self._steps(due)), "", "Each is judged again at its turn."]
        if by_hand:
            lines.append(f"{len(by_hand):,} are left: they are for an operator, one kind at a time.")
        shell, count = self._shell(due), sum(map(_count, due))
        self._acts.ask("REPAIR", lines, shell, lambda: self._start(due, shell, force=False), count=count)

    def _by_hand(self, finding: Finding) -> None:
        kind = finding.kind
        steps = self._steps([finding])
        if not steps:
            self._screen.tell(f"repair does nothing about {kind.value}: {kind.remedy}", wrong=True)
            return
        lines = [self._headline(finding), kind.explanation, f"for an operator: {kind.remedy}", ""]
        lines += [f"  {step}" for step in steps]
        shell = self._shell([finding])
        dialog = Typed("REPAIR BY FORCE", lines, word=kind.value, what="what it is", shell=shell)

        def typed(answer: bool | None) -> None:
            if answer is not None:
                self._start([finding], shell, force=True)

        self._screen.app.push_screen(dialog, typed)

    def _headline(self, finding: Finding) -> str:
        if isinstance(finding, ProblemGroup):
            return f"{headline(finding.kind, finding.place, finding.count)}: {finding.kind.remedy}"
        return f"{finding.kind.value}  {finding.id or finding.path}: {finding.kind.remedy}"

    def _steps(self, findings: list[Finding]) -> list[str]:
        """What repair would change, of the first few."""
        steps: list[str] = []
        for finding in findings:
            one = finding if isinstance(finding, Problem) else next(iter(finding.first), None)
            if one is not None:
                steps += plan(one)
                if isinstance(finding, ProblemGroup) and finding.count > 1:
                    steps.append(f"and so {finding.count - 1:,} more times")
        return steps if len(steps) <= STEPS_SHOWN else [*steps[:STEPS_SHOWN], "…"]

    def _shell(self, findings: list[Finding]) -> str:
        """The line that does the same: whole kinds at once, but for a single problem of a job."""
        words = ["doctor", "--repair"]
        for kind in dict.fromkeys(finding.kind for finding in findings):
            words += ["--kind", kind.value] if kind.automatic else ["--kind", kind.value, "--force", kind.value]
        if len(findings) == 1 and isinstance(findings[0], Problem) and findings[0].id:
            words += ["--job", findings[0].id]
        return self._acts.shell(*words)

    def _start(self, findings: list[Finding], shell: str, *, force: bool) -> None:
        total = sum(map(_count, findings))

        def run(operator: Operator, told: Told) -> Tally:
            try:
                problems = islice(_each(operator, findings), total)
                return each(problems, lambda one: [operator.repair(one, force=force)], told, total=total, at_once=1)
            finally:
                self._screen.app.call_from_thread(self._screen.examine)

        self._acts.sets.run("repair", total, shell, run)


def _count(finding: Finding) -> int:
    return finding.count if isinstance(finding, ProblemGroup) else 1


def _each(operator: Operator, findings: list[Finding]) -> Iterator[Problem]:
    """The problems one by one; those of a group that was told in part are found anew."""
    kinds: set[tuple[Kind, str]] = set()
    for finding in findings:
        if isinstance(finding, Problem):
            yield finding
        elif finding.count <= len(finding.first):
            yield from finding.first
        else:
            kinds.add((finding.kind, finding.place))
    if kinds:
        yield from (problem for problem in operator.store.doctor() if (problem.kind, problem.place) in kinds)
