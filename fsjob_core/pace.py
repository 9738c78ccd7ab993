"""How fast a store moves: jobs coming and going, how long they run, which is the oldest. No disk, no clock."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Set

from .record import JobRecord

RATE_WINDOW = 30
"""Seconds over which rates are taken."""
STEPS = 10
"""Rates of so many windows, one after the other, are the history: five minutes."""
REMEMBERED = RATE_WINDOW * (STEPS + 1)
"""Seconds after which what came or went is in no rate any more."""
RUNS = 200
"""Recent runs from which the usual run time comes."""
FEWEST_RUNS = 3
"""Fewer runs tell no usual time."""
EACH = 40
"""Jobs of each bucket kept in order of age: of a million, 30,000 may leave before all are looked at again."""

MANY = 30_000
"""So many are kept of those that are told in order."""


class Pace:
    """Rates over the last half minute, the last finish, usual run times. Times in seconds since 1970."""

    def __init__(self) -> None:
        self._seconds: dict[int, list[int]] = {}
        self._early: tuple[float, float] | None = None
        self._runs: deque[float] = deque(maxlen=RUNS)
        self.last_finished: float | None = None
        self.last_begun: float | None = None
        """When the youngest attempt that was seen began."""
        self.holds = False
        """While it holds, what comes and goes is no work."""

    def begin(self, made: Iterable[float], finished: Iterable[float], now: float) -> None:
        """Rates at second zero, from when the youngest jobs were made and the last ones finished."""
        finished = list(finished)
        self.last_finished = max(finished, default=None)
        self._early = _rate(list(made), now), _rate(finished, now)

    def began(self) -> None:
        """From here on the rates come from what was counted."""
        self._early = None

    def count_in(self, at: float, now: float, jobs: int = 1) -> None:
        self._count(0, at, now, jobs)

    def count_out(self, at: float, now: float, jobs: int = 1) -> None:
        if self.holds:
            return
        self._count(1, at, now, jobs)
        self.last_finished = max(self.last_finished or 0.0, min(at, now))

    def _count(self, which: int, at: float, now: float, jobs: int) -> None:
        if now - at < REMEMBERED and not self.holds:
            self._seconds.setdefault(int(min(at, now)), [0, 0])[which] += jobs

    def rates(self, now: float) -> tuple[float, float]:
        """Jobs that came and jobs that were fulfilled, a second."""
        if self._early is not None:
            return self._early
        for second in [at for at in self._seconds if not 0 <= int(now) - at < REMEMBERED]:
            del self._seconds[second]
        return self._rate_of(range(int(now) - RATE_WINDOW + 1, int(now) + 1))

    def history(self, now: float) -> tuple[tuple[float, float], ...]:
        """The rates of the last five minutes, half a minute each, the oldest first; empty until they are known.

        Half minutes of the clock, so that they are others only every half minute.
        """
        if self._early is not None:
            return ()
        end = int(now) // RATE_WINDOW * RATE_WINDOW
        starts = range(end - STEPS * RATE_WINDOW, end, RATE_WINDOW)
        return tuple(self._rate_of(range(start, start + RATE_WINDOW)) for start in starts)

    def _rate_of(self, seconds: range) -> tuple[float, float]:
        came, done = (sum(self._seconds[at][which] for at in seconds if at in self._seconds) for which in (0, 1))
        return came / len(seconds), done / len(seconds)

    def ran(self, seconds: float) -> None:
        """A job took so long."""
        self._runs.append(seconds)

    def began_at(self, at: float) -> None:
        """An attempt began then (seconds since 1970; 0: that is not known)."""
        if at > 0:
            self.last_begun = max(self.last_begun or 0.0, at)

    def usual(self) -> tuple[float | None, float | None]:
        """Median and p95 of recent run times, in seconds; None until a few are known."""
        if len(self._runs) < FEWEST_RUNS:
            return None, None
        from statistics import median  # imports much that a command which only reads does without

        runs = sorted(self._runs)
        return median(runs), runs[min(len(runs) - 1, int(len(runs) * 0.95))]


def run_time(record: JobRecord | None) -> float | None:
    """How long the last attempt ran, in seconds; None where it is not known (Node's jobs)."""
    if record is None:
        return None
    started, finished = record.number("started"), record.number("finished")
    return finished - started if started and finished >= started else None


def _rate(times: list[float], now: float) -> float:
    """Events a second of a sample of the latest; of one that lies in the window whole, over its own span."""
    recent = [at for at in times if now - at < RATE_WINDOW]
    whole = len(recent) == len(times) and len(times) >= 100
    return len(recent) / (max(now - min(recent), 1.0) if whole else RATE_WINDOW)


class Oldest:
    """Which of many jobs was made first, without a look at all of them for each one that leaves."""

    def __init__(self, each: int = EACH) -> None:
        self._each = each
        """Of each bucket, so many are kept."""
        self._heap: list[tuple[float, str]] = []
        self._up_to = float("-inf")
        """All jobs up to this age are in the heap."""

    def forget(self) -> None:
        self._heap, self._up_to = [], float("-inf")

    def fill(self, buckets: Iterable[Set[str]], made: Callable[[str], float | None]) -> None:
        """Look at all jobs. `made` tells when one was made. Ids of ours sort by that; others are all asked."""
        self._heap, self._up_to = [], float("inf")
        for bucket in buckets:
            ours = sorted([job_id for job_id in bucket if len(job_id) == 20 and job_id[0] in "123"])
            kept = ours[: self._each]
            if len(ours) < len(bucket):
                kept += set(bucket).difference(ours)
            self._heap += [(at, job_id) for job_id in kept if (at := made(job_id)) is not None]
            if len(ours) > self._each:
                self._up_to = min(self._up_to, made(ours[self._each]) or 0.0)
        heapq.heapify(self._heap)

    def take(self, made: Iterable[float], ids: Iterable[str]) -> None:
        """Look at some jobs after others, the oldest first where they are ours."""
        if len(self._heap) < MANY:
            if not self._heap:
                self._up_to = float("inf")
            self._heap += zip(made, ids, strict=True)
            heapq.heapify(self._heap)
        else:
            self._up_to = min(self._up_to, min(made))

    def add(self, made: float, job_id: str) -> None:
        if made < self._up_to:
            heapq.heappush(self._heap, (made, job_id))

    def first(self, is_there: Callable[[str], bool]) -> tuple[float, str] | None:
        """The oldest that is still there; None where that is not known and `fill` must look, or there is none."""
        while self._heap and not is_there(self._heap[0][1]):
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap and self._heap[0][0] <= self._up_to else None

    def some(self, count: int) -> list[str]:
        """The oldest, as many as are known up to `count`, oldest first; up to `each` all of them are known."""
        return [job_id for _, job_id in heapq.nsmallest(count, self._heap)]
