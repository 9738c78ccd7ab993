"""Commands that are run for a job, where the machine gives out."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fsjob_core.command import Command
from fsjob_core.handlers import Deadline
from fsjob_core.host import REAL, Thread
from fsjob_core.undertaker import Undertaker

from ..conftest import need
from ..shell.conftest import processes_with


@pytest.mark.parametrize("threads", [0, 1])
def test_a_command_that_cannot_be_watched_is_ended(threads: int) -> None:
    left = threads

    def spawn(run: Callable[[], None], name: str) -> Thread:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.EAGAIN, "can't start new thread")
        return REAL.spawn(run, name)

    host, mark = replace(REAL, spawn=spawn), f"unwatched-{os.getpid()}-{threads}"
    command = Command(["sh", "-c", "sleep 600 & sleep 600"])
    try:
        with open(os.devnull, "rb") as stdin, pytest.raises(OSError, match="new thread"):
            command.run(host, {"MARK": mark}, stdin, None, Deadline(host, REAL.event(), None))
        assert processes_with(mark) == []
    finally:
        command.close()


def test_nobody_signs_in_unheard_while_the_undertaker_is_at_work() -> None:
    """Killed right after it has started a command: that signs in when its worker's end has been heard already."""
    undertaker = Undertaker()
    late = undertaker.signing_in(["sleep", "600"])
    first = subprocess.Popen(["sleep", "600"], start_new_session=True)
    undertaker.watch(first.pid)
    pid = undertaker._shell.pid
    slowly = [need("strace"), "-qq", "-e", "inject=kill:delay_enter=1000000", "-o", os.devnull, "-p", str(pid)]
    with subprocess.Popen(slowly) as tracer:
        while "TracerPid:\t0\n" in Path(f"/proc/{pid}/status").read_text():
            time.sleep(0.01)
        undertaker._pipe.close()
        time.sleep(0.2)  # by now it is about to kill
        with subprocess.Popen(late, start_new_session=True) as command:
            try:
                assert command.wait(10) in (125, -signal.SIGKILL)
            finally:
                command.kill()
        assert first.wait(10) == -signal.SIGKILL
        undertaker.close()
        tracer.wait(10)
