"""A worker that was killed while it had three jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fsjob_core.facts import Verdict

from .drill import Drill
from .work import HANDLER

AT_ONCE = 3


class DeadWorker(Drill):
    name = "dead-worker"
    trouble = "A worker was killed while it had three jobs; its locks stand, and nobody else takes work."
    answer = (
        "2, then x and y releases a lock whose holder is proven dead (space marks several). Releasing starts nothing: "
        "w, or `fsjob worker`, takes the jobs, and would have taken over the dead locks by itself."
    )

    def make(self) -> None:
        self.create({"type": "render", "n": number, "seconds": 3600} for number in range(AT_ONCE))
        started: list[str] = []

        def heard(event: Mapping[str, Any]) -> None:
            if event["kind"] == "started":
                started.append(event["id"])

        victim = self.shift.start("render-7", "--handler", HANDLER, "--concurrency", str(AT_ONCE), heard=heard)
        self.until(lambda: len(started) == AT_ONCE)
        victim.kill()
        victim.wait()
        self.create({"type": "thumbnail", "n": number} for number in range(5))

    def left(self) -> str:
        dead = sum(lock.verdict is Verdict.DEAD for lock in self.store.views.locks())
        return f"{dead} {'lock' if dead == 1 else 'locks'} of a dead worker" if dead else ""
