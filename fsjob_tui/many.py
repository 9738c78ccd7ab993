"""One act on many jobs: several at a time, for each waits for the disk; counted, with what was not done and why."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from fsjob_core import errors
from fsjob_core.journal import Outcome

from .console.saying import sentence

AT_ONCE = 8
"""Jobs that are acted on at a time: each syncs six times, and file systems sync many at the price of one."""

T = TypeVar("T")

_WHY: tuple[tuple[type[Exception], str], ...] = (
    (errors.AlreadyFulfilled, "already fulfilled"),
    (errors.JobLocked, "held"),
    (errors.JobNotFound, "gone"),
    (errors.NotFulfilled, "not fulfilled"),
    (errors.VersionMismatch, "changed meanwhile"),
)
"""Errors that are no failure: the job was judged again, and is not what it was; each in a word or two."""


@dataclass
class Tally:
    """What became of a set. What was not done is told with its reason."""

    total: int
    done: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    """In a word or two, and as a sentence."""
    failed: list[str] = field(default_factory=list)
    said: str = ""
    """What became of the last one."""

    @property
    def looked(self) -> int:
        """How many had their turn."""
        return self.done + len(self.skipped) + len(self.failed)

    def count(self, result: Outcome | Exception) -> None:
        """Take what became of one."""
        self.said = result.what if isinstance(result, Outcome) else sentence(result)
        if isinstance(result, Outcome):
            if result.done:
                self.done += 1
            else:
                self.skipped.append(("", result.what))
            return
        why = next((words for kind, words in _WHY if isinstance(result, kind)), None)
        if why is None:
            self.failed.append(sentence(result))
        else:
            self.skipped.append((why, str(result)))

    @property
    def summary(self) -> str:
        """All of it in one line."""
        reasons = Counter(why for why, _ in self.skipped if why)
        words = ", ".join(why if len(reasons) == 1 else f"{why} {count:,}" for why, count in reasons.most_common())
        left = self.total - self.looked
        skipped = f"skipped {len(self.skipped):,}{f' ({words})' if words else ''}"
        stopped = f"; stopped before {left:,} more" if left else ""
        return f"done {self.done:,}, {skipped}, failed {len(self.failed):,}{stopped}"

    @property
    def not_done(self) -> list[str]:
        """A sentence for each that was not done, failures first."""
        return [*self.failed, *(what for _, what in self.skipped)]


def each(
    things: Iterable[T],
    act: Callable[[T], Iterable[Outcome | Exception]],
    told: Callable[[Tally], bool],
    *,
    total: int,
    at_once: int = AT_ONCE,
) -> Tally:
    """Act on each of these; an act tells what became of the jobs that it was about.

    `told` is called after each, by one thread at a time; True ends it: what has begun is finished, no other begins.
    What an act raises beside FsJobError and OSError, and what `things` raises, ends it, and is raised here.
    """
    tally, mutex = Tally(total), threading.Lock()
    left: Iterator[T] = iter(things)
    stopped: list[BaseException | None] = []

    def work() -> None:
        while not stopped:
            try:
                with mutex:
                    thing = next(left, None)
                if thing is None:
                    return
                results = _tried(act, thing)
            except BaseException as error:
                stopped.append(error)
                return
            with mutex:
                for result in results:
                    tally.count(result)
                if told(tally):
                    stopped.append(None)

    threads = [threading.Thread(target=work, name="fsjob-act", daemon=True) for _ in range(min(at_once, total))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for error in stopped:
        if error is not None:
            raise error
    return tally


def _tried(act: Callable[[T], Iterable[Outcome | Exception]], thing: T) -> list[Outcome | Exception]:
    try:
        return list(act(thing))
    except (errors.FsJobError, OSError) as error:
        return [error]
