"""Parts of a line: text with its style, and what a click on it does. No widget: they are printed, too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len


class Part(NamedTuple):
    """Text that is safe to show, its style, and the action that a click on it runs."""

    text: str
    style: str = ""
    action: str = ""


def width_of(parts: Iterable[Part]) -> int:
    """How many cells they take."""
    return sum(cell_len(part.text) for part in parts)


def spread(left: Iterable[Part], right: Sequence[Part], width: int) -> list[Part]:
    """Parts, and others at the right end of so many cells, where both fit."""
    parts = list(left)
    between = width - width_of(parts) - width_of(right)
    return [*parts, Part(" " * between), *right] if right and between >= 0 else parts
