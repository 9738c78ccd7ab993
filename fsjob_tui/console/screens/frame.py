"""The frame of the main screen: its parts, and what the keys are about just now."""

from __future__ import annotations

import time
from collections.abc import Iterator

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input

from ...text import safe_text
from ..acting import Acts
from ..bindings import ACTS, KEYS, Key
from ..embedded import EmbeddedWorker
from ..feed import Feed
from ..model import Model
from ..targets import Target
from ..widgets.lines import Line
from ..widgets.panes import Pane
from ..widgets.table import JobTable


class Frame(Screen[None], inherit_bindings=False):
    """What the screen is made of, which job is meant, and which keys are valid."""

    DEFAULT_CSS = """
    Frame { layout: vertical; }
    Frame #verdict { background: $boost; }
    Frame #body { height: 1fr; }
    Frame #left { width: 1fr; }
    Frame #detail { width: 46; display: none; }
    Frame #below { height: 9; display: none; }
    Frame #filter { height: 1; border: none; padding: 0 1; display: none; background: $boost; }
    Frame #filter:focus { border: none; }
    """

    def __init__(self, directory: str, *, read_only: bool, worker: str | None, demo: str) -> None:
        super().__init__()
        self.directory = directory
        self.model = Model(directory)
        self.acts = Acts(self, directory, read_only=read_only)
        self._demo = demo
        self._worker_command = worker
        self._feed: Feed | None = None
        self._worker: EmbeddedWorker | None = None
        self._opened: str | None = None
        self._unmasked = False
        self._last_view = "pending"
        self._evidence = -1
        self._asked: tuple[object, object] = (None, None)
        self._put_away = False

    def compose(self) -> ComposeResult:
        yield Line("store")
        yield Line("verdict")
        yield Line("tabs")
        yield Line("rates")
        with Horizontal(id="body"):
            with Vertical(id="left"):
                yield JobTable(self.model, self.now)
                yield Pane("below")
            yield Pane("detail")
        field = Input(id="filter", placeholder="text in the id; enter keeps it, esc clears it", select_on_focus=False)
        field.cursor_blink = False
        yield field
        yield Line("keys")

    # ── parts ──

    @property
    def table(self) -> JobTable:
        return self.query_one(JobTable)

    @property
    def view(self) -> str:
        return self.table.view

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def tell(self, text: str, *, wrong: bool = False) -> None:
        """A line that stays for some seconds."""
        severity: SeverityLevel = "error" if wrong else "information"
        self.notify(safe_text(text), severity=severity, markup=False, timeout=8 if wrong else 5)

    # ── which job is meant ──

    def _shown_job(self) -> str | None:
        """The job that was opened, which stays whatever the rows do; else the one under the cursor."""
        key = self.table.cursor
        if self._opened is not None or key is None:
            return self._opened
        return self.model.job_of(self.view, key) or None

    def _target(self) -> Target | None:
        """The job that is open, or the one under the cursor, as it is now."""
        key, job = self.table.cursor, self.model.job
        if self._opened is not None:
            if job is None or job.detail.id != self._opened:
                return Target(self._opened)
            lock = next((lock for lock in job.detail.locks if lock.kind == "work"), None)
            return Target(self._opened, job.detail.state, lock or next(iter(job.detail.locks), None))
        return self._target_of(key) if key is not None and self.view != "workers" else None

    def _target_of(self, key: str) -> Target:
        view, model = self.view, self.model
        job_id = model.job_of(view, key)
        detail = model.details.get(job_id)
        state = view if view in ("pending", "fulfilled", "parked") else ""
        if detail is not None and detail.fulfilled:
            state = "fulfilled"
        waits = view == "pending" and detail is not None and detail.not_before is not None
        return Target(job_id, state, model.lock_of(view, key), waits)

    def _targets(self) -> list[Target]:
        """The marked rows in their order, else the one job that is meant: fixed as of now."""
        table = self.table
        if table.marked and self._opened is None:
            return [self._target_of(key) for key in sorted(table.marked, key=lambda key: table.source.index(key) or 0)]
        target = self._target()
        return [target] if target is not None else []

    # ── what is valid now ──

    def why_not(self, action: str) -> str | None:
        """Why an action is not possible now; None where it is."""
        if action in ACTS and (why := self.acts.why_not()) is not None:
            return why
        if self.model.problem is not None and action in ACTS and action != "create":
            return "there is no store"
        if action == "write":
            guarded = self.model.guarded and not self.acts.read_only and not self.acts.writing
            return None if guarded else "the store is not guarded"
        if action in ("release", "requeue", "park", "fulfill", "delete", "open", "copy", "mark", "mark_all"):
            target = self._target()
            return "no job is under the cursor" if target is None else self._why_not_this(action, target)
        if action == "worst":
            return None if self.model.verdict.evidence else "nothing is wrong"
        if action == "filter" and self.view == "workers":
            return "workers are not filtered"
        return None

    def _why_not_this(self, action: str, target: Target) -> str | None:
        lock = target.lock
        if action == "release":
            return None if lock is not None else "no lock stands here"
        if action == "requeue":
            possible = target.state in ("parked", "fulfilled") or target.waits
            return None if possible else "only a parked or fulfilled job is run again"
        if action == "park":
            possible = target.state in ("pending", "") and (lock is None or lock.kind == "work")
            return None if possible else "only a pending job is parked"
        if action == "fulfill":
            return "it is fulfilled" if target.state == "fulfilled" else None
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if self.query_one("#filter", Input).has_focus and action != "close":
            return False
        return True if self.why_not(action) is None else None

    def every_key(self) -> Iterator[tuple[Key, str | None]]:
        """Every key with why it is not valid now."""
        for key in KEYS:
            yield key, self.why_not(key.action)
