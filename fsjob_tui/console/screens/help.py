"""The help of a view: a line for each key that is valid there, most used first; enter runs it."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from .dialogs import Dialog

if TYPE_CHECKING:
    from ..actions.action import Action


KEY = 11
"""Columns that the name of a key takes."""


class Help(Dialog[str]):
    """Gives the name of the action that was chosen."""

    DEFAULT_CSS = """
    Help OptionList, Help OptionList:focus {
        height: auto; max-height: 75vh; border: none; padding: 0; background: $surface;
        scrollbar-size-vertical: 1;
    }
    Help OptionList > .option-list--option-disabled { color: $foreground-muted; }
    Help .lines { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "close", show=False),
        Binding("question_mark", "close", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    def __init__(self, title: str, actions: Iterable[tuple[Action, str | None]]) -> None:
        super().__init__()
        self._title = title
        self._actions = sorted(actions, key=lambda each: each[1] is not None)

    def compose(self) -> ComposeResult:
        with self.box(self._title, []):
            yield OptionList(*(self._option(action, why_not) for action, why_not in self._actions), markup=False)
            yield self.foot("enter runs the key   esc closes   what is not possible now says why")

    def _option(self, action: Action, why_not: str | None) -> Option:
        text = f"{action.short}: {why_not}" if why_not else action.help
        lines = f"\n{' ' * KEY}".join(wrap(text, max(self._room - KEY, 20)))
        return Option(Content(f"{action.key:<{KEY - 1}} {lines}"), id=action.name, disabled=why_not is not None)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id)

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()
