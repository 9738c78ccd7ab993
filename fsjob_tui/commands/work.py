"""Commands on work: worker, workers, pause, resume."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from types import FrameType

import click

from fsjob_core.command import CommandHandler
from fsjob_core.handlers import BadHandler, Handler, PythonHandler
from fsjob_core.layout import is_job_id
from fsjob_core.worker import HANGUP_DRAIN, Worker, WorkerEvent

from ..text import safe_text, short_age, short_seconds, short_size
from .common import Tally, acting, print_json, reading, say, with_store, writing
from .exits import INTERRUPTED


@click.command("worker")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.option("--handler", metavar="MODULE:FUNCTION", help="Call a Python function instead of a COMMAND.")
@click.option("--name", help="How it signs in; the host's name and its pid otherwise.")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=1, show_default=True, help="Jobs at once.")
@click.option("--timeout", type=click.FloatRange(0.1), metavar="S", help="An attempt that takes longer has failed.")
@click.option("--max-attempts", type=click.IntRange(1), default=5, show_default=True, help="Then the job is parked.")
@click.option("--retry-pause", type=click.FloatRange(0), default=2.0, show_default=True, metavar="S",
              help="Seconds before the second try; each further pause is twice as long, jittered.")  # fmt: skip
@click.option("--until-empty", is_flag=True, help="End when nothing is left to take or to try again.")
@click.option("--events-fd", type=click.IntRange(0), hidden=True)
@with_store
def worker_command(
    directory: str,
    as_json: bool,
    command: tuple[str, ...],
    handler: str | None,
    name: str | None,
    concurrency: int,
    timeout: float | None,
    max_attempts: int,
    retry_pause: float,
    until_empty: bool,
    events_fd: int | None,
) -> None:
    """Pull jobs and run COMMAND for each: `fsjob worker -- COMMAND [ARGUMENT...]`.

    The command gets the request as JSON on standard input and FSJOB_ID, FSJOB_DIR, FSJOB_ATTEMPT, FSJOB_VERSION in
    its environment. Its standard output is the value if it exits 0; anything else is a failed attempt. SIGTERM or
    ctrl+c finishes what runs, a second one ends it at once. With --json events are printed, one a line.
    """
    if bool(command) == bool(handler):
        raise click.UsageError("what does the work? Give a command after --, or --handler MODULE:FUNCTION")
    if name is not None and not is_job_id(name):
        raise click.UsageError(f"--name {name!r:.80} cannot be a file's name of at most 200 printable bytes")
    report = _reporter(events_fd, as_json)
    store = acting(directory, write=True).store  # a guarded store is guarded from people, not from workers
    worker = Worker(
        store,
        _handler(command, handler),
        name=name or store.worker_name,
        command=handler or shlex.join(command),
        concurrency=concurrency,
        timeout=timeout,
        max_attempts=max_attempts,
        pause=retry_pause,
        until_empty=until_empty,
        report=report,
    )
    told = _obey_signals(worker)
    if events_fd is not None and _is_pipe(0):
        threading.Thread(target=_obey_pipe, args=(worker,), daemon=True).start()
    worker.run()
    raise click.exceptions.Exit(INTERRUPTED if signal.SIGINT in told else 0)


def _handler(command: tuple[str, ...], handler: str | None) -> Handler:
    try:
        if handler is None:
            return CommandHandler(command)
        sys.path.insert(0, os.getcwd())  # where `python -m` would look, too
        return PythonHandler.named(handler)
    except BadHandler as error:
        raise click.UsageError(str(error)) from None


def _obey_signals(worker: Worker) -> list[int]:
    """The first SIGTERM or SIGINT drains, the second ends what runs; gives the list of those that came."""
    told: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        if told:
            worker.stop()
        else:
            worker.drain()
        told.append(number)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGHUP, lambda number, frame: worker.drain(HANGUP_DRAIN))
    return told


def _is_pipe(fd: int) -> bool:
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _obey_pipe(worker: Worker) -> None:
    """Standard input is the way in of whoever started us: `drain`, `stop`; its end is a hangup."""
    for line in sys.stdin.buffer:
        word = line.strip()
        if word == b"stop":
            worker.stop()
        elif word == b"drain":
            worker.drain()
    worker.drain(HANGUP_DRAIN)


def _reporter(events_fd: int | None, as_json: bool) -> Callable[[WorkerEvent], None]:
    """Events go as JSON lines to a descriptor or (--json) to standard output, else to standard error for people."""
    fd = 2
    if events_fd is not None or as_json:
        fd = 1 if events_fd is None else events_fd
        try:
            os.set_inheritable(fd, fd <= 2)
        except OSError as error:
            raise click.UsageError(f"--events-fd {fd}: {error.strerror}") from None
    mutex = threading.Lock()

    def report(event: WorkerEvent) -> None:
        line = _line(event) if fd == 2 else _json_line(event)
        if not line:
            return
        with mutex:
            try:
                os.write(fd, f"{line}\n".encode())
            except OSError:  # nobody listens any more: the work goes on
                return

    return report


def _json_line(event: WorkerEvent) -> str:
    return json.dumps({name: value for name, value in asdict(event).items() if value not in (None, "")})


def _line(event: WorkerEvent) -> str:
    took = f" {short_seconds(event.seconds)}" if event.seconds is not None else ""
    size = f" {short_size(event.size)}" if event.size is not None else ""
    return f"{safe_text(event.id)} {event.kind}{took}{size} {safe_text(event.text)}".strip()


@click.command("workers")
@with_store
def workers_command(directory: str, as_json: bool) -> None:
    """List the workers that are signed in. Node workers are seen only while they hold a lock."""
    store = reading(directory)
    for worker in store.workers():
        if as_json:
            print_json(asdict(worker))
        else:
            beat = short_age(store.host.time() - worker.beat)
            figures = f"{worker.now} now, {worker.done:,} done, {worker.failed:,} failed, beat {beat} ago"
            say(safe_text(f"{worker.name}  {worker.host}:{worker.pid}  {worker.state}  {figures}"))


@click.command("pause")
@click.option("--reason", default="", help="Why; it is shown.")
@writing
@with_store
def pause_command(directory: str, as_json: bool, reason: str, write: bool) -> None:
    """Have no worker of ours take work any more; Node's go on."""
    tally = Tally(as_json)
    tally.one("", lambda: acting(directory, write).pause(reason))
    tally.end()


@click.command("resume")
@writing
@with_store
def resume_command(directory: str, as_json: bool, write: bool) -> None:
    """End a pause."""
    tally = Tally(as_json)
    tally.one("", lambda: acting(directory, write).resume())
    tally.end()
