"""The line in which the filter is typed, and above it what is wrong with it."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from fsjob_core.errors import InvalidFilter
from fsjob_core.filtering import FIELDS

from ...text import safe_text
from ..narrowed import Narrowed

HINT = "text in the id, request.path:value, value:text, is:dead, error:, owner:, target:, ! for not"


def elsewhere(text: str) -> list[tuple[str, str]]:
    """For a filter that nothing matches: where its bare words, which are looked for in ids, may be as well."""
    words = [word for word in text.split() if ":" not in word and word[0] not in '!"']
    if not words:
        return []
    more = "   ".join(safe_text(f"{field}:{words[0]}") for field in ("request", "value", "error"))
    return [("", ""), ("a bare word is looked for in ids alone; elsewhere with", "dim"), (more, "dim")]


class FilterLine(Vertical):
    """Shown while a filter is typed. What is typed holds at once; what is wrong is told, and changes nothing."""

    DEFAULT_CSS = """
    FilterLine { height: auto; display: none; }
    FilterLine > Input { height: 1; border: none; padding: 0 1; background: $boost; }
    FilterLine > Input:focus { border: none; }
    FilterLine > Static { height: auto; max-height: 3; padding: 0 1; color: $text-error; display: none; }
    """

    class Changed(Message):
        """Other rows match by now."""

    class Closed(Message):
        """Nothing is typed any more."""

    def __init__(self, narrowed: Narrowed) -> None:
        super().__init__()
        self._narrowed = narrowed
        self._before = ""

    def compose(self) -> ComposeResult:
        yield Static("", markup=False)
        field = Input(id="filter", placeholder=HINT, select_on_focus=False)
        field.cursor_blink = False
        yield field

    @property
    def typing(self) -> bool:
        return self.query_one(Input).has_focus

    def open(self) -> None:
        """Have a filter typed; the one that stands is there to be changed."""
        field = self.query_one(Input)
        self._before = field.value = self._narrowed.text
        self.display = True
        field.cursor_position = len(field.value)
        field.focus()

    def leave(self) -> None:
        """Type no more: the filter is what it was before."""
        self.query_one(Input).value = self._before
        self.set_filter(self._before)
        self._close()

    def set_filter(self, text: str) -> bool:
        """Have a filter hold, or tell what is wrong with it."""
        wrong = self.query_one(Static)
        try:
            self._narrowed.set_filter(text)
        except InvalidFilter as error:
            wrong.update(Content(safe_text(str(error))))
            wrong.display = True
            return False
        wrong.display = False
        self.post_message(self.Changed())
        return True

    @on(Input.Changed)
    def typed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display and event.input.has_focus:
            self.set_filter(_without_a_field_that_is_being_typed(event.value))

    @on(Input.Submitted)
    def entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self.set_filter(event.value):
            self._close()

    def _close(self) -> None:
        self.display = False
        self.query_one(Static).display = False
        self.post_message(self.Closed())


def _without_a_field_that_is_being_typed(text: str) -> str:
    """`request.pa` will hardly be looked for in ids: a colon is to come."""
    before, space, last = text.rpartition(" ")
    word = last.removeprefix("!")
    is_path = word.startswith("request.") and ":" not in word
    return f"{before}{space}" if word in FIELDS or is_path else text
