"""By how much the clock that a file system dates its changes by is ahead of this host's. No disk, no clock."""

from __future__ import annotations

from collections import deque

KEPT = 20

Mark = tuple[int, int]
"""Inode and mtime in nanoseconds."""


class Skew:
    """A directory that changed between two looks was dated in between: each such change bounds the offset."""

    def __init__(self) -> None:
        self._looks: dict[str, tuple[Mark, float]] = {}
        self._bounds: deque[tuple[float, float]] = deque(maxlen=KEPT)

    def hear(self, path: str, mark: Mark, began: float, ended: float) -> None:
        """Take in a look at a directory that began and ended at these times of this host, in seconds since 1970."""
        before = self._looks.get(path)
        self._looks[path] = mark, began
        if before is not None and before[0][0] == mark[0] and before[0] != mark:
            dated = mark[1] / 1e9
            self._bounds.append((dated - ended, dated - before[1]))

    def bounds(self) -> tuple[float, float] | None:
        """Seconds, at least and at most, that the file system's clock is ahead; None where nothing has changed yet.

        Where the changes contradict each other, a clock was set: the last one alone tells.
        """
        if not self._bounds:
            return None
        low, high = max(low for low, _ in self._bounds), min(high for _, high in self._bounds)
        return (low, high) if low <= high else self._bounds[-1]
