"""Parked jobs by what went wrong, in the monitor's process: each state.json is read once, and again when it changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .errors import FsJobError
from .feed import Delta, Grouped
from .likeness import alike
from .rows import LARGEST_SHOWN
from .thrift import Thrift
from .views import Views

MOST = 200_000
"""Jobs that are grouped: of a million parked ones what is remembered would take more than all else."""
TOLD_EVERY = 0.5
AGAIN, AGAIN_TIMES = 5.0, 5.0
"""Seconds after which known ones are looked at again, and as a multiple of how long that took."""
UNREADABLE = "its state.json cannot be read"
TOO_LARGE = "its state.json is too large to be read for a list"
NO_ERROR = "no error is written"


class Grouping:
    """Hears of parked jobs as the scan finds them; tells their errors. One thread hears, another goes on."""

    def __init__(self, views: Views, send: Callable[[Grouped], None]) -> None:
        self._views, self._host, self._send = views, views.host, send
        self._news: deque[Delta] = deque()
        self._waiting: dict[str, None] = {}
        """Jobs to be read, in the order in which they came."""
        self._known: dict[str, int] = {}
        """Jobs that were told, with a digest of the marks of their state.json."""
        self._untold: dict[str, list[str]] = {}
        self._told_at = 0.0
        self._told = (0, 0)
        self._next_look = 0.0

    def hear(self, delta: Delta) -> None:
        """What the scan has just told of parked jobs."""
        self._news.append(delta)

    def go_on(self, thrift: Thrift) -> None:
        """Read those that came, then those that may have changed."""
        thrift.begin()
        self._take_news()
        while self._waiting and len(self._known) < MOST:
            job_id = next(iter(self._waiting))
            del self._waiting[job_id]
            self._read(job_id)
            if self._host.monotonic() - self._told_at > TOLD_EVERY:
                self._tell()
            if not thrift.pause():
                return
            self._take_news()
        began = self._host.monotonic()
        if began >= self._next_look:
            self._look_again(thrift)
            ended = self._host.monotonic()
            self._next_look = ended + max(AGAIN, AGAIN_TIMES * (ended - began))
        self._tell()

    def _take_news(self) -> None:
        while self._news:
            delta = self._news.popleft()
            if delta.reset:
                self._waiting.clear()
                self._known.clear()
            for job_id in delta.gone:
                self._waiting.pop(job_id, None)
                self._known.pop(job_id, None)
            self._waiting.update(dict.fromkeys(entry.id for entry in delta.came))

    def _look_again(self, thrift: Thrift) -> None:
        for job_id, before in list(self._known.items()):
            if hash(self._views.marks(job_id)) != before:
                self._read(job_id)
            if not thrift.pause():
                return

    def _read(self, job_id: str) -> None:
        marks = self._views.marks(job_id)
        self._known[job_id] = hash(marks)
        error = error_of(self._views, job_id)
        self._untold.setdefault(error, []).append(job_id)

    def _tell(self) -> None:
        done = len(self._known), len(self._known) + len(self._waiting)
        self._told_at = self._host.monotonic()
        if self._untold or done != self._told:
            groups = tuple((error, tuple(filter(self._known.__contains__, ids))) for error, ids in self._untold.items())
            self._told, self._untold = done, {}
            self._send(Grouped(groups, *done))


def error_of(views: Views, job_id: str) -> str:
    """What a parked job failed of, made alike with what others failed of."""
    if views.marks(job_id).size > LARGEST_SHOWN:
        return TOO_LARGE
    try:
        return alike(views.record(job_id).error) or NO_ERROR
    except (FsJobError, OSError):
        return UNREADABLE
