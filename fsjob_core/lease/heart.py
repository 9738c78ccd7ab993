"""The heart of a process: one thread that keeps all its locks fresh, one watchdog that declares losses.

The watchdog touches no file system, for a beat can hang there; whatever hangs, a lease that was not proven for
eight seconds is lost, two seconds before anybody else may call it stale.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from ..host import Host, Thread
from .sight import STALE_AFTER

if TYPE_CHECKING:
    from .lock import Lease

BEAT_EVERY = 3.0
"""Seconds between two beats of a lock: well inside the ten after which Node takes it."""
PROOF_LASTS = STALE_AFTER - 2.0
"""Seconds for which a proof holds, counted from the clock reading before it."""

_log = logging.getLogger("fsjob")


class Heart:
    """Beats and watches every lease of one process. Its threads end when it holds none."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self.mutex = host.mutex()
        self._leases: dict[int, Lease] = {}
        self._beating: Lease | None = None
        self._to_tell: list[Lease] = []
        self._wake = host.event()
        self._never = host.event()
        self._beats: Thread | None = None
        self._watchdog: Thread | None = None

    @classmethod
    def of(cls, host: Host) -> Heart:
        found: Heart | None = host.services.get(cls)
        if found is None:
            found = host.services.setdefault(cls, cls(host))
        return found

    def abandon(self) -> None:
        """In the child of a fork: the leases are the parent's, who beats and releases them."""
        for lease in self._leases.values():
            lease.abandon()

    # ── what leases call ──

    def add(self, lease: Lease) -> None:
        """Beat and watch a lease from now on. Raises OSError where there is no thread to be had for that."""
        with self.mutex:
            if self._beats is None:
                self._beats = self._host.spawn(self._run_beats, "fsjob-beats")
            if self._watchdog is None:
                self._watchdog = self._host.spawn(self._run_watchdog, "fsjob-watchdog")
            self._leases[id(lease)] = lease

    def drop(self, lease: Lease) -> bool:
        """No more beats for this lease. False: one is under way, and the heart will close the descriptor."""
        with self.mutex:
            self._leases.pop(id(lease), None)
            lease.dropped = True
            return self._beating is not lease

    def lost(self, lease: Lease) -> None:
        """A proof has failed: the watchdog is to tell whoever holds the lease."""
        with self.mutex:
            if self._leases.pop(id(lease), None) is None:
                return
            self._to_tell.append(lease)
            self._wake.set()

    # ── the two loops ──

    def beat(self) -> float:
        """Refresh and prove every lock; gives the seconds until the next time."""
        with self.mutex:
            leases = list(self._leases.values())
        for lease in leases:
            with self.mutex:
                if id(lease) not in self._leases:
                    continue
                self._beating = lease
            try:
                lease.beat()
            finally:
                with self.mutex:
                    self._beating = None
                    if lease.dropped:
                        lease.close()
        return BEAT_EVERY

    def watch(self, now: float) -> float:
        """Declare losses and tell of them; gives the seconds until the next lease can be lost."""
        with self.mutex:
            overdue = [lease for lease in self._leases.values() if now - lease.proven_at > PROOF_LASTS]
        for lease in overdue:
            lease.lose(f"it was not proven for {PROOF_LASTS:.0f} seconds")
        with self.mutex:
            to_tell, self._to_tell = self._to_tell, []
            earliest = min((lease.proven_at for lease in self._leases.values()), default=now)
        for lease in to_tell:
            self._tell(lease)
        return min(max(earliest + PROOF_LASTS - now, 0.05), BEAT_EVERY)

    def _tell(self, lease: Lease) -> None:
        try:
            lease.tell()
        except Exception:  # somebody else's code: it must not end the watchdog
            _log.exception("the oncompromised of a lease on %s failed", lease.place.path)

    def _run_beats(self) -> None:
        seconds = BEAT_EVERY
        while True:
            self._host.wait(self._never, seconds)
            with self.mutex:
                if not self._leases:
                    self._beats = None
                    return
            seconds = self.beat()

    def _run_watchdog(self) -> None:
        seconds = BEAT_EVERY
        while True:
            self._host.wait(self._wake, seconds)
            self._wake.clear()
            seconds = self.watch(self._host.monotonic())
            with self.mutex:
                if not self._leases and not self._to_tell:
                    self._watchdog = None
                    return
