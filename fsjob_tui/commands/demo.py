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

import click

from .common import print_json


@click.command("demo")
@click.option("--headless", is_flag=True, help="Without a screen: run, settle, audit, print one JSON line.")
@click.option("--seconds", type=click.FloatRange(0.5, 3600), default=8.0, show_default=True,
              help="With --headless: make jobs for so long.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print JSON (which --headless does anyway).")
def demo_command(headless: bool, seconds: float, as_json: bool) -> None:
    """Watch a live console over a store with workers, failures and a worker that dies."""
    with _temporary_store() as directory:
        if headless:
            from ..demo import run_headless

            found = run_headless(directory, seconds)
            print_json(found)
            raise click.exceptions.Exit(1 if found["lost"] else 0)
        _show(directory)


@contextmanager
def _temporary_store() -> Iterator[str]:
    """A directory for a store, removed however the command ends."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="fsjob-demo-")
    try:
        yield f"{folder}/store"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _show(directory: str) -> None:
    from fsjob_core import JobStore

    from ..console.app import run_console

    JobStore(directory)
    engine = subprocess.Popen(
        [sys.executable, "-m", "fsjob_tui.demo", directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    try:
        code = run_console(directory, demo="demo")
    finally:
        if engine.stdin is not None:
            engine.stdin.close()
        engine.wait(20)
    raise click.exceptions.Exit(code)
