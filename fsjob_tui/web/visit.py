"""The console of one visit, as the server starts it: it ends when its browser goes, or the server."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time

READ_ONLY = "--read-only"
HARD_END = 10.0
"""Seconds after the server's end in which the console may end by itself."""


def arguments(directory: str, *, read_only: bool) -> list[str]:
    """The command line that starts it; no shell reads it."""
    return [sys.executable, "-m", __spec__.name, os.path.abspath(directory), *([READ_ONLY] if read_only else [])]


def _end_with_the_server() -> None:
    """Textual's driver reads on for ever where nobody writes any more: after kill -9 of the server, say."""
    server = select.poll()
    server.register(0, 0)  # its going is told without being asked for
    server.poll()
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(HARD_END)
    os._exit(1)


def main() -> int:
    from ..console.app import run_console  # the server imports this file too, and needs no screen

    directory, *rest = sys.argv[1:]
    threading.Thread(target=_end_with_the_server, daemon=True).start()
    return run_console(directory, read_only=READ_ONLY in rest)


if __name__ == "__main__":
    sys.exit(main())
