"""How a command ends: its exit code, and one line on standard error that says what is wrong and what to do."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress

import click

from fsjob_core import errors

from ..text import safe_text

FAILED, USAGE, NO_JOB, REFUSED, NO_STORE = 1, 2, 3, 4, 5
INTERRUPTED = 128 + signal.SIGINT

_CODES: tuple[tuple[type[Exception], int], ...] = (
    (errors.JobNotFound, NO_JOB),
    (errors.InvalidJobId, USAGE),
    (errors.InvalidRequest, USAGE),
    (errors.InvalidFilter, USAGE),
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
)
_NOT_ALLOWED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_NOT_ANSWERING = frozenset({errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN})


class OutputClosed(Exception):
    """Whoever read what is printed has read enough."""


class OutputFailed(Exception):
    """What was printed could not be written; what the command did stands: the message. Its cause: an OSError."""


def exit_code(error: BaseException) -> int:
    """The exit code of an error, as the README lists them."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, OSError):
        if error.errno in _NOT_ALLOWED:
            return REFUSED
        if error.errno in _NOT_ANSWERING:
            return NO_STORE
    return FAILED


def sentence(error: BaseException) -> str:
    """What went wrong, in one safe line."""
    if isinstance(error, errors.CorruptJob):
        return safe_text(f"{error}; `fsjob doctor` tells what can be done")
    return safe_text(errors.in_words(error)) or type(error).__name__


def complain(text: str) -> None:
    """One line on standard error."""
    with suppress(OSError):  # nobody listens
        click.echo(f"fsjob: {text}", err=True)


def run_safely(run: Callable[[], object]) -> int:
    """Run a command to its exit code: one line for an error, none for a closed pipe, never a traceback."""
    _mend_standard_streams()
    try:
        code = _run(run)
        sys.stdout.flush()
    except (OutputClosed, BrokenPipeError):
        code = 128 + signal.SIGPIPE
        _drop_output()
    except (OutputFailed, OSError) as failed:  # an OSError of the last flush
        cause, done = (failed.__cause__, str(failed)) if isinstance(failed, OutputFailed) else (failed, "")
        why = cause.strerror if isinstance(cause, OSError) else cause  # no advice: trying again may do it twice
        complain(f"standard output: {why}{done and f'; {done}'}")
        code = FAILED
        _drop_output()
    return code


def _run(run: Callable[[], object]) -> int:
    try:
        ended = run()  # click gives back the code of `ctx.exit` and of Exit
    except click.UsageError as error:
        where = f" (see `{error.ctx.command_path} --help`)" if error.ctx is not None else ""
        complain(safe_text(f"{error.format_message().rstrip('.')}{where}"))
        return USAGE
    except click.ClickException as error:
        complain(safe_text(error.format_message()))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    except (errors.FsJobError, OSError) as error:
        if isinstance(error, OSError) and error.filename is None:  # of a help, perhaps: then this fails alike
            sys.stdout.flush()
        complain(sentence(error))
        return exit_code(error)
    except RecursionError:
        complain("something in the store, or in what was given, is nested too deep")
        return FAILED
    except MemoryError:
        complain("there is not enough memory for this")
        return FAILED
    return ended if isinstance(ended, int) else 0


def allow_closed_output() -> None:
    """For what prints nothing of its own: a closed standard output is no trouble for whom it runs."""
    if fcntl.fcntl(1, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        _drop_output()


def _drop_output() -> None:
    """What is still in the buffer goes nowhere; else the interpreter complains about it when it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _mend_standard_streams() -> None:
    """A closed standard stream becomes /dev/null, or the next file that is opened takes its number.

    One that can only be read, where it is standard output: what is printed there fails, as on a full disk.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if name == "stdout" else os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "r" if number == 0 else "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # signs that the terminal's encoding does not have
            stream.reconfigure(errors="backslashreplace")
