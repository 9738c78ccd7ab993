"""What a console is open for, where that is not its store alone: a demo, a drill."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Occasion(NamedTuple):
    """Words for the store line, and what is to be told, once each time it changes."""

    words: str = ""
    news: str = ""


Occasions = Callable[[], Occasion]
"""Asked once a second; must not wait for anything."""
NEWS_FOR = 30.0
"""Seconds for which news stay on the screen."""
