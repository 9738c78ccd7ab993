"""The command that shows everything on a store of its own, of which nothing is left afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click

from .common import say
from .console import need_terminal
from .exits import FAILED, complain

MEMORY = "/dev/shm"
"""Where a store costs nothing to sync; the system's folder for temporary files where there is no such place."""


@click.command("demo")
@click.option("--headless", is_flag=True, help="Without a screen: run, settle, audit, print one JSON line.")
@click.option("--seconds", type=click.FloatRange(0.5, 3600), default=8.0, show_default=True,
              help="With --headless: make jobs for so long.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON (which --headless does anyway).")
def demo_command(headless: bool, seconds: float, as_json: bool) -> None:
    """Watch a live console over a store with workers, failures and a worker that dies.

    \b
    Examples:
      fsjob demo
      fsjob demo --headless --seconds 8 --json
    """
    if not headless:
        need_terminal("`fsjob demo --headless`")
    with _temporary_folder() as folder, _engine(f"{folder}/store", seconds if headless else None) as engine:
        code = _await_result(engine) if headless else _show(f"{folder}/store", engine)
    raise click.exceptions.Exit(code)


def _await_result(engine: subprocess.Popen[bytes]) -> int:
    assert engine.stdout is not None and engine.stderr is not None
    line = engine.stdout.readline().decode().strip()
    if not line:
        complain(f"the demo ended early: {engine.stderr.read().decode('utf-8', 'replace').strip()[-500:]}")
        return FAILED
    say(line)
    return 0 if '"lost": 0' in line else FAILED


def _show(directory: str, engine: subprocess.Popen[bytes]) -> int:
    from ..console.app import run_console

    assert engine.stdout is not None
    engine.stdout.readline()  # it says when there is something to see
    return run_console(directory, demo="demo")


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
def _engine(directory: str, seconds: float | None) -> Iterator[subprocess.Popen[bytes]]:
    """The process that runs the demo. It ends when its standard input does: whatever becomes of this one."""
    engine = subprocess.Popen(
        [sys.executable, "-m", "fsjob_tui.demo", directory, *([] if seconds is None else [str(seconds)])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if seconds is not None else subprocess.DEVNULL,
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
