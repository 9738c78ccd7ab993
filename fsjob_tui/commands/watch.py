"""The command that prints a JSON line for every change, fed by the monitor alone."""

from __future__ import annotations

import click

from fsjob_core.feed import Delta, Gone, Hello, Locks, Message, Overview
from fsjob_core.host import REAL
from fsjob_core.monitor import Monitor

from ..text import safe_text
from .common import print_json, reading, with_store
from .exits import NO_STORE, complain


@click.command("watch")
@click.option("--all", "everything", is_flag=True, help="Begin with the jobs that are there.")
@with_store
def watch_command(directory: str, as_json: bool, everything: bool) -> None:
    """Print a JSON line for every change in the store, until interrupted. --json changes nothing.

    \b
    Example:
      fsjob watch | jq -r 'select(.event == "came" and .view == "parked") | .id'
    """
    monitor = Monitor(reading(directory).directory)
    printer = _Printer(everything)
    try:
        while True:
            message = monitor.receive(None)
            if isinstance(message, Gone):
                complain(safe_text(message.problem))
                raise click.exceptions.Exit(NO_STORE)
            if message is not None:
                printer.take(message)
    finally:
        monitor.close()


class _Printer:
    def __init__(self, everything: bool) -> None:
        self._everything = everything
        self._known: set[str] = set()
        self._locks: dict[tuple[str, str, int], str] = {}
        self._mood = ""

    def take(self, message: Message) -> None:
        if isinstance(message, Delta):
            self._delta(message)
        elif isinstance(message, Locks):
            self._take_locks(message)
        elif isinstance(message, Overview) and message.verdict.mood.value != self._mood:
            self._mood = message.verdict.mood.value
            self._print("verdict", verdict=self._mood, text=message.verdict.text, **message.counts.as_dict())
        elif isinstance(message, Hello):
            self._known.clear()

    def _delta(self, delta: Delta) -> None:
        if delta.view in self._known or self._everything:
            for job_id in delta.gone:
                self._print("left", view=delta.view, id=job_id)
            for entry in delta.came:
                self._print("came", view=delta.view, id=entry.id, since=entry.since)
        if delta.complete:
            self._known.add(delta.view)

    def _take_locks(self, message: Locks) -> None:
        now = {(row.info.kind, row.info.id, row.info.inode): row.info.verdict.value for row in message.locks}
        for key in self._locks.keys() - now.keys():
            self._print("unlocked", kind=key[0], id=key[1])
        for key, verdict in now.items():
            if self._locks.get(key) != verdict:
                self._print("locked", kind=key[0], id=key[1], verdict=verdict)
        self._locks = now

    def _print(self, event: str, **members: object) -> None:
        print_json({"at": round(REAL.time(), 3), "event": event, **members})
