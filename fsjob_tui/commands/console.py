"""The command that opens the console."""

from __future__ import annotations

import os
import sys

import click

from fsjob_core.errors import ReadOnly
from fsjob_core.facts import VIEWS as LISTS
from fsjob_core.filtering import parse_filter
from fsjob_core.host import REAL
from fsjob_core.layout import Layout
from fsjob_core.views import Views

from .common import with_store

VIEWS = (*LISTS, "problems", "workers")
"""What --once can print: named here, for the console's own take a while to import."""
ONCE = "Print the screen as text and end: 0 moving, idle, empty or paused, 1 not, 5 no answer or no store."


@click.command("console")
@click.argument("store", required=False, metavar="[DIR]")
@click.option("--read-only", is_flag=True, help="Look only: no act is offered.")
@click.option("--worker", metavar="COMMAND", help="Start an embedded worker that runs COMMAND for each job.")
@click.option("--once", is_flag=True, help=ONCE)
@click.option("--view", type=click.Choice(VIEWS), help="With --once: the first rows of this view.")
@click.option("--filter", "wanted", metavar="FILTER", default="", help="Show only what matches, as / does; see `ls`.")
@click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal.")
@with_store
def console_command(
    directory: str,
    as_json: bool,
    read_only: bool,
    worker: str | None,
    once: bool,
    view: str | None,
    wanted: str,
    no_mouse: bool,
) -> None:
    """Open the live console on a store, or print it once: for a ticket, a cron line or a pipe.

    DIR may be @NAME of the settings.

    \b
    Examples:
      fsjob /srv/spool
      fsjob console /srv/spool --read-only
      fsjob console /srv/spool --once || mail -s "the spool" ops < /dev/null
      fsjob /srv/spool --filter 'is:later error:ENOSPC'
      fsjob @render
    """
    parse_filter(wanted)
    if once:
        if worker is not None:
            raise click.UsageError("--once starts no worker")
        if wanted:
            raise click.UsageError("--once shows the whole store; `fsjob ls --filter` lists what matches")
        from ..once import print_once

        raise click.exceptions.Exit(print_once(directory, view, as_json))
    if view is not None:
        raise click.UsageError("--view is for --once")
    if worker is not None:
        _require_that_a_worker_may_start(directory, read_only)
    need_terminal()
    if as_json:
        raise click.UsageError("the console has JSON with --once only; `fsjob watch` and `fsjob stats --json` have it")
    from ..console.feed import end_ahead, start_ahead

    start_ahead(directory)
    try:
        from ..console.app import run_console

        code = run_console(directory, read_only=read_only, worker=worker, wanted=wanted, mouse=not no_mouse)
    finally:
        end_ahead()
    raise click.exceptions.Exit(code)


def _require_that_a_worker_may_start(directory: str, read_only: bool) -> None:
    """What the key `w` asks, too. Raises UsageError, ReadOnly."""
    if read_only:
        raise click.UsageError("--read-only changes nothing, and a worker does: give it or --worker")
    if Views(REAL, Layout(os.path.abspath(directory))).label().guarded:
        raise ReadOnly(
            f"{directory} is guarded: open the console without --worker, where W opens writing and w starts a worker, "
            "or run `fsjob worker` beside it"
        )


def need_terminal(instead: str = "`fsjob console --once`, `fsjob watch`, `fsjob ls`, `fsjob stats`") -> None:
    """Raise UsageError where there is no screen or no keyboard; `instead` is what needs none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(f"the console needs a terminal; without one use {instead}")
