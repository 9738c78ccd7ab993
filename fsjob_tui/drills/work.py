"""What the workers of drills do with a job."""

from __future__ import annotations

import os
import signal
import time

from fsjob_core.record import Json

HANDLER = f"{__name__}:work"
COMMAND = ("sh", "-c", 'read -r job; case "$job" in *slideshow*) exec sleep 86400;; *) echo done;; esac')
"""The same as a command: of one kind of job it never comes back."""


def work(request: Json) -> str:
    """Take a while; a job may be the end of whoever works on it."""
    if request.get("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(request.get("seconds", 0)))
    return f"{request['type']} {request['n']} done".ljust(int(request.get("bytes", 0)))
