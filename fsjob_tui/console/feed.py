"""From the monitor's pipe to the app: a thread that receives, and batches of messages, at most four a second."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from fsjob_core.feed import Gone, Message, Request
from fsjob_core.monitor import ENDED, Monitor

EVERY = 0.25
RESTART_AFTER = 2.0

_ahead: dict[str, Monitor] = {}


def start_ahead(directory: str) -> None:
    """Begin to look at a store while the console's own modules are loaded; the first feed on it goes on with that."""
    directory = os.path.abspath(directory)
    _ahead[directory] = Monitor(directory)


def end_ahead() -> None:
    """End what no feed has taken over."""
    while _ahead:
        _ahead.popitem()[1].close()


class Feed:
    """Keeps a monitor running and passes on what it says. `post` is called from the feed's thread."""

    def __init__(self, directory: str, post: Callable[[list[Message]], object], every: float = EVERY) -> None:
        self._directory = directory
        self._post = post
        self._every = every
        self._closed = threading.Event()
        self._monitor = _ahead.pop(directory) if directory in _ahead else Monitor(directory)
        self._asked: dict[type, Request] = {}
        self._thread = threading.Thread(target=self._run, name="fsjob-feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def send(self, request: Request) -> None:
        """Ask the monitor; a new one is asked the same again."""
        self._asked[type(request)] = request
        self._monitor.send(request)

    def close(self) -> None:
        self._closed.set()
        self._monitor.close()

    def _run(self) -> None:
        while not self._closed.is_set():
            message = self._monitor.receive(1.0)
            if message is None:
                continue
            batch = [message]
            until = time.monotonic() + self._every
            quick = not isinstance(message, Gone)
            while quick and (more := self._monitor.receive(0.01)) is not None:
                batch.append(more)
                if isinstance(more, Gone) or time.monotonic() > until:
                    break
            if self._closed.is_set():
                return
            self._post(batch)
            if batch[-1] == Gone(ENDED):
                self._restart()
            else:
                self._closed.wait(max(until - time.monotonic(), 0))

    def _restart(self) -> None:
        self._monitor.close()
        if not self._closed.wait(RESTART_AFTER):
            self._monitor = Monitor(self._directory)
            for request in self._asked.values():
                self._monitor.send(request)
