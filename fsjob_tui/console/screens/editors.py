"""Dialogs with an input: a request, a value, a worker's command."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static, TextArea

from fsjob_core.record import MAX_STATE, Json, parse

from ...text import safe_text, short_size
from .dialogs import Dialog


class Edited(NamedTuple):
    """What was typed: JSON for a request, or text, or `@FILE`."""

    text: str
    value: Json = None


class Editor(Dialog[Edited]):
    """An editor of text; ctrl+s is its yes."""

    DEFAULT_CSS = """
    Editor TextArea, Editor TextArea:focus { height: 10; border: none; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "done", show=False, priority=True)]

    def __init__(self, title: str, lines: Iterable[str], text: str = "", verb: str = "creates") -> None:
        super().__init__()
        self._title, self._text, self._verb, self._initial = title, list(lines), verb, text

    def compose(self) -> ComposeResult:
        with self.box(self._title, self._text):
            yield self._lines
            area = TextArea(self._initial, tab_behavior="focus", soft_wrap=True)
            area.cursor_blink = False
            yield area
            yield Static("", markup=False, id="state")
            yield self.foot(f"ctrl+s {self._verb}   esc leaves it")

    def on_mount(self) -> None:
        self.query_one(TextArea).focus()
        self.check()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self.check()

    def check(self) -> str:
        """Say what is wrong with the text, as it is typed; gives that sentence, or nothing."""
        wrong, right = self.judge(self.query_one(TextArea).text)
        state = self.query_one("#state", Static)
        state.set_class(bool(wrong), "wrong")
        state.update(safe_text(wrong or right))
        return wrong

    def judge(self, text: str) -> tuple[str, str]:
        """What is wrong with a text, and else what is right about it."""
        return "", f"{short_size(len(text.encode('utf-8', 'replace')))}"

    def action_done(self) -> None:
        if not self.check():
            text = self.query_one(TextArea).text
            self.dismiss(self.result(text))

    def result(self, text: str) -> Edited:
        return Edited(text)


class CreateEditor(Editor):
    """A request as JSON; line and column of an error as it is typed."""

    def judge(self, text: str) -> tuple[str, str]:
        if not text.strip():
            return "a request is any JSON value, for example {\"type\": \"resize\"}", ""
        size = len(text.encode("utf-8", "replace"))
        if size > MAX_STATE:
            return f"{short_size(size)} are too much: at most {MAX_STATE:,} bytes fit", ""
        try:
            parse(text)
        except json.JSONDecodeError as error:
            return f"line {error.lineno}, column {error.colno}: {error.msg}", ""
        except ValueError as error:
            return str(error), ""
        return "", f"JSON, {short_size(size)}"

    def result(self, text: str) -> Edited:
        return Edited(text, parse(text))


class FulfillEditor(Editor):
    """A value: text as it stands, or `@FILE` for the bytes of a file."""

    def judge(self, text: str) -> tuple[str, str]:
        if text.startswith("@") and not text.startswith("@@"):
            if self.app.is_web:
                return "no file of this machine is read for a browser; @@ begins a text with @", ""
            return "", f"the bytes of the file {text[1:].strip()}"
        size = len(text.removeprefix("@").encode("utf-8", "replace")) if text.startswith("@@") else len(
            text.encode("utf-8", "replace")
        )
        hint = "" if self.app.is_web else " (@FILE gives the bytes of a file)"
        return "", f"{short_size(size)} of text{hint}"


class WorkerCommand(NamedTuple):
    """How an embedded worker is to be started."""

    command: str
    concurrency: int
    attempts: int


class WorkerDialog(Dialog[WorkerCommand]):
    """What the worker in this console runs, how many at once, and after how many tries it parks."""

    def __init__(self, command: str = "", *, directory: str) -> None:
        super().__init__()
        self._command, self._directory = command, directory

    def compose(self) -> ComposeResult:
        lines = [
            "It pulls jobs from this store and runs a command, or a Python module:function, for each.",
            "It ends with this console. The command gets the request as JSON on its standard input;",
            "what it prints is the value if it exits 0.",
        ]
        with self.box("START A WORKER HERE", lines):
            yield self._lines
            yield Static("command, or module:function", markup=False)
            yield Input(self._command, id="command")
            yield Static("how many at once", markup=False)
            yield Input("1", id="concurrency", type="integer", max_length=3)
            yield Static("tries before a job is parked", markup=False)
            yield Input("5", id="attempts", type="integer", max_length=3)
            yield Static("", markup=False, id="state", classes="wrong")
            yield self.foot("enter in the last line starts it   tab next line   esc leaves it")

    def on_mount(self) -> None:
        for field in self.query(Input):
            field.cursor_blink = False
        self.query_one("#command", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.input.id != "attempts":
            self.focus_next(Input)
            return
        command = self.query_one("#command", Input).value.strip()
        numbers = [self.query_one(f"#{name}", Input).value for name in ("concurrency", "attempts")]
        if not command:
            self.query_one("#state", Static).update("which command? It may not be empty")
        elif not all(number.isdigit() and int(number) > 0 for number in numbers):
            self.query_one("#state", Static).update("both numbers are whole, and 1 at least")
        else:
            self.dismiss(WorkerCommand(command, int(numbers[0]), int(numbers[1])))
