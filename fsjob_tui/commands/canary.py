"""Running jobs again with care from a shell, or as the child of a console: `requeue --canary`."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterable

import click

from fsjob_core.canary import Canary, Progress
from fsjob_core.operator import Operator

from ..text import safe_text
from .common import print_json, say
from .exits import FAILED, REFUSED, complain

HUNG_UP = "the console has ended"


def run_canary(
    operator: Operator, ids: Iterable[str], rate: float, as_json: bool, events_fd: int | None, orders_fd: int | None
) -> None:
    """Run it to its end; leaves with 0, 1 where it stopped because jobs failed again, 4 where some were skipped."""
    canary = Canary(operator, ids, rate=rate)
    if orders_fd is not None:
        threading.Thread(target=_obey, args=(canary, orders_fd), daemon=True).start()
    try:
        ended = canary.run(lambda progress: _tell(progress, as_json, events_fd))
    except KeyboardInterrupt:
        complain(f"stopped: {canary.progress.text}")
        raise
    for note in canary.notes:
        complain(safe_text(note))
    raise click.exceptions.Exit(FAILED if ended.failed else REFUSED if ended.skipped or ended.left else 0)


def _tell(progress: Progress, as_json: bool, events_fd: int | None) -> None:
    if events_fd is not None:
        try:
            os.write(events_fd, json.dumps({**progress.as_dict(), "text": progress.text}).encode() + b"\n")
        except OSError:  # the console has gone, and left word to go on
            return
    elif as_json:
        print_json(progress.as_dict())
    elif progress.why and not progress.over and not sys.stdout.isatty():
        complain(safe_text(progress.why))
    elif progress.over or sys.stdout.isatty():
        why = f": {safe_text(progress.why)}" if progress.why else ""
        say(f"{progress.state}{why}; {progress.text}" if progress.over else f"{progress.text}{why}")


def _obey(canary: Canary, orders_fd: int) -> None:
    """Orders of the console, a word a line; its end stops the canary, unless it left word to keep it."""
    kept = False
    with open(orders_fd, encoding="ascii", errors="replace") as orders:
        for line in orders:
            word = line.strip()
            kept = kept or word == "keep"
            if word in ("pause", "resume"):
                canary.pause(word == "pause")
            elif word == "stop":
                canary.stop("by its operator")
    if not kept:
        canary.stop(HUNG_UP)
