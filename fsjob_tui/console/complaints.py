"""What a child of the console writes to its standard error: a pipe that nobody empties would stop it once full."""

from __future__ import annotations

import io
import threading
from typing import IO

AT_ONCE = 1 << 16
GIVEN = 2.0
"""Seconds in which the rest comes once the child has ended; a process of its own may keep the pipe open for ever."""


class Complaints:
    """The last of it, so many bytes at most, taken off the pipe as it comes."""

    def __init__(self, pipe: IO[bytes] | None, most: int) -> None:
        assert isinstance(pipe, io.BufferedReader)
        self._pipe, self._most = pipe, most
        self._last = b""
        self._cut = False
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def _drain(self) -> None:
        with self._pipe:
            while data := self._pipe.read1(AT_ONCE):
                self._cut = self._cut or len(self._last) + len(data) > self._most
                self._last = (self._last + data)[-self._most :]

    def text(self) -> str:
        """What it was, whole lines where there were more; asked once the child has ended."""
        self._thread.join(GIVEN)
        text = self._last.decode("utf-8", "replace")
        return text.partition("\n")[2] or text if self._cut else text
