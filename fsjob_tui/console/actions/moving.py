"""The actions that change what is shown and marked, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fsjob_core.facts import Evidence

from ..views import VIEWS, View
from ..widgets.panes import Pane
from .action import Action
from .ordering import ORDER as ORDER_BY

if TYPE_CHECKING:
    from ..screens.main import MainScreen

ORDER = list(VIEWS.values())
FAR = 10**9
ADVICE_FOR = 12.0
"""Seconds for which it is said what is to be done."""


def _scroll_or_move(screen: MainScreen, rows: int) -> None:
    if screen.opened is not None:
        screen.query_one("#detail", Pane).scroll_relative(y=rows, animate=False)
    else:
        screen.table.move_to(min(max(screen.table.index + rows, 0), FAR))


def _worst(screen: MainScreen) -> None:
    evidence = screen.model.verdict.evidence
    screen.evidence = (screen.evidence + 1) % len(evidence)
    _go_to(screen, evidence[screen.evidence])


def _go_to(screen: MainScreen, evidence: Evidence) -> None:
    """To its row, which tells the rest; what is no row is said, with what is to be done."""
    view = VIEWS[evidence.view]
    screen.go(view)
    key = view.key_of(screen.model, evidence.id) if evidence.id else None
    if key is None or not screen.table.move_to_key(key):
        screen.tell(evidence.text, stays=ADVICE_FOR)


def _why_no_worst(screen: MainScreen) -> str | None:
    if screen.model.overview is None:
        return "the store has not been read yet"
    return None if screen.model.verdict.evidence else "nothing is wrong"


def _to_match(screen: MainScreen, step: int) -> None:
    """With a filter every row is a match; without one rows in trouble are looked for."""
    table = screen.table
    if not (screen.model.narrowed.text and screen.view.filters):
        _to_trouble(screen, step)
    elif len(table.source):
        table.move_to((table.index + step) % len(table.source))


def _to_trouble(screen: MainScreen, step: int) -> None:
    table = screen.table
    rows = (table.source.index(key) for key in screen.view.troubles(screen.model))
    found = sorted({index for index in rows if index is not None})
    after = [index for index in found if (index > table.index if step > 0 else index < table.index)]
    if found:
        table.move_to((after[0] if step > 0 else after[-1]) if after else (found[0] if step > 0 else found[-1]))
    else:
        screen.tell("no trouble among these rows")


def _filter(screen: MainScreen) -> None:
    screen.go(screen.view.narrowed(screen.model))
    screen.filter_line.open()


def _why_no_filter(screen: MainScreen) -> str | None:
    return None if screen.view.filters or screen.view.narrows else f"{screen.view.title.lower()} are not filtered"


def _why_no_mark(screen: MainScreen) -> str | None:
    key = screen.table.cursor
    possible = key is not None and screen.view.marks(screen.model, key)
    return None if possible else "nothing that can be marked is under the cursor"


def _mark(screen: MainScreen) -> None:
    table = screen.table
    if table.cursor is not None:
        table.marked ^= {table.cursor}
        table.move(1)
        screen.refresh_around()


def _mark_all(screen: MainScreen) -> None:
    table = screen.table
    every = set(table.source.keys())
    table.marked = set() if table.marked >= every else every
    table.repaint()
    screen.refresh_around()


def _view(view: View) -> Action:
    return Action(f"view-{view.name}", view.key, view.name, view.help, lambda screen: screen.go(view))


def _step(step: int) -> Action:
    name, keys, shown = ("next", "tab,right_square_bracket", "tab ]") if step > 0 else (
        "previous", "shift+tab,left_square_bracket", "[")  # fmt: skip

    def run(screen: MainScreen) -> None:
        at = ORDER.index(VIEWS[screen.view.under] if screen.view.under else screen.view)
        screen.go(ORDER[(at + step) % len(ORDER)])

    return Action(f"view-{name}", keys, f"{name} view", f"the {name} view", run, shown_as=shown)


def _rows(name: str, keys: str, help: str, rows: int, shown: str = "") -> Action:  # noqa: A002  Action's name
    return Action(name, keys, help, help, lambda screen: _scroll_or_move(screen, rows), shown_as=shown)


def _pages(name: str, keys: str, help: str, pages: int) -> Action:  # noqa: A002  Action's name
    return Action(name, keys, help, help, lambda screen: _scroll_or_move(screen, pages * screen.table.page))


WORST = Action("worst", "exclamation_mark", "worst", "go to what is worst; again: to the next", _worst, _why_no_worst,
               worth=7, shown_as="!")  # fmt: skip
FILTER = Action("filter", "slash", "filter", "show only what matches: text in the id, request.path:text, is:dead, !not",
                _filter, _why_no_filter, worth=8, shown_as="/")  # fmt: skip
MARK = Action("mark", "space", "mark", "mark the row; acts then go to all that are marked", _mark, _why_no_mark,
              aims=True, worth=7)  # fmt: skip
MARK_ALL = Action("mark-all", "a", "mark all", "mark all that match; again: none", _mark_all, _why_no_mark)

ACTIONS = (
    ORDER_BY,
    Action("next", "n", "next", "the next match of the filter; without one the next row in trouble",
           lambda screen: _to_match(screen, 1)),
    Action("previous", "N", "previous", "the match before, or the row in trouble before",
           lambda screen: _to_match(screen, -1)),
    *map(_view, ORDER),
    _step(1),
    _step(-1),
    Action("view-last", "minus", "last view", "the view you came from", lambda s: s.go(s.last_view), shown_as="-"),
    _rows("up", "up,k", "one row up", -1, "k ↑"),
    _rows("down", "down,j", "one row down", 1, "j ↓"),
    _pages("page-up", "pageup", "a page up", -1),
    _pages("page-down", "pagedown", "a page down", 1),
    _rows("top", "home,g", "the first row", -FAR, "g home"),
    _rows("bottom", "end,G", "the last row", FAR, "G end"),
)
