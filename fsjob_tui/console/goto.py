"""`:2 /foo`: the line of the palette that goes to a view, with a filter."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from textual.command import Hit, Hits, Provider
from textual.content import Content

from fsjob_core.errors import InvalidFilter
from fsjob_core.filtering import parse_filter

from ..text import safe_text
from .views import VIEWS, View

if TYPE_CHECKING:
    from .screens.main import MainScreen

_LINE = re.compile(r"\s*(\w*)\s*(?:/(.*))?", re.DOTALL)


class GoTo(Provider):
    """Offers to go where the typed line says: the key or the name of a view, a filter after a slash, or both."""

    async def search(self, query: str) -> Hits:
        from .screens.main import MainScreen

        screen, found = self.screen, _LINE.fullmatch(query)
        if not isinstance(screen, MainScreen) or found is None:
            return
        name, wanted = found.group(1).lower(), found.group(2)
        view = _view(name, screen.view)
        if view is None or (wanted is None and not name):
            return
        yield Hit(2.0, Content(safe_text(_words(view, wanted))), partial(_go, screen, view, wanted))


def _view(name: str, now: View) -> View | None:
    """The view of a key or a name; without one the view that is shown."""
    if not name:
        return now
    return next((view for view in VIEWS.values() if name == view.key or view.title.lower() == name), None)


def _words(view: View, wanted: str | None) -> str:
    if wanted is None:
        return f"go to {view.title}"
    try:
        parse_filter(wanted)
    except InvalidFilter as error:
        return str(error)
    return f"go to {view.title} with /{wanted}" if wanted else f"go to {view.title} without a filter"


def _go(screen: MainScreen, view: View, wanted: str | None) -> None:
    if wanted is not None:
        try:
            screen.model.narrowed.set_filter(wanted)
        except InvalidFilter as error:
            screen.tell(str(error), wrong=True)
            return
    screen.go(view)
    screen.filter_changed()
