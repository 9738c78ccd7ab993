"""Dialogs with an input: a request, a value, a worker's command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static, TextArea

from fsjob_core.record import Json

from ...text import safe_text, same_width, short_size
from ..outside import edit_outside
from .dialogs import Dialog


class Edited(NamedTuple):
    """What was typed: JSON for a request, or text, or `@FILE`."""

    text: str
    value: Json = None
    many: bool = False
    """Whether each line is a request of its own."""
    like: str = ""
    """The job that the request was taken from."""
    takes_off: bool = False
    """Of a target: whether it is not to be told any more."""


class PlainArea(TextArea):
    """An editor of text that lets nothing in it act on the terminal."""

    def get_line(self, line_index: int) -> Text:
        return Text(same_width(self.document.get_line(line_index)), end="", no_wrap=True)


class Editor(Dialog[Edited]):
    """An editor of text; ctrl+s is its yes."""

    DEFAULT_CSS = """
    Editor TextArea, Editor TextArea:focus { height: 10; border: none; padding: 0; }
    Editor .lines { max-height: 8; }
    Editor #shell { color: $text-muted; max-height: 3; }
    Editor.-low > Vertical, Editor.-least > Vertical { height: 95%; }
    Editor.-low TextArea, Editor.-low TextArea:focus { height: 1fr; }
    Editor.-least TextArea, Editor.-least TextArea:focus { height: 1fr; }
    Editor.-low .lines { max-height: 40%; }
    Editor.-least .lines { max-height: 25%; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-least"), (20, "-low"), (29, "-high")]  # noqa: RUF012  so Textual declares it
    """Where all of it does not fit, what is told and the text get what the keys leave."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done", show=False, priority=True),
        Binding("f4", "outside", show=False, priority=True),
    ]
    outside: ClassVar[bool] = False
    """Whether $EDITOR may be used: for text in which each character can be written as one that shows."""

    def __init__(
        self, title: str, lines: Iterable[str], text: str = "", verb: str = "creates", keys: str = ""
    ) -> None:
        super().__init__()
        self._keys = keys
        self._title, self._text, self._verb, self._initial = title, list(lines), verb, text
        self.draft = text
        """What was in it when it was left."""

    def compose(self) -> ComposeResult:
        with self.box(self._title, self._text):
            yield self._lines
            area = PlainArea(self._initial, tab_behavior="focus", soft_wrap=True)
            area.cursor_blink = False
            yield area
            yield Static("", markup=False, id="state")
            yield Static("", markup=False, id="shell")
            outside = "   f4 $EDITOR" if self._may_leave() else ""
            yield self.foot(f"ctrl+s {self._verb}{self._keys}{outside}   esc leaves it")

    def on_mount(self) -> None:
        self.area.focus()
        self.check()

    @property
    def area(self) -> TextArea:
        return self.query_one(TextArea)

    def put(self, text: str) -> None:
        """Replace what is in it."""
        self.area.text = text
        self.area.move_cursor((0, 0))

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self.check()

    def check(self) -> str:
        """Say what is wrong with the text, as it is typed; gives that sentence, or nothing."""
        text = self.area.text
        wrong, right = self.judge(text)
        state = self.query_one("#state", Static)
        state.set_class(bool(wrong and text.strip()), "wrong")  # nothing typed yet is nothing wrong
        state.update(safe_text(wrong or right))
        self.query_one("#shell", Static).update(safe_text("" if wrong else self.shell(text)))
        return wrong

    def judge(self, text: str) -> tuple[str, str]:
        """What is wrong with a text, and else what is right about it."""
        return "", f"{short_size(len(text.encode('utf-8', 'replace')))}"

    def shell(self, text: str) -> str:
        """The line that does the same with this text in a shell."""
        return ""

    def after_typing(self, call: Callable[[], object]) -> None:
        """Call it once what was typed before is in the text: a bound key overtakes the letters before it."""
        self.area.call_later(call)

    def action_done(self) -> None:
        self.after_typing(self._done)

    def _done(self) -> None:
        if not self.check():
            text = self.draft = self.area.text
            self.dismiss(self.result(text))

    def action_close(self) -> None:
        self.after_typing(self._leave)

    def _leave(self) -> None:
        self.draft = self.area.text
        self.dismiss(None)

    def result(self, text: str) -> Edited:
        return Edited(text)

    # ── $EDITOR ──

    def _may_leave(self) -> bool:
        return self.outside and not self.app.is_web

    def action_outside(self) -> None:
        """Go on in $EDITOR; what it saves comes back."""
        if not self._may_leave():
            return
        try:
            with self.app.suspend():
                text, wrong = edit_outside(self.area.text)
        except SuspendNotSupported:
            text, wrong = None, "this terminal cannot be left for $EDITOR"
        self.app.refresh(layout=True)
        if text is not None:
            self.put(text)
        elif wrong:
            self.notify(safe_text(wrong), severity="error", markup=False)


class FulfillEditor(Editor):
    """A value: text as it stands, or `@FILE` for the bytes of a file."""

    def __init__(self, title: str, lines: Iterable[str], shell: Callable[[str], str]) -> None:
        super().__init__(title, lines, verb="fulfills")
        self._shell = shell

    def shell(self, text: str) -> str:
        return self._shell(text)

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
            "It ends with this console. The command gets the request as JSON on its standard input; what it prints is "
            "the value if it exits 0.",
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
