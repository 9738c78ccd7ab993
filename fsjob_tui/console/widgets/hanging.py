"""Breaking lines so that what stands beside a label goes on beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from textual.content import Content

from ..pieces import LABEL, MUTED, Piece

_LABEL = re.compile(r"(\w{2,7} {2,6})(?=\S)")


def hang(pieces: Iterable[Piece], width: int) -> list[Piece]:
    """The same, what stands beside a label broken so that its further lines stand beside it too."""
    found: list[Piece] = []
    labelled = False
    for text, style in pieces:
        if labelled and width > LABEL * 2:
            lines = [each.plain for part in text.rstrip("\n").split("\n") for each in Content(part).wrap(width - LABEL)]
            text = f"\n{' ' * LABEL}".join(lines) + "\n"
        labelled = style == MUTED and len(text) == LABEL
        found.append((text, style))
    return found


def beside_label(text: str, width: int) -> str:
    """A line that may begin with a label."""
    label = _LABEL.match(text)
    if label is None or len(text) <= width:
        return text
    rest = Content(text[label.end() :]).wrap(width - label.end())
    return label[0] + f"\n{' ' * label.end()}".join(line.plain for line in rest)
