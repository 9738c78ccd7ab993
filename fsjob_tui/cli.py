"""The `fsjob` command. Each command lives in `commands/` and is imported when it is used."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from .commands.arguments import StandardInput
from .commands.exits import USAGE, OutputClosed, run_safely

COMMANDS = {
    "console": "console",
    "demo": "demo",
    "create": "jobs",
    "ls": "look",
    "show": "look",
    "why": "look",
    "value": "look",
    "edit": "jobs",
    "fulfill": "jobs",
    "queue": "jobs",
    "unqueue": "jobs",
    "requeue": "jobs",
    "park": "jobs",
    "delete": "removal",
    "purge": "removal",
    "undo": "removal",
    "audit": "about",
    "locks": "locks",
    "unlock": "locks",
    "worker": "run",
    "notifier": "run",
    "workers": "work",
    "pause": "work",
    "resume": "work",
    "doctor": "doctor",
    "stats": "stats",
    "watch": "watch",
    "label": "about",
    "serve": "serve",
}
"""Every command and the module of `fsjob_tui.commands` that has it, in the order of the help."""


@contextmanager
def _closed_pipe_told() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # click would make a failure of it
        raise OutputClosed from None


class LazyGroup(click.Group):
    """Knows its commands by name alone; what looks like a directory instead opens the console on it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f".commands.{COMMANDS[cmd_name]}", __package__)
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _closed_pipe_told():  # --help and --version print here
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> object:
        with _closed_pipe_told():
            return super().invoke(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        first = args[0]
        if first not in COMMANDS and (first.startswith("@") or "/" in first or os.path.isdir(first)):
            return "console", self.get_command(ctx, "console"), args
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"fsjob {version('fsjob')}")
        except PackageNotFoundError:
            click.echo("fsjob, not installed: run from its source")
        ctx.exit()


@click.command(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="fsjob DIR opens the console on a store, and so does @NAME of the settings. Exit codes: 0 done, 1 failed, "
    "2 usage, 3 no such job, 4 refused, 5 no store here.",
)
@click.option("-C", "--directory", "directory", metavar="DIR", help="The store (or FSJOB_DIR; else where you are).")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Which one.")
@click.pass_context
def fsjob(ctx: click.Context, directory: str | None) -> None:
    """Run, look at and mend a job store that lives in a directory."""
    ctx.obj = directory
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(USAGE)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: ends with the exit code that the README lists."""
    StandardInput.taken = False
    sys.exit(run_safely(lambda: fsjob.main(arguments, prog_name="fsjob", standalone_mode=False)))


if __name__ == "__main__":
    main()
