"""What was seen of one lock over time: its beats, and whether they are its holder's. No disk, no clock."""

from __future__ import annotations

from .lease import Sighting

KEPT = 20
"""Beats that are remembered."""
MILLISECOND = 1_000_000
ROUNDING = 250
"""Nanoseconds by which floating seconds miss a whole millisecond."""
LATEST, FOREIGN = 12, 3
"""So many of the latest beats must look like Node's: of ours one in two thousand does by chance."""


class Pulse:
    """The life of one lock, as far as it was watched.

    A *ghost* is a holder who was robbed of the lock and does not know: its beats keep a lock fresh that is another's.
    Only a Node worker can be one, for it beats by path; two things show it. A lock whose owner is proven dead and
    that still beats. And the handwriting: Node writes times in whole milliseconds, our owners write them finer.
    """

    def __init__(self) -> None:
        self._lock: tuple[int, str] | None = None
        self._begin(0.0)

    def _begin(self, since: float) -> None:
        self.since = since
        """When it was first seen, in seconds since 1970: it is held for longer than that."""
        self.beats: tuple[float, ...] = ()
        self._mtimes: tuple[int, ...] = ()
        self.unchanged = since
        """When the last beat was first seen."""
        self._known_dead = False
        self._dead_mtime: int | None = None

    def hear(self, seen: Sighting, dead: bool, now: float) -> None:
        """Take in one look at the lock; `dead`: its owner was proven dead after this look."""
        if self._lock != (seen.inode, seen.token):  # another lock at the same path
            self._lock = seen.inode, seen.token
            self._begin(now)
        if not self._mtimes or self._mtimes[-1] != seen.mtime_ns:
            self._mtimes = (*self._mtimes[-KEPT + 1 :], seen.mtime_ns)
            self.beats = (*self.beats[-KEPT + 1 :], seen.mtime_ns / 1e9)
            self.unchanged = now
        if self._known_dead and self._dead_mtime is None:
            self._dead_mtime = seen.mtime_ns  # the first look that began after the death: beats since are another's
        self._known_dead = self._known_dead or dead

    def ghost(self, owner: str) -> str | None:
        """Why the beats are not the owner's, in one sentence; None where nothing says so."""
        if not owner or not self._mtimes:
            return None
        if self._dead_mtime is not None and self._mtimes[-1] != self._dead_mtime:
            return f"{owner} is gone, yet the lock beats: a Node worker that was robbed of it does not know"
        latest = self._mtimes[-LATEST:]
        foreign = sum(map(_is_nodes, latest))
        if FOREIGN <= foreign < len(latest):  # all of them: a file system whose times are coarse
            return (
                f"inferred: {foreign} of the last {len(latest)} beats are written in whole milliseconds, as Node does "
                f"and {owner} does not: a Node worker that was robbed of it does not know"
            )
        return None

    def hearts(self, owner: str) -> int | None:
        """2 where somebody else beats the lock too, 1 where nobody does; None where that cannot be told yet."""
        if self.ghost(owner) is not None:
            return 2
        return 1 if owner and len(self._mtimes) > FOREIGN and not all(map(_is_nodes, self._mtimes)) else None


def _is_nodes(mtime_ns: int) -> bool:
    """Whether a time was made of milliseconds: by rounding to microseconds (Node 20) or nanoseconds one may be off."""
    past = mtime_ns % MILLISECOND
    return min(past, MILLISECOND - past) <= ROUNDING or past in (1_000, MILLISECOND - 1_000)
