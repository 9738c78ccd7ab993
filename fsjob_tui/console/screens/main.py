"""The main screen: what the actions do with it, the filter's input, and which actions are possible."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from inspect import isawaitable
from typing import ClassVar, TextIO

from textual import events, on
from textual.binding import BindingType

from ...settings import Settings
from ...text import short_size
from ..actions import Action, bindings, remapped
from ..actions.canary import has_ended
from ..actions.worker import start
from ..canary import CanaryEnded
from ..clipboard import copy
from ..occasion import Occasion, Occasions
from ..views import VIEWS, View, not_to_be_shown
from ..widgets.filterline import FilterLine
from ..widgets.table import JobTable
from .dialogs import Ask
from .editors import WorkerCommand
from .painted import Painted

KEY_LOG = "FSJOB_KEY_LOG"
"""The environment variable that names a file for the log of keys."""
MOUSE_MODES = (1000, 1003, 1015, 1006)
"""What Textual asks of a terminal to be told of the mouse."""


class MainScreen(Painted):
    """The console."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]

    _key_log: TextIO | None = None
    """For tests: a line for each action, with the jobs that it was about, none if refused, and where the cursor is."""

    def __init__(
        self, directory: str, *, settings: Settings, read_only: bool = False, worker: str | None = None,
        occasions: Occasions = Occasion,
    ) -> None:  # fmt: skip
        super().__init__(directory, settings=settings, read_only=read_only, worker=worker, occasions=occasions)
        self.actions, self.complaints = remapped(settings.keys)
        self.complaints += not_to_be_shown(settings.columns)
        self._mouse = settings.mouse

    def on_mount(self) -> None:
        if os.environ.get(KEY_LOG):
            self._key_log = open(os.environ[KEY_LOG], "a", buffering=1, encoding="utf-8")  # noqa: SIM115
        if self.complaints:
            more = f"; {len(self.complaints) - 1} more (l shows them)" if len(self.complaints) > 1 else ""
            self.acts.log.extend(self.complaints)
            self.tell(self.complaints[0] + more, wrong=True)
        if self._worker_command:
            start(self, WorkerCommand(self._worker_command, 1, 5))

    # ── actions ──

    async def action_do(self, name: str) -> None:
        """Run an action of the table, however it was asked for; one that is not possible now says why."""
        if self.app.screen is not self:
            return  # typed before what was opened had the keys: it was meant for that
        said, action = self._end_wrong(), self.actions[name]
        if name == "close" and said:
            return
        if (why := self.why_not(action)) is not None:
            self.tell(f"{action.short}: {why}")
            return
        if action.aims and self.opened is None and not self.table.settled:
            self.tell("another row has just come under the cursor: look, and press again")
            self._log_key(name, [])
            return
        ids = [target.id for target in self.targets()] if self._key_log is not None else []
        result = action.run(self)
        if isawaitable(result):
            await result
        self._log_key(name, ids)

    def _log_key(self, name: str, ids: list[str]) -> None:
        if self._key_log is not None:
            self._key_log.write(json.dumps({"do": name, "ids": ids, "cursor": self.table.cursor}) + "\n")

    def why_not(self, action: Action) -> str | None:
        """Why an action is not possible now; None where it is."""
        if self.app.is_web and not action.in_browser:
            return "not in a browser"
        if action.changes:
            if (why := self.acts.why_not()) is not None:
                return why
            if self.model.problem is not None and action.name != "create":
                return "there is no store"
        return action.why_not(self)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action != "do":
            return True
        if self.filter_line.typing and parameters != ("close",):
            return False
        return True if self.why_not(self.actions[str(parameters[0])]) is None else None

    def possible(self) -> Iterator[Action]:
        return (action for action in self.actions.values() if self.why_not(action) is None)

    def every_action(self) -> list[tuple[Action, str | None]]:
        """Every action with why it is not possible now."""
        return [(action, self.why_not(action)) for action in self.actions.values()]

    def on_key(self, event: events.Key) -> None:
        """A key that is not valid now says why."""
        self._end_wrong()
        for action in self.actions.values():
            if event.key in action.keys.split(",") and (why := self.why_not(action)) is not None:
                self.tell(f"{action.short}: {why}")
                self._log_key(action.name, [])

    def _end_wrong(self) -> bool:
        """A key ends what is said of what went wrong; says whether there was anything."""
        said = self.notice is not None and self.notice.wrong
        if said:
            self.notice = None
            self.refresh_around()
        return said

    def switch_mouse(self) -> bool:
        """Take the mouse, or leave it to the terminal; says which."""
        self._mouse = not self._mouse
        driver = self.app._driver
        if driver is not None:
            switch = "h" if self._mouse else "l"
            driver.write("".join(f"\x1b[?{mode}{switch}" for mode in MOUSE_MODES))
            driver.flush()
        return self._mouse

    # ── opening and closing ──

    def go(self, view: View) -> None:
        """Show a view, or what the filter leaves of it."""
        if self.model.narrowed.text and not view.filters:
            view = view.narrowed(self.model)
        if view is not self.view:
            if not self.view.under:
                self.last_view = self.view
            self.opened = None
            self.table.show(view)
            self.table.focus()
        self.refresh_around()
        self.ask_for_rows()

    def open_row(self) -> None:
        """Open what is under the cursor."""
        if self.table.cursor is not None:
            self.view.open(self, self.table.cursor)

    def open_job(self) -> None:
        """Open the job under the cursor: it stays open whatever the rows do."""
        self.opened = self.shown_job()
        self.refresh_around()
        self.ask_for_rows()

    @on(JobTable.Opened)
    def opened_with_the_mouse(self) -> None:
        if self.why_not(self.actions["open"]) is None:
            self.open_row()

    def back(self) -> None:
        """Close what was opened last; at the root, quit."""
        if not self.close():
            self._quit()

    def close(self) -> bool:
        """Close what was opened last; says whether there was anything."""
        narrowed = self.model.narrowed
        if self.filter_line.typing:
            self.filter_line.leave()
        elif self.opened is not None:
            self.opened = None
            self.refresh_around()
        elif self.table.marked:
            self.table.marked.clear()
            self.table.repaint()
            self.refresh_around()
        elif narrowed.searching and self.view.filters:
            narrowed.stop()
            self.filter_changed()
        elif narrowed.text and self.view.filters:
            self.filter_line.set_filter("")
        elif self.view.under:
            self.go(VIEWS[self.view.under])
        elif self.frozen is not None:
            self.freeze()
        else:
            return False
        return True

    @on(CanaryEnded)
    def canary_ended(self) -> None:
        has_ended(self)

    def _quit(self) -> None:
        if self.canary is not None and self.canary.alive and not self.canary.kept:
            lines = [self.canary.progress.text, "It ends with this console. k in its dialog (C) keeps it running."]
            dialog = Ask("LEAVE", lines, {"y": "leaves and stops it"}, shell=self.canary.shell)
            self.app.push_screen(dialog, lambda answer: self._leave() if answer == "y" else None)
        elif self.worker is not None and self.worker.alive:
            lines = ["A worker runs in this console. It finishes what it has, for 30 s at most, and ends."]
            dialog = Ask("LEAVE", lines, {"y": "leaves"}, shell=self.worker.shell)
            self.app.push_screen(dialog, lambda answer: self._leave() if answer == "y" else None)
        else:
            self._leave()

    def _leave(self) -> None:
        self.close_down()
        self.app.exit(0)

    def copy(self, text: str, what: str) -> None:
        """Copy raw text; say what, how much, and how."""
        if self.app.is_web:
            self.tell("nothing is copied for a browser: select with shift and the mouse", wrong=True)
            return
        way = copy(text, self.app.copy_to_clipboard)
        self.tell(f"{what} copied: {short_size(len(text.encode('utf-8', 'replace')))}, {way}")

    # ── the filter ──

    @on(FilterLine.Changed)
    def filter_changed(self) -> None:
        """Other rows match: what was searched for is searched for anew."""
        self.ask_for_rows()
        self.table.model_changed()
        self.refresh_around()
        self.ask_for_rows()

    @on(FilterLine.Closed)
    def filter_closed(self) -> None:
        self.table.focus()
