"""A process ends with whoever gives it its standard input: a terminal, or a server."""

from __future__ import annotations

import os
import select
import signal
import threading
import time


def end_with_input(seconds: float) -> None:
    """Once the other side of standard input is gone hang up on oneself, and after so many seconds end in any case.

    From a thread of its own: the loop may wait for a terminal to take a picture, or Textual's driver read on for ever,
    and the kernel's own signal may go to a thread that cannot act on it.
    """
    threading.Thread(target=_end_with_input, args=(seconds,), name="fsjob-hangup", daemon=True).start()


def _end_with_input(seconds: float) -> None:
    there = select.poll()
    there.register(0, 0)  # its going is told without being asked for
    there.poll()
    os.kill(os.getpid(), signal.SIGHUP)
    time.sleep(seconds)
    os._exit(1)
