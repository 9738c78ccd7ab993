"""The fulfilled jobs."""

from __future__ import annotations

from fsjob_core.feed import RowDetail

from ...text import safe_bytes, safe_text, short_seconds, short_size
from .cells import JOB, age, by_detail, detail
from .column import Cell, Column, by_time
from .view import View


def _took(row: RowDetail) -> Cell:
    return Cell(short_seconds(row.took)) if row.took is not None else Cell("?", "dim")


def _size(row: RowDetail) -> Cell:
    return Cell(short_size(row.value_size)) if row.value_size is not None else Cell("?", "dim")


def _value(row: RowDetail) -> Cell:
    return Cell(safe_text(row.problem), "bad") if row.problem else Cell(safe_bytes(row.value_start))


class Fulfilled(View):
    name, key, title, short = "fulfilled", "4", "Fulfilled", "Done"
    help = "the fulfilled jobs"
    empty = "no job is fulfilled yet"
    state = "fulfilled"
    columns = (
        JOB,
        Column("FINISHED", 8, 8, age("fulfilled"), right=True, by=by_time),
        Column("TOOK", 7, 4, detail(_took), right=True, by=by_detail(lambda row: row.took), reads=True),
        Column("SIZE", 8, 5, detail(_size), right=True, by=by_detail(lambda row: row.value_size), reads=True),
        Column("VALUE", 0, 6, detail(_value)),
    )
