"""What is passed around of a store that was read: plain facts, frozen, without a way back to the disk."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import NamedTuple

from .lease import STALE_AFTER as STALE_AFTER
from .lease import Owner
from .record import JobRecord

VIEWS = ("pending", "locked", "waiting", "fulfilled", "parked")


class Verdict(StrEnum):
    """What a lock is, the first that holds."""

    BARRED = "barred"
    GHOST = "ghost"
    LEAKED = "leaked"
    DEAD = "dead"
    STALE = "stale"
    FUTURE = "future"
    LATE = "late"
    LONG = "long"
    LIVE = "live"


class Mood(StrEnum):
    """What a store is doing."""

    NOT_ANSWERING = "not answering"
    STALLED = "stalled"
    LONG = "long"
    SLOW = "slow"
    PAUSED = "paused"
    MOVING = "moving"
    IDLE = "idle"
    EMPTY = "empty"


class Entry(NamedTuple):
    """A job in a view. `since`: seconds since 1970, from its link or, once fulfilled, its directory."""

    id: str
    since: float


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs each view has; `locked` counts locks of every kind."""

    pending: int = 0
    locked: int = 0
    waiting: int = 0
    fulfilled: int = 0
    parked: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


UNREADABLE = "unreadable"
"""The class of a store whose label is there but cannot be used: nobody knows that it is not guarded, so it is."""


@dataclass(frozen=True, slots=True)
class Label:
    """Name and class of a store; both empty where it carries none."""

    name: str = ""
    klass: str = ""

    @property
    def guarded(self) -> bool:
        """Whether people change it only where they say that they mean to: class "prod", in any case."""
        return self.klass.lower() in ("prod", UNREADABLE)

    @property
    def told(self) -> str:
        """What the store is, in words."""
        if not self.name and not self.klass:
            return "carries no name and no class"
        parts = [f"is named {self.name}" if self.name else "", f"is of class {self.klass}" if self.klass else ""]
        return f"{' and '.join(filter(None, parts))}{', guarded' if self.guarded else ''}"


@dataclass(frozen=True, slots=True)
class LockInfo:
    """A lock as it was seen: whose it is, since when (seconds since 1970), and what that means."""

    kind: str
    id: str
    path: str
    owner: Owner | None
    since: float | None
    last_beat: float
    inode: int
    mtime_ns: int
    verdict: Verdict
    proof: str
    bar: str | None = None
    stale_after: float = STALE_AFTER
    """Seconds without a beat that is seen, after which it may be taken."""

    @property
    def token(self) -> str:
        return self.owner.token if self.owner else ""

    @property
    def whose(self) -> str:
        """Who holds it, in words."""
        return f"{self.owner.worker} on {self.owner.host} (pid {self.owner.pid})" if self.owner else "no owner (Node?)"


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A worker or notifier (`kind`) that is signed in. `state`: busy, idle, draining, paused or gone.

    `full_since`: when it last took as much as it can do at once; 0 where it could take more.
    """

    name: str
    host: str
    pid: int
    state: str
    now: int
    done: int
    failed: int
    beat: float
    since: float
    command: str = ""
    kind: str = "worker"
    full_since: float = 0.0


class Trashed(NamedTuple):
    """A job that lies in the trash: since when, and the group of acts whose undo brings it back ("": none does)."""

    since: float
    group: str


@dataclass(frozen=True, slots=True)
class JobDetail:
    """All that can be told of one job. `problem`: one sentence where its state.json cannot be used."""

    id: str
    found: bool
    problem: str | None
    record: JobRecord | None
    made: float | None
    changed: float | None
    state_size: int
    pending: bool
    parked: bool
    waiting_link: bool
    value_size: int | None
    value_start: bytes
    locks: tuple[LockInfo, ...]
    elsewhere: tuple[str, ...] = ()
    """Its links that do not lead to it: "pending", "waiting" or "parked"."""
    trash: Trashed | None = None
    """Where a job that is not found was deleted."""
    finished: float | None = None
    """When its value was written."""

    @property
    def state(self) -> str:
        """pending, fulfilled, parked, unlinked, unreadable or missing."""
        if not self.found:
            return "missing"
        if self.record is None:
            return "unreadable"
        if self.record.fulfilled:
            return "fulfilled"
        if self.parked:
            return "parked"
        return "pending" if self.pending else "unlinked"


class Evidence(NamedTuple):
    """Where a verdict can be checked: a view, the job there, and what it shows."""

    view: str
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class StoreVerdict:
    """One line about the whole store, and what it rests on, worst first."""

    mood: Mood
    text: str
    evidence: tuple[Evidence, ...] = ()
