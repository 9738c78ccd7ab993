"""A worker whose command hangs: it is alive, its lock beats, and nothing gets done."""

from __future__ import annotations

import os
from contextlib import suppress

from fsjob_core.facts import Verdict
from fsjob_core.lease import Owner
from fsjob_core.lease.sight import OWNER_ATTRIBUTE

from .drill import SETTLED, Drill
from .work import COMMAND

AGO = 2400.0
"""Seconds for which the job is said to have run already: nobody wants to wait for it to take long."""


class Hung(Drill):
    name = "hung"
    trouble = "Jobs that took milliseconds wait behind one that has run for 40 minutes; its worker is alive and beats."
    answer = (
        "2 shows it as LONG. p parks it: the owner's name is typed, the lock barred for 7 s, its worker told at its "
        "next beat, so that the command ends and the others go on. Released alone it is taken, and hangs, again."
    )

    def make(self) -> None:
        quick = self.create({"type": "thumbnail", "n": number} for number in range(6))
        self.shift.start("render-3", "--", *COMMAND)
        self.until(lambda: all(self.state_of(job_id) == "fulfilled" for job_id in quick))
        (self.job_id,) = self.create([{"type": "slideshow", "n": 6}])
        lock = self.store.layout.work_lock(self.job_id)
        self.until(lambda: self.store.get(self.job_id).number("attempts") and os.path.isdir(lock))
        with suppress(OSError):  # no attributes here: it is seen to be long after half a minute
            owner = Owner.from_bytes(os.getxattr(lock, OWNER_ATTRIBUTE))
            if owner is not None:
                os.setxattr(lock, OWNER_ATTRIBUTE, owner._replace(since=owner.since - AGO).to_bytes())
        self.create({"type": "thumbnail", "n": number} for number in range(7, 12))

    def left(self) -> str:
        lock = self.store.views.lock("work", self.job_id)
        if lock is not None:
            return "its worker is dead, the next will hang" if lock.verdict is Verdict.DEAD else "a job hangs"
        return "" if self.state_of(self.job_id) in SETTLED else "the job is free to hang again"
