"""The actions on how the console looks and which store it shows; what is chosen is kept in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...settings import keep
from ..themes import WORDS, following
from ..times import clock, zone
from .action import Action

if TYPE_CHECKING:
    from ..screens.main import MainScreen


def set_theme(screen: MainScreen, name: str) -> None:
    """Show a theme, and keep it."""
    screen.app.theme = name
    words = "" if WORDS[name] == name else f": {WORDS[name]}"
    _kept(screen, "theme", name, f"theme {name}{words}")


def _next_theme(screen: MainScreen) -> None:
    set_theme(screen, following(screen.app.theme))


def _times(screen: MainScreen) -> None:
    screen.local = not screen.local
    now = screen.now()
    told = f"times are local now: {clock(now, local=True)}" if screen.local else "times are UTC now"
    _kept(screen, "times", "local" if screen.local else "utc", told)


def _why_no_local(screen: MainScreen) -> str | None:
    same = not screen.local and zone(screen.now()) == "UTC"
    return "the time here is UTC" if same else None


def _mouse(screen: MainScreen) -> None:
    on = screen.switch_mouse()
    told = "the mouse is the console's" if on else "the mouse is the terminal's: it selects and copies"
    _kept(screen, "mouse", on, told)


def _kept(screen: MainScreen, name: str, value: str | bool, told: str) -> None:
    wrong = keep(name, value)
    if wrong is not None:
        screen.tell(f"{told}, for now: {wrong}", wrong=True)
    else:
        screen.tell(told)
    screen.refresh_around()


THEME = Action("theme", "T", "theme", "dark, light, blue and orange, no colour, the terminal's own", _next_theme)
ACTIONS = (
    THEME,
    Action("times", "", "times", "times in UTC, or local", _times, _why_no_local),
    Action("mouse", "", "mouse", "mouse on, or off", _mouse),
    Action("freeze", "", "freeze", "freeze the screen: nothing is refreshed; again: go on",
           lambda screen: screen.freeze()),
)  # fmt: skip
