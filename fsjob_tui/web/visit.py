"""The console of one visit, as the server starts it: it ends when its browser goes, or the server."""

from __future__ import annotations

import os
import sys

from ..hangup import end_with_input

READ_ONLY = "--read-only"
HARD_END = 10.0
"""Seconds after the server's end in which the console may end by itself."""


def arguments(directory: str, *, read_only: bool) -> list[str]:
    """The command line that starts it; no shell reads it."""
    return [sys.executable, "-m", __spec__.name, os.path.abspath(directory), *([READ_ONLY] if read_only else [])]


def main() -> int:
    from ..console.app import run_console  # the server imports this file too, and needs no screen

    directory, *rest = sys.argv[1:]
    end_with_input(HARD_END)
    return run_console(directory, read_only=READ_ONLY in rest)


if __name__ == "__main__":
    sys.exit(main())
