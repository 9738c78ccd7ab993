"""A Python process that stops itself (SIGSTOP) at a chosen call of its work, and says how it ended once continued."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from fsjob_core import FsJobError, JobStore
from tests.interop.python_worker import say, told
from tests.interop.wrapped import Call, wrapped

POINTS = {
    "value": ("rename", "/value"),
    "state": ("rename", "/state.json"),
    "write": ("write", ""),
    "committed": ("rename", "/state.json"),
    "unlink": ("unlink", ""),
    "takeover": ("rmdir", ".lock"),
}
"""The call before which (committed: after which) the process stops, and how that call's last argument ends."""

armed = ""


def stop_at(name: str, call: Call) -> Call:
    def stopping(*arguments: Any, **options: Any) -> Any:
        global armed
        if not armed or POINTS[armed][0] != name or not str(arguments[-1]).endswith(POINTS[armed][1]):
            return call(*arguments, **options)
        after, armed = armed == "committed", ""
        if after:
            call(*arguments, **options)
        say(stopping=name)
        os.kill(os.getpid(), signal.SIGSTOP)
        return None if after else call(*arguments, **options)

    return stopping


def work(point: str, store: JobStore) -> None:
    """Pull one job, fulfill it, stopped on the way."""
    global armed
    if point == "takeover":
        armed = point
    while (lease := store.pull_work()) is None:
        time.sleep(0.1)
    lease.oncompromised = told
    armed = point if point != "takeover" else ""
    error = None
    try:
        lease.fulfill("stopped")
    except FsJobError as failure:
        error = type(failure).__name__
    armed = ""
    say(fulfilled=lease.id, error=error)
    lease.release()
    say(released=lease.id)
    sys.stdin.readline()


if __name__ == "__main__":
    work(sys.argv[1], JobStore(sys.argv[2], durability="process", _host=wrapped(stop_at)))
