"""Acts on many jobs at once: with progress, ended by escape, and what was not done as a list with its reasons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from fsjob_core.errors import FsJobError
from fsjob_core.journal import Group, Journal, Outcome
from fsjob_core.operator import Operator

from ..many import AT_ONCE, Tally, each
from ..text import safe_text, short_age
from .saying import sentence
from .screens.dialogs import Dialog, Lines
from .targets import Target

if TYPE_CHECKING:
    from .acting import Acts

TOLD_EVERY = 0.2
"""Seconds between two looks at the progress."""
LISTED = 1000
"""Jobs that were not done which are listed; the log of acts has no more of them either."""
BAR = 40

Told = Callable[[Tally], bool]
"""Takes how far it is; True ends it."""


class Progress(Dialog[None]):
    """How far an act on many jobs is; escape ends it after what has begun."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self._total, self._began = total, time.monotonic()
        self.stopped = False

    def compose(self) -> ComposeResult:
        with self.box(f"{self._total:,} AT ONCE", ["Each is judged again at its turn."]):
            yield self._lines
            yield Static("", markup=False, id="bar")
            yield self.foot("esc stops it: what was done stays done")

    def show(self, tally: Tally) -> None:
        """Paint how far it is."""
        if not self.is_mounted:
            return
        filled = BAR * tally.looked // max(tally.total, 1)
        seconds = max(time.monotonic() - self._began, 0.001)
        rate = tally.looked / seconds
        left = f", {short_age((tally.total - tally.looked) / rate)} left" if rate > 0 else ""
        lines = (
            f"{'█' * filled}{'░' * (BAR - filled)} {tally.looked:,} of {tally.total:,}",
            f"done {tally.done:,}, skipped {len(tally.skipped):,}, failed {len(tally.failed):,}",
            "stopping: what has begun is finished" if self.stopped else f"{rate:,.0f} a second{left}",
        )
        self.query_one("#bar", Static).update(Content("\n".join(lines)))

    def action_close(self) -> None:
        self.stopped = True


class Sets:
    """Acts on sets, for the console's acts."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts

    def act(self, name: str, targets: Sequence[Target], shell: str, act: Callable[[Operator, Target], Outcome]) -> None:
        """Act on each of these; all of it is undone together."""

        def run(operator: Operator, told: Told) -> Tally:
            with operator.together():
                return each(targets, lambda target: [act(operator, target)], told, total=len(targets))

        self.run(name, len(targets), shell, run)

    def undo(self, group: Group, shell: str) -> None:
        """Undo a group of acts, the youngest first; what is left when it is stopped stays undoable."""

        def run(operator: Operator, told: Told) -> Tally:
            journal = Journal(operator.store.ground.disk, operator.store.layout)

            def one(name: str) -> Iterator[Outcome]:
                return operator.undo_act(group, name, journal)

            at_once = AT_ONCE if group.each_once else 1
            return each(group.names[::-1], one, told, total=group.count, at_once=at_once)

        self.run("undo", group.count, shell, run)

    def run(self, name: str, total: int, shell: str, run: Callable[[Operator, Told], Tally]) -> None:
        """Run in a thread, with progress on the screen; tell what came of it."""
        acts, screen = self._acts, self._acts.screen
        progress = Progress(total)
        screen.app.push_screen(progress)
        shown = 0.0

        def told(tally: Tally) -> bool:
            nonlocal shown
            if time.monotonic() - shown > TOLD_EVERY:
                shown = time.monotonic()
                screen.app.call_from_thread(progress.show, tally)
            return progress.stopped

        def in_thread() -> None:
            try:
                tally = run(Operator(acts.store(), via="console", write=acts.writing), told)
            except (FsJobError, OSError) as error:
                screen.app.call_from_thread(self._ended, progress, Outcome(False, sentence(error)), (), shell)
                return
            if tally.total == tally.looked == 1:
                screen.app.call_from_thread(self._ended, progress, Outcome(tally.done == 1, tally.said), (), shell)
                return
            left = [f"{tally.total - tally.looked:,} had no turn"] if tally.looked < tally.total else []
            outcome = Outcome(tally.done > 0 or not tally.not_done, f"{name}: {tally.summary}")
            screen.app.call_from_thread(self._ended, progress, outcome, left + tally.not_done, shell)

        screen.run_worker(in_thread, thread=True, exit_on_error=False, group="acts")

    def _ended(self, progress: Progress, outcome: Outcome, not_done: Iterable[str], shell: str) -> None:
        if progress.is_attached:
            progress.dismiss(None)
        others = list(not_done)
        more = [f"… and {len(others) - LISTED:,} more"] if len(others) > LISTED else []
        listed = [safe_text(what) for what in others[:LISTED]] + more
        self._acts.told(outcome, shell)
        self._acts.log.extend(f"    {what}" for what in listed)
        if listed:
            self._acts.screen.app.push_screen(Lines("OUTCOME", [outcome.what, "", *listed]))
