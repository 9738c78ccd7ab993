"""The application: themes, palette, signals; all else is the main screen's."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from .goto import GoTo
from .occasion import Occasion, Occasions
from .screens.main import MainScreen

THEMES = ("textual-dark", "textual-light")
HARD_END = 5.0
"""Seconds after a hangup in which the screen may be put in order; then the process ends all the same."""


class ConsoleApp(App[int], inherit_bindings=False):
    """fsjob's console on one store."""

    TITLE = "fsjob"
    ENABLE_COMMAND_PALETTE = True
    ANIMATION_LEVEL = "none"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]
    CSS = """
    Toast { max-width: 90%; }
    """

    COMMANDS = App.COMMANDS | {GoTo}

    def __init__(
        self,
        directory: str,
        *,
        read_only: bool = False,
        worker: str | None = None,
        occasions: Occasions = Occasion,
        wanted: str = "",
    ) -> None:
        super().__init__()
        self.animation_level = "none"
        self._main = MainScreen(os.path.abspath(directory), read_only=read_only, worker=worker, occasions=occasions)
        self._main.model.narrowed.set_filter(wanted)
        self._interrupted = 0.0

    def get_default_screen(self) -> Screen[Any]:
        return self._main

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with suppress(ValueError, NotImplementedError, RuntimeError):  # not in the main thread: under test
                loop.add_signal_handler(number, self._hung_up)

    def _hung_up(self) -> None:
        """The terminal is gone, or somebody ends us: leave, whatever a dead terminal does to the farewell."""
        timer = threading.Timer(HARD_END, os._exit, (1,))
        timer.daemon = True
        timer.start()
        self.leave()

    def leave(self) -> None:
        """End the console; its worker drains, its monitor ends."""
        self._main.close_down()
        self.exit(0)

    def action_leave(self) -> None:
        self.leave()

    def action_interrupt(self) -> None:
        """Copy a selection; without one the second within two seconds leaves."""
        selected = self.screen.get_selected_text()
        if selected and not self.is_web:
            self._main.copy(selected, "the selection")
            return
        now = asyncio.get_running_loop().time()
        if now - self._interrupted < 2:
            self.leave()
        self._interrupted = now
        self.notify("ctrl+c again within 2 s leaves the console", markup=False, timeout=2)

    def copy_to_clipboard(self, text: str) -> None:
        """Cut and pasted within the console; a browser's clipboard is left alone."""
        if self.is_web:
            self._clipboard = text
        else:
            super().copy_to_clipboard(text)

    def toggle_theme(self) -> None:
        """Dark or light."""
        self.theme = THEMES[self.theme == THEMES[0]]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for action, why_not in self._main.every_action():
            if why_not is None and action.name != "palette":
                key = f"key {action.key}" if action.keys else ""
                yield SystemCommand(action.help.partition(";")[0], key, _Runner(self._main, action.name))


class _Runner:
    def __init__(self, screen: MainScreen, name: str) -> None:
        self._screen, self._name = screen, name

    async def __call__(self) -> None:
        await self._screen.action_do(self._name)


def run_console(
    directory: str,
    *,
    read_only: bool = False,
    worker: str | None = None,
    occasions: Occasions = Occasion,
    wanted: str = "",
) -> int:
    """Open the console; gives the exit code.

    `occasions`: what it is open for, such as a demo. `wanted`: a filter; raises InvalidFilter.
    """
    os.environ.setdefault("TEXTUAL_SHOW_RETURN", "0")
    app = ConsoleApp(directory, read_only=read_only, worker=worker, occasions=occasions, wanted=wanted)
    try:
        code = app.run()
    finally:
        app._main.close_down()
    return code if code is not None else app.return_code or 0
