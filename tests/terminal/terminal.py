"""A real terminal: the console in a pty, its bytes kept raw and drawn by pyte."""

from __future__ import annotations

import ctypes
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from functools import partial

import pyte

from ..conftest import ROOT

PR_CAPBSET_DROP = 24
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2
_FRAME = re.compile(r"[\s│▌▎▊]+")


def _begin(powerless: bool) -> None:
    """In the child: the pty is its terminal; `powerless`: modes of files bind it although it may be root."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if powerless:
        libc = ctypes.CDLL(None)
        for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


class Terminal:
    """`fsjob ARGUMENTS` in a pty of `columns` x `lines`."""

    def __init__(
        self, *arguments: str, columns: int = 80, lines: int = 24, powerless: bool = False, **environment: str
    ) -> None:
        self.columns, self.lines = columns, lines
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        master, slave = pty.openpty()
        self.master = master
        self._poll = select.poll()  # not select: a long run of tests has more than 1,024 descriptors open
        self._poll.register(master, select.POLLIN)
        self._set_size(columns, lines)
        outer = {name: value for name, value in os.environ.items() if name not in ("TMUX", "NO_COLOR")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fsjob_tui.cli", *arguments],
            stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=partial(_begin, powerless),
            env={**outer, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT), **environment},
        )  # fmt: skip
        os.close(slave)

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def resize(self, columns: int, lines: int) -> None:
        self._set_size(columns, lines)
        self.screen.resize(max(lines, 1), max(columns, 1))
        os.kill(self.process.pid, signal.SIGWINCH)

    def read(self, seconds: float = 0.05) -> bytes:
        """What comes within so many seconds."""
        got = b""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not self._poll.poll(left * 1000):
                break
            try:
                data = os.read(self.master, 1 << 16)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            got += data
            self._stream.feed(data)
        self.raw += got
        return got

    def burst(self, seconds: float, silence: float = 0.001) -> float:
        """Wait for bytes, and read until none come for `silence`; gives when the last came. Drawing is not counted."""
        got, at, wait = b"", time.monotonic(), seconds
        while self._poll.poll(wait * 1000):
            got += os.read(self.master, 1 << 16)
            at, wait = time.monotonic(), silence
        self._stream.feed(got)
        self.raw += got
        return at

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def shows(self, text: str) -> bool:
        """Whether a text is on the screen, broken into lines or not."""
        return text in self.text or text in _FRAME.sub(" ", self.text)

    def press(self, keys: str) -> None:
        """Type keys, in one burst but for escape, which with a key behind it would be another key."""
        for burst in re.findall(r"[^\x1b]+\x1b?|\x1b", keys):
            os.write(self.master, burst.encode())
            self.read(0.06)

    def paste(self, text: str) -> None:
        """What a terminal sends for a paste."""
        os.write(self.master, f"\x1b[200~{text}\x1b[201~".encode())
        self.read(0.1)

    def until(self, true: Callable[[], object] | str, seconds: float = 15.0) -> float:
        """Wait until a text is on the screen, or something is true; gives the seconds it took."""
        began = time.monotonic()
        while not (self.shows(true) if isinstance(true, str) else true()):
            if time.monotonic() - began > seconds or (self.process.poll() is not None and not self.read(0.2)):
                raise AssertionError(f"not seen: {true}\n{self.text}")
            self.read()
        return time.monotonic() - began

    def close(self) -> None:
        """Close the terminal: what a lost ssh does."""
        os.close(self.master)
        self.master = -1

    def end(self) -> None:
        if self.master >= 0:
            self.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
