"""Editors of requests: JSON with line and column of an error as it is typed, for a new job or one that is there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from fsjob_core.masking import Hiding
from fsjob_core.record import MAX_STATE, parse

from ...text import safe_text, short_size
from .editors import Edited, Editor

EXAMPLE = 'a request is any JSON value, for example {"type": "resize"}'
Shell = Callable[[Edited], str]
"""The line that does the same in a shell."""


def judge_json(text: str) -> tuple[str, str]:
    """What is wrong with a request, and else its size."""
    if not text.strip():
        return EXAMPLE, ""
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


def is_file(text: str) -> bool:
    """Whether `@FILE` stands where a request is typed: no JSON begins so."""
    return text.startswith("@") and len(text.strip()) > 1 and "\n" not in text.strip()


class RequestEditor(Editor):
    """The new request of a job that is there."""

    outside = True

    def __init__(self, title: str, lines: Iterable[str], text: str, shell: Shell, hiding: Hiding) -> None:
        super().__init__(title, lines, text, "writes it")
        self._shell, self._hiding = shell, hiding

    def judge(self, text: str) -> tuple[str, str]:
        wrong, right = judge_json(text)
        if not wrong:
            try:
                self.result(text)
            except ValueError as error:
                return str(error), ""
        return wrong, right

    def shell(self, text: str) -> str:
        return self._shell(self.result(text))

    def result(self, text: str) -> Edited:
        """What is to be written, with what was hidden in it."""
        return Edited(text, self._hiding.restored(parse(text)))


class CreateEditor(Editor):
    """The request of a new job; `@FILE` for one in a file; ctrl+n makes a job of each line."""

    outside = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "lines", show=False, priority=True),
        Binding("f2", "last", show=False, priority=True),
        Binding("f3", "like", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        lines: Iterable[str],
        *,
        last: str,
        like: str,
        load: Callable[[CreateEditor], object],
        shell: Shell,
    ) -> None:
        keys = "   ctrl+n one job a line" + ("   f2 the last" if last else "")
        super().__init__(title, lines, keys=keys + (f"   f3 like {like[-5:]}" if like else ""))
        self._last, self.ancestor, self._load, self._shell = last, like, load, shell
        self._like = ""

    def judge(self, text: str) -> tuple[str, str]:
        if is_file(text):
            return "", f"the file {text[1:].strip()}: ctrl+s one job of it, ctrl+n one of each line"
        wrong, right = judge_json(text)
        lines = [line for line in text.split("\n") if line.strip()]
        if wrong and len(lines) > 1 and not any(judge_json(line)[0] for line in lines):
            wrong += "; each line is JSON: ctrl+n makes a job of each"
        return wrong, right + (f", like {self._like}" if self._like and right else "")

    def shell(self, text: str) -> str:
        return self._shell(self.result(text))

    def result(self, text: str) -> Edited:
        return Edited(text, None if is_file(text) else parse(text), like=self._like)

    def action_lines(self) -> None:
        self.after_typing(self._done_with_lines)

    def _done_with_lines(self) -> None:
        text = self.draft = self.area.text
        if text.strip():
            self.dismiss(Edited(text, many=True))

    def action_last(self) -> None:
        if self._last:
            self.name_ancestor("")
            self.put(self._last)

    def action_like(self) -> None:
        if self.ancestor:
            self._load(self)

    def name_ancestor(self, job_id: str) -> None:
        """Say which job the request was taken from; empty: none."""
        self._like = job_id
        title = f"{self._title} · like {job_id}" if job_id else self._title
        self.query_one(Vertical).border_title = Content(safe_text(title))
