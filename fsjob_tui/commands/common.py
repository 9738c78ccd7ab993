"""What the commands share: finding the store, reading values, printing, and exit codes."""

from __future__ import annotations

import errno
import functools
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TypeVar

import click

from fsjob_core import errors
from fsjob_core.operator import Operator
from fsjob_core.record import MAX_STATE, Json, parse
from fsjob_core.store import JobStore

from ..text import safe_text

F = TypeVar("F", bound=Callable[..., Any])

FAILED, USAGE, NO_JOB, REFUSED, NO_STORE = 1, 2, 3, 4, 5
_CODES: list[tuple[type[Exception], int]] = [
    (errors.JobNotFound, NO_JOB),
    (errors.InvalidJobId, USAGE),
    (errors.InvalidRequest, USAGE),
    (errors.NotAStore, NO_STORE),
    (errors.CorruptJob, FAILED),
    (errors.AlreadyFulfilled, REFUSED),
    (errors.NotFulfilled, REFUSED),
    (errors.VersionMismatch, REFUSED),
    (errors.LeaseLost, REFUSED),
    (errors.JobLocked, REFUSED),
    (errors.LockTimeout, REFUSED),
    (errors.GuardBusy, REFUSED),
    (errors.ReadOnly, REFUSED),
]
_NOT_ANSWERING = {errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN}


# ── errors ──


def exit_code(error: BaseException) -> int:
    """The exit code of an error, as the README lists them."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, OSError) and error.errno in _NOT_ANSWERING:
        return NO_STORE
    return FAILED


def sentence(error: BaseException) -> str:
    """What went wrong, in one safe line."""
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        return safe_text(f"{where}{error.strerror}")
    return safe_text(str(error)) or type(error).__name__


def complain(text: str) -> None:
    click.echo(f"fsjob: {text}", err=True)


def run_safely(run: Callable[[], object]) -> int:
    """Run a command; gives its exit code. One line for an error, none for a closed pipe."""
    try:
        run()
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        complain(safe_text(error.format_message()))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing left to flush to
        return 128 + signal.SIGPIPE
    except (errors.FsJobError, OSError) as error:
        complain(sentence(error))
        return exit_code(error)
    return 0


# ── options that every command has ──


def with_store(command: F) -> F:
    """Give a command `-C` and `--json`; it gets `directory` and `as_json`."""

    @click.option("-C", "--directory", "late", metavar="DIR", help="The store.", hidden=True)
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, late: str | None, **options: Any) -> Any:
        return ctx.invoke(command, directory=late or ctx.obj or os.environ.get("FSJOB_DIR") or ".", **options)

    return wrapped  # type: ignore[return-value]


def reading(directory: str) -> JobStore:
    """A store to look at. Raises NotAStore; makes nothing."""
    return _open(directory, read_only=True)


def acting(directory: str, write: bool = False) -> Operator:
    """Somebody who acts on a store that exists."""
    return Operator(_open(directory), write=write)


def _open(directory: str, read_only: bool = False) -> JobStore:
    try:
        return JobStore(directory, must_exist=True, read_only=read_only)
    except errors.NotAStore as error:
        if directory == ".":
            raise errors.NotAStore(f"{error}; say which one with -C DIR or FSJOB_DIR") from None
        raise


writing = click.option("--write", is_flag=True, help="Change a store that is guarded.")


# ── arguments ──


class _StandardInput:
    taken = False


def _read_standard_input() -> BinaryIO:
    if _StandardInput.taken:
        raise click.UsageError("standard input can be read only once: '-' was given twice")
    _StandardInput.taken = True
    if sys.stdin.isatty():
        complain("reading standard input; end it with ctrl+d")
    return sys.stdin.buffer


def open_argument(argument: str) -> bytes | BinaryIO:
    """A value: text, @FILE, - for standard input; @@ for a text that begins with @."""
    if argument == "-":
        return _read_standard_input()
    if argument.startswith("@@"):
        argument = argument[1:]
    elif argument.startswith("@"):
        return open(argument[1:], "rb")
    return argument.encode("utf-8", "surrogateescape")


def json_argument(argument: str, what: str) -> Json:
    """A JSON value from an argument. Raises InvalidRequest with line and column."""
    source = open_argument(argument)
    if isinstance(source, bytes):
        data = source
    else:
        data = source.read(MAX_STATE + 1)
        if argument != "-":
            source.close()
    if not data.strip():
        where = "standard input" if argument == "-" else argument.lstrip("@") or "the text"
        raise errors.InvalidRequest(f"{where} holds nothing; {what} is any JSON value")
    if len(data) > MAX_STATE:
        raise errors.InvalidRequest(f"{what} has over {MAX_STATE:,} bytes, which is the most that fits")
    return parse_json(data, what)


def parse_json(data: bytes, what: str) -> Json:
    """JSON from bytes. Raises InvalidRequest, with line and column where it is syntax."""
    try:
        return parse(data.decode("utf-8"))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise errors.InvalidRequest(f"{what} is no JSON: {error.msg} at {place}") from None
    except ValueError as error:
        raise errors.InvalidRequest(f"{what} is no JSON: {error}") from None


def job_ids(arguments: tuple[str, ...]) -> Iterator[str]:
    """Ids from the command line; `-` reads them from standard input, one a line."""
    if not arguments:
        raise click.UsageError("which job? Give ids, or - to read them from standard input")
    for argument in arguments:
        if argument != "-":
            yield argument
            continue
        for line in _read_standard_input():
            found = line.decode("utf-8", "surrogateescape").strip()
            if found:
                yield found


# ── printing ──


def print_json(value: object) -> None:
    """One JSON line; escapes keep it safe on a terminal."""
    click.echo(json.dumps(value))


def say(text: str = "") -> None:
    """One line for people."""
    click.echo(text)


class Tally:
    """The outcomes of an act on several jobs: prints each, keeps the worst exit code."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self.code = 0

    def add(self, job_id: str, act: Callable[[], Any]) -> None:
        try:
            outcome = act()
        except (errors.FsJobError, OSError) as error:
            self.code = max(self.code, exit_code(error))
            if self._as_json:
                print_json({"id": job_id, "done": False, "error": sentence(error)})
            else:
                complain(sentence(error))
            return
        if not outcome.done:
            self.code = max(self.code, REFUSED)
        if self._as_json:
            print_json({"id": job_id, "done": outcome.done, "what": outcome.what})
        else:
            say(safe_text(outcome.what))

    def end(self) -> None:
        if self.code:
            raise click.exceptions.Exit(self.code)
