"""What the monitor's process and whoever watches say to each other: frozen messages over a pipe."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from .crew import Member
from .doctor import Kind, Problem
from .facts import Counts, Entry, JobDetail, Label, LockInfo, StoreVerdict

LISTED = ("pending", "waiting", "fulfilled", "parked")
"""Views that come as deltas; locks come whole."""


@dataclass(frozen=True, slots=True)
class Hello:
    """First of all, and again when the directory comes back. `problem`: one sentence where it is no store."""

    root: str
    label: Label
    filesystem: str
    host: str
    problem: str | None


class Entries(Sequence[Entry]):
    """Jobs and their times, side by side: a million entries one by one cost seconds on either side of the pipe."""

    __slots__ = ("ids", "times", "told")

    def __init__(self, ids: Sequence[str], times: Iterable[float], *, told: bool = False) -> None:
        self.ids = ids
        self.times = times if isinstance(times, array) else array("d", times)
        self.told = told
        """Whether all times are those that the ids tell."""

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Entry]:
        return map(Entry, self.ids, self.times)

    @overload
    def __getitem__(self, at: int) -> Entry: ...
    @overload
    def __getitem__(self, at: slice) -> Entries: ...
    def __getitem__(self, at: int | slice) -> Entry | Entries:
        if isinstance(at, slice):
            return Entries(self.ids[at], self.times[at], told=self.told)
        return Entry(self.ids[at], self.times[at])

    def __reduce__(self) -> tuple[object, ...]:
        return _unpack, ("/".join(self.ids), self.times.tobytes(), self.told)  # the one character that no id has


def _unpack(ids: str, times: bytes, told: bool) -> Entries:
    return Entries(ids.split("/") if ids else (), array("d", times), told=told)


@dataclass(frozen=True, slots=True)
class Delta:
    """What left a view and what came. `reset`: the view begins anew; `complete`: the first scan of it has ended."""

    view: str
    gone: tuple[str, ...] = ()
    came: Sequence[Entry] = ()
    complete: bool = True
    reset: bool = False


@dataclass(frozen=True, slots=True)
class LockRow:
    """A lock and when it was seen to beat (seconds since 1970, the last 20)."""

    info: LockInfo
    beats: tuple[float, ...]
    unchanged: float = 0.0
    """Since when it was watched without a beat, in seconds since 1970."""
    hearts: int | None = None
    """1: all beats are its holder's, 2: not all; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Locks:
    """All locks, worst first."""

    locks: tuple[LockRow, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """The store in figures, rates a second, times in seconds."""

    counts: Counts
    verdict: StoreVerdict
    rate_in: float
    rate_out: float
    oldest: float | None
    """When the oldest pending job was made, in seconds since 1970."""
    usual: float | None
    """Median run time of recent jobs of ours."""
    p95: float | None
    paused: str | None
    silent: float = 0.0
    pulled: float | None = None
    """When work was last seen to be taken."""
    skew: tuple[float, float] | None = None
    """Seconds, at least and at most, that the file system's clock is ahead; None where that is not known yet."""
    history: tuple[tuple[float, float], ...] = ()
    """Rates in and out of the last five minutes, half a minute each, the oldest first; empty while not known."""


@dataclass(frozen=True, slots=True)
class Workers:
    """Those who are signed in, and those who are seen by their locks alone."""

    workers: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """Problems of one kind; where links lead elsewhere, those that lead to one `place`. `first`: a few hundred."""

    kind: Kind
    place: str
    count: int
    since: float | None
    """Since when the oldest of `first` stands there so, in seconds since 1970."""
    first: tuple[Problem, ...]

    @property
    def key(self) -> str:
        """What names it among the groups."""
        return f"{self.kind} {self.place}"


@dataclass(frozen=True, slots=True)
class Problems:
    """What the doctor found, in the order of `Kind`."""

    groups: tuple[ProblemGroup, ...] = ()
    examined: float | None = None
    """When the whole store had last been gone through, in seconds since 1970; None: not yet."""
    looked: int = 0
    """Names that were looked at by the examination that is under way, told while somebody waits for it."""
    of: int = 0

    @property
    def total(self) -> int:
        return sum(group.count for group in self.groups)


@dataclass(frozen=True, slots=True)
class Grouped:
    """Parked jobs by their error made alike, those that were not told yet; how many of how many are grouped by now.

    A job that left `parked` is of no group any more, which its Delta tells alone.
    """

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class RowDetail:
    """What a row shows of its job beyond id and age."""

    id: str
    request: str = ""
    attempts: int = 0
    version: int = 0
    fulfilled: bool | None = None
    targets: int = 0
    first_target: str = ""
    took: float | None = None
    value_size: int | None = None
    value_start: bytes = b""
    error: str = ""
    not_before: float | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Details:
    """Rows that were wanted, now and whenever they change."""

    details: tuple[RowDetail, ...]


@dataclass(frozen=True, slots=True)
class Job:
    """The job that is open, now and whenever it changes."""

    detail: JobDetail
    why: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The store is not there, cannot be read, or the monitor ended; one sentence. A Hello follows when it is back."""

    problem: str


@dataclass(frozen=True, slots=True)
class Found:
    """Jobs that a search found, or that match no more. `reset`: it begins; what was found before is nothing.

    What ids, locks and views tell of a filter's terms is left to who shows the rows.
    """

    search: Search
    came: tuple[str, ...]
    gone: tuple[str, ...]
    looked: int
    total: int
    unreadable: int
    """Jobs that could not be read, so that they do not match."""
    complete: bool
    """Whether all were looked at; what comes or changes is judged as it does."""
    reset: bool = False

    @property
    def figures(self) -> tuple[int, int, int, bool]:
        return self.looked, self.total, self.unreadable, self.complete


Message = Hello | Delta | Locks | Overview | Workers | Problems | Grouped | Details | Job | Found | Gone


# ── requests ──


@dataclass(frozen=True, slots=True)
class Wanted:
    """The rows on the screen."""

    view: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Open:
    """The job whose detail is shown; None: none."""

    id: str | None


@dataclass(frozen=True, slots=True)
class Examine:
    """Have the doctor go through the store now. From the first on it does so again and again, and parked jobs are
    grouped, in the background; for as long as `Wanted` names the view "problems" or "parked", faster."""


@dataclass(frozen=True, slots=True)
class Search:
    """Jobs of a view whose request, value or errors match a filter, from now on; without a text: none."""

    view: str
    text: str


@dataclass(frozen=True, slots=True)
class Read:
    """Rows that are to be read once, for their order; what is on the screen goes before."""

    view: str
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Show:
    """How requests are to be shown in rows, beside what is usual."""

    kind: tuple[str, ...] = ()
    """Members that tell what kind of job a request is, the first that it has; empty: the usual ones."""
    masked: tuple[str, ...] = ()
    """Words, in lower case, in the names of members whose values are masked."""


Request = Wanted | Open | Examine | Search | Read | Show
