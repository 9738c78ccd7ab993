"""The commands that show everything, or one trouble, on a store of their own, of which nothing is left afterwards."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click

from ..drills import NAMES
from .common import say
from .console import need_terminal
from .exits import FAILED, complain

if TYPE_CHECKING:
    from ..drills.report import Report

MEMORY = "/dev/shm"
"""Where a store costs nothing to sync; the system's folder for temporary files where there is no such place."""


@click.command("demo")
@click.option("--incident", type=click.Choice(NAMES), metavar="NAME",
              help=f"A drill: a store in one trouble, which knows when it is solved: {', '.join(NAMES)}.")
@click.option("--headless", is_flag=True, help="Without a screen: run, settle, audit, print one JSON line.")
@click.option("--seconds", type=click.FloatRange(0.5, 3600), default=None,
              help="With --headless: make jobs for so long [8]; of a drill: how long it may take to solve it [600].")
@click.option("--json", "as_json", is_flag=True, help="Print JSON (which --headless does anyway).")
def demo_command(incident: str | None, headless: bool, seconds: float | None, as_json: bool) -> None:
    """Watch a live console over a store with workers, failures and a worker that dies; or train on one trouble.

    With --incident and --headless a JSON line says where the store is and what is wrong, another one each time
    something else is left of it, and the last whether it was solved (exit code 0) or not (1).

    \b
    Examples:
      fsjob demo
      fsjob demo --headless --seconds 8 --json
      fsjob demo --incident dead-worker
    """
    if not headless:
        need_terminal("`fsjob demo --headless`")
    with _temporary_folder() as folder:
        store = f"{folder}/store"
        if incident is not None:
            with _engine("fsjob_tui.drills", incident, store) as engine:
                code = _await_solution(engine, seconds or 600.0) if headless else _train(store, engine)
        elif headless:
            with _engine("fsjob_tui.demo", store, str(seconds or 8.0)) as engine:
                code = _await_result(engine)
        else:
            with _engine("fsjob_tui.demo", store) as engine:
                code = _show(store, engine)
    raise click.exceptions.Exit(code)


# ── the demo ──


def _await_result(engine: subprocess.Popen[bytes]) -> int:
    line = _line(engine)
    if not line:
        return _ended_early("the demo", engine)
    say(line)
    return 0 if '"lost": 0' in line else FAILED


def _show(directory: str, engine: subprocess.Popen[bytes]) -> int:
    from ..console.app import run_console
    from ..console.occasion import Occasion

    _line(engine)  # it says when there is something to see
    return run_console(directory, occasions=lambda: Occasion("demo"))


# ── a drill ──


def _await_solution(engine: subprocess.Popen[bytes], seconds: float) -> int:
    from ..drills.report import Report

    assert engine.stdout is not None
    if line := _line(engine):
        say(line)
    until = time.monotonic() + seconds
    while line:
        if not select.select([engine.stdout], [], [], max(until - time.monotonic(), 0.0))[0]:
            say(json.dumps({**json.loads(line), "state": "not solved", "seconds": seconds}))
            return FAILED
        if line := _line(engine):
            say(line)
            if Report.from_json(line).solved:
                return 0
    return _ended_early("the drill", engine)


def _train(directory: str, engine: subprocess.Popen[bytes]) -> int:
    from ..console.app import run_console
    from ..console.occasion import Occasion
    from ..drills.report import Report

    line = _line(engine)
    if not line:
        return _ended_early("the drill", engine)
    said = [Report.from_json(line)]
    threading.Thread(target=_follow, args=(engine, said), daemon=True).start()
    return run_console(directory, occasions=lambda: Occasion(said[-1].words, said[-1].news))


def _follow(engine: subprocess.Popen[bytes], said: list[Report]) -> None:
    """Take in what a drill says until its process ends."""
    from ..drills.report import Report

    while line := _line(engine):
        said[:] = [Report.from_json(line)]


# ── the process that runs either ──


def _line(engine: subprocess.Popen[bytes]) -> str:
    assert engine.stdout is not None
    return engine.stdout.readline().decode().strip()


def _ended_early(what: str, engine: subprocess.Popen[bytes]) -> int:
    assert engine.stderr is not None
    lines = engine.stderr.read().decode("utf-8", "replace").strip().splitlines()
    complain(lines[-1] if lines else f"{what} ended early")
    return FAILED


@contextmanager
def _temporary_folder() -> Iterator[str]:
    """A folder that is removed however the command ends; a signal ends it as an exception does."""
    ending = (signal.SIGTERM, signal.SIGHUP)
    for number in ending:
        signal.signal(number, _leave)
    folder = tempfile.mkdtemp(prefix="fsjob-demo-", dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    try:
        yield folder
    finally:
        for number in (*ending, signal.SIGINT):  # an impatient second one must not leave half of it
            signal.signal(number, signal.SIG_IGN)
        shutil.rmtree(folder, ignore_errors=True)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


@contextmanager
def _engine(module: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """The process that runs it. It ends when its standard input does: whatever becomes of this one."""
    engine = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,  # nothing is read before it is wanted, so that the descriptor tells whether there is more
        start_new_session=True,  # ctrl+c is this process's to answer
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        yield engine
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if engine.stdin is not None:
            engine.stdin.close()
        engine.wait()
