"""The single lines around the table, and that of the keys. Each repaints only when its text changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from ..pieces import Piece

if TYPE_CHECKING:
    from ..actions.action import Action


class Line(Static):
    """One line of text, cut to the screen, sent to the terminal only when it has changed."""

    DEFAULT_CSS = "Line { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__("", markup=False, id=id)
        self._shown: tuple[Piece, ...] = ()

    def put(self, pieces: Iterable[Piece]) -> None:
        """Show these pieces of text, which must be safe."""
        shown = tuple(pieces)
        if shown != self._shown:
            self._shown = shown
            self.update(Content.assemble(*shown), layout=False)

    def spread(self, left: Iterable[Piece], right: Piece) -> None:
        """Pieces at the left, and one at the right end where it fits."""
        pieces = list(left)
        room = self.size.width - sum(cell_len(text) for text, _ in pieces) - cell_len(right[0])
        self.put([*pieces, (" " * room, ""), right] if room >= 0 else pieces)


def keys_line(line: Line, possible: Iterable[Action], lead: str = "") -> None:
    """The keys of what is possible now, as many as fit; `?` is always among them."""
    help_key = " ? keys"
    left = line.size.width - len(help_key) - cell_len(lead)
    pieces: list[Piece] = [(lead, "bold $text-accent")] if lead else []
    for action in possible:
        if not action.show:
            continue
        needed = len(action.key) + len(action.short) + 3
        if needed > left:
            break
        left -= needed
        pieces += [(f" {action.key}", "bold $text-accent"), (f" {action.short} ", "")]
    line.spread(pieces, (help_key, "bold"))
