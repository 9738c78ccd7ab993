"""What is given on the command line: values, requests and ids, as text, @FILE or - for standard input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, BinaryIO

import click
from click.shell_completion import CompletionItem

from fsjob_core import errors
from fsjob_core.record import MAX_STATE, Json, parse

from .exits import complain

COMPLETED = 200
"""Ids that completion offers at most."""


class StandardInput:
    """Standard input is read once; a second `-` is refused."""

    taken = False

    @classmethod
    def take(cls, what: str) -> BinaryIO:
        """The stream. Raises UsageError where it was taken, or holds nothing."""
        if cls.taken:
            raise click.UsageError("standard input can be read only once, and '-' was given twice")
        cls.taken = True
        if sys.stdin.isatty():
            complain("reading standard input; end it with ctrl+d")
        stream: Any = sys.stdin.buffer
        if not stream.peek(1):
            raise click.UsageError(f"standard input holds nothing, and '-' reads {what} from it")
        return stream  # type: ignore[no-any-return]


def open_argument(argument: str, what: str) -> AbstractContextManager[bytes | BinaryIO]:
    """A value: text, @FILE, - for standard input; @@ for a text that begins with @."""
    if argument == "-":
        return nullcontext(StandardInput.take(what))
    if argument.startswith("@@"):
        argument = argument[1:]
    elif argument == "@":
        raise click.UsageError("@ names no file: give @FILE, or @@ for a text that begins with @")
    elif argument.startswith("@"):
        return open(argument[1:], "rb")
    return nullcontext(os.fsencode(argument))


def json_argument(argument: str, what: str) -> Json:
    """A JSON value from an argument. Raises InvalidRequest with line and column."""
    with open_argument(argument, what) as source:
        data = source if isinstance(source, bytes) else source.read(MAX_STATE + 1)
    if not data.strip():
        where = "standard input" if argument == "-" else argument.removeprefix("@") or "an empty text"
        raise errors.InvalidRequest(f"{where} holds no JSON; {what} is any JSON value")
    return parse_json(data, what)


def parse_json(data: bytes, what: str, line: int = 0) -> Json:
    """JSON from bytes. Raises InvalidRequest, with line and column where it is syntax.

    `line`: the number of the line that `data` is, where it is one of many.
    """
    if len(data) > MAX_STATE:
        raise errors.InvalidRequest(f"{what} has over {MAX_STATE:,} bytes, which is the most that fits")
    try:
        return parse(data.decode("utf-8"))
    except json.JSONDecodeError as error:
        place = f"line {line or error.lineno}, column {error.colno}"
        raise errors.InvalidRequest(f"{what} is no JSON: {error.msg.removesuffix(' at')} at {place}") from None
    except UnicodeDecodeError as error:
        raise errors.InvalidRequest(
            f"{what} is no UTF-8 text: byte {error.start} is {data[error.start]:#04x}"
        ) from None
    except ValueError as error:
        raise errors.InvalidRequest(f"{what} cannot be kept: {error}") from None


def json_lines(lines: Iterable[bytes]) -> Iterator[Json]:
    """A JSON value of each line that holds something. Raises InvalidRequest with the line's number."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield parse_json(line, f"line {number}", line=number)


def read_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream, none of them read further than a request may be long."""
    while line := stream.readline(MAX_STATE + 2):
        yield line


# ── ids ──


def job_ids(arguments: tuple[str, ...]) -> Iterator[str]:
    """Ids from the command line; `-` reads them from standard input, one a line."""
    if not arguments:
        raise click.UsageError("which job? Give its id, or - to read ids from standard input")
    if arguments.count("-") > 1:  # told before the first of them is acted on
        raise click.UsageError("standard input can be read only once, and '-' was given twice")
    for argument in arguments:
        if argument != "-":
            yield argument
            continue
        for line in StandardInput.take("ids"):
            found = os.fsdecode(line.strip())
            if found:
                yield found


class JobId(click.types.StringParamType):
    """A job's id, which shells complete."""

    name = "id"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Ids in the store that begin so; none where there is no store."""
        from fsjob_core.host import REAL
        from fsjob_core.layout import Layout
        from fsjob_core.views import Views

        given = ctx.params.get("late") or (ctx.parent.params.get("directory") if ctx.parent else None)
        directory = os.path.abspath(given or os.environ.get("FSJOB_DIR") or ".")
        layout = Layout(directory)
        try:
            found = sorted(name for name in Views(REAL, layout).ids(layout.jobs) if name.startswith(incomplete))
        except OSError:
            return []
        return [CompletionItem(name) for name in found[:COMPLETED]]


_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}


def age(text: str) -> float:
    """A time such as 30d, 12h, 90m, 45s or 2w, in seconds."""
    if not (text[:-1].isdecimal() and text[-1:] in _UNITS):
        raise click.BadParameter(f"{text!r} is no age: give a number and s, m, h, d or w, such as 30d")
    return int(text[:-1]) * _UNITS[text[-1]]


one_id = click.argument("job_id", metavar="ID", type=JobId())
"""One id, or - for ids from standard input."""
many_ids = click.argument("ids", metavar="ID...", nargs=-1, type=JobId())
