"""What an action is: its key, its words, whether it is possible now, and what it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..screens.main import MainScreen


def always(screen: MainScreen) -> str | None:
    """Possible at any time."""
    return None


def with_job(screen: MainScreen) -> str | None:
    """Possible where a job is under the cursor, or open."""
    target = screen.target()
    return None if target is not None and target.id else "no job is under the cursor"


@dataclass(frozen=True, slots=True)
class Action:
    """A key or a line of the palette. Bindings, help, key line and palette are all made of these."""

    name: str
    keys: str
    """Textual's names of its keys, with commas between; empty: it is in the palette alone."""
    short: str
    """Two words for the line of keys."""
    help: str
    """A sentence for the help and the palette."""
    run: Callable[[MainScreen], object]
    """Does it; what can be awaited is awaited."""
    why_not: Callable[[MainScreen], str | None] = always
    """Why it is not possible now, in a few words; None where it is."""
    changes: bool = False
    """Whether it changes the store: not possible where that is read-only or guarded."""
    aims: bool = False
    """Whether it is about the row under the cursor: not done in the moment after another has taken its place."""
    worth: int = 0
    """Of those that stand in the line of keys, the ones worth least are left out first; 0: it never stands there."""
    shown_as: str = ""
    in_browser: bool = True
    """Whether it is there for a browser too: not what runs something, or asks the terminal for something."""

    @property
    def key(self) -> str:
        """Its key as people write it."""
        return self.shown_as or self.keys.replace(",", " ")
