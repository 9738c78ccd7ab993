"""The frame of the main screen: its parts, and which job the keys are about just now."""

from __future__ import annotations

import time

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Static

from ...settings import Settings
from ...text import safe_text
from ..acting import Acts
from ..canary import RunningCanary
from ..embedded import EmbeddedWorker
from ..feed import Feed
from ..keyline import Notice
from ..model import Model
from ..occasion import Occasion, Occasions
from ..targets import Target
from ..views import VIEWS, View
from ..widgets.filterline import FilterLine
from ..widgets.line import Line
from ..widgets.panes import Pane
from ..widgets.table import JobTable

STAYS = 5.0
"""Seconds for which a line that says something stays; one that says what went wrong stays until a key."""


class Frame(Screen[None], inherit_bindings=False):
    """What the screen is made of, and which job is meant."""

    DEFAULT_CSS = """
    Frame { layout: vertical; }
    Frame #verdict { background: $panel; }
    Frame #body { height: 1fr; }
    Frame #left { width: 1fr; }
    Frame #detail { width: 48; display: none; }
    Frame #below { height: 9; display: none; }
    Frame { layers: base above; }
    Frame #said {
        layer: above; dock: bottom; margin-bottom: 1; height: auto; max-height: 6; display: none; background: $panel;
    }
    """

    def __init__(
        self, directory: str, *, settings: Settings, read_only: bool = False, worker: str | None = None,
        occasions: Occasions = Occasion,
    ) -> None:  # fmt: skip
        super().__init__()
        self.directory = directory
        self.settings = settings
        self.read_only = read_only
        self.local = settings.times == "local"
        """Whether times are told as they are where the terminal is."""
        self.frozen: float | None = None
        """Since when nothing is refreshed."""
        self.notice: Notice | None = None
        """What is said in place of the keys."""
        self.model = Model(directory)
        self.table = JobTable(self.model, self.now, VIEWS["pending"], settings.columns)
        self.filter_line = FilterLine(self.model.narrowed)
        self.acts: Acts = Acts(self, directory, read_only=read_only)
        self._occasions = occasions
        self._occasion = occasions()
        self._told_news = ""
        self._worker_command = worker
        self._feed: Feed | None = None
        self.worker: EmbeddedWorker | None = None
        self.canary: RunningCanary | None = None
        self.opened: str | None = None
        self.unmasked: str | None = None
        """The job of which all is shown."""
        self.last_view: View = VIEWS["pending"]
        self.evidence = -1
        self._asked: dict[type, object] = {}
        self._put_away = False

    def compose(self) -> ComposeResult:
        yield Line("store")
        yield Line("verdict")
        yield Line("tabs")
        yield Line("rates")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield self.table
                yield Pane("below")
            yield Pane("detail")
        yield self.filter_line
        yield Line("keys")
        yield Static("", markup=False, id="said")

    # ── parts ──

    @property
    def view(self) -> View:
        return self.table.view

    def now(self) -> float:
        """Seconds since 1970; they stand still while nothing is refreshed."""
        return self.frozen or time.time()

    def tell(self, text: str, *, wrong: bool = False, stays: float = STAYS) -> None:
        """Say something in place of the keys: for some seconds, or until a key where something went wrong.

        What is longer than that line is said whole, above it.

        One thing at a time; what went wrong is in the log as well.
        """
        self.notice = notice = Notice(safe_text(text), wrong)
        if wrong and not any(text in line for line in self.acts.log[-2:]):
            self.acts.log.append(text)
        if not wrong:
            self.set_timer(stays, lambda: self._end_notice(notice))
        self.refresh_around()

    def _end_notice(self, notice: Notice) -> None:
        if self.notice is notice:
            self.notice = None
            self.refresh_around()

    def refresh_around(self) -> None:
        """Paint again what reads differently now."""
        raise NotImplementedError

    def examine(self) -> None:
        """Have the doctor look now."""
        raise NotImplementedError

    # ── which job is meant ──

    def shown_job(self) -> str | None:
        """The job that was opened, which stays whatever the rows do; else the one under the cursor."""
        key = self.table.cursor
        if self.opened is not None or key is None:
            return self.opened
        return self.view.job_of(self.model, key) or None

    def target(self) -> Target | None:
        """The job that is open, or the one under the cursor, as it is now."""
        key, job = self.table.cursor, self.model.job
        if self.opened is not None:
            if job is None or job.detail.id != self.opened:
                return Target(self.opened)
            lock = next((lock for lock in job.detail.locks if lock.kind == "work"), None)
            return Target(self.opened, job.detail.state, lock or next(iter(job.detail.locks), None))
        return self.view.target_of(self.model, key) if key is not None else None

    def unmark(self, ids: set[str]) -> None:
        """Take the marks off rows all of whose jobs are among these: they were acted on."""
        view, table = self.view, self.table
        marked = {key: {target.id for target in view.targets_of(self.model, key)} for key in table.marked if ids}
        table.marked -= {key for key, jobs in marked.items() if jobs and jobs <= ids}
        table.repaint()

    def targets(self) -> list[Target]:
        """The marked rows in their order, else what is under the cursor: job by job, fixed as of now."""
        if self.opened is not None:
            target = self.target()
            return [target] if target is not None else []
        found = (target for key in self._keys() for target in self.view.targets_of(self.model, key))
        return list({target.id: target for target in found}.values())

    def whose(self) -> list[str]:
        """What the jobs that are meant have in common, for a dialog."""
        return self.view.whose(self.model, self._keys()) if self.opened is None else []

    def _keys(self) -> list[str]:
        """The marked rows in their order, else that of the cursor."""
        table = self.table
        if table.marked:
            return sorted(table.marked, key=lambda key: table.source.index(key) or 0)
        return [table.cursor] if table.cursor is not None else []
