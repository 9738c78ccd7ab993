"""The application: themes, palette, signals; all else is the main screen's."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from ..hangup import end_with_input
from ..settings import Settings, load, recent, remember
from .actions import keymap
from .actions.appearance import set_theme
from .goto import GoTo
from .occasion import Occasion, Occasions
from .screens.dialogs import Ask
from .screens.main import MainScreen
from .themes import THEMES, WORDS, fitting
from .typedahead import TypingApp

HARD_END = 5.0
"""Seconds after a hangup in which the screen may be put in order; then the process ends all the same."""


class ConsoleApp(TypingApp, inherit_bindings=False):
    """fsjob's console on one store."""

    TITLE = "fsjob"
    ENABLE_COMMAND_PALETTE = True
    ANIMATION_LEVEL = "none"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+q", "leave", show=False, priority=True),
        Binding("ctrl+c", "interrupt", show=False, priority=True),
    ]

    COMMANDS = App.COMMANDS | {GoTo}

    def __init__(
        self, directory: str, *, settings: Settings | None = None, read_only: bool = False, worker: str | None = None,
        occasions: Occasions = Occasion, wanted: str = "",
    ) -> None:  # fmt: skip
        no_color = os.environ.pop("NO_COLOR", None)  # Textual would turn colours into greys; a theme has none at all
        super().__init__()
        if no_color is not None:
            os.environ["NO_COLOR"] = no_color
        self.animation_level = "none"
        self.settings = settings or Settings()
        for theme in THEMES.values():
            self.register_theme(theme)
        self.theme = "plain" if no_color else self.settings.theme or fitting(self.console.color_system)
        self._main = MainScreen(
            os.path.abspath(directory), settings=self.settings, read_only=read_only, worker=worker, occasions=occasions
        )
        self.set_keymap(keymap(self._main.actions))
        self._main.model.narrowed.set_filter(wanted)
        self._interrupted = 0.0
        self._opened = 0
        """Stores that were opened after the first."""

    def get_default_screen(self) -> Screen[Any]:
        return self._main

    def complain(self, wrong: list[str]) -> None:
        """Say what of the settings cannot be used, once the screen is there."""
        self._main.complaints[:0] = wrong

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            with suppress(ValueError, NotImplementedError, RuntimeError):  # not in the main thread: under test
                loop.add_signal_handler(number, self._hung_up)
        if not self.is_headless and sys.__stdin__ is not None and sys.__stdin__.isatty():
            end_with_input(HARD_END)

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
        self._main.tell("ctrl+c again within 2 s leaves the console")

    def copy_to_clipboard(self, text: str) -> None:
        """Cut and pasted within the console; a browser's clipboard is left alone."""
        if self.is_web:
            self._clipboard = text
        else:
            super().copy_to_clipboard(text)

    # ── stores ──

    def open_store(self, directory: str) -> None:
        """Show another store; a worker in the console is asked about first, for it ends with its store."""
        worker = self._main.worker
        if worker is not None and worker.alive:
            lines = [
                f"A worker runs in this console on {self._main.directory}.",
                "It finishes what it has, for 30 s at most, and ends.",
            ]
            dialog = Ask("ANOTHER STORE", lines, {"y": "opens it"}, shell=worker.shell)
            self.push_screen(dialog, lambda answer: self._open_store(directory) if answer == "y" else None)
        else:
            self._open_store(directory)

    def _open_store(self, directory: str) -> None:
        before, mode = self._main, self.current_mode
        before.close_down()
        settings = replace(self.settings, times="local" if before.local else "utc")
        self._main = main = MainScreen(directory, settings=settings, read_only=before.read_only)
        self._opened += 1
        self.add_mode(f"store-{self._opened}", lambda: main)
        self.switch_mode(f"store-{self._opened}")
        if mode in self._modes:  # the first one is nobody's to remove
            self.remove_mode(mode)
        remember(directory)

    def other_stores(self) -> dict[str, str]:
        """Directory to name, or to nothing: those that the settings name, and those open lately."""
        found = {os.path.abspath(os.path.expanduser(path)): f"@{name}" for name, path in self.settings.stores.items()}
        found |= {path: "" for path in recent() if path not in found}
        found.pop(self._main.directory, None)
        return found

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        for action, why_not in self._main.every_action():
            if why_not is None and action.name != "palette":
                key = f"key {action.key}" if action.keys else ""
                yield SystemCommand(action.help.partition(";")[0], key, _Runner(self._main, action.name))
        for directory, name in self.other_stores().items():
            yield SystemCommand(f"open the store {name or directory}", directory, partial(self.open_store, directory))
        for name, words in WORDS.items():
            yield SystemCommand(f"theme: {name}", words, partial(set_theme, self._main, name))


class _Runner:
    def __init__(self, screen: MainScreen, name: str) -> None:
        self._screen, self._name = screen, name

    async def __call__(self) -> None:
        await self._screen.action_do(self._name)


def run_console(
    directory: str, *, read_only: bool = False, worker: str | None = None, occasions: Occasions = Occasion,
    wanted: str = "", mouse: bool = True,
) -> int:  # fmt: skip
    """Open the console; gives the exit code.

    `occasions`: what it is open for, such as a demo. `wanted`: a filter; raises InvalidFilter.
    """
    os.environ.setdefault("TEXTUAL_SHOW_RETURN", "0")
    settings, wrong = load()
    settings = replace(settings, mouse=settings.mouse and mouse)
    app = ConsoleApp(
        directory, settings=settings, read_only=read_only, worker=worker, occasions=occasions, wanted=wanted
    )
    app.complain(wrong)
    if occasions is Occasion:  # a demo's store is gone afterwards
        remember(os.path.abspath(directory))
    try:
        code = app.run(mouse=settings.mouse)
    finally:
        app._main.close_down()
    return code if code is not None else app.return_code or 0
