"""Taking a lock that is somebody else's: judge it, take it over, remove it, bar it.

All of it happens with the guard held exclusively, after a second judgement by a fresh open, so that of two who
judged the same lock stale one wins.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum

from ..careful import listed_inode
from ..errors import GuardBusy, JobLocked, LeaseLost, LockTimeout, named
from ..host import Host
from .lock import Lease, LockPlace, remove_staged
from .sight import (
    BAR_OLD,
    BAR_PREFIX,
    CACHE_TIME,
    STALE_AFTER,
    Sighting,
    Sightings,
    look,
    look_closely,
    same_beat,
)

BAR_SECONDS = 7.0
"""For how long a bar stands: one beat of a Node holder (5 s) and a margin."""
BAR_PROVEN = BAR_OLD - 10.0
"""Seconds for which who set a bar may act under it; by a clock that is ahead others may think it old before."""
JUDGED_FOR = 5.0
"""Seconds for which a judgement under the guard holds: a host that was cut off loses its guard unseen."""


class Judgement(Enum):
    """What a lock is, for whoever wants it."""

    HELD = "held"
    DEAD = "dead"
    """The owner is proven dead."""
    STALE = "stale"
    """Stale by the clock, and watched for ten seconds without a beat."""
    OLD_BAR = "old bar"
    """A bar over a minute old: whoever set it has crashed."""


def judge(host: Host, path: str, seen: Sighting, *, local: bool) -> Judgement:
    """Whether a lock may be taken from whoever holds it. `local`: no other machine sees the file system."""
    age = host.time() - seen.mtime_ns / 1e9
    if seen.bar is not None:
        return Judgement.OLD_BAR if age > BAR_OLD else Judgement.HELD
    if seen.foreign is not None:
        return Judgement.HELD
    if local and seen.owner is not None and host.alive(seen.owner.identity) is False:
        return Judgement.DEAD
    if not host.guard_excludes:  # of two machines that judge it stale both would win
        return Judgement.HELD
    unchanged = Sightings.of(host).unchanged_for(path, seen)
    limit = stale_after(local)
    from_the_future = age < 0
    if unchanged >= limit and (from_the_future or age > limit):
        return Judgement.STALE
    return Judgement.HELD


def stale_after(local: bool) -> float:
    """Seconds without a beat that is seen, after which a lock may be taken."""
    return STALE_AFTER if local else STALE_AFTER + CACHE_TIME


@contextmanager
def _same_under_guard(host: Host, place: LockPlace, seen: Sighting, *, live: bool = False) -> Iterator[bool]:
    """Hold the guard exclusively; yields whether the lock is still the one that was seen, and the hold is young.

    `live`: its beats may have moved the mtime meanwhile.
    """
    with host.guard(place.guard, False):
        began = host.monotonic()
        again = _look_again(host, place.path, seen.inode)
        same = again is not None and (again.inode, again.token, again.bar) == (seen.inode, seen.token, seen.bar)
        if same and not live:
            same = again is not None and same_beat(host, again.mtime_ns, seen.mtime_ns)
        if same and place.kind == "state":
            # first the right to commit, then the lock: of ours whoever takes it next does the same, but Node does not
            remove_staged(host, place.job)
        yield same and host.monotonic() - began < JUDGED_FOR


def _look_again(host: Host, path: str, expected: int) -> Sighting | None:
    try:
        return look_closely(host, path, expected)
    except OSError as error:
        if error.errno != errno.ESTALE:
            raise
        return None  # listing and open differ: nothing to act on


def _remove_there(host: Host, place: LockPlace, seen: Sighting) -> bool:
    try:
        if seen.bar is not None:
            host.calls.unlink(place.path)
        else:
            host.calls.rmdir(place.path)
    except OSError:  # somebody else, Node perhaps, was faster
        return False
    return True


def remove(host: Host, place: LockPlace, seen: Sighting, *, live: bool = False) -> bool:
    """Remove the lock that was seen; False if it has changed since. Raises GuardBusy."""
    with _same_under_guard(host, place, seen, live=live) as same:
        return same and _remove_there(host, place, seen)


def move_away(host: Host, place: LockPlace, seen: Sighting, move: Callable[[str], None]) -> bool:
    """`move` what stands at a lock's path and nobody can take; False if it has changed. Raises GuardBusy."""
    with _same_under_guard(host, place, seen) as same:
        if same:
            move(place.path)
        return same


