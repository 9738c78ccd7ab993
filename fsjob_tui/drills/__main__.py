"""A drill in a process of its own, until standard input ends: `python -m fsjob_tui.drills NAME DIRECTORY`.

It says on standard output, a JSON line each time, what is left of the trouble, and once that it is solved.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from fsjob_core.errors import FsJobError

from ..shift import at_end_of_input
from .drill import CannotBeMade, Drill
from .report import MADE, SOLVED, Report
from .table import DRILLS

LOOK_EVERY = 0.2


def run(drill: Drill, say: Callable[[Report], None]) -> None:
    """Look at the store until nothing is left of the trouble, then wait to be ended."""
    began = time.monotonic()
    said, gone_since = "", None
    while not drill.ended.wait(LOOK_EVERY):
        drill.tend()
        now = time.monotonic()
        try:
            left = drill.left()
        except (FsJobError, OSError) as error:  # somebody changes it just now
            left = str(error)
        if not left and gone_since is None:
            gone_since = now
        elif left:
            gone_since = None
        if gone_since is not None and now - gone_since >= drill.steady:
            say(Report(drill.name, drill.directory, SOLVED, "", gone_since - began, drill.answer))
            break
        if left and left != said:
            said = left
            say(Report(drill.name, drill.directory, MADE, left, now - began, drill.trouble))
    while not drill.ended.wait(LOOK_EVERY):
        drill.tend()


def main(name: str, directory: str) -> int:
    """Make a drill and watch it. Nothing of it is left."""
    drill = DRILLS[name](directory)

    def end(*_: Any) -> None:
        drill.ended.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    at_end_of_input(end)
    try:
        drill.begin()
        run(drill, lambda report: print(report.to_json(), flush=True))
    except CannotBeMade as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        drill.stop()
        drill.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
