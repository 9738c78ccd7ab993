"""A live feed of what a store holds, from a process of its own: a first scan in chunks, then deltas.

The child scans, the parent (a console, `fsjob watch`) reads messages; neither a million names nor a hung mount
stalls the parent. The child ends when the pipe does.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

from .feed import Gone, Message, Request
from .host import REAL

__all__ = ["Monitor"]


class Monitor:
    """The parent's end. `directory` need not exist, or be a store, yet."""

    def __init__(self, directory: str) -> None:
        self.directory = os.path.abspath(directory)
        ours, theirs = socket.socketpair()
        code = "import sys; sys.path[:] = sys.argv[3:]; from fsjob_core.monitor import _child; _child()"
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, self.directory, str(theirs.fileno()), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        finally:
            theirs.close()
        self._connection = Connection(ours.detach())

    @property
    def pid(self) -> int:
        return self._process.pid

    def receive(self, seconds: float | None) -> Message | None:
        """The next message; None after so many seconds without one. Gone where the child has ended."""
        try:
            if not self._connection.poll(seconds):
                return None
            message: Message = self._connection.recv()
            return message
        except (EOFError, OSError):
            return Gone("the monitor has ended")

    def send(self, request: Request) -> None:
        """Ask for something; lost where the child has ended, which `receive` tells."""
        with suppress(OSError):
            self._connection.send(request)

    def close(self) -> None:
        self._connection.close()
        self._process.terminate()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:  # it hangs in a call on a dead mount: it ends when that does
            self._process.kill()


def _child() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is the parent's to answer
    from .watch import Watch

    Watch(REAL, sys.argv[1], Connection(int(sys.argv[2]))).run()
