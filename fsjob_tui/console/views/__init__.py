"""The views, in the order of their keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .fulfilled import Fulfilled
from .locked import Locked
from .parked import PARKED_JOBS, Parked
from .pending import Pending
from .problems import GROUP_PROBLEMS, ProblemRows
from .view import View
from .waiting import Waiting
from .workers import MEMBER_LOCKS, Workers

__all__ = ["VIEWS", "View", "not_to_be_shown"]

VIEWS: dict[str, View] = {
    view.name: view for view in (Pending(), Locked(), Waiting(), Fulfilled(), Parked(), ProblemRows(), Workers())
}
UNDER: dict[str, View] = {view.name: view for view in (PARKED_JOBS, GROUP_PROBLEMS, MEMBER_LOCKS)}
"""Those that a row of another opens."""


def not_to_be_shown(columns: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A sentence for each wish of a view's columns that cannot be met."""
    views = VIEWS | UNDER
    for name, titles in columns.items():
        if name not in views:
            yield f"columns: there is no view {name} (there are {', '.join(VIEWS)})"
            continue
        known = [column.title for column in views[name].columns if column.title]
        for title in titles:
            if title.upper() not in known:
                yield f"columns: {name} has no column {title} (it has {', '.join(known)})"
