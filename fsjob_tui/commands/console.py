"""The command that opens the console."""

from __future__ import annotations

import sys

import click

from .common import with_store


@click.command("console")
@click.argument("store", required=False, metavar="[DIR]")
@click.option("--read-only", is_flag=True, help="Look only: no act is offered.")
@click.option("--worker", metavar="COMMAND", help="Start an embedded worker that runs COMMAND for each job.")
@with_store
def console_command(directory: str, as_json: bool, store: str | None, read_only: bool, worker: str | None) -> None:
    """Open the live console on a store.

    \b
    Examples:
      fsjob /srv/spool
      fsjob console /srv/spool --read-only
    """
    need_terminal()
    if as_json:
        raise click.UsageError("the console has no JSON; `fsjob watch` and `fsjob stats --json` have")
    from ..console.app import run_console

    raise click.exceptions.Exit(run_console(store or directory, read_only=read_only, worker=worker))


def need_terminal(instead: str = "`fsjob watch`, `fsjob ls`, `fsjob stats`") -> None:
    """Raise UsageError where there is no screen or no keyboard; `instead` is what needs none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise click.UsageError(f"the console needs a terminal; without one use {instead}")
