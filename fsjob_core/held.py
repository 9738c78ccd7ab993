"""What a pull gives: something to do under a lease, told when the lease is lost, given back when it is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

from .ground import Ground
from .lease import Lease


class Held:
    """A job, or who waits for it, under a lease. A context manager that gives it back."""

    def __init__(self, ground: Ground, lease: Lease) -> None:
        self._ground = ground
        self._lease = lease
        self._on_compromised: Callable[[Self], None] | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self._lease.place.id

    @property
    def recovered(self) -> bool:
        """Whether the lock was taken from a holder that was dead or stale."""
        return self._lease.recovered

    @property
    def compromised(self) -> bool:
        """Whether the lease was lost; nothing can be changed through it any more."""
        return self._lease.compromised

    @property
    def oncompromised(self) -> Callable[[Self], None] | None:
        """Called once, from the watchdog thread, with this object, when the lease is lost; at once if it is already.

        It must return soon: who loses another lease meanwhile is told after it.
        """
        return self._on_compromised

    @oncompromised.setter
    def oncompromised(self, call: Callable[[Self], None] | None) -> None:
        self._on_compromised = call
        self._lease.on_lost = None if call is None else lambda: call(self)

    def release(self) -> None:
        """Give the lock back. Never touches a lock that is no longer ours, and may be called twice."""
        self._lease.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
