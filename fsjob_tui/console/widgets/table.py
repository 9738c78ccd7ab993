"""The live table: virtual from the start, painted a line at a time, its cursor on a job and not on a number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ...text import safe_text
from ..model import Model
from ..rows import Source
from ..views import View
from ..views.column import Column, chosen, fit, gap, put
from .filterline import elsewhere

MARK, CURSOR, CHANGED = "■", "▸", "•"
CHANGED_FOR = 1.5
"""Seconds for which a row that has changed is marked: at least one second is seen, whenever the next tick comes."""
WHEEL = 3
"""Rows by which the wheel scrolls."""
SETTLED_AFTER = 0.3
"""Seconds for which a job that took another's place is not acted on: whoever pressed the key saw the other one."""
Line = tuple[tuple[str, str], ...]
"""Pieces of text with the name of their style."""


class JobTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows the rows of one view of the model. What is not on the screen costs nothing."""

    DEFAULT_CSS = """
    JobTable {
        height: 1fr; width: 1fr; scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden;
    }
    JobTable > .table--head { color: $foreground-muted; text-style: bold; }
    JobTable > .table--dim { color: $foreground-muted; }
    JobTable > .table--new { color: $text-accent; text-style: bold; }
    JobTable > .table--good { color: $text-success; }
    JobTable > .table--warn { color: $text-warning; }
    JobTable > .table--bad { color: $text-error; text-style: bold; }
    JobTable > .table--cursor {
        color: $block-cursor-foreground; background: $block-cursor-background;
        text-style: $block-cursor-text-style;
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"table--{name}" for name in ("head", "dim", "new", "good", "warn", "bad", "cursor")
    }

    class Moved(Message):
        """The cursor is on another job, or other rows are on the screen."""

    class Opened(Message):
        """A row was chosen with the mouse."""

    def __init__(
        self, model: Model, clock: Callable[[], float], view: View, columns: Mapping[str, tuple[str, ...]]
    ) -> None:
        super().__init__(id="table")
        self.model = model
        self.clock = clock
        self.view = view
        self.marked: set[str] = set()
        self.cursor: str | None = None
        """The key of the row under the cursor: a job, a lock, a worker."""
        self._cursors: dict[View, tuple[str | None, int]] = {}
        self._index = 0
        self._painted: dict[int, Line] = {}
        self._shown: dict[int, tuple[str, float]] = {}
        """What each line shows, and since when it does where it took the place of another row by itself."""
        self._marks_lost = -SETTLED_AFTER
        self._chosen = columns
        self._changed: dict[str, float] = {}
        """Rows that have changed, and until when that is shown."""
        self._columns: list[tuple[Column, int]] = []
        self._gaps: list[str] = []
        self._fitted_for: tuple[View | None, int] = (None, 0)
        self._styles_found: dict[tuple[str, bool], Style] = {}
        """Putting a style together costs more than painting with it."""

    # ── what is shown ──

    @property
    def source(self) -> Source:
        return self.view.source(self.model)

    @property
    def page(self) -> int:
        """How many rows fit below the head."""
        return max(self.size.height - 1, 1)

    def show(self, view: View) -> None:
        """Go to another view; the cursor is where it was there."""
        self._cursors[self.view] = (self.cursor, self._index)
        self.view = view
        self.marked.clear()
        self._shown.clear()
        self.cursor, self._index = self._cursors.get(view, (None, 0))
        self.model_changed(keep_line=False)
        self.refresh()

    def model_changed(self, *, keep_line: bool = True) -> None:
        """Rows came or went: keep the cursor on its job and that job on its line."""
        source = self.source
        before, line = self._index, self._index - int(self.scroll_y)
        index = source.index(self.cursor) if self.cursor is not None else None
        if index is None:  # it has gone: the row that took its place
            index = self.view.neighbour(source, min(before, max(len(source) - 1, 0)))
        self._index = index
        cursor = source.key(index) if len(source) else None
        gone, moved, self.cursor = self.cursor is not None, cursor != self.cursor, cursor
        if self.marked:
            self.marked &= source.keys()
            if not self.marked:
                self._marks_lost = monotonic()
        size = Size(self.size.width, len(source) + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        if keep_line and index != before:
            self._scroll(index - line)
        self._keep_in_sight()
        self.repaint()
        if moved:
            if gone and cursor is not None:  # it may have been on the screen all the time, on another line
                self._shown[index - int(self.scroll_y) + 1] = (cursor, monotonic())
            self.post_message(self.Moved())

    def mark_changed(self, keys: Iterable[str]) -> None:
        """Show of these rows for a moment that they are new, or read differently."""
        now = self.clock()
        self._changed = {key: until for key, until in self._changed.items() if until > now}
        self._changed.update((key, now + CHANGED_FOR) for key in keys)

    def visible_keys(self) -> tuple[str, ...]:
        """The keys of the rows on the screen."""
        source, top = self.source, int(self.scroll_y)
        return tuple(source.key(index) for index in range(top, min(top + self.page, len(source))))

    # ── moving ──

    def move(self, rows: int) -> None:
        self.move_to(self._index + rows)

    def move_to(self, index: int) -> None:
        source = self.source
        if not len(source):
            return
        before, self._index = self._index, min(max(index, 0), len(source) - 1)
        self.cursor = source.key(self._index)
        if self._keep_in_sight():
            self._shown.clear()  # what came by one's own key has taken nobody's place
            self.repaint()
        else:
            top = int(self.scroll_y) - 1
            self.repaint({before - top, self._index - top})
        self.post_message(self.Moved())

    def move_to_key(self, key: str) -> bool:
        index = self.source.index(key)
        if index is None:
            return False
        self.move_to(index)
        return True

    @property
    def index(self) -> int:
        return self._index

    @property
    def settled(self) -> bool:
        """Whether what is meant has not changed by itself just now: the row of the cursor, or that there are marks."""
        now = monotonic()
        if self.marked or now - self._marks_lost < SETTLED_AFTER:
            return bool(self.marked)
        key, since = self._shown.get(self._index - int(self.scroll_y) + 1, (self.cursor, now - SETTLED_AFTER))
        return key == self.cursor and now - since >= SETTLED_AFTER

    def _keep_in_sight(self) -> bool:
        top = int(self.scroll_y)
        if self._index < top:
            self._scroll(self._index)
        elif self._index >= top + self.page:
            self._scroll(self._index - self.page + 1)
        return top != int(self.scroll_y)

    def _scroll(self, top: int) -> None:
        self.scroll_to(y=max(top, 0), animate=False, force=True, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if old_value != new_value:
            self._painted.clear()
            self.refresh()
            self.post_message(self.Moved())

    def on_resize(self, event: events.Resize) -> None:
        self._painted.clear()
        self.model_changed()

    def _on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, WHEEL)

    def _on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, -WHEEL)

    def _wheel(self, event: events.MouseEvent, rows: int) -> None:
        """Scroll; the cursor comes along where it would leave the screen."""
        event.stop()
        event.prevent_default()
        last = max(len(self.source) - self.page, 0)
        top = min(max(int(self.scroll_y) + rows, 0), last)
        self._scroll(top)
        if not top <= self._index < top + self.page:
            self.move_to(min(max(self._index, top), top + self.page - 1))

    def on_click(self, event: events.Click) -> None:
        if event.y >= 1:
            self.move_to(int(self.scroll_y) + event.y - 1)
            if event.chain == 2:
                self.post_message(self.Opened())

    # ── painting ──

    def repaint(self, lines: Iterable[int] | None = None) -> bool:
        """Paint again only the lines whose text has changed, of these or of all; says whether there are any."""
        width, height = self.size
        columns, changed = self._fitted(width), False
        for y in range(height) if lines is None else lines:
            if 0 <= y < height and self._painted.get(y) != self._line(y, columns):
                self.refresh(Region(0, y, width, 1))
                changed = True
        return changed

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_found.clear()

    def line(self, y: int) -> Line:
        """What a line of the screen is to show now."""
        return self._line(y, self._fitted(self.size.width))

    def render_line(self, y: int) -> Strip:
        width, is_cursor = self.size.width, self._is_cursor(y)
        self._painted[y] = line = self._line(y, self._fitted(width))
        self._note_shown(y)
        segments = [Segment(text, self._style(style, is_cursor)) for text, style in line]
        return Strip(segments).adjust_cell_length(width, self._style("", is_cursor))

    def _note_shown(self, y: int) -> None:
        source, index = self.source, int(self.scroll_y) + y - 1
        if y < 1 or index >= len(source):
            self._shown.pop(y, None)
            return
        key, before = source.key(index), self._shown.get(y)
        if before is None:
            self._shown[y] = (key, -SETTLED_AFTER)
        elif before[0] != key:
            self._shown[y] = (key, monotonic())

    def _style(self, name: str, is_cursor: bool) -> Style:
        found = self._styles_found.get((name, is_cursor))
        if found is None:
            found = self.rich_style
            for part in (name, "cursor" if is_cursor else ""):
                if part:
                    found += self.get_component_rich_style(f"table--{part}", partial=True)
            self._styles_found[name, is_cursor] = found
        return found

    def _is_cursor(self, y: int) -> bool:
        return y > 0 and self.cursor is not None and int(self.scroll_y) + y - 1 == self._index

    def _line(self, y: int, columns: Sequence[tuple[Column, int]]) -> Line:
        if y == 0:
            heads = (put(c.title, width, right=c.right) for c, width in columns)
            return (("  ", "head"), *((head + after, "head") for head, after in zip(heads, self._gaps, strict=True)))
        source, index = self.source, int(self.scroll_y) + y - 1
        if index >= len(source):
            return self._empty_line(y - 2) if y >= 2 and not len(source) else ()
        key, now = source.key(index), self.clock()
        pieces = [(CURSOR if index == self._index else " ", ""), self._sign(key, now)]
        for (column, width), after in zip(columns, self._gaps, strict=True):
            cell = column.cell(self.model, key, now)
            text = put(cell.text, width, right=column.right, is_id=column.title == "JOB")
            pieces.append((text + after, cell.style))
        return tuple(pieces)

    def _fitted(self, width: int) -> list[tuple[Column, int]]:
        """The columns that there is room for in so many cells."""
        if self._fitted_for != (self.view, width):
            self._fitted_for = (self.view, width)
            columns = chosen(self.view.columns, self._chosen.get(self.view.name, ()))
            self._columns = fit(columns, max(width - 3, 10))
            self._gaps = [*(gap(*pair) for pair in pairwise(column for column, _ in self._columns)), " "]
        return self._columns

    def _sign(self, key: str, now: float) -> tuple[str, str]:
        if key in self.marked:
            return MARK, ""
        return (CHANGED, "new") if self._changed.get(key, 0.0) > now else (" ", "")

    def _empty_line(self, line: int) -> Line:
        said = self._nothing()
        return (("  " + said[line][0], said[line][1]),) if line < len(said) else ()

    def _nothing(self) -> list[tuple[str, str]]:
        """Why there is no row, and what to press, a line each."""
        model, view = self.model, self.view
        if model.problem is not None:
            return _no_store(model)
        if model.narrowed.text and view.filters and view.total(model):
            if model.narrowed.searching:
                return [("none found yet; esc stops the search", "dim")]
            none = f"0 of {view.total(model):,} match; esc clears the filter"
            return [(none, "dim"), *elsewhere(model.narrowed.text)]
        if not view.known(model):
            return [("reading …", "dim")]
        if view.name == "pending" and not any(model.counts.as_dict().values()):
            return EMPTY_STORE
        return [(view.empty, "dim")]


EMPTY_STORE = [
    ("The store is empty.", ""),
    ("", ""),
    ("c  makes a job", ""),
    ("w  starts a worker here", ""),
    ("?  shows all keys", ""),
]


def _no_store(model: Model) -> list[tuple[str, str]]:
    """Nothing is made in a directory before it is told to."""
    where = model.hello is not None and model.hello.problem is not None
    return [
        (safe_text(model.problem or ""), "bad"),
        ("", ""),
        *([("c  makes an empty job store here", "")] if where else []),
        (":  opens another store", ""),
        ("q  leaves; nothing has been made or changed", ""),
    ]
