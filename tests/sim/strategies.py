"""Who goes next: by chance in three ways, or all of it, bounded and without repetition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

from .sched import Actor, Strategy


class RandomStrategy:
    """Anybody, at every call."""

    def __init__(self, random: Random) -> None:
        self._draw = random.random

    def choose(self, ready: list[Actor], current: Actor | None) -> Actor:
        return ready[int(self._draw() * len(ready))]


class Setup:
    """Nobody is interrupted: for what comes before and after the part of a run that matters."""

    def choose(self, ready: list[Actor], current: Actor | None) -> Actor:
        return current if current is not None and current in ready else ready[0]


class StickyStrategy(RandomStrategy):
    """Stays with the same actor four times of five."""

    def choose(self, ready: list[Actor], current: Actor | None) -> Actor:
        if current is not None and current in ready and self._draw() < 0.8:
            return current
        return ready[int(self._draw() * len(ready))]


class PctStrategy(RandomStrategy):
    """Probabilistic concurrency testing: random priorities that change at `depth` random points."""

    def __init__(self, random: Random, depth: int = 3, length: int = 400) -> None:
        super().__init__(random)
        self._changes = {random.randrange(length) for _ in range(depth)}
        self._choices = 0

    def choose(self, ready: list[Actor], current: Actor | None) -> Actor:
        self._choices += 1
        for actor in ready:
            if not actor.priority:
                actor.priority = 1.0 + self._draw()
        best = max(ready, key=lambda actor: actor.priority)
        if self._choices in self._changes:
            best.priority = self._draw()
            best = max(ready, key=lambda actor: actor.priority)
        return best


STRATEGIES: dict[str, Callable[[Random], Strategy]] = {
    "random": RandomStrategy,
    "sticky": StickyStrategy,
    "pct": PctStrategy,
}


class Exhaustive:
    """Every schedule with at most so many preemptions and so many faults, one a run, depth first.

    A preemption takes the turn from an actor that could have gone on. `faults` are offered before every call of
    the actors whose name begins with `victims`. Beats and watchdogs go first when nobody else has the turn: their
    orders are left to chance.
    """

    def __init__(self, preemptions: int, faults: tuple[str, ...] = (), victims: str = "", most: int = 1) -> None:
        self._preemptions = preemptions
        self._faults = ("", *faults)
        self._victims = victims
        self._most = most
        self._prefix: list[int] = []
        self._taken: list[tuple[int, int]] = []
        self.runs = 0

    def __iter__(self) -> Iterator[Exhaustive]:
        """Once for each schedule; run the scenario with this strategy in the body of the loop."""
        while True:
            self._taken, self._left, self._faults_left = [], self._preemptions, self._most
            self.runs += 1
            yield self
            while self._taken and self._taken[-1][0] + 1 >= self._taken[-1][1]:
                self._taken.pop()
            if not self._taken:
                return
            self._prefix = [choice for choice, _ in self._taken]
            self._prefix[-1] += 1

    @property
    def choices(self) -> list[int]:
        return [choice for choice, _ in self._taken]

    def _pick(self, options: int) -> int:
        if options == 1:
            return 0
        depth = len(self._taken)
        choice = self._prefix[depth] if depth < len(self._prefix) else 0
        self._taken.append((choice, options))
        return choice

    def choose(self, ready: list[Actor], current: Actor | None) -> Actor:
        if current is None or current not in ready:
            for actor in ready:
                if actor.daemon:
                    return actor
            return ready[self._pick(len(ready))]
        if not self._left:
            return current
        others = [actor for actor in ready if actor is not current and not actor.daemon]
        choice = self._pick(1 + len(others))
        if choice == 0:
            return current
        self._left -= 1
        return others[choice - 1]

    def fault(self, actor: Actor) -> str:
        """Which fault befalls an actor before this call; empty for none."""
        if not self._faults_left or actor.daemon or not actor.name.startswith(self._victims):
            return ""
        choice = self._pick(len(self._faults))
        if choice:
            self._faults_left -= 1
        return self._faults[choice]
