"""Commands on who works: workers, pause, resume."""

from __future__ import annotations

from dataclasses import asdict

import click

from ..text import safe_text, short_age
from .common import Tally, acting, print_json, reading, say, with_store, writing


@click.command("workers")
@with_store
def workers_command(directory: str, as_json: bool) -> None:
    """List the workers and notifiers that are signed in. Node workers are seen only while they hold a lock.

    \b
    Example:
      fsjob workers
    """
    store = reading(directory)
    for worker in store.workers():
        if as_json:
            print_json(asdict(worker))
        else:
            beat = short_age(store.host.time() - worker.beat)
            figures = f"{worker.now} now, {worker.done:,} done, {worker.failed:,} failed, beat {beat} ago"
            kind = "" if worker.kind == "worker" else f"{worker.kind}  "
            say(safe_text(f"{worker.name}  {worker.host}:{worker.pid}  {kind}{worker.state}  {figures}"))


@click.command("pause")
@click.option("--reason", default="", help="Why; it is shown.")
@writing
@with_store
def pause_command(directory: str, as_json: bool, reason: str, write: bool) -> None:
    """Have no worker of ours take work any more; Node's go on, and so do notifiers. Jobs can be made meanwhile.

    \b
    Example:
      fsjob pause --reason 'disk is being replaced'
    """
    tally = Tally(as_json)
    tally.one("", lambda: acting(directory, write).pause(reason))
    tally.end()


@click.command("resume")
@writing
@with_store
def resume_command(directory: str, as_json: bool, write: bool) -> None:
    """End a pause: workers take jobs again, within a second.

    \b
    Example:
      fsjob resume
    """
    tally = Tally(as_json)
    tally.one("", lambda: acting(directory, write).resume())
    tally.end()
