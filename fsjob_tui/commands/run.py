"""Commands that run until they are told to end: worker, notifier."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from types import FrameType
from typing import Any, TypeVar

import click

from fsjob_core.command import CommandHandler, CommandTeller
from fsjob_core.errors import NotAStore
from fsjob_core.handlers import BadHandler, Handler, PythonHandler, PythonTeller, Teller
from fsjob_core.layout import is_job_id
from fsjob_core.loop import FIRST_PAUSE, HANGUP_DRAIN, Loop
from fsjob_core.notifier import MAX_ATTEMPTS, Notifier
from fsjob_core.options import Options, Report, WorkerEvent
from fsjob_core.store import JobStore
from fsjob_core.systemd import ServiceManager
from fsjob_core.worker import Worker

from ..text import safe_text, short_seconds, short_size
from .common import acting, with_store
from .exits import INTERRUPTED, allow_closed_output

H = TypeVar("H", Handler, Teller)


@dataclass(frozen=True, slots=True)
class Run:
    """How a worker or a notifier runs, as the command line says."""

    command: tuple[str, ...]
    handler: str | None
    name: str | None
    concurrency: int
    timeout: float | None
    max_attempts: int
    retry_pause: float
    drain_timeout: float
    until_empty: bool
    events_fd: int | None


def _run_options(max_attempts: int, timeout: float | None, gives_up: str) -> Callable[[Callable[..., Any]], Any]:
    """The options that worker and notifier share."""
    options = [
        click.argument("command", nargs=-1, type=click.UNPROCESSED),
        click.option("--handler", metavar="MODULE:FUNCTION", help="Call a Python function instead of a COMMAND."),
        click.option("--name", help="How it signs in; the host's name and its pid otherwise."),
        click.option("--concurrency", type=click.IntRange(1, 1000), default=1, show_default=True,
                     help="How many at once."),
        click.option("--timeout", type=click.FloatRange(0.1), default=timeout, show_default=timeout is not None,
                     metavar="S", help="A try that takes more seconds has failed."),
        click.option("--max-attempts", type=click.IntRange(1), default=max_attempts, show_default=True, help=gives_up),
        click.option("--retry-pause", type=click.FloatRange(0), default=FIRST_PAUSE, show_default=True, metavar="S",
                     help="Seconds before the second try; each further pause is twice as long, jittered."),
        click.option("--drain-timeout", type=click.FloatRange(0), default=float("inf"), metavar="S",
                     help=f"Told to end, give what runs so many seconds at most; a hangup gives {HANGUP_DRAIN:.0f}."),
        click.option("--until-empty", is_flag=True, help="End when nothing is left to take or to try again."),
        click.option("--events-fd", type=click.IntRange(0), hidden=True),
    ]  # fmt: skip

    def add(command: Callable[..., Any]) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.command("worker")
@_run_options(max_attempts=5, timeout=None, gives_up="Then the job is parked.")
@with_store
def worker_command(directory: str, as_json: bool, **options: Any) -> None:
    """Pull jobs and run COMMAND for each: `fsjob worker -- COMMAND [ARGUMENT...]`.

    The command gets the request as JSON on standard input and FSJOB_ID, FSJOB_DIR, FSJOB_ATTEMPT, FSJOB_VERSION in
    its environment. Its standard output is the value if it exits 0; anything else is a failed attempt, kept on the
    job with the last lines of standard error.

    SIGTERM or ctrl+c finishes what runs, a second one ends it at once. What happens is told on standard error: lines
    for people on a terminal, JSON lines otherwise; with --json on standard output.

    \b
    Example:
      fsjob worker --concurrency 4 --timeout 60 -- ./resize.sh
    """
    run = Run(**options)

    def make(report: Report) -> Worker:
        store = _store(directory)
        with _closing_on_error(_handler(run)) as handler:
            return Worker(store, handler, **_settings(run, store, report))

    _obey(run, as_json, make)


@click.command("notifier")
@_run_options(max_attempts=MAX_ATTEMPTS, timeout=60.0, gives_up="Then the target is given up, and shown.")
@with_store
def notifier_command(directory: str, as_json: bool, **options: Any) -> None:
    """Tell those who wait: run COMMAND for each target of a fulfilled job.

    The command gets the value on standard input, the target as JSON in FSJOB_TARGET, and FSJOB_ID, FSJOB_DIR,
    FSJOB_ATTEMPT, FSJOB_VERSION. Exit 0 means that the target was told: it leaves the list. Else it is tried again
    after a growing pause, and given up after --max-attempts: `fsjob show ID` says so, and `fsjob queue --again ID`
    has it tried anew. A --handler is called with target and value; it raises, or returns False, where it could not.

    \b
    Example:
      fsjob notifier -- sh -c 'curl -sf --data-binary @- "$(echo "$FSJOB_TARGET" | jq -r .url)"'
    """
    run = Run(**options)

    def make(report: Report) -> Notifier:
        store = _store(directory)
        with _closing_on_error(_teller(run)) as teller:
            return Notifier(store, teller, **_settings(run, store, report))

    _obey(run, as_json, make)


def _store(directory: str) -> JobStore:
    return acting(directory, write=True).store  # a guarded store is guarded from people, not from workers


def _settings(run: Run, store: JobStore, report: Report) -> Options:
    return {
        "name": run.name or store.worker_name,
        "command": run.handler or shlex.join(run.command),
        "concurrency": run.concurrency,
        "timeout": run.timeout,
        "max_attempts": run.max_attempts,
        "pause": run.retry_pause,
        "report": report,
        "manager": ServiceManager.of_this_process(),
        "until_empty": run.until_empty,
    }


def _handler(run: Run) -> Handler:
    with _bad_is_usage():
        return CommandHandler(run.command) if run.handler is None else PythonHandler.named(run.handler)


def _teller(run: Run) -> Teller:
    with _bad_is_usage():
        return CommandTeller(run.command) if run.handler is None else PythonTeller.named(run.handler)


@contextmanager
def _closing_on_error(handler: H) -> Iterator[H]:
    try:
        yield handler
    except BaseException:
        handler.close()
        raise


@contextmanager
def _bad_is_usage() -> Iterator[None]:
    sys.path.insert(0, os.getcwd())  # where `python -m` would look, too
    try:
        yield
    except BadHandler as error:
        raise click.UsageError(str(error)) from None


def _obey(run: Run, as_json: bool, make: Callable[[Report], Loop[Any]]) -> None:
    """Run it, and end with the exit code: 0, 130 after ctrl+c, 5 where the store has gone."""
    if run.command and run.handler:
        raise click.UsageError("what does the work? A command or --handler, not both")
    if not (run.command or run.handler):
        raise click.UsageError("what does the work? Give a command after --, or --handler MODULE:FUNCTION")
    if run.name is not None and not is_job_id(run.name):
        raise click.UsageError(f"--name {run.name!r:.80} cannot be a file's name of at most 200 printable bytes")
    allow_closed_output()  # what a handler prints
    loop = make(_reporter(run.events_fd, as_json))
    told = _obey_signals(loop, run.drain_timeout)
    if run.events_fd is not None and _is_pipe(0):
        threading.Thread(target=_obey_pipe, args=(loop,), daemon=True).start()
    loop.run()
    if loop.gone and not told:
        raise NotAStore(loop.gone)
    raise click.exceptions.Exit(INTERRUPTED if signal.SIGINT in told else 0)


def _obey_signals(loop: Loop[Any], drain_timeout: float) -> list[int]:
    """The first SIGTERM or SIGINT drains, the second ends what runs; gives the list of those that came."""
    told: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        if told:
            loop.stop()
        else:
            loop.drain(drain_timeout)
        told.append(number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGHUP, lambda number, frame: loop.drain(min(HANGUP_DRAIN, drain_timeout)))
    return told


def _is_pipe(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _obey_pipe(loop: Loop[Any]) -> None:
    """Standard input is the way in of whoever started us: `drain`, `stop`; its end is a hangup."""
    with open(0, "rb", closefd=False) as orders:  # Python, when it ends, dies of a thread that waits in sys.stdin
        for line in orders:
            word = line.strip()
            if word == b"stop":
                loop.stop()
            elif word == b"drain":
                loop.drain()
    loop.drain(HANGUP_DRAIN)


# ── what is told of it ──


def _reporter(events_fd: int | None, as_json: bool) -> Report:
    """Events go as JSON lines to a descriptor, or (--json) to standard output; else to standard error."""
    fd = 2
    try:
        if events_fd is not None:
            fd = events_fd
            os.set_inheritable(fd, fd <= 2)
        elif as_json:
            fd = _standard_output_of_our_own()
    except OSError as error:
        raise click.UsageError(f"--events-fd {fd}: {error.strerror}") from None
    as_text = _line if fd == 2 and os.isatty(2) else _json_line
    mutex = threading.Lock()

    def report(event: WorkerEvent) -> None:
        line = as_text(event)
        with mutex:
            try:
                os.write(fd, f"{line}\n".encode())
            except OSError:  # nobody listens any more: the work goes on
                return

    return report


def _standard_output_of_our_own() -> int:
    """What a Python handler prints goes to standard error from now on, and not between the events."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    return ours


def _json_line(event: WorkerEvent) -> str:
    return json.dumps({name: value for name, value in asdict(event).items() if value not in (None, "")})


def _line(event: WorkerEvent) -> str:
    took = f" {short_seconds(event.seconds)}" if event.seconds is not None else ""
    size = f" {short_size(event.size)}" if event.size is not None else ""
    target = f" {safe_text(event.target[:200])}" if event.target else ""
    return f"{safe_text(event.id)} {event.kind}{target}{took}{size} {safe_text(event.text)}".strip()
