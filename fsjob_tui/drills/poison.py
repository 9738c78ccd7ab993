"""A job that kills whoever works on it; its worker is started again each time, as systemd would."""

from __future__ import annotations

import subprocess
import time

from .drill import SETTLED, Drill
from .work import HANDLER

RESTART = 3.0
"""Seconds after which the worker is started again."""


class Poison(Drill):
    name = "poison"
    trouble = "A worker dies again and again, and is started again: one of its jobs kills it, and holds the others up."
    answer = (
        "The detail shows the tries go up, with a dead lock each time. p parks the job until somebody has looked at "
        "its request (P first, where it is taken again at once); F gives it a value by hand. A worker with "
        "--max-attempts parks it by itself."
    )

    _worker: subprocess.Popen[bytes]
    _died = 0.0

    def make(self) -> None:
        (self.job_id,) = self.create([{"type": "import", "n": 0, "poison": True}])
        self.create({"type": "import", "n": number, "seconds": 0.5} for number in range(1, 8))
        self._start()
        self.until(lambda: self._worker.poll() is not None)

    def tend(self) -> None:
        now = time.monotonic()
        if self._worker.poll() is None:
            self._died = now
        elif now - self._died > RESTART:
            self._start()

    def left(self) -> str:
        if self.state_of(self.job_id) in SETTLED:
            return ""
        tries = int(self.store.get(self.job_id).number("attempts"))
        return f"a job has killed its worker {'once' if tries == 1 else f'{tries} times'}"

    def _start(self) -> None:
        self._died = time.monotonic()
        self._worker = self.shift.start("import-1", "--handler", HANDLER, "--max-attempts", "1000")
