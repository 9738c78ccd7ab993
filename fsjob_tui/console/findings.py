"""What the doctor found, as rows: a problem each, or a group where there are many of a kind."""

from __future__ import annotations

from fsjob_core.doctor import Problem
from fsjob_core.feed import ProblemGroup, Problems

from .rows import Listed

MANY = 20
"""Problems of a kind from which on they are one row."""

Finding = Problem | ProblemGroup


def key_of(finding: Finding) -> str:
    """What names a finding among the rows."""
    return finding.key if isinstance(finding, ProblemGroup) else f"{finding.kind} {finding.path}"


class Findings:
    """The rows of the problems."""

    def __init__(self) -> None:
        self.told = Problems()
        self.rows: dict[str, Finding] = {}
        self.listed = Listed()

    def take(self, told: Problems) -> None:
        """Take what the monitor tells."""
        self.told = told
        self.rows = {}
        shown = []
        for group in told.groups:
            is_row = group.count > MANY or (bool(group.place) and group.count > 1)
            self.rows[group.key] = group
            self.rows.update((key_of(problem), problem) for problem in group.first)
            shown += [group.key] if is_row else [key_of(problem) for problem in group.first]
        self.listed = Listed(shown)

    def of(self, key: str) -> Listed:
        """The problems of a group that are told one by one."""
        group = self.rows.get(key)
        return Listed(map(key_of, group.first)) if isinstance(group, ProblemGroup) else Listed()
