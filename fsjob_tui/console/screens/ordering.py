"""Choosing the column that rows are ordered by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from .dialogs import Dialog


class OrderDialog(Dialog[int]):
    """Gives the number of the column that was chosen. `now`: the one that holds; to choose it again reverses."""

    DEFAULT_CSS = """
    OrderDialog OptionList, OrderDialog OptionList:focus {
        height: auto; max-height: 14; border: none; padding: 0; background: $surface;
    }
    OrderDialog .lines { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "choose", show=False),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("q", "close", show=False),
    ]

    def __init__(self, columns: Sequence[str], now: int, how: str) -> None:
        super().__init__()
        self._columns, self._now, self._how = columns, now, how

    def compose(self) -> ComposeResult:
        with self.box("ORDER BY", []):
            yield OptionList(*map(self._option, range(len(self._columns))), markup=False)
            yield self.foot("enter, o orders by it, the one that holds: reverses   esc leaves it")

    def _option(self, index: int) -> Option:
        return Option(Content(self._columns[index] + (f"   {self._how}" if index == self._now else "")))

    def on_mount(self) -> None:
        choices = self.query_one(OptionList)
        choices.highlighted = self._now
        choices.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)

    def action_choose(self) -> None:
        self.query_one(OptionList).action_select()

    def action_move(self, step: int) -> None:
        choices = self.query_one(OptionList)
        choices.action_cursor_down() if step > 0 else choices.action_cursor_up()
