"""Whether jobs of a store match a filter: opening those of which ids, views and locks do not tell."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress

from .about import PREVIEW
from .errors import FsJobError
from .facts import LockInfo
from .filtering import Filter
from .fs import NotRegular
from .views import Views

LARGEST_SEARCHED = 1 << 20
"""Bytes of a state.json that is searched: to parse a larger one would hold up whatever else its process does."""


def opened_matches(views: Views, wanted: Filter, job_id: str) -> bool | None:
    """Whether a filter's terms hold that only an opened job can tell; None: it cannot be read, or is too large."""
    if views.marks(job_id).size > LARGEST_SEARCHED:
        return None
    try:
        record = views.record(job_id)
    except (FsJobError, OSError):
        return None

    def value() -> bytes:
        if record.fulfilled:
            with suppress(OSError, NotRegular):
                return views.disk.read_start(views.layout.value(job_id), PREVIEW)[0]
        return b""

    return wanted.holds(record, value, views.host.time())


class SeenOnce:
    """What is known of a store's jobs without opening them, each listing made once, when it is first needed."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._members: dict[str, Set[str]] = {}
        self._locks: dict[str, list[LockInfo]] | None = None

    def is_in(self, view: str, job_id: str) -> bool:
        """Whether a job is in a view."""
        if view == "locked":
            return bool(self.locks_of(job_id))
        if view not in self._members:
            self._members[view] = {entry.id for entry in self._views.entries(view)}
        return job_id in self._members[view]

    def locks_of(self, job_id: str) -> Sequence[LockInfo]:
        """The locks of a job."""
        if self._locks is None:
            self._locks = {}
            for lock in self._views.locks():
                self._locks.setdefault(lock.id, []).append(lock)
        return self._locks.get(job_id, ())


class OneLock:
    """The same for a list of locks: a row is one of them, whatever else holds its job."""

    def __init__(self, seen: SeenOnce, lock: LockInfo) -> None:
        self._seen, self._lock = seen, lock

    def is_in(self, view: str, job_id: str) -> bool:
        """Whether the lock's job is in a view."""
        return view == "locked" or self._seen.is_in(view, job_id)

    def locks_of(self, job_id: str) -> Sequence[LockInfo]:
        """This lock."""
        return (self._lock,)
