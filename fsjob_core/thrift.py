"""Background work that leaves the machine to others: after each slice of it a wait of many times what it took."""

from __future__ import annotations

from collections.abc import Callable

from .host import Event, Host

SLICE = 0.05
"""Seconds of work after which a wait is due."""
SHARE, URGENT_SHARE = 0.05, 0.4
"""Parts of a core that it takes: unasked, and while somebody looks at what comes of it."""
LONG, LONG_SHARE = 3.0, 0.008
"""Unasked work that has taken so many seconds is of a large store: it goes on at less than one per cent of a core."""
WAITED = 0.2
"""What a second counts that went by without use of a core: for a file server's answer, or for a turn on a busy host."""
STEP = 0.2
"""Seconds of one wait at most: whether somebody waits by now is asked again after it."""


class Thrift:
    """Bounds one thread's work. `urgent` says whether somebody waits for it; `over`, whether it is to end."""

    def __init__(self, host: Host, stop: Event, urgent: Callable[[], bool], over: Callable[[], bool]) -> None:
        self._host, self._stop, self._urgent, self._over = host, stop, urgent, over
        self._spent = 0.0
        self.begin()

    def begin(self) -> None:
        """What was done up to now was no work of this kind."""
        self._began, self._used = self._host.monotonic(), self._host.used()

    def pause(self) -> bool:
        """Called between pieces of work that are short; waits where a slice is used up. False: end."""
        passed = self._host.monotonic() - self._began
        if passed >= SLICE:
            spent = max(self._host.used() - self._used, passed * WAITED)
            self._spent += spent
            while spent > 0 and not self._ended():
                times = 1 / self._share() - 1
                waits = min(spent * times, STEP)
                self._host.wait(self._stop, waits)
                spent -= waits / times
            self.begin()
        return not self._ended()

    def _share(self) -> float:
        if self._urgent():
            return URGENT_SHARE
        return SHARE if self._spent < LONG else LONG_SHARE

    def _ended(self) -> bool:
        return self._stop.is_set() or self._over()
