"""The jobs that were given up."""

from __future__ import annotations

from ...text import safe_text
from .cells import JOB, age, detail
from .column import Cell, Column
from .view import View


class Parked(View):
    name, key, title, short = "parked", "5", "Parked", "Park"
    help = "the jobs that were given up"
    empty = "no job was given up"
    state = "parked"
    columns = (
        JOB,
        Column("PARKED", 7, 8, age("parked"), right=True),
        Column("TRY", 3, 5, detail(lambda row: Cell(str(row.attempts))), right=True),
        Column("ERROR", 0, 7, detail(lambda row: Cell(safe_text(row.problem or row.error), "bad"))),
        Column("REQUEST", 24, 2, detail(lambda row: Cell(safe_text(row.request)))),
    )
