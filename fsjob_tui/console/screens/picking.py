"""A dialog that asks for one of many rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...text import safe_text
from .dialogs import Dialog


class Pick(Dialog[int]):
    """Gives the number of the row that was chosen. Choosing does nothing yet: what follows asks."""

    DEFAULT_CSS = """
    Pick OptionList, Pick OptionList:focus {
        height: auto; max-height: 16; border: none; padding: 0; background: $surface;
    }
    Pick .lines { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "close", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    def __init__(self, title: str, rows: Iterable[str]) -> None:
        super().__init__()
        self._title, self._rows = title, list(rows)

    def compose(self) -> ComposeResult:
        with self.box(self._title, []):
            yield OptionList(*(Option(Content(safe_text(row))) for row in self._rows), markup=False)
            yield self.foot("enter goes on with it   esc leaves it")

    def on_mount(self) -> None:
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_index)

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()
