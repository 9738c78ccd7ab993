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

__all__ = ["ENDED", "Monitor"]

ENDED = "the monitor has ended"
"""What `receive` says, each time, once the child is gone: make another Monitor."""

_CODE = "import sys; sys.path[:] = sys.argv[3:]; from fsjob_core.monitor import _child; _child()"
_HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Monitor:
    """The parent's end. `directory` need not exist, or be a store, yet."""

    def __init__(self, directory: str) -> None:
        self.directory = os.path.abspath(directory)
        # the child finds modules where the parent did, but not in a current directory, which may be another by now
        path = [entry for entry in sys.path if entry]
        path += [_HOME] if _HOME not in path else []
        ours, theirs = socket.socketpair()
        # ctrl+c goes to the whole process group: the child inherits the mask, and is deaf to it from the first moment
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _CODE, self.directory, str(theirs.fileno()), *path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        except BaseException:
            ours.close()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            theirs.close()
        self._connection = Connection(ours.detach())
        self._mutex = REAL.mutex()
        self._receiving = 0
        self._closed = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the child runs."""
        return self._process.poll() is None

    def fileno(self) -> int:
        """To wait for messages with `select`; a message is there where it can be read."""
        return self._connection.fileno()

    def receive(self, seconds: float | None) -> Message | None:
        """The next message; None after so many seconds without one (None: wait for ever).

        Gone(ENDED), at once and each time, where the child has ended or `close` was called.
        """
        with self._mutex:
            if self._closed:
                return Gone(ENDED)
            self._receiving += 1
        try:
            if not self._connection.poll(seconds):
                return None
            message: Message = self._connection.recv()
            return message
        except (EOFError, OSError):
            return Gone(ENDED)
        finally:
            with self._mutex:
                self._receiving -= 1
                self._close_unused()

    def send(self, request: Request) -> None:
        """Ask for something; lost where the child has ended, which `receive` tells."""
        with suppress(OSError):
            self._connection.send(request)

    def close(self) -> None:
        """End the child. May be called while another thread receives, and twice."""
        with self._mutex:
            if not self._closed:
                self._closed = True
                with socket.fromfd(self._connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as ours:
                    ours.shutdown(socket.SHUT_RDWR)  # wakes whoever receives
                self._close_unused()
        self._process.terminate()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:  # it hangs in a call on a dead mount: it ends when that does
            self._process.kill()

    def _close_unused(self) -> None:
        """Close the descriptor once nobody waits on it: its number may be another's at once."""
        if self._closed and not self._receiving:
            self._connection.close()


def _child() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl+c is the parent's to answer
    from .watch import Watch

    Watch(REAL, sys.argv[1], Connection(int(sys.argv[2]))).run()
    os._exit(0)  # whatever a thread hangs in
