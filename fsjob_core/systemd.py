"""What a service manager is told: READY, WATCHDOG and STOPPING, one datagram each to the socket that it names.

See sd_notify(3). A process that no service manager has started says nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""Variables that are for the service's own process, not for what it starts."""


class ServiceManager:
    """Whoever started this process, by its environment."""

    def __init__(self, environment: Mapping[str, str], pid: int) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._beat_every = _watchdog_seconds(environment, pid) / 2
        self._next_beat = 0.0
        self._is_stopping = False

    @classmethod
    def of_this_process(cls) -> ServiceManager:
        return cls(os.environ, os.getpid())

    def ready(self) -> None:
        """Say that work has begun."""
        self._send("READY=1")

    def beat(self, now: float) -> None:
        """Say that the loop still turns, where a watchdog waits for it: twice in the time that it gives."""
        if self._beat_every and now >= self._next_beat:
            self._next_beat = now + self._beat_every
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say, once, that this process is about to end."""
        if not self._is_stopping:
            self._is_stopping = True
            self._send("STOPPING=1")

    def _send(self, word: str) -> None:
        if self._address[:1] not in ("/", "@"):
            return
        address = f"\0{self._address[1:]}" if self._address[0] == "@" else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
            channel.sendto(word.encode(), address)  # nobody there is no reason not to work


def _watchdog_seconds(environment: Mapping[str, str], pid: int) -> float:
    """Seconds without a beat after which the watchdog bites; 0 where there is none for this process."""
    given, whose = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", str(pid))
    return int(given) / 1e6 if given.isascii() and given.isdigit() and whose == str(pid) else 0.0
