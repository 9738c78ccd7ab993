"""What a view is. A new one is a subclass in a file of its own, and its name in the list of `views/__init__.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from fsjob_core.facts import LockInfo
from fsjob_core.feed import LISTED
from fsjob_core.health import RELEASABLE

from ..model import Model
from ..pieces import Piece
from ..rows import Source
from ..targets import Target
from .column import Column

if TYPE_CHECKING:
    from ..screens.frame import Frame
    from ..screens.main import MainScreen


class View:
    """A table of the console: its key, its columns, its rows, and what they stand for.

    A row has a key, which is a job's id unless the view says otherwise. Views hold nothing: all is in the model.
    """

    name: ClassVar[str]
    """What the monitor and the counts call it."""
    key: ClassVar[str]
    title: ClassVar[str]
    short: ClassVar[str]
    """The title where the tabs are narrow."""
    help: ClassVar[str]
    """What it shows, for the help."""
    empty: ClassVar[str]
    """Why there is nothing in it."""
    columns: ClassVar[tuple[Column, ...]]
    state: ClassVar[str] = ""
    """What its jobs are: pending, fulfilled or parked; empty where they may be anything."""
    filters: ClassVar[bool] = True
    """Whether the filter holds here."""
    beside: ClassVar[bool] = True
    """Whether the detail of the job under the cursor stands beside the table where the screen is wide."""
    reads: ClassVar[bool] = True
    """Whether its rows show what must be read of each job: the monitor is told which are on the screen."""

    follows: ClassVar[bool] = False
    """Whether the pane below keeps to its end, as a log does."""
    under: ClassVar[str] = ""
    """For what a row of another view opens: that view, whose tab it stands under and to which escape goes back."""

    @property
    def read_as(self) -> str:
        """Which view the monitor reads its rows for."""
        return self.under or self.name

    @property
    def searched(self) -> str:
        """In which view the monitor searches for what the filter wants; empty: it does not."""
        return self.read_as if self.filters and self.read_as in (*LISTED, "locked") else ""

    narrows: ClassVar[bool] = False
    """Whether a filter holds in another view in the place of this one, which is `narrowed`."""

    def narrowed(self, model: Model) -> View:
        """The view in which a filter holds."""
        return self

    # ── rows ──

    def whole(self, model: Model) -> Source:
        """All rows."""
        return model.rows[self.name]

    def source(self, model: Model) -> Source:
        """The rows that the filter leaves, in the order that was asked for."""
        return model.narrowed.rows(self.name, self.whole(model), filters=self.filters)

    def total(self, model: Model) -> int:
        """How many rows there are; no filter changes it."""
        return int(getattr(model.counts, self.name))

    def counted(self, model: Model, count: Callable[[int], str]) -> str:
        """The total as the tab shows it."""
        return count(self.total(model))

    def summary(self, model: Model, now: float) -> str:
        """What the line above the table says instead of the rates; empty where it says those."""
        return ""

    def alarms(self, model: Model) -> int:
        """How many of them are trouble, for the tab."""
        return 0

    def known(self, model: Model) -> bool:
        """Whether its rows were read by now."""
        return self.name in model.scanned

    def orderable(self) -> list[Column]:
        """The columns that its rows can be ordered by."""
        return [column for column in self.columns if column.by is not None]

    def neighbour(self, source: Source, index: int) -> int:
        """The row to which the cursor goes by itself where its own has gone; `index`: that which took its place."""
        return index

    # ── a row ──

    def job_of(self, model: Model, key: str) -> str:
        """The job of a row; empty where it is about none."""
        return key

    def lock_of(self, model: Model, key: str) -> LockInfo | None:
        """The lock that an act on a row would be about."""
        return model.work_locks.get(key)

    def target_of(self, model: Model, key: str) -> Target | None:
        """What an act on a row is about, as it is now; one without an id stands for more jobs than one."""
        job_id, state = self.job_of(model, key), self.state
        if not job_id:
            return None
        detail = model.details.get(job_id)
        if detail is not None and detail.fulfilled:
            state = "fulfilled"
        waits = state == "pending" and detail is not None and detail.not_before is not None
        return Target(job_id, state, self.lock_of(model, key), waits)

    def targets_of(self, model: Model, key: str) -> list[Target]:
        """The jobs of a row, one by one."""
        target = self.target_of(model, key)
        return [target] if target is not None else []

    def whose(self, model: Model, keys: Sequence[str]) -> list[str]:
        """What the jobs of these rows have in common, for a dialog: nothing, or a line."""
        return []

    def marks(self, model: Model, key: str) -> bool:
        """Whether a row can be marked, for an act on all that are."""
        return self.target_of(model, key) is not None

    def open(self, screen: MainScreen, key: str) -> None:
        """What enter does on a row."""
        screen.open_job()

    def why_not_open(self, model: Model, key: str) -> str | None:
        return None if self.job_of(model, key) else "no job is under the cursor"

    def line_to_copy(self, screen: MainScreen) -> tuple[str, str] | None:
        """A text that is copied at once instead of something of a job, and what it is."""
        return None

    def key_of(self, model: Model, job_id: str) -> str | None:
        """The row of a job, where it can have one."""
        return job_id

    def troubles(self, model: Model) -> list[str]:
        """The rows that are in trouble."""
        locked = [job_id for job_id, lock in model.work_locks.items() if lock.verdict in RELEASABLE]
        return locked + [job_id for job_id, detail in model.details.items() if detail.problem]

    # ── below the table ──

    def below(self, screen: Frame, room: int) -> tuple[str, list[Piece]] | None:
        """Title and text of a pane of at most so many lines below the table; None where there is none."""
        return None

    def height_below(self, screen: Frame) -> int:
        """Lines of that pane; 0 where there is none now."""
        return 0
