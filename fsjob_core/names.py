"""Sets of job ids for directories of a million names, at some 21 bytes a name.

A Python set of a million ids takes over 110 MB, and two listings that are compared take it twice. Here the names
lie as text in buckets; a question touches one bucket (about 2 µs where there are a million names), a comparison
goes bucket by bucket. The separator is "/", the one character that no name has.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Set
from heapq import nlargest
from itertools import chain, islice

from .layout import LOCK, MAX_ID_BYTES, is_job_id

BUCKETS = 1024
SAMPLED, IN_ORDER = 8_000, 10_000
"""Names of which the order of all is known well enough, and names that are told in order at one time."""
AT_ONCE = 50_000
"""Names that are strings at one time while a directory is read."""


class Names:
    """A set of job ids. Buckets of two sets correspond: an id is in the same bucket of each."""

    __slots__ = ("_count", "_texts")

    def __init__(self) -> None:
        self._texts = ["/"] * BUCKETS
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, name: str) -> bool:
        return f"/{name}/" in self._texts[hash(name) % BUCKETS]

    def add(self, name: str) -> None:
        if name not in self:
            self._texts[hash(name) % BUCKETS] += f"{name}/"
            self._count += 1

    def discard(self, name: str) -> None:
        if name in self:
            at = hash(name) % BUCKETS
            self._texts[at] = self._texts[at].replace(f"/{name}/", "/", 1)
            self._count -= 1

    def bucket(self, index: int) -> set[str]:
        return set(self.listed(index))

    def listed(self, index: int) -> list[str]:
        """The same as a list, which takes less time to make."""
        return self._texts[index][1:-1].split("/") if len(self._texts[index]) > 1 else []

    def same_bucket(self, other: Names, index: int) -> bool:
        """Whether a bucket is certainly the same in both; names in another order are not seen to be."""
        return self._texts[index] == other._texts[index]

    def _add_new(self, names: list[str]) -> None:
        parts: list[list[str]] = [[] for _ in range(BUCKETS)]
        for name in names:
            parts[hash(name) % BUCKETS].append(name)
        for index, part in enumerate(parts):
            if part:
                self._texts[index] += "/".join(part) + "/"
        self._count += len(names)


def read_names(names: Iterator[str], progress: Callable[[], None]) -> tuple[Names, set[str]]:
    """The job ids and the names of locks in one listing. `progress` is called as the listing goes on."""
    found, locks = Names(), set[str]()
    while chunk := list(islice(names, AT_ONCE)):
        progress()
        found._add_new(_legal(chunk, locks))
    return found, locks


def _legal(names: list[str], locks: set[str]) -> list[str]:
    """The legal ids among names; what ends in .lock goes to `locks`."""
    legal: list[str] = []
    for at in range(0, len(names), 512):
        part = names[at : at + 512]
        text = f"/{'/'.join(part)}/"
        plain = text.isascii() and text.isprintable() and "/." not in text and f"{LOCK}/" not in text
        if plain and max(map(len, part)) <= MAX_ID_BYTES:
            legal += part
            continue
        for name in part:
            if name.endswith(LOCK):
                locks.add(name)
            elif is_job_id(name):
                legal.append(name)
    return legal


def differences(old: Names, new: Names) -> Iterator[tuple[set[str], set[str]]]:
    """What came and what went, bucket by bucket."""
    for index in range(BUCKETS):
        if not old.same_bucket(new, index):
            before, now = old.bucket(index), new.bucket(index)
            yield now - before, before - now


class Largest:
    """Some of the largest names of many, which are the youngest jobs of ours."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._found: list[str] = []
        self._least = ""

    def add(self, names: Iterable[str]) -> None:
        least = self._least
        self._found += [name for name in names if name > least]
        if len(self._found) > 8 * self._count:
            self._found = nlargest(self._count, self._found)
            self._least = self._found[-1]

    def names(self) -> list[str]:
        """The largest first."""
        return nlargest(self._count, self._found)


def in_order(buckets: Iterable[Set[str]], count: int, *, newest: bool = False) -> Iterator[list[str]]:
    """The names in these buckets, `count` or so, some thousands at a time, in order; the largest first if `newest`.

    A million of them are text meanwhile, cut at names that a sample of them says are evenly apart.
    """
    rest = iter(buckets)
    sample: list[str] = []
    while len(sample) <= SAMPLED and (bucket := next(rest, None)) is not None:
        sample += bucket
    sample.sort()
    if count <= len(sample):
        cuts = []
    else:
        step = max(len(sample) * IN_ORDER // count, 1)
        cuts = sample[step::step]
    parts: list[list[str]] = [[] for _ in range(len(cuts) + 1)]
    for names in chain([sample], map(sorted, rest)):
        low = 0
        for part, cut in zip(parts, cuts, strict=False):
            high = bisect_left(names, cut, low)
            if low < high:
                part.append("/".join(names[low:high]))
                low = high
        if low < len(names):
            parts[-1].append("/".join(names[low:]))
    del sample, cuts
    for number in range(len(parts) - 1, -1, -1) if newest else range(len(parts)):
        text, parts[number] = "/".join(parts[number]), []
        if text:
            yield sorted(text.split("/"), reverse=newest)
