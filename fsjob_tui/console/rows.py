"""The rows of a view, kept in order of time while jobs come and go; found by job, never by number."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, KeysView

from fsjob_core.facts import Entry

Keyed = tuple[float, str]

FEW = 200
"""Changes up to which rows are put in one by one instead of sorting anew."""


class Rows:
    """Jobs by time, oldest first, or newest first if `newest`."""

    def __init__(self, *, newest: bool = False) -> None:
        self.newest = newest
        self.changes = 0
        """How often it was changed: whoever made something of it sees that by this."""
        self._sorted: list[Keyed] = []
        self._since: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._sorted)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._since

    def clear(self) -> None:
        self.changes += 1
        self._sorted.clear()
        self._since.clear()

    def change(self, gone: Iterable[str], came: Iterable[Entry]) -> None:
        """Take rows out and put rows in."""
        self.changes += 1
        left = {job_id for job_id in gone if job_id in self._since}
        new = [(entry.since, entry.id) for entry in came if entry.id not in self._since or entry.id in left]
        if len(left) + len(new) > FEW:
            if left:
                self._sorted = [keyed for keyed in self._sorted if keyed[1] not in left]
            self._sorted.extend(new)
            self._sorted.sort()
        else:
            for job_id in left:
                del self._sorted[bisect_left(self._sorted, (self._since[job_id], job_id))]
            for keyed in new:
                insort(self._sorted, keyed)
        for job_id in left:
            del self._since[job_id]
        self._since.update((job_id, since) for since, job_id in new)

    def since(self, job_id: str) -> float | None:
        return self._since.get(job_id)

    def key(self, index: int) -> str:
        return self._sorted[len(self._sorted) - 1 - index if self.newest else index][1]

    def first(self, count: int) -> list[str]:
        """The first rows, at most so many."""
        return [self.key(index) for index in range(min(count, len(self)))]

    def index(self, job_id: str) -> int | None:
        since = self._since.get(job_id)
        if since is None:
            return None
        found = bisect_left(self._sorted, (since, job_id))
        return len(self._sorted) - 1 - found if self.newest else found

    def keys(self) -> KeysView[str]:
        return self._since.keys()

    def only(self, job_ids: Collection[str]) -> Rows:
        """These rows alone, in the same order."""
        found = Rows(newest=self.newest)
        wanted = set(job_ids)
        found._sorted = [keyed for keyed in self._sorted if keyed[1] in wanted]
        found._since = {job_id: since for since, job_id in found._sorted}
        return found


class Listed:
    """A short list of keys, in an order that somebody else decided: locks, workers."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._keys = list(keys)
        self._index = {key: index for index, key in enumerate(self._keys)}
        self.changes = 0

    def __len__(self) -> int:
        return len(self._keys)

    def key(self, index: int) -> str:
        return self._keys[index]

    def index(self, key: str) -> int | None:
        return self._index.get(key)

    def keys(self) -> KeysView[str]:
        return self._index.keys()


Source = Rows | Listed
