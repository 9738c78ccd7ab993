"""The rows of a view, kept in order of time while jobs come and go; found by job, never by number."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, KeysView, Set
from itertools import accumulate, islice

from fsjob_core.facts import Entry
from fsjob_core.record import made_at

Keyed = tuple[float, str]

BLOCK = 1000
"""Rows of a block, up to twice as many: a change moves the rows of one block alone."""


class _Block:
    """Some rows that follow each other, at a hundred bytes a row instead of the 250 of a dictionary and a tuple."""

    __slots__ = ("ids", "sinces")

    def __init__(self, keyed: Iterable[Keyed] = ()) -> None:
        rows = list(keyed)
        self.ids = [job_id for _, job_id in rows]
        self.sinces = array("d", [since for since, _ in rows])

    @property
    def first(self) -> Keyed:
        return self.sinces[0], self.ids[0]

    def place(self, since: float, job_id: str) -> int:
        """Where a row is, or belongs."""
        low = bisect_left(self.sinces, since)
        return bisect_left(self.ids, job_id, low, bisect_right(self.sinces, since, low))

    def has(self, at: int, job_id: str) -> bool:
        return at < len(self.ids) and self.ids[at] == job_id

    def split(self) -> _Block:
        """Keep the first half; gives the other."""
        other = _Block()
        other.ids, other.sinces = self.ids[BLOCK:], self.sinces[BLOCK:]
        del self.ids[BLOCK:], self.sinces[BLOCK:]
        return other


class Rows:
    """Jobs by time, oldest first, or newest first if `newest`."""

    def __init__(self, *, newest: bool = False) -> None:
        self.newest = newest
        self.changes = 0
        """How often it was changed: whoever made something of it sees that by this."""
        self._count = 0
        self._blocks: list[_Block] = []
        self._firsts: list[Keyed] = []
        """The first row of each block."""
        self._starts: list[int] | None = []
        """How many rows are before each block; None where that must be counted anew."""
        self._since: dict[str, float] = {}
        """Since when, of those whose ids do not say so themselves."""

    def __len__(self) -> int:
        return self._count

    def __contains__(self, job_id: str) -> bool:
        return self.since(job_id) is not None

    def __iter__(self) -> Iterator[str]:
        """The jobs, oldest first."""
        for block in self._blocks:
            yield from block.ids

    def clear(self) -> None:
        self.changes += 1
        self._since.clear()
        self._fill(())

    def _fill(self, keyed: Iterable[Keyed]) -> None:
        """These rows, in order, and no others."""
        rows = iter(keyed)
        self._blocks = []
        while (block := _Block(islice(rows, BLOCK))).ids:
            self._blocks.append(block)
        self._firsts = [block.first for block in self._blocks]
        self._count = sum(len(block.ids) for block in self._blocks)
        self._starts = None

    def change(self, gone: Iterable[str], came: Iterable[Entry]) -> None:
        """Take rows out and put rows in."""
        self.changes += 1
        self._starts = None
        for job_id in gone:
            since = self.since(job_id)
            if since is not None:
                self._delete(since, job_id)
        entries = list(came)
        if len(entries) > self._count:
            there = {job_id: since for since, job_id in self._keyed()}
            there = {entry.id: entry.since for entry in entries} | there
            self._since = {job_id: since for job_id, since in there.items() if made_at(job_id) != since}
            self._fill(sorted((since, job_id) for job_id, since in there.items()))
        else:
            for entry in entries:
                self._put(entry.since, entry.id)

    def _keyed(self) -> Iterator[Keyed]:
        for block in self._blocks:
            yield from zip(block.sinces, block.ids, strict=True)

    def _find(self, since: float, job_id: str) -> tuple[int, int]:
        """In which block and where in it a row is, or belongs."""
        number = max(bisect_right(self._firsts, (since, job_id)) - 1, 0)
        return number, self._blocks[number].place(since, job_id)

    def _put(self, since: float, job_id: str) -> None:
        """Put a row in that may be there already; some other row is."""
        if job_id in self._since:
            return
        made = made_at(job_id)
        found = self._find(since if made is None else made, job_id)
        if made is not None and self._blocks[found[0]].has(found[1], job_id):
            return
        if made != since:
            self._since[job_id] = since
            found = self._find(since, job_id)
        self._insert(*found, since, job_id)

    def _insert(self, number: int, at: int, since: float, job_id: str) -> None:
        block = self._blocks[number]
        block.ids.insert(at, job_id)
        block.sinces.insert(at, since)
        self._firsts[number] = block.first
        if len(block.ids) > 2 * BLOCK:
            other = block.split()
            self._blocks.insert(number + 1, other)
            self._firsts.insert(number + 1, other.first)
        self._count += 1

    def _delete(self, since: float, job_id: str) -> None:
        number, at = self._find(since, job_id)
        block = self._blocks[number]
        del block.ids[at], block.sinces[at]
        if block.ids:
            self._firsts[number] = block.first
        else:
            del self._blocks[number], self._firsts[number]
        self._count -= 1
        self._since.pop(job_id, None)

    def since(self, job_id: str) -> float | None:
        since = self._since.get(job_id)
        if since is not None:
            return since
        made = made_at(job_id)
        if made is None or not self._blocks:
            return None
        number, at = self._find(made, job_id)
        return made if self._blocks[number].has(at, job_id) else None

    def key(self, index: int) -> str:
        at = self._count - 1 - index if self.newest else index
        starts = self._counted()
        block = bisect_right(starts, at) - 1
        return self._blocks[block].ids[at - starts[block]]

    def _counted(self) -> list[int]:
        if self._starts is None:
            self._starts = list(accumulate((len(block.ids) for block in self._blocks), initial=0))[:-1]
        return self._starts

    def first(self, count: int) -> list[str]:
        """The first rows, at most so many."""
        return [self.key(index) for index in range(min(count, len(self)))]

    def index(self, job_id: str) -> int | None:
        since = self.since(job_id)
        if since is None:
            return None
        number, at = self._find(since, job_id)
        found = self._counted()[number] + at
        return self._count - 1 - found if self.newest else found

    def keys(self) -> Set[str]:
        return _Jobs(self)

    def only(self, job_ids: Collection[str]) -> Rows:
        """These rows alone, in the same order."""
        found = Rows(newest=self.newest)
        wanted = set(job_ids)
        found._fill(keyed for keyed in self._keyed() if keyed[1] in wanted)
        found._since = {job_id: since for job_id, since in self._since.items() if job_id in wanted}
        return found


class _Jobs(Set[str]):
    """The jobs of rows, as they are."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def __contains__(self, job_id: object) -> bool:
        return isinstance(job_id, str) and job_id in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @classmethod
    def _from_iterable(cls, it: Iterable[str]) -> set[str]:  # type: ignore[override]
        return set(it)


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
