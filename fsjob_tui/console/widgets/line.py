"""A single line of text, parts of which can be clicked."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.style import Style
from textual.widgets import Static

from ..parts import Part


def clickable(parts: Iterable[Part], call: str = "screen.do") -> Content:
    """Parts put together; a click on one with an action calls `call` with its name."""
    at = 0
    parts = list(parts)
    text = Content.assemble(*((part.text, part.style) for part in parts))
    for part in parts:
        if part.action:
            click = Style.from_meta({"@click": f"{call}({part.action!r})"})
            text = text.stylize(click, at, at + len(part.text))
        at += len(part.text)
    return text


class Line(Static):
    """One line, cut to the screen, sent to the terminal only when it has changed."""

    DEFAULT_CSS = """
    Line {
        height: 1; width: 1fr; text-wrap: nowrap; text-overflow: ellipsis;
        link-style: none; link-style-hover: none; link-background-hover: transparent;
    }
    """
    auto_links = False

    def __init__(self, id: str) -> None:  # noqa: A002  Textual's name
        super().__init__("", markup=False, id=id)
        self._shown: tuple[Part, ...] = ()

    def put(self, parts: Iterable[Part]) -> bool:
        """Show these parts; says whether they are others than before."""
        shown = tuple(parts)
        if shown == self._shown:
            return False
        self._shown = shown
        self.update(clickable(shown), layout=False)
        return True
