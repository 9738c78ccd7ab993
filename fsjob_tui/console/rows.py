"""The rows of a view, kept in order of time while jobs come and go; found by job, never by number."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, KeysView, Set
from itertools import accumulate
from operator import lt

from fsjob_core.facts import Entry
from fsjob_core.feed import Entries
from fsjob_core.record import made_at

Keyed = tuple[float, str]

FEW = 200
"""Rows up to which they are put in one by one."""
OPEN = 32
"""Blocks whose ids are strings: those that were looked at or changed last."""
BLOCK = 1000
"""Rows of a block, up to twice as many: a change moves the rows of one block alone."""


class _Block:
    """Some rows that follow each other. One that nobody looks at is text: thirty bytes a row instead of a hundred."""

    __slots__ = ("_ids", "_text", "count", "first", "sinces")

    def __init__(self, ids: list[str], sinces: array[float]) -> None:
        self._ids: list[str] | None = ids
        self._text = ""
        self.sinces = sinces
        self.count = len(ids)
        self.first: Keyed = (sinces[0], ids[0])

    @property
    def is_open(self) -> bool:
        return self._ids is not None

    def open(self) -> None:
        self._ids, self._text = self.ids(), ""

    def pack(self) -> None:
        self._text, self._ids = "/".join(self.ids()), None

    def ids(self) -> list[str]:
        return self._ids if self._ids is not None else self._text.split("/")

    def keyed(self) -> Iterator[Keyed]:
        return zip(self.sinces, self.ids(), strict=True)

    def place(self, since: float, job_id: str) -> int:
        """Where a row is, or belongs."""
        low = bisect_left(self.sinces, since)
        high = bisect_right(self.sinces, since, low)
        return bisect_left(self.ids(), job_id, low, high) if low < high else low

    def may_have(self, since: float) -> bool:
        """Whether a row of just this time is there, which is told without the ids."""
        at = bisect_left(self.sinces, since)
        return at < self.count and self.sinces[at] == since

    def has(self, since: float, job_id: str) -> bool:
        at = self.place(since, job_id)
        return at < self.count and self.ids()[at] == job_id

    def insert(self, since: float, job_id: str) -> None:
        at, ids = self.place(since, job_id), self.ids()
        ids.insert(at, job_id)
        self.sinces.insert(at, since)
        self.count, self.first = len(ids), (self.sinces[0], ids[0])

    def delete(self, since: float, job_id: str) -> None:
        at, ids = self.place(since, job_id), self.ids()
        del ids[at], self.sinces[at]
        self.count = len(ids)
        if ids:
            self.first = self.sinces[0], ids[0]


def _blocks(rows: list[Keyed]) -> Iterator[_Block]:
    """Rows in order, as blocks."""
    for at in range(0, len(rows), BLOCK):
        part = rows[at : at + BLOCK]
        yield _Block([job_id for _, job_id in part], array("d", [since for since, _ in part]))


class Rows:
    """Jobs by time, oldest first, or newest first if `newest`."""

    def __init__(self, *, newest: bool = False) -> None:
        self.newest = newest
        self.changes = 0
        """How often it was changed: whoever made something of it sees that by this."""
        self._count = 0
        self._blocks: list[_Block] = []
        self._open: list[_Block] = []
        """Those blocks that were looked at last."""
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
            yield from block.ids()

    def clear(self) -> None:
        self.changes += 1
        self._since.clear()
        self._fill([])

    def _fill(self, rows: list[Keyed]) -> None:
        """These rows, in order, and no others."""
        self._blocks, self._firsts, self._open, self._count, self._starts = [], [], [], 0, None
        self._put(0, 0, _blocks(rows))

    def _put(self, start: int, end: int, blocks: Iterable[_Block]) -> None:
        """Put blocks in the place of others."""
        new, old = list(blocks), self._blocks[start:end]
        self._blocks[start:end] = new
        self._firsts[start:end] = [block.first for block in new]
        self._count += sum(block.count for block in new) - sum(block.count for block in old)
        self._starts = None
        for block in old:
            if block in self._open:
                self._open.remove(block)
        for block in new:
            self._open.append(block)
        while len(self._open) > OPEN:
            self._open.pop(0).pack()

    def _opened(self, block: _Block) -> _Block:
        """A block that is looked at, and perhaps changed, by and by packed again."""
        if not block.is_open:
            block.open()
            self._open.append(block)
            if len(self._open) > OPEN:
                self._open.pop(0).pack()
        return block

    def change(self, gone: Iterable[str], came: Iterable[Entry]) -> None:
        """Take rows out and put rows in."""
        self.changes += 1
        self._starts = None
        for job_id in gone:
            since = self.since(job_id)
            if since is not None:
                self._delete(since, job_id)
        if isinstance(came, Entries) and self._follow(came):
            self._put(len(self._blocks), len(self._blocks), self._packed(came))
            return
        new = [(entry.since, entry.id) for entry in came if entry.id not in self]
        self._since.update((job_id, since) for since, job_id in new if made_at(job_id) != since)
        if len(new) > FEW:
            self._merge(sorted(new))
        else:
            for since, job_id in new:
                self._insert(since, job_id)

    def _follow(self, came: Entries) -> bool:
        """Whether these are many rows in order, and belong after all others."""
        if not came.told or len(came) <= FEW or not all(map(lt, came.ids, came.ids[1:])):
            return False
        last = self._blocks[-1] if self._blocks else None
        return last is None or last.sinces[-1] < came.times[0]

    def _packed(self, came: Entries) -> Iterator[_Block]:
        for at in range(0, len(came), BLOCK):
            yield _Block(list(came.ids[at : at + BLOCK]), came.times[at : at + BLOCK])

    def _merge(self, new: list[Keyed]) -> None:
        """Put in many rows, which are in order, block by block."""
        low = 0
        while low < len(new):
            at = self._block(*new[low])
            after = self._firsts[at + 1 : at + 2]
            high = bisect_left(new, after[0], low) if after else len(new)
            there = self._blocks[at].keyed() if self._blocks else ()
            self._put(at, at + 1, _blocks(sorted([*there, *new[low:high]])))
            low = high

    def _keyed(self) -> Iterator[Keyed]:
        for block in self._blocks:
            yield from block.keyed()

    def _block(self, since: float, job_id: str) -> int:
        """The number of the block in which a row is, or belongs."""
        return max(bisect_right(self._firsts, (since, job_id)) - 1, 0)

    def _insert(self, since: float, job_id: str) -> None:
        if not self._blocks:
            self._fill([(since, job_id)])
            return
        at = self._block(since, job_id)
        block = self._opened(self._blocks[at])
        block.insert(since, job_id)
        self._firsts[at] = block.first
        self._count += 1
        if block.count > 2 * BLOCK:
            self._put(at, at + 1, _blocks(list(block.keyed())))

    def _delete(self, since: float, job_id: str) -> None:
        at = self._block(since, job_id)
        block = self._opened(self._blocks[at])
        block.delete(since, job_id)
        self._count -= 1
        self._since.pop(job_id, None)
        if block.count:
            self._firsts[at] = block.first
        else:
            self._put(at, at + 1, ())

    def since(self, job_id: str) -> float | None:
        since = self._since.get(job_id)
        if since is not None:
            return since
        made = made_at(job_id)
        if made is None or not self._blocks:
            return None
        block = self._blocks[self._block(made, job_id)]
        return made if block.may_have(made) and self._opened(block).has(made, job_id) else None

    def key(self, index: int) -> str:
        at = self._count - 1 - index if self.newest else index
        starts = self._counted()
        block = bisect_right(starts, at) - 1
        return self._opened(self._blocks[block]).ids()[at - starts[block]]

    def _counted(self) -> list[int]:
        if self._starts is None:
            self._starts = list(accumulate((block.count for block in self._blocks), initial=0))[:-1]
        return self._starts

    def first(self, count: int) -> list[str]:
        """The first rows, at most so many."""
        return [self.key(index) for index in range(min(count, len(self)))]

    def index(self, job_id: str) -> int | None:
        since = self.since(job_id)
        if since is None:
            return None
        block = self._block(since, job_id)
        found = self._counted()[block] + self._opened(self._blocks[block]).place(since, job_id)
        return self._count - 1 - found if self.newest else found

    def keys(self) -> Set[str]:
        return _Jobs(self)

    def only(self, job_ids: Collection[str]) -> Rows:
        """These rows alone, in the same order."""
        found = Rows(newest=self.newest)
        wanted = set(job_ids)
        found._fill([keyed for keyed in self._keyed() if keyed[1] in wanted])
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
