"""Commands that are run for a job, where the machine gives out."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import replace

import pytest

from fsjob_core.command import Command
from fsjob_core.handlers import Deadline
from fsjob_core.host import REAL, Thread

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
