"""What the commands share: the store they are about, what they print, acts on several jobs."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

from fsjob_core import errors
from fsjob_core.journal import Outcome
from fsjob_core.store import JobStore

from ..text import safe_text
from .exits import REFUSED, OutputFailed, complain, exit_code, sentence

if TYPE_CHECKING:
    from fsjob_core.operator import Operator

F = TypeVar("F", bound=Callable[..., Any])


# ── options that every command has ──


def with_store(command: F) -> F:
    """Give a command `-C` and `--json`; it gets `directory` and `as_json`. An argument `store` names the same."""

    @click.option("-C", "--directory", "late", metavar="DIR", help="The store.", hidden=True)
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @click.pass_context
    @functools.wraps(command)
    def wrapped(ctx: click.Context, /, late: str | None, **options: Any) -> Any:
        directory = _one_store(ctx.obj, late, options.pop("store", None))
        return ctx.invoke(command, directory=directory, **options)

    return wrapped  # type: ignore[return-value]


def _one_store(*given: str | None) -> str:
    """The directory that the command line names, if need be more than once; else the environment's, or this one."""
    names = [name for name in given if name]
    found = [_named_store(name) for name in names or [os.environ.get("FSJOB_DIR") or "."]]
    if len({os.path.abspath(directory) for directory in found}) > 1:
        raise click.UsageError(f"which store? Both {' and '.join(names)} were given")
    return found[-1]


def _named_store(name: str) -> str:
    """The directory of a store that may be given as @NAME of the settings. Raises UsageError where it has no such."""
    if not name.startswith("@"):
        return name
    from ..settings import directory_of

    try:
        return directory_of(name)
    except KeyError as error:
        raise click.UsageError(str(error.args[0])) from None


writing = click.option("--write", is_flag=True, help="Change a store that is guarded.")


def reading(directory: str) -> JobStore:
    """A store to look at. Raises NotAStore; makes nothing."""
    return _open(directory, read_only=True)


def acting(directory: str, write: bool = False) -> Operator:
    """Somebody who acts on a store that exists."""
    from fsjob_core.operator import Operator  # what only looks needs none

    return Operator(_open(directory), write=write)


def _open(directory: str, read_only: bool = False) -> JobStore:
    try:
        return JobStore(directory, must_exist=True, read_only=read_only)
    except errors.NotAStore as error:
        raise errors.NotAStore(f"{error}; say which store with -C DIR or FSJOB_DIR") from None


# ── asking ──

confirmed = click.option("--yes", is_flag=True, help="Do not ask on a terminal.")


def somebody_listens() -> bool:
    """Whether there is a person who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(lines: Iterable[str], question: str, yes: bool) -> None:
    """On a terminal: show what will be hit, and end the command unless the answer is yes."""
    if yes or not somebody_listens():
        return
    for line in lines:
        click.echo(safe_text(line), err=True)
    if not click.confirm(question, err=True):
        complain("nothing was changed")
        raise click.exceptions.Exit(REFUSED)


# ── printing ──


def print_json(value: object) -> None:
    """One JSON line; escapes keep it safe on a terminal."""
    say(json.dumps(value))


def say(text: str = "", *, nl: bool = True) -> None:
    """One line for people; what comes from a store went through `safe_text`. `nl`: with a line feed at its end."""
    with printing():
        click.echo(text, nl=nl)


@contextmanager
def printing() -> Iterator[None]:
    """What fails inside is the output's fault, not the store's."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputFailed from error


T = TypeVar("T")


@contextmanager
def progress(things: Iterable[T], label: str) -> Iterator[Iterable[T]]:
    """Count things on the terminal, where what is printed goes to a file or a pipe. One thing shows no bar."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield things
        return
    first = list(islice(iterator := iter(things), 2))
    if len(first) < 2:
        yield first
        return
    with click.progressbar(chain(first, iterator), label=label, file=sys.stderr, show_pos=True) as bar:
        yield bar


class Tally:
    """Acts on one job after the other: says the outcome of each, keeps the highest exit code."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._code = 0

    def each(self, ids: Iterable[str], act: Callable[[str], Outcome]) -> None:
        """Act on every job, whatever became of the one before."""
        with progress(ids, "jobs") as counted:
            for job_id in counted:
                self.one(job_id, functools.partial(act, job_id))

    def one(self, job_id: str, act: Callable[[], Outcome]) -> None:
        """One act."""
        try:
            outcome = act()
        except BrokenPipeError:
            raise
        except (errors.FsJobError, OSError) as error:
            self._code = max(self._code, exit_code(error))
            complain(sentence(error))
            if self._as_json:
                print_json({"id": job_id, "done": False, "error": sentence(error)})
            return
        self.tell(outcome, job_id)

    def tell(self, outcome: Outcome, job_id: str = "") -> None:
        """Say what became of a job."""
        if not outcome.done:
            self._code = max(self._code, REFUSED)
        if self._as_json:
            print_json({"id": outcome.id or job_id, "done": outcome.done, "what": outcome.what})
        elif outcome.done:
            say(safe_text(outcome.what))
        else:
            complain(safe_text(outcome.what))

    def end(self) -> None:
        """Leave the command with the exit code."""
        raise click.exceptions.Exit(self._code)
