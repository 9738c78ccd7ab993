"""A lock that is kept fresh by somebody who does not hold it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from fsjob_core.facts import Verdict
from fsjob_core.pulse import Pulse

from .drill import Drill
from .work import HANDLER

BEATS = """
import os, sys, time
while os.getppid() == int(sys.argv[2]):
    now = time.time_ns() // 1_000_000 * 1_000_000  # Node writes whole milliseconds
    try:
        os.utime(sys.argv[1], ns=(now, now))  # by its path, without proof
    except OSError:
        break  # nothing stands there: only so does it learn that it was robbed
    time.sleep(1)
"""


class Ghost(Drill):
    name = "ghost"
    trouble = "A worker died, yet its lock beats: a Node worker that was robbed of it keeps it fresh."
    answer = (
        "2 shows a GHOST: beats that its holder did not write. x, and the owner's name typed, bars the lock: whoever "
        "beats it finds nothing and learns of it. After a plain release it might go on with the next holder's lock."
    )
    steady = 3.0
    _ghost: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        (self.job_id,) = self.create([{"type": "import", "n": 1, "seconds": 3600}])
        started: list[str] = []

        def heard(event: Mapping[str, Any]) -> None:
            if event["kind"] == "started":
                started.append(event["id"])

        victim = self.shift.start("import-2", "--handler", HANDLER, heard=heard)
        self.until(lambda: started)
        victim.kill()
        victim.wait()
        self._pulse = Pulse()
        self._look()
        self._look()  # the dead one's last beat is known: any further one is another's
        lock = self.store.layout.work_lock(self.job_id)
        self._ghost = subprocess.Popen([sys.executable, "-c", BEATS, lock, str(os.getpid())], stdin=subprocess.DEVNULL)
        self.until(lambda: self._look() is Verdict.GHOST)

    def left(self) -> str:
        verdict = self._look()
        return f"its lock is {verdict}" if verdict in (Verdict.GHOST, Verdict.DEAD, Verdict.BARRED) else ""

    def stop(self) -> None:
        if self._ghost is not None:
            self._ghost.kill()
            self._ghost.wait()
        super().stop()

    def _look(self) -> Verdict | None:
        lock = self.store.views.lock("work", self.job_id, pulse=self._pulse)
        return lock.verdict if lock is not None else None
