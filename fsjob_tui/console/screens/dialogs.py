"""Dialogs: what will happen, what it costs, the shell line that does the same; `y` does, escape does not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, RadioButton, RadioSet, Static

from ...text import safe_text
from ..parts import Part
from ..widgets.hanging import beside_label
from ..widgets.line import clickable

T = TypeVar("T")
WIDEST = 90
"""Columns of a box at most."""
FRAME = 5
"""Of those, what its frame and a scroll bar take."""


class Dialog(ModalScreen[T]):
    """A box over the screen. Everything in it is plain text."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    Dialog > Vertical {
        width: 96%; max-width: 90; height: auto; max-height: 95%;
        border: round $primary; padding: 0 1; background: $surface;
        border-title-color: $foreground; border-title-style: bold;
    }
    Dialog.danger > Vertical { border-title-color: $text-error; }
    Dialog .foot {
        color: $text-muted; margin-top: 1; link-style: none; link-style-hover: none;
        link-background-hover: transparent;
    }
    Dialog .wrong { color: $text-error; }
    Dialog .lines { height: auto; max-height: 16; }
    Dialog Static { height: auto; }
    Dialog Input, Dialog Input:focus { height: 1; border: none; padding: 0 1; background: $panel; }
    Dialog RadioSet:blur > RadioButton.-selected > .toggle--label { background: $surface; }
    Dialog RadioSet:focus > RadioButton.-selected > .toggle--label {
        color: $block-cursor-foreground; background: $block-cursor-background;
    }
    Dialog RadioSet, Dialog RadioSet:focus { border: none; padding: 0; background: $surface; }
    Dialog.danger > Vertical { border: round $error; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", show=False)]

    def box(self, title: str, lines: Iterable[str]) -> Vertical:
        """The frame with its first lines."""
        box = Vertical()
        box.border_title = Content(safe_text(title))
        self._lines = VerticalScroll(Static(self._told(lines), markup=False), classes="lines", can_focus=False)
        return box

    def put_lines(self, lines: Iterable[str]) -> None:
        """Say something else in those lines."""
        self._lines.query_one(Static).update(Content(self._told(lines)))

    def _told(self, lines: Iterable[str]) -> str:
        return "\n".join(beside_label(safe_text(line), self._room) for line in lines)

    @property
    def _room(self) -> int:
        """Cells that a line of the box has."""
        return min(int(self.app.size.width * 0.96), WIDEST) - FRAME

    def foot(self, text: str) -> Static:
        """The keys with what they do, three spaces between them, which can be clicked; then a line for the shell."""
        keys, _, shell = text.partition("\n")
        parts: list[Part] = []
        for word in keys.split("   "):
            key, space, does = word.partition(" ")
            press = key if key in self.keys else ""
            parts += [Part(safe_text(key), "bold $text-accent" if press else "", press),
                      Part(f"{space}{safe_text(does)}   ", "", press)]  # fmt: skip
        if shell:
            parts.append(Part("\n" + beside_label(safe_text(shell), self._room)))
        foot = Static(clickable(parts, "screen.press"), markup=False, classes="foot")
        foot.auto_links = False  # their colours are their own
        return foot

    @property
    def keys(self) -> Mapping[str, str]:
        """Keys at the foot that can be clicked, and the action of each."""
        return {"esc": "close", "ctrl+s": "done"}

    async def action_press(self, key: str) -> None:
        """A key at the foot was clicked."""
        await self.run_action(f"screen.{self.keys[key]}")

    def action_close(self) -> None:
        self.dismiss(None)


class Ask(Dialog[str]):
    """Asks for one of a few keys; gives the key, or None. Neither enter nor the asking key is ever among them."""

    def __init__(
        self, title: str, lines: Iterable[str], choices: Mapping[str, str], *, shell: str = "", danger: bool = False
    ) -> None:
        super().__init__(classes="danger" if danger else "")
        self._title, self._text, self._choices, self._shell = title, list(lines), dict(choices), shell

    def compose(self) -> ComposeResult:
        with self.box(self._title, self._text):
            yield self._lines
            keys = "   ".join(f"{key} {does}" for key, does in self._choices.items())
            yield self.foot(f"{keys}   esc leaves it" + (f"\nshell  {self._shell}" if self._shell else ""))

    @property
    def keys(self) -> Mapping[str, str]:
        return {**super().keys, **{key: f"choose('{key}')" for key in self._choices}}

    def on_key(self, event: events.Key) -> None:
        if event.character in self._choices:
            event.stop()
            self.action_choose(event.character)

    def action_choose(self, key: str) -> None:
        self.dismiss(key)


class Choice(RadioButton):
    """One of several, which is told without colour too."""

    def render(self) -> Content:
        label = self.label.pad(1, 1).stylize_before(self.get_visual_style("toggle--label"))
        return Content.assemble("(•)" if self.value else "( )", label)


class Typed(Dialog[bool]):
    """Goes on once a word is typed; enter does nothing until it is right. Gives whether to park, where it asks."""

    def __init__(
        self, title: str, lines: Iterable[str], *, word: str, what: str, shell: str, parks: str = ""
    ) -> None:
        """`parks`: the line for the shell where the job is parked as well, which is asked then."""
        super().__init__(classes="danger")
        self._title, self._text, self._word, self._what, self._shell = title, list(lines), word, what, shell
        self._parks = parks

    def compose(self) -> ComposeResult:
        with self.box(self._title, self._text):
            yield self._lines
            if self._parks:
                with RadioSet():
                    yield Choice("put back to pending: any worker may take it at once")
                    yield Choice("park it: nobody runs it until you say so", value=True)
            yield Static(f"Type {self._what} to go on:  {safe_text(self._word)}", markup=False)
            yield Input(id="word")
            yield self._foot(self._parks or self._shell)

    def _foot(self, shell: str) -> Static:
        choose = "   tab, ↑ ↓ and enter choose" if self._parks else ""
        return self.foot(f"esc leaves it{choose}   enter does nothing until it is right\nshell  {shell}")

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        """Another choice: another line does the same."""
        self.query_one(".foot", Static).update(self._foot(self._parks if event.index == 1 else self._shell).content)

    def on_mount(self) -> None:
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value == self._word:
            self.dismiss(bool(self._parks) and self.query_one(RadioSet).pressed_index == 1)


class Countdown(Dialog[None]):
    """Shows how many seconds an act still takes; escape gives up where that is possible."""

    def __init__(self, title: str, lines: Iterable[str], *, can_give_up: bool) -> None:
        super().__init__()
        self._title, self._text, self._can_give_up = title, list(lines), can_give_up
        self.given_up = False

    def compose(self) -> ComposeResult:
        with self.box(self._title, self._text):
            yield self._lines
            yield Static("", markup=False, id="left")
            yield self.foot("esc gives up" if self._can_give_up else "it is on its way and cannot be given up")

    def tick(self, left: float) -> None:
        """Called as seconds pass."""
        self.say(f"{left:4.1f} s left")

    def say(self, text: str) -> None:
        """Called as it goes on."""
        if self.is_mounted:
            self.query_one("#left", Static).update(Content(safe_text(text)))

    def action_close(self) -> None:
        if self._can_give_up:
            self.given_up = True


class Progress(Countdown):
    """Shows how far an act has come; escape ends it where it is, and what was done stays."""

    def __init__(self, title: str, lines: Iterable[str]) -> None:
        super().__init__(title, lines, can_give_up=True)


class Lines(Dialog[None]):
    """A list to read: the acts of this console, the outcomes of an act on many jobs."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "close", show=False), Binding("l", "close", show=False)]

    def __init__(self, title: str, lines: Iterable[str]) -> None:
        super().__init__()
        self._title, self._text = title, list(lines)

    def compose(self) -> ComposeResult:
        with self.box(self._title, self._text or ["nothing yet"]):
            self._lines.can_focus = True
            yield self._lines
            yield self.foot("esc closes")

    def add(self, lines: Iterable[str]) -> None:
        """Lines that were read meanwhile."""
        self._text += lines
        self.put_lines(self._text)