def take_over(host: Host, place: LockPlace, seen: Sighting, worker: str) -> Lease | None:
    """Take a lock that was judged dead, stale or an old bar; None where somebody else won. Raises GuardBusy."""
    with _same_under_guard(host, place, seen) as same:
        if not same or not _remove_there(host, place, seen):
            return None
        lease = Lease.take(host, place, worker, guarded=True)
        if lease is not None:
            lease.recovered = True
        return lease


def acquire(host: Host, place: LockPlace, worker: str, *, local: bool, seconds: float = 0.0) -> Lease:
    """Take a lock, from a dead or stale holder too; wait up to `seconds` for it.

    Raises JobLocked (work, notification) or LockTimeout (state), which say who has it.
    """
    deadline = host.monotonic() + seconds
    never = None
    pause = 0.001
    patient = False
    while True:
        lease = Lease.take(host, place, worker)
        if lease is not None:
            return lease
        seen = look(host, place.path)
        if seen is not None and judge(host, place.path, seen, local=local) is not Judgement.HELD:
            with suppress(GuardBusy):
                lease = take_over(host, place, seen, worker)
            if lease is not None:
                return lease
        if host.careful and not patient and host.monotonic() >= deadline:
            patient = True
            if listed_inode(host.calls, place.path) is None:  # a free lock may look held for a second
                deadline = host.monotonic() + CACHE_TIME
        if host.monotonic() >= deadline:
            error = LockTimeout if place.kind == "state" else JobLocked
            raise error(f"{place} is {describe(seen)}")
        never = never or host.event()
        host.wait(never, pause)
        pause = min(pause * 1.5, 0.1)


def describe(seen: Sighting | None) -> str:
    """Who has a lock, in words: "held by bundler-3 on render-07 (pid 48213)"."""
    if seen is None:
        return "taken and given back again and again"
    if seen.bar is not None:
        return f"barred ({seen.bar.removeprefix(BAR_PREFIX)[:120]})"
    if seen.foreign is not None:
        return f"blocked by a {seen.foreign} that is no lock; move it away by hand"
    if seen.owner is None:
        return "held; no owner is written (a Node worker?)"
    return f"held by {seen.owner.worker} on {seen.owner.host} (pid {seen.owner.pid})"


# ── bar and tell ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Bar:
    """A link to nothing that stands where a live lock was: nobody takes it, and the holder's beat finds nothing.

    Whoever set it proves it as a lease is proven, and may park the job under it.
    """

    host: Host
    place: LockPlace
    text: str
    set_at: float
    """The clock right before it was set."""

    def stands(self) -> bool:
        """Whether it is still there."""
        seen = look(self.host, self.place.path)
        return seen is not None and seen.bar == self.text

    def ask_clock(self) -> None:
        """Raise LeaseLost once others may take it for left by a crash. Asks no file system."""
        if self.host.monotonic() - self.set_at > BAR_PROVEN:
            raise self._lost()

    def require(self) -> None:
        """Raise LeaseLost unless it stands, as of now."""
        if not self.stands():
            raise self._lost()
        self.ask_clock()

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"{self.place} is not barred by us any more; the change was not made")


def bar(host: Host, place: LockPlace, seen: Sighting, who: str) -> Bar:
    """Replace a live lock by a bar. Raises JobLocked if the lock is another's by now, GuardBusy."""
    name = "".join(letter if letter.isalnum() or letter in "-_.@" else "_" for letter in who)[:60]
    text = f"{BAR_PREFIX}{host.tagged_token()} by {name} at {host.time():.0f}"
    set_at = host.monotonic()
    with _same_under_guard(host, place, seen, live=True) as same:
        if not same or not _remove_there(host, place, seen):
            raise JobLocked(f"{place} has changed hands: it is {describe(look(host, place.path))}")
        try:
            host.calls.symlink(text, place.path)
        except FileExistsError:
            raise JobLocked(f"{place} was taken at once: it is {describe(look(host, place.path))}") from None
        except OSError as error:  # Python names the text of the link, not the link
            raise named(error, place.path) from None
        if place.kind == "state":
            remove_staged(host, place.job)  # a live holder may have staged since; from here on it cannot prove
    return Bar(host, place, text, set_at)


def unbar(barred: Bar) -> bool:
    """Take one's own bar away; False if it is no longer there. Raises GuardBusy."""
    with barred.host.guard(barred.place.guard, True):
        if not barred.stands():
            return False
        barred.host.calls.unlink(barred.place.path)
    return True
