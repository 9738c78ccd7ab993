"""A column of a view: its width, its worth where the screen is narrow, and the cell it shows of a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from ...text import short_id
from ..model import Model

LEAST_FLEXIBLE = 12
"""Cells that a column which takes what is left needs at least."""

COMFORTABLE = 36
"""Cells that it has where others are given more than they need."""


class Cell(NamedTuple):
    """Text that is safe to show, and the name of its style: "", dim, good, warn, bad."""

    text: str
    style: str = ""


EMPTY = Cell("")


By = Callable[[Model, str], float | str | None]
"""What a row is ordered by; None where it is not known."""


def by_time(model: Model, key: str) -> float | str | None:
    """The order that rows of jobs are kept in."""
    return None


@dataclass(frozen=True, slots=True)
class Column:
    """`width` 0 takes what is left. `worth`: the lower, the sooner it is dropped; 9 stays."""

    title: str
    width: int
    worth: int
    cell: Callable[[Model, str, float], Cell]
    right: bool = False
    wide: int = 0
    """A wider width, where there is room for it."""
    by: By | None = None
    """What rows are ordered by where this column is chosen for that; None: it cannot be."""
    reads: bool = False
    """Whether each job must be read for that."""


def chosen(columns: Sequence[Column], titles: Sequence[str]) -> Sequence[Column]:
    """The columns with these titles, in their order, after the sign that a row may begin with; all where none is."""
    known = {column.title.lower(): column for column in columns if column.title}
    found = [known[title.lower()] for title in titles if title.lower() in known]
    return [*(column for column in columns if not column.title), *found] if found else columns


def gaps(columns: Sequence[Column]) -> int:
    """Cells that stand between them."""
    return sum(len(gap(*pair)) for pair in pairwise(columns))


def gap(before: Column, after: Column) -> str:
    """What stands between two columns: a cell more where one's end would stand against the other's beginning."""
    return "  " if before.right and not after.right else " "


def fit(columns: Sequence[Column], width: int) -> list[tuple[Column, int]]:
    """The columns that fit into so many cells, with their widths; the least worth is dropped first."""
    columns = list(columns)
    at_widest = sum(column.wide or column.width or COMFORTABLE for column in columns) + gaps(columns)
    wide = width >= 100 or at_widest <= width

    def widths() -> list[int]:
        return [column.wide if wide and column.wide else column.width for column in columns]

    def needed() -> int:
        return sum(each or LEAST_FLEXIBLE for each in widths()) + gaps(columns)

    while needed() > width and len(columns) > 2:
        columns.remove(min(columns, key=lambda column: column.worth))
    left = width - sum(widths()) - gaps(columns)
    return [(column, each or max(left, 1)) for column, each in zip(columns, widths(), strict=True)]


def put(text: str, width: int, *, right: bool = False, is_id: bool = False) -> str:
    """`text` in exactly so many cells."""
    if is_id:
        text = short_id(text, width)
    if cell_len(text) > width:
        text = set_cell_size(text, max(width - 1, 0)) + "…" if width else ""
    padding = " " * (width - cell_len(text))
    return padding + text if right else text + padding
