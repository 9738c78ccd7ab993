"""How far a canary is: can be left and opened again, paused, stopped, and told to go on without the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from ...text import safe_text
from ..canary import RunningCanary
from .dialogs import Dialog

WORDS = {
    "first": "one of them runs; its outcome is waited for",
    "ten": "ten of them run; their outcome is waited for",
    "paused": "paused: no more are run again, those on their way are watched",
    "done": "done: all of them are settled",
    "failed": "STOPPED BY ITSELF: those not touched stay parked",
    "stopped": "stopped: those not touched stay parked",
}
BAR = 40


class CanaryProgress(Dialog[None]):
    """Shows a canary; leaving it stops nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "close", show=False),
        Binding("p", "pause", show=False),
        Binding("s", "stop", show=False),
        Binding("k", "keep", show=False),
    ]

    def __init__(self, canary: RunningCanary, *, nobody_works: Callable[[], bool]) -> None:
        super().__init__()
        self._canary, self._nobody_works = canary, nobody_works

    def compose(self) -> ComposeResult:
        with self.box(f"CANARY · {self._canary.progress.total:,} PARKED JOBS", []):
            yield Static("", markup=False, id="progress")
            yield self.foot("")

    def on_mount(self) -> None:
        self._show()
        self.set_interval(0.2, self._show)

    def _show(self) -> None:
        canary, progress = self._canary, self._canary.progress
        full = BAR * (progress.sent + progress.skipped) // max(progress.total, 1)
        lines = [
            WORDS.get(progress.state, f"the rest run, {canary.rate:g} a second"),
            "█" * full + "░" * (BAR - full),
            progress.text,
            progress.why,
        ]
        if progress.on_their_way and not progress.over and self._nobody_works():
            lines.append("No worker of ours is signed in: esc, then w starts one here.")
        self.query_one("#progress", Static).update(Content(safe_text("\n".join(filter(None, lines)), lines=True)))
        self.query_one(".foot", Static).update(Content(safe_text(self._keys(), lines=True)))

    def _keys(self) -> str:
        canary = self._canary
        if canary.progress.over:
            return f"esc closes   z undoes what of it was not taken yet\nshell  {canary.shell}"
        pause = "p goes on" if canary.progress.state == "paused" else "p pauses"
        keep = "it goes on when the console ends" if canary.kept else "k keeps it when the console ends"
        return f"{pause}   s stops   {keep}   esc leaves it running, C comes back\nshell  {canary.shell}"

    def action_pause(self) -> None:
        self._canary.pause()

    def action_stop(self) -> None:
        self._canary.stop()

    def action_keep(self) -> None:
        self._canary.keep()
        self._show()
