"""The doctor's rounds in the monitor's process: the whole store in the background, and what was found again and again.

It takes no lock and changes nothing. Locks are looked at by the survey anyway, and for longer than the doctor does:
their problems, ghosts among them, come from there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from .doctor import LOCK_KINDS, Kind, Problem, find, lock_problem, look_again
from .feed import LockRow, ProblemGroup, Problems
from .ground import Ground
from .thrift import Thrift
from .views import Views

LISTED = 200
"""Problems of a group that are told one by one."""
PLACES = 50
"""Places that links lead to that are told apart."""
EVERY, TIMES = 60.0, 5.0
"""Seconds between two examinations, and as a multiple of how long the last one took, unasked."""
SOON = 2.0
"""Seconds between two while somebody looks."""
AGAIN = 2.0
"""Seconds after which what was found is looked at again."""
AGAIN_COST = 100.0
"""The same as a multiple of what that cost."""
TOLD_EVERY = 1.0
AT_ONCE = 500
"""Names that are read from a directory at one time."""

Found = dict[tuple[Kind, str], "_Group"]


class _Group:
    def __init__(self) -> None:
        self.count = 0
        self.first: dict[str, Problem] = {}


class Rounds:
    """What is wrong with one store, as long as it is followed."""

    def __init__(
        self,
        views: Views,
        rows: Callable[[], Sequence[LockRow]],
        size: Callable[[], int],
        urgent: Callable[[], bool],
        send: Callable[[Problems], None],
    ) -> None:
        self._host, self._views = views.host, views
        local = self._host.is_local(views.layout.root)
        self._ground = Ground(self._host, views.layout, views.disk, "monitor", True, local)
        self._rows, self._size, self._urgent, self._send = rows, size, urgent, send
        self._found: Found = {}
        self._jobless: set[tuple[str, int]] = set()
        """Locks without a job at the last look: Node's create takes the lock first."""
        self._examined: float | None = None
        self._looked = 0
        self._told_at = 0.0
        self._next = self._soon = self._next_look = 0.0
        self._running = False
        self.told = Problems()

    def ask(self) -> None:
        """Examine the store as soon as may be."""
        self._next = 0.0

    def go_on(self, thrift: Thrift) -> None:
        """Do what is due."""
        now = self._host.monotonic()
        if now >= self._next or (self._urgent() and now >= self._soon):
            self._examine(thrift)
        elif now >= self._next_look:
            self._look_again(thrift)

    # ── the whole store ──

    def _examine(self, thrift: Thrift) -> None:
        began = self._host.monotonic()
        self._next, self._running = math.inf, True  # whoever asks meanwhile asks for another one
        found: Found = {} if self._examined is not None else self._found
        self._looked = 0
        thrift.begin()

        def names(directory: str) -> _Names:
            return _Names(self._ground, directory, lambda: self._went_on(thrift))

        try:
            for problem in find(self._ground, self._views, names, locked=False):
                _add(found, problem)
        except OSError:
            self._be_due_again(began)  # it may be readable by then
            raise
        finally:
            self._running = False
        if not thrift.pause():
            self._next = 0.0
            return
        self._found, self._examined = found, self._host.time()
        self._take_locks()
        self._be_due_again(began)
        self._next_look = self._host.monotonic() + AGAIN
        self._tell()

    def _be_due_again(self, began: float) -> None:
        ended = self._host.monotonic()
        self._soon = ended + max(SOON, ended - began)
        self._next = min(self._next, ended + max(EVERY, TIMES * (ended - began)))

    def _went_on(self, thrift: Thrift) -> bool:
        """Called for every name; false where it is to end."""
        self._looked += 1
        now = self._host.monotonic()
        if now - self._told_at > TOLD_EVERY and (self._urgent() or self._examined is None):
            self._tell()
        return thrift.pause()

    # ── what was found ──

    def _look_again(self, thrift: Thrift) -> None:
        began = self._host.monotonic()
        thrift.begin()
        for key, group in list(self._found.items()):
            for path, problem in list(group.first.items()):
                again = look_again(self._ground, self._views, problem)
                if again is not None and again.place == problem.place:  # of many places the rest are one group
                    group.first[path] = again
                else:
                    del group.first[path]
                    group.count -= 1
                if not thrift.pause():
                    return
            if group.count <= 0:
                del self._found[key]
            elif not group.first:  # the others are known by their number alone
                self.ask()
        self._take_locks()
        now = self._host.monotonic()
        self._next_look = now + max(AGAIN, AGAIN_COST * (now - began) * (0.2 if self._urgent() else 1.0))
        self._tell()

    def _take_locks(self) -> None:
        """Put the locks in trouble in the place of those of the last look."""
        for key in [key for key, group in self._found.items() if key[0] in LOCK_KINDS]:
            del self._found[key]
        jobless = set()
        for row in self._rows():
            problem = lock_problem(self._ground, row.info)
            if problem is None:
                continue
            if problem.kind is Kind.LEAKED_LOCK and problem.since is None:
                jobless.add((problem.path, problem.mark))
                if (problem.path, problem.mark) not in self._jobless:
                    continue
            _add(self._found, problem)
        self._jobless = jobless

    def _tell(self) -> None:
        groups = [
            ProblemGroup(kind, place, group.count, _since(group), tuple(sorted(group.first.values(), key=_path)))
            for (kind, place), group in sorted(self._found.items(), key=lambda item: _rank(item[0]))
        ]
        self._told_at = self._host.monotonic()
        going_on = self._running and (self._urgent() or self._examined is None)
        looked, of = (self._looked, max(self._size(), self._looked)) if going_on else (0, 0)
        told = Problems(tuple(groups), self._examined, looked, of)
        if told != self.told:
            self.told = told
            self._send(told)


class _Names:
    """The names in a directory, read a few at a time, each time it is gone through; `go_on` is asked before each."""

    def __init__(self, ground: Ground, directory: str, go_on: Callable[[], bool]) -> None:
        self._ground, self._directory, self._go_on = ground, directory, go_on

    def __iter__(self) -> Iterator[str]:
        try:
            entries = self._ground.host.calls.scandir(self._directory)
        except FileNotFoundError:
            return
        with entries:
            for entry in entries:
                if not self._go_on():
                    return
                yield entry.name


_ORDER = list(Kind)


def _add(found: Found, problem: Problem) -> None:
    places = sum(kind is problem.kind for kind, _ in found) if problem.place else 0
    key = (problem.kind, problem.place)
    if key not in found and places >= PLACES:
        key = (problem.kind, "")
    group = found.setdefault(key, _Group())
    group.count += 1
    if len(group.first) < LISTED:
        group.first[problem.path] = problem


def _since(group: _Group) -> float | None:
    return min((each.since for each in group.first.values() if each.since is not None), default=None)


def _path(problem: Problem) -> str:
    return problem.path


def _rank(key: tuple[Kind, str]) -> tuple[int, str]:
    return _ORDER.index(key[0]), key[1]
