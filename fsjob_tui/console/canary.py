"""The canary of the console: `fsjob requeue --canary` as a child, which ends with the console unless told to go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields

from textual.message import Message

from fsjob_core.canary import Progress

from .complaints import Complaints

NAMES = tuple(field.name for field in fields(Progress))
COMPLAINTS = 1 << 18
"""Bytes, the last ones, of its notes that are kept: there is one for each that was skipped, up to a thousand."""


class CanaryEnded(Message):
    """The canary has ended."""


class RunningCanary:
    """One child process; `ended` is called from its listener's thread when it is over."""

    def __init__(
        self, directory: str, ids: Sequence[str], rate: float, *, write: bool, shell: str, ended: Callable[[], object]
    ) -> None:
        self.shell = shell
        self.rate = rate
        self.progress = Progress("first", len(ids))
        self.kept = False
        """Whether it goes on when the console ends."""
        self.notes: list[str] = []
        """What became of those that were skipped or failed, once it is over."""
        self._ended = ended
        self._ids = ids
        orders, self._orders = os.pipe()
        events, theirs = os.pipe()
        words = ["requeue", "-C", directory, "--canary", "--rate", str(rate), *(["--write"] if write else []), "-"]
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "fsjob_tui.cli", *words, "--events-fd", str(theirs), "--orders-fd", str(orders)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[orders, theirs],
                start_new_session=True,  # neither ctrl+c nor a closed terminal is its to answer
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            )
        finally:
            os.close(orders)
            os.close(theirs)
        self._complaints = Complaints(self._process.stderr, COMPLAINTS)
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None and not self.progress.over

    def pause(self) -> None:
        """Pause it, or have it go on."""
        self._say("resume" if self.progress.state == "paused" else "pause")

    def stop(self) -> None:
        self._say("stop")

    def keep(self) -> None:
        """Have it go on when the console ends."""
        self.kept = True
        self._say("keep")

    def hang_up(self) -> None:
        """The console ends: so does the canary, unless it is kept."""
        with suppress(OSError):
            os.close(self._orders)

    def _say(self, word: str) -> None:
        with suppress(OSError):
            os.write(self._orders, f"{word}\n".encode())

    def _listen(self, pipe: int) -> None:
        threading.Thread(target=self._give_ids, daemon=True).start()
        with open(pipe, "rb") as events:
            for line in events:
                with suppress(ValueError, KeyError, TypeError):
                    found = json.loads(line)
                    self.progress = Progress(**{name: found[name] for name in NAMES})
        code = self._process.wait()
        self.notes = [line.removeprefix("fsjob: ") for line in self._complaints.text().splitlines()]
        if not self.progress.over:  # it could not begin, or was killed
            why = self.notes[-1] if self.notes else f"exit {code}"
            self.progress = Progress("stopped", len(self._ids), self.progress.sent, why=why)
        self._ended()

    def _give_ids(self) -> None:
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.write("\n".join(self._ids).encode())
            self._process.stdin.close()
