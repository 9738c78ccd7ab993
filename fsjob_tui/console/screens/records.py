"""Dialogs on what is looked at and taken along: the audit log with a filter, a file's name, a target."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from fsjob_core.record import Json, parse

from .dialogs import Dialog
from .editors import Edited, Editor
from .requests import judge_json

AT_ONCE = 200
"""Lines of the audit log that are painted: a filter finds the others."""


class AuditLog(Dialog[None]):
    """Lines, of which those are shown that have all the words that are typed."""

    DEFAULT_CSS = """
    AuditLog > Vertical { max-width: 160; }
    AuditLog .lines { height: 14; }
    """

    def __init__(self, lines: list[str], shell: str) -> None:
        super().__init__()
        self._all, self._shell = lines, shell

    def compose(self) -> ComposeResult:
        with self.box("AUDIT LOG, the latest first", []):
            self._lines.can_focus = True
            yield self._lines
            yield Static("", markup=False, id="count")
            yield Input(id="words", placeholder="words that a line must have")
            yield self.foot(f"tab scrolls   esc closes\nshell  {self._shell}")

    def on_mount(self) -> None:
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()
        self._show("")

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def _show(self, words: str) -> None:
        wanted = words.lower().split()
        found = [line for line in self._all if all(word in line.lower() for word in wanted)]
        text = "\n".join(found[:AT_ONCE]) or ("nothing was done here yet" if not self._all else "no line has these")
        self._lines.query_one(Static).update(Content(text))
        more = f", the first {AT_ONCE} are shown" if len(found) > AT_ONCE else ""
        self.query_one("#count", Static).update(Content(f"{len(found):,} of {len(self._all):,} lines{more}"))


class Path(Dialog[str]):
    """The name of a file that does not exist yet; typing it is the yes."""

    def __init__(self, title: str, name: str, shell: str) -> None:
        super().__init__()
        self._title, self._example, self._shell = title, name, shell

    def compose(self) -> ComposeResult:
        with self.box(self._title, []):
            yield Static("Into which file?", markup=False)
            yield Input(placeholder=self._example)
            yield self.foot("enter writes it once a name is typed   esc leaves it\n" + self._shell)

    def on_mount(self) -> None:
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip():
            self.dismiss(event.value.strip())


class TargetEditor(Editor):
    """A target as JSON: ctrl+s has it told, f2 takes it off the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("f2", "take_off", show=False, priority=True)]

    def __init__(self, job_id: str, waiting: list[Json], shell: Callable[[Edited], str]) -> None:
        lines = [f"job  {job_id}", "Who is to be told of its value: any JSON value that a notifier understands."]
        lines += [f"waits  {json.dumps(target, ensure_ascii=False)[:200]}" for target in waiting[:5]]
        lines += [f"and {len(waiting) - 5:,} more"] if len(waiting) > 5 else []
        super().__init__("NOTIFY A TARGET", lines, verb="has it told", keys="   f2 takes it off")
        self._shell = shell

    def judge(self, text: str) -> tuple[str, str]:
        return judge_json(text) if text.strip() else ('such as "mail" or {"url": "https://…"}', "")

    def shell(self, text: str) -> str:
        return self._shell(self.result(text))

    def result(self, text: str) -> Edited:
        return Edited(text, parse(text))

    def action_take_off(self) -> None:
        self.after_typing(self._done_without)

    def _done_without(self) -> None:
        if not self.check():
            self.dismiss(self.result(self.area.text)._replace(takes_off=True))


